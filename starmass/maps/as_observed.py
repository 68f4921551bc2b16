"""The maps of simulations as an object was observed: its beam, pixels, noise and missing pixels.

Methods are trained on these, so that they meet in training what they meet in the object. Each step
is the one that the object itself went through: the beam first, then pixels that are larger than the
simulation's, then noise, and missing pixels last, filled in the same way. Velocities are those
relative to the star.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import ndimage, sparse
from tqdm import tqdm

from starmass.channels import BASE
from starmass.errors import InputError
from starmass.maps.mapping import FACTS
from starmass.maps.observation import FWHM, fill_missing, generator, smooth
from starmass.provenance import provenance_json
from starmass.storage import create_hdf5, open_hdf5, write_dataset

logger = logging.getLogger("starmass")

KINDS = tuple(facts.adds_up for facts in BASE.values())
FINE = 8
"""Parts that a pixel is divided into, along each side, to find its share of a larger pixel."""


@dataclass(frozen=True)
class AsObserved:
    """How an object was observed, on the grid of the simulations' maps.

    Attributes
    ----------
    name : of the object
    channels : that it has
    side, pixels : of the field [pc], and along a side
    nucleus : mass of gas for each hydrogen nucleus [g]
    beam : dispersion of the beam [pixels]; 0 for none
    pixel_pc : side of the largest pixel of its FITS files [pc]
    coarse : operators of pixels that are larger than the grid's, if there are any
    noise : [channel, row, column], one standard deviation, in the channel's unit or in dex
    in_dex : [channel] whether the noise is that of log10 of the values
    correlation : [channel] dispersion of the Gaussian that the noise is smooth by [pixels]; 0 where
        pixels are independent
    missing : bool [channel, row, column]
    """

    name: str
    channels: tuple[str, ...]
    side: float
    pixels: int
    nucleus: float
    beam: float
    pixel_pc: float
    coarse: "CoarsePixels | None"
    noise: np.ndarray
    in_dex: np.ndarray
    correlation: np.ndarray
    missing: np.ndarray

    def observe(self, maps: np.ndarray, index: Sequence[str | int]) -> np.ndarray:
        """Observe the maps of one line of sight: [channel of the object, row, column].

        Parameters
        ----------
        maps : [channel of BASE, row, column], velocities relative to the star
        index : names that the noise is drawn for: simulation, snapshot, sink, axis
        """
        # The beam widens lines by the velocities within it, whether the object has a map of these
        # or not.
        seen = smooth(maps, KINDS, self.beam)
        if self.coarse is not None:
            seen = self.coarse.resample(seen)
        seen = seen[[list(BASE).index(name) for name in self.channels]]
        for place, name in enumerate(self.channels):
            if self.noise[place].any():
                drawn = generator({}, *index, name).standard_normal(seen.shape[1:])
                drawn = self.noise[place] * _smooth_noise(drawn, self.correlation[place])
                seen[place] = seen[place] * 10**drawn if self.in_dex[place] else seen[place] + drawn
                if BASE[name].adds_up == "dispersion":
                    seen[place] = np.maximum(seen[place], 0.0)
            seen[place] = fill_missing(seen[place][None], self.missing[place], "nearest")[0]
        return seen


def _smooth_noise(drawn: np.ndarray, width: float) -> np.ndarray:
    """Smooth noise [row, column] of unit variance by a Gaussian, and keep its variance."""
    if width == 0:
        return drawn
    point = np.zeros_like(drawn)
    point[0, 0] = 1.0
    # Wrapped, so that the variance is the same at the rim.
    kernel, smoothed = (ndimage.gaussian_filter(one, width, mode="wrap") for one in (point, drawn))
    return smoothed / np.sqrt((kernel**2).sum())


@dataclass(frozen=True)
class CoarsePixels:
    """Pixels of an image that are larger than those of the grid, and the way back to the grid.

    Attributes
    ----------
    gather : sparse [image pixel, grid pixel], the share that a grid pixel has of an image pixel
    spread : sparse [grid pixel, image pixel], bilinear interpolation between centres
    """

    gather: sparse.csr_array
    spread: sparse.csr_array

    @classmethod
    def of(cls, affine: np.ndarray, pixels: int) -> "CoarsePixels":
        """Find both operators.

        Parameters
        ----------
        affine : (6,) a ... f: the grid's pixel (column, row) lies at x = a + b column + c row,
            y = d + e column + f row in the image, counted from 0 at the centre of its first pixel
        pixels : along a side of the grid
        """
        a, b, c, d, e, f = affine
        cells = np.arange(pixels * pixels)
        row, column = cells // pixels, cells % pixels
        x, y = a + b * column + c * row, d + e * column + f * row
        # One pixel more on every side, for the bilinear neighbours of the outermost centres.
        first = np.floor([x.min(), y.min()]).astype(int) - 2
        width, height = np.ceil([x.max(), y.max()]).astype(int) + 3 - first
        parts = (np.arange(FINE) + 0.5) / FINE - 0.5
        gathered = sparse.csr_array((width * height, cells.size))
        for up in parts:
            for across in parts:
                place = np.rint(
                    [x + b * across + c * up - first[0], y + e * across + f * up - first[1]]
                ).astype(int)
                rows = place[1] * width + place[0]
                share = np.full(cells.size, 1 / FINE**2)
                gathered += sparse.csr_array((share, (rows, cells)), gathered.shape)
        left, low = np.floor(x).astype(int), np.floor(y).astype(int)
        spread = sparse.csr_array((cells.size, width * height))
        for step_y, weight_y in ((0, 1 - (y - low)), (1, y - low)):
            for step_x, weight_x in ((0, 1 - (x - left)), (1, x - left)):
                columns = (low + step_y - first[1]) * width + left + step_x - first[0]
                spread += sparse.csr_array((weight_x * weight_y, (cells, columns)), spread.shape)
        covered = np.asarray(gathered.sum(axis=1)).ravel() > 0
        inside = spread @ sparse.diags_array(covered.astype(float))
        total = np.asarray(inside.sum(axis=1)).ravel()
        return cls(gathered, sparse.csr_array(sparse.diags_array(1 / total) @ inside))

    def resample(self, maps: np.ndarray) -> np.ndarray:
        """Average maps [channel of BASE, row, column] over the larger pixels, and back again.

        The moments N, N v and N (v^2 + sigma^2) are averaged; what returns is interpolated.
        """
        shape = maps.shape[1:]
        column, velocity, dispersion = np.nan_to_num(maps.reshape(len(maps), -1))
        area = np.asarray(self.gather.sum(axis=1)).ravel()
        gas = self.gather @ column
        area[area == 0], gas[gas == 0] = 1.0, 1.0
        mean = (self.gather @ (column * velocity)) / gas
        square = (self.gather @ (column * (velocity**2 + dispersion**2))) / gas
        large = ((self.gather @ column) / area, mean, np.sqrt(np.maximum(square - mean**2, 0.0)))
        return np.stack([(self.spread @ one).reshape(shape) for one in large])


def read_observation(path: str | Path) -> AsObserved:
    """Read how an object was observed from its map file."""
    with open_hdf5(path) as file:
        affine = np.asarray(file.attrs["coarse_grid"], float)
        pixels = int(file.attrs["pixels"])
        return AsObserved(
            name=str(file.attrs["object"]),
            channels=tuple(str(one) for one in file["maps"].attrs["channels"]),
            side=float(file.attrs["side_pc"]),
            pixels=pixels,
            nucleus=float(file.attrs["hydrogen_mass_g"]),
            beam=float(file.attrs["beam_pixels"]) / FWHM,
            pixel_pc=float(file.attrs["pixel_pc"]),
            coarse=CoarsePixels.of(affine, pixels) if affine.size else None,
            noise=file["noise"][:].astype(float),
            in_dex=np.asarray(file.attrs["noise_in_dex"], bool),
            correlation=np.asarray(file.attrs["noise_pixels"], float) / FWHM,
            missing=file["missing_channels"][0, 0],
        )


def observe_like_object(
    *, folder: str | Path, object_maps: str | Path, maps: Mapping[str, Sequence[str | Path]]
) -> list[Path]:
    """Write the maps of simulations as an object was observed.

    Parameters
    ----------
    folder : the files are ``{folder}/{simulation}/{snapshot}.h5``, map files like those given
    object_maps : map file of the object
    maps : simulation -> its map files

    Returns
    -------
    the files written, in order

    Raises
    ------
    InputError
        when a map file has another grid than the object's, or the object's pixels are larger than
        the accretion radius of the sinks
    """
    seen = read_observation(object_maps)
    written = []
    every = [(simulation, Path(path)) for simulation, paths in maps.items() for path in paths]
    for simulation, path in tqdm(every, desc="observing", unit="snapshot"):
        output = Path(folder, simulation, path.name)
        _observe_file(output, path, seen, object_maps)
        written.append(output)
    logger.info("%d snapshots as %s was observed", len(written), seen.name)
    return written


def _observe_file(output: Path, path: Path, seen: AsObserved, object_maps: str | Path) -> None:
    with open_hdf5(path) as source, create_hdf5(output) as file:
        _check(path, source, seen)
        for key, value in source.attrs.items():
            file.attrs[key] = value
        for key in source:
            if key != "maps":
                source.copy(key, file)
        given = source["maps"]
        names = [str(name) for name in given.attrs["channels"]]
        places = [names.index(name) for name in seen.channels]
        axes = [str(axis) for axis in given.attrs["axes"]]
        order = [names.index(name) for name in BASE]
        bare = given[:][:, :, order].astype(float)
        if source.attrs["velocity_frame"] == "box":
            bare[:, :, list(BASE).index("v_los")] -= source["velocity"][:][..., None, None]
        values = np.empty((*bare.shape[:2], len(places), *bare.shape[3:]))
        whose = source["sink_id"][:]
        for sink, axis in np.ndindex(values.shape[:2]):
            index = (
                str(source.attrs["simulation"]),
                str(source.attrs["snapshot"]),
                int(whose[sink]),
                axes[axis],
            )
            values[sink, axis] = seen.observe(bare[sink, axis], index)
        dataset = write_dataset(
            file,
            "maps",
            values.astype(np.float32),
            unit="",
            description="[sink, axis, channel, row, column], as the object was observed; units by"
            " channel",
        )
        for key in ("axes", "orientation"):
            dataset.attrs[key] = given.attrs[key]
        dataset.attrs["channels"] = list(seen.channels)
        for key in FACTS:
            dataset.attrs[key] = [given.attrs[key][place] for place in places]
        dataset.attrs["spectra"] = "{}"
        file.attrs["velocity_frame"] = "sink"
        file.attrs["observation"] = f"as the object {seen.name}"
        origin: Any = json.loads(source.attrs["provenance"])["inputs"]
        file.attrs["provenance"] = provenance_json(
            config={"object": seen.name, "inputs_of_maps": origin},
            seed=0,
            inputs=[path, object_maps],
        )


def _check(path: Path, source: h5py.File, seen: AsObserved) -> None:
    lacking = set(BASE) - {str(one) for one in source["maps"].attrs["channels"]}
    if lacking:
        raise InputError(
            f"{path}: it has no {' and no '.join(sorted(lacking))}, and an object is compared with"
            f" maps of {', '.join(BASE)}; name another study in objects.{seen.name}.study."
        )
    for key, value, word in (
        ("side_pc", seen.side, "side [pc]"),
        ("pixels", seen.pixels, "number of pixels"),
        ("hydrogen_mass_g", seen.nucleus, "mass of gas for each hydrogen nucleus [g]"),
    ):
        if not math.isclose(float(source.attrs[key]), value, rel_tol=1e-9):
            raise InputError(
                f"{path}: the {word} of its maps is {float(source.attrs[key]):g}, and that of the"
                f" object {seen.name} is {value:g}; make both anew with one maps.projection."
            )
    radius = float(source.attrs["accretion_radius_pc"])
    if seen.coarse is not None and radius > 0 and seen.pixel_pc > radius:
        raise InputError(
            f"objects.{seen.name}: a pixel of its maps is {seen.pixel_pc:.3g} pc wide, more than"
            f" the {radius:.3g} pc about a star of {source.attrs['simulation']} that the gas is"
            " accreted from; give maps with smaller pixels, or a nearer object."
        )
