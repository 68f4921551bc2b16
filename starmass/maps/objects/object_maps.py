"""The map file of an observed object: ``results/objects/{object}/maps.h5``."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from starmass.channels import BASE
from starmass.maps.mapping import FACTS
from starmass.maps.objects.common import Seen, cut_out, see
from starmass.maps.objects.cubes import measure_cube, read_cube_plan
from starmass.maps.objects.field import Field, read_field
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image
from starmass.maps.objects.reading import Measured, common_beam, measure, read_plans
from starmass.maps.objects.regrid import COARSE
from starmass.maps.observation import FWHM, beam_pixels, fill_missing, generator
from starmass.maps.projection import ORIENTATION
from starmass.provenance import provenance_json
from starmass.storage import create_hdf5, write_dataset
from starmass.units import HYDROGEN_ATOM_G

logger = logging.getLogger("starmass")


def make_object_maps(
    *,
    output: str | Path,
    name: str,
    entry: Mapping[str, Any],
    projection: Mapping[str, Any],
    files: Mapping[str, str],
) -> None:
    """Write ``results/objects/{object}/maps.h5``: an object on the grid of the simulations' maps.

    Parameters
    ----------
    output : file to write
    name : of the object
    entry : its entry of the config, without ``study`` and ``methods``
    projection : ``side`` [pc], ``pixels``, ``hydrogen_mass`` [hydrogen atoms] of the simulations'
        maps
    files : paths by ``column_density``, ``column_density_noise`` ...

    Raises
    ------
    InputError
        names the file, the FITS keyword and the config's key, and says what to do
    """
    findings = Findings(name)
    field = read_field(entry, projection)
    read = read_object(findings, entry, files, field, projection)
    findings.stop()
    seen = see(read.measured, read.beam, field)
    values, noise, missing = cut_out(seen, field, field.distance)
    for place, one in enumerate(seen):
        if missing[place].all():
            findings.refuse(
                f"{one.source.image.path}: all pixels of the field are missing in {one.source.name}"
                f" (BLANK); check {one.source.image.key}.blank, or give another file."
            )
    findings.stop()
    distances = field.distances()
    drawn = _at_distances(name, seen, field, values, noise, missing)
    channels = list(read.measured)
    velocity = entry.get("velocity")
    for maps, gaps in [(values, missing), *((one, missing) for one in drawn)]:
        _move_velocities(maps, gaps, channels, velocity)
    if velocity is None and "v_los" in channels:
        findings.note("v_los", "Velocities are relative to their mean over the field.")
    coarsest = max(read.images, key=lambda image: image.pixel_arcsec)
    used = list(files.values()) or [image.path for image in read.images]
    with create_hdf5(output) as file:
        _write_arrays(file, channels, values, noise, missing, distances, drawn)
        _write_facts(file, field, name, read.beam, coarsest, missing)
        file.attrs["noise_in_dex"] = [one.source.noise_in_dex for one in seen]
        file.attrs["noise_pixels"] = [one.noise_width / field.pixel_arcsec() for one in seen]
        file.attrs["hydrogen_mass_g"] = float(projection["hydrogen_mass"]) * HYDROGEN_ATOM_G
        file.attrs["velocity_kms"] = math.nan if velocity is None else float(velocity)
        file.attrs["notes"] = json.dumps(findings.notes)
        file.attrs["provenance"] = provenance_json(
            config={"object": dict(entry), "projection": dict(projection)}, seed=0, inputs=used
        )
    logger.info(
        "%s: %s, beam of %.3g arcsec, %.0f%% of the pixels missing",
        *(name, ", ".join(channels), read.beam, 100 * missing.any(axis=0).mean()),
    )


def _at_distances(
    name: str,
    seen: Sequence[Seen],
    field: Field,
    values: np.ndarray,
    noise: np.ndarray,
    missing: np.ndarray,
) -> np.ndarray:
    """Cut the field out at all distances: [distance, channel, row, column].

    The same pixels are missing as at the object's distance, and as in the simulated maps.

    Parameters
    ----------
    values, noise, missing : at the object's distance [channel, row, column]
    """
    drawn = []
    for distance in field.distances():
        if distance == field.distance:
            drawn.append(values)
            continue
        cut, less, gone = cut_out(seen, field, float(distance))
        _restore_noise(cut, noise, less, seen, name)
        found = np.where(gone, values, cut)
        filled = [
            fill_missing(one[None], gap, "nearest")[0]
            for one, gap in zip(found, missing, strict=True)
        ]
        drawn.append(np.array(filled))
    return np.array(drawn)


def _restore_noise(
    maps: np.ndarray, wanted: np.ndarray, less: np.ndarray, seen: Sequence[Seen], name: str
) -> None:
    """Add to maps at another distance the noise that their interpolation took.

    Between the pixels of an image, independent noise is averaged. Methods would take the smoother
    map for other gas.

    Parameters
    ----------
    maps : [channel, row, column], changed in place
    wanted, less : noise at the object's distance, and at the other [channel, row, column]
    seen : of each channel
    """
    for place, one in enumerate(seen):
        if one.source.noise is None or one.noise_factor is not None:
            continue
        channel = one.source.name
        drawn = generator({}, name, channel).standard_normal(maps.shape[1:])
        drawn *= np.sqrt(np.maximum(wanted[place] ** 2 - less[place] ** 2, 0.0))
        maps[place] = maps[place] * 10**drawn if one.source.noise_in_dex else maps[place] + drawn
        if BASE[channel].adds_up == "dispersion":
            maps[place] = np.maximum(maps[place], 0.0)


@dataclass(frozen=True)
class Read:
    """What was read of an object.

    Attributes
    ----------
    images : headers that are understood
    beam : full width at half maximum of the common beam [arcsec]
    measured : quantities by channel, in the order of a map file
    """

    images: list[Image]
    beam: float
    measured: dict[str, Measured]


def read_object(
    findings: Findings,
    entry: Mapping[str, Any],
    files: Mapping[str, str],
    field: Field,
    projection: Mapping[str, Any],
) -> Read:
    """Read all that an object has; problems are in the findings."""
    if entry.get("largest_scale") is not None:
        findings.refuse(
            f"{findings.key('largest_scale')}: maps of an interferometer without short spacings"
            " lack extended gas, and simulated maps are not filtered in the same way; combine them"
            " with single-dish data, and leave this key out."
        )
    hydrogen_mass = float(projection["hydrogen_mass"])
    images, plans = read_plans(findings, entry, files, field, hydrogen_mass)
    header, cube = read_cube_plan(findings, entry, files, field, hydrogen_mass)
    if header is not None:
        images.append(header)
    beam = common_beam(images)
    found = {plan.image.channel: measure(findings, plan, field, beam) for plan in plans}
    if cube and not findings.problems:
        found |= measure_cube(findings, cube, field, beam)
    measured = {}
    for name in BASE:
        if (one := found.get(name)) is not None:
            measured[name] = one
    return Read(images, beam, measured)


def _move_velocities(
    maps: np.ndarray, missing: np.ndarray, channels: Sequence[str], velocity: float | None
) -> None:
    """Make velocities [channel, row, column] relative to the star, or to the mean of the field."""
    if "v_los" not in channels:
        return
    place = channels.index("v_los")
    if velocity is None:
        weight = np.ones(maps.shape[1:])
        if "column_density" in channels:
            weight = np.maximum(maps[channels.index("column_density")], 0.0)
        weight = np.where(missing[place], 0.0, weight)
        velocity = float(np.average(maps[place], weights=weight if weight.any() else None))
    maps[place] -= velocity


def _write_arrays(
    file: h5py.File, channels: Sequence[str], values: np.ndarray, noise: np.ndarray,
    missing: np.ndarray, distances: np.ndarray, drawn: np.ndarray,
) -> None:  # fmt: skip
    maps = write_dataset(
        file,
        "maps",
        values[None, None].astype(np.float32),
        unit="",
        description="[sink, axis, channel, row, column], missing pixels filled; units by channel",
    )
    maps.attrs["axes"] = ["sky"]
    maps.attrs["channels"] = list(channels)
    for key, fact in FACTS.items():
        maps.attrs[key] = [getattr(BASE[one], fact) for one in channels]
    maps.attrs["orientation"] = ORIENTATION
    maps.attrs["spectra"] = "{}"
    for key, array, unit, words in (
        ("sink_id", np.array([0]), "", "the object"),
        ("velocity", np.zeros((1, 3)), "km/s", "velocities are relative to the star"),
        (
            "missing",
            np.any(missing, axis=0)[None, None],
            "",
            "[sink, axis, row, column], of any",
        ),
        ("missing_channels", missing[None, None], "", "[sink, axis, channel, row, column]"),
        (
            "noise",
            noise,
            "",
            "[channel, row, column] standard deviation in the channel's unit, or in"
            " dex (noise_in_dex); 0 where not known",
        ),
        ("distances", distances, "pc", "that the field is cut out at: quantiles"),
        (
            "maps_at_distance",
            drawn.astype(np.float32),
            "",
            "[distance, channel, row, column], as the maps",
        ),
    ):
        write_dataset(file, key, array, unit=unit, description=words)


def _write_facts(
    file: h5py.File, field: Field, name: str, beam: float, coarsest: Image, missing: np.ndarray
) -> None:
    middle = field.pixels / 2
    star = slice(math.ceil(middle) - 1, math.floor(middle) + 1)
    first = field.pixels // 2 - field.pixels // 8
    centre = slice(first, max(field.pixels // 2 + field.pixels // 8, first + 1))
    width = field.side / field.pixels
    affine = find_affine(coarsest, field)
    file.attrs.update(
        {
            "object": name,
            "simulation": name,
            "snapshot": "sky",
            "time_yr": math.nan,
            "side_pc": field.side,
            "pixels": field.pixels,
            "velocity_frame": "sink",
            "distance_pc": field.distance,
            "distance_error_pc": field.error,
            "beam_arcsec": beam,
            "beam_pixels": beam_pixels(beam, field.distance, width) * FWHM,
            "pixel_arcsec": coarsest.pixel_arcsec,
            "pixel_pc": math.radians(coarsest.pixel_arcsec / 3600) * field.distance,
            "coarse_grid": affine,
            "right_ascension": field.right_ascension,
            "declination": field.declination,
            "missing_field": float(np.any(missing, axis=0).mean()),
            "missing_centre": float(np.any(missing, axis=0)[centre, centre].mean()),
            "star_missing": bool(np.any(missing, axis=0)[star, star].any()),
        }
    )


def find_affine(image: Image, field: Field) -> np.ndarray:
    """Return where the grid's pixels lie in an image whose pixels are larger; empty if not larger.

    Returns
    -------
    (6,) a ... f: the pixel (column, row) lies at x = a + b column + c row and
    y = d + e column + f row in the image, counted from 0 at the centre of its first pixel
    """
    if image.pixel_arcsec <= COARSE * field.pixel_arcsec():
        return np.empty(0)
    row, column = np.mgrid[: field.pixels, : field.pixels].reshape(2, -1)
    known = np.stack([np.ones(row.size), column, row], 1)
    places = image.places(field.centres(field.distance))
    return np.concatenate([np.linalg.lstsq(known, one.ravel())[0] for one in places])
