"""Maps as a telescope would see them: a Gaussian beam, noise by channel, missing pixels.

The beam acts on what adds up along its way: N, N v and N (v^2 + sigma^2), with N the column
density, and means and dispersions are taken of those again. At the edge of a map the beam is cut
off there and normalised: nothing is made up outside. Noise is drawn for each pixel by itself (it is
not smoothed by the beam), after the beam; missing pixels come last. Every draw follows from the
seed and the names of simulation, snapshot, sink, axis and channel alone, so that no order of work
changes it.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from starmass.channels import BASE
from starmass.errors import InputError, closest
from starmass.provenance import provenance_json
from starmass.storage import create_hdf5, open_hdf5, write_dataset
from starmass.units import ARCSEC_RADIAN

logger = logging.getLogger("starmass")

FWHM = np.sqrt(8 * np.log(2))  # full width at half maximum of a Gaussian, in dispersions
REACH = 6.0  # dispersions after which the beam is cut off
NEEDED = {"mean": ("column_density",), "dispersion": ("column_density", "v_los")}
"""How a channel adds up -> the channels that a beam needs beside it."""


def observe_maps(
    *, output: str | Path, maps: str | Path, name: str, observation: Mapping[str, Any]
) -> None:
    """Write ``results/observed/{observation}/{simulation}/{snapshot}.h5``: maps as observed.

    It is a file of maps like the one given.

    Parameters
    ----------
    output, maps : file to write, file of maps to read
    name : of the observation
    observation : the config's entry: ``distance`` [pc], ``beam`` (FWHM) [arcsec], ``seed``;
        ``noise``: channel -> standard deviation in the channel's unit, ``relative_noise``: channel
        -> share of the pixel's value; ``missing_fraction`` of the pixels, in patches of
        ``missing_patch`` pixels, ``missing_fill``: ``nearest`` pixel that is there, or ``nan``
    """
    with (
        open_hdf5(maps) as source,
        create_hdf5(output) as file,
    ):
        for key, value in source.attrs.items():
            file.attrs[key] = value
        for key in source:
            if key != "maps":
                source.copy(key, file)
        given = source["maps"]
        channels, kinds = (
            [str(text) for text in given.attrs[key]] for key in ("channels", "channel_kinds")
        )
        _check(name, observation, channels, kinds)
        pixel = float(source.attrs["side_pc"]) / float(source.attrs["pixels"])
        beam = float(observation["beam"])
        if beam and not np.isfinite(pixel):
            raise InputError(
                f"maps.observations.{name}.beam: the images of {maps} have no size in the sky; add"
                " side [pc] to their entry of images, or set beam: 0."
            )
        sigma = beam_pixels(beam, float(observation["distance"]), pixel) if beam else 0.0
        values = given[:].astype(float)
        missing = np.zeros((*values.shape[:2], *values.shape[3:]), bool)
        for (sink, axis), identity in np.ndenumerate(
            np.broadcast_to(source["sink_id"][:][:, None], values.shape[:2])
        ):
            index = (
                source.attrs["simulation"],
                source.attrs["snapshot"],
                int(identity),
                str(given.attrs["axes"][axis]),
            )
            values[sink, axis] = add_noise(
                smooth(values[sink, axis], kinds, sigma, channels),
                *(channels, kinds, observation, index),
            )
            missing[sink, axis] = draw_missing(values.shape[3:], observation, index)
            values[sink, axis] = fill_missing(
                values[sink, axis], missing[sink, axis], observation.get("missing_fill", "nearest")
            )
        chunks = (
            {"chunks": (1, 1, *values.shape[2:]), "compression": "gzip", "shuffle": True}
            if len(values)
            else {}
        )
        text = "[sink, axis, channel, row, column], observed; units by channel"
        dataset = write_dataset(
            file, "maps", values.astype(np.float32), unit="", description=text, **chunks
        )
        for key, value in given.attrs.items():
            if key not in ("unit", "description"):
                dataset.attrs[key] = value
        write_dataset(
            file,
            "missing",
            missing,
            unit="",
            description="[sink, axis, row, column] pixels that were not observed",
        )
        file.attrs["observation"] = name
        file.attrs["distance_pc"] = float(observation["distance"])
        file.attrs["beam_arcsec"] = float(observation["beam"])
        file.attrs["beam_pixels"] = sigma * FWHM
        origin = json.loads(source.attrs["provenance"])["inputs"]
        facts = {"observation": dict(observation), "inputs_of_maps": origin}
        file.attrs["provenance"] = provenance_json(
            config=facts, seed=int(observation.get("seed", 0)), inputs=[maps]
        )
        logger.info(
            "%s: beam of %.3g pixels, %.1f%% of the pixels missing",
            output,
            sigma * FWHM,
            100 * missing.mean() if missing.size else 0,
        )


def beam_pixels(beam: float, distance: float, pixel: float) -> float:
    """Dispersion of a beam in pixels of ``pixel`` [pc].

    ``beam`` (FWHM) is in arcsec, at ``distance`` [pc].
    """
    return beam * ARCSEC_RADIAN * distance / pixel / FWHM


def smooth(
    maps: np.ndarray, kinds: Sequence[str], sigma: float, channels: Sequence[str] = tuple(BASE)
) -> np.ndarray:
    """Smooth maps (channel, row, column) of one line of sight by a Gaussian beam.

    Its dispersion is ``sigma`` pixels.

    ``kinds`` says how a channel adds up: ``column`` by itself, ``mean`` weighted by
    ``column_density``, ``dispersion`` about ``v_los``. These two are found by their names in
    ``channels``. Pixels without gas (NaN in a mean) weigh nothing.
    """
    if sigma == 0:
        return maps.copy()
    observed = np.empty_like(maps)
    inside = _convolve(np.ones_like(maps[0]), sigma)
    place = {name: channel for channel, name in enumerate(channels)}
    if "column_density" in place:
        weight = np.nan_to_num(maps[place["column_density"]])
        gas = _convolve(weight, sigma)
    with np.errstate(invalid="ignore", divide="ignore"):
        for channel, kind in enumerate(kinds):
            values = np.nan_to_num(maps[channel])
            if kind == "column":
                observed[channel] = _convolve(values, sigma) / inside
            elif kind == "mean":
                observed[channel] = _convolve(weight * values, sigma) / gas
        for channel in (channel for channel, kind in enumerate(kinds) if kind == "dispersion"):
            # About the map's own mean, so that a cold stream keeps its digits.
            velocity = np.nan_to_num(maps[place["v_los"]])
            rest = np.average(velocity, weights=weight) if weight.any() else 0.0
            spread = np.nan_to_num(maps[channel]) ** 2 + (velocity - rest) ** 2
            square = _convolve(weight * spread, sigma) / gas
            moved = observed[place["v_los"]] - rest
            observed[channel] = np.sqrt(np.maximum(square - moved**2, 0.0))
    return observed


def _convolve(values: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(
        values, sigma, mode="constant", radius=int(np.ceil(REACH * sigma))
    )


def add_noise(
    maps: np.ndarray, channels: Sequence[str], kinds: Sequence[str],
    observation: Mapping[str, Any], index: Sequence[str | int],
) -> np.ndarray:  # fmt: skip
    """Add noise to maps (channel, row, column).

    A dispersion does not fall below zero; a column density may.
    """
    noisy = maps.copy()
    for channel, (name, kind) in enumerate(zip(channels, kinds, strict=True)):
        level = float(observation.get("noise", {}).get(name, 0.0))
        share = float(observation.get("relative_noise", {}).get(name, 0.0))
        if level or share:
            deviation = np.hypot(level, share * np.abs(maps[channel]))
            noisy[channel] += deviation * generator(observation, *index, name).standard_normal(
                maps.shape[1:]
            )
            if kind == "dispersion":
                noisy[channel] = np.maximum(noisy[channel], 0.0)
    return noisy


def draw_missing(
    shape: Sequence[int], observation: Mapping[str, Any], index: Sequence[str | int]
) -> np.ndarray:
    """Pixels (row, column) that are missing: always the same share of the map.

    They are where a random field, smooth over a patch, is highest.
    """
    count = round(float(observation.get("missing_fraction", 0.0)) * shape[0] * shape[1])
    field = generator(observation, *index, "missing").standard_normal(tuple(shape))
    field = ndimage.gaussian_filter(
        field, 0.5 * float(observation.get("missing_patch", 0.0)), mode="wrap"
    )
    missing = np.zeros(field.size, bool)
    missing[np.argsort(-field, axis=None, kind="stable")[:count]] = True
    return missing.reshape(field.shape)


def fill_missing(maps: np.ndarray, missing: np.ndarray, fill: str) -> np.ndarray:
    """Put the nearest pixel that is there, or NaN, in place of those that are missing."""
    if fill == "nan":
        return np.where(missing, np.nan, maps)
    rows, columns = ndimage.distance_transform_edt(
        missing, return_distances=False, return_indices=True
    )
    return maps[:, rows, columns]


def generator(observation: Mapping[str, Any], *index: str | int) -> np.random.Generator:
    """Random numbers that follow from the observation's seed and from what they are for."""
    digest = hashlib.sha256("\n".join(map(str, index)).encode()).digest()
    return np.random.default_rng(
        np.random.SeedSequence(
            [int(observation.get("seed", 0)), *np.frombuffer(digest, np.uint32).tolist()]
        )
    )


def _check(
    name: str, observation: Mapping[str, Any], channels: Sequence[str], kinds: Sequence[str]
) -> None:
    where = f"maps.observations.{name}"
    for key in ("noise", "relative_noise"):
        for channel in observation.get(key, {}):
            if channel not in channels:
                raise InputError(
                    f"{where}.{key}: the maps have no channel"
                    f" {channel!r}{closest(channel, channels)}; they have {', '.join(channels)}."
                )
    for channel, kind in zip(channels, kinds, strict=True):
        lacking = [name for name in NEEDED.get(kind, ()) if name not in channels]
        if lacking and observation["beam"]:
            raise InputError(
                f"{where}.beam: what a beam makes of {channel!r} depends on {lacking[0]}, which the"
                " maps lack; add that channel, or set beam: 0."
            )
        if kind == "other" and observation["beam"]:
            raise InputError(
                f"{where}: {channel!r} can't be seen through a beam, for it does not add up; leave"
                " it out of the channels, or set beam: 0."
            )
