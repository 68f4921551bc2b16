"""How often the novelty test calls a map outside: held-out stars, and the same maps read wrongly.

python benchmarks/objects.py reference_maps.h5

The maps are those of ramses_a, through a beam of 18 arcsec at 140 pc. All maps of a star are held
out together. A share of the central 16 x 16 pixels is missing, and all pixels further out.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from starmass.channels import BASE
from starmass.evaluation.novelty import (
    Reference,
    combined,
    describe_maps,
    held_out_scores,
    is_outside,
    rank_p,
)
from starmass.evaluation.samples import Maps
from starmass.evaluation.splits import deal_groups
from starmass.maps.observation import FWHM, beam_pixels, fill_missing, smooth

GONE = (0.0, 0.25, 0.5, 2 / 3, 0.75, 0.85)
FOLDS = 12
LEAST_MASS = 0.1


def change(channel: int, to: Callable[[np.ndarray], np.ndarray]) -> Callable:
    def changed(maps: np.ndarray) -> np.ndarray:
        maps = maps.copy()
        maps[:, channel] = to(maps[:, channel])
        return maps

    return changed


WAYS = {
    "as they are": lambda maps: maps,
    "N x 2": change(0, lambda one: 2 * one),
    "N x 3": change(0, lambda one: 3 * one),
    "N x 10": change(0, lambda one: 10 * one),
    "log10 N": change(0, np.log10),
    "FWHM": change(2, lambda one: FWHM * one),
    "variance": change(2, np.square),
    "v + 5 km/s": change(1, lambda one: one + 5),
    "noise": lambda maps: maps * 10 ** np.random.default_rng(0).normal(size=maps.shape),
}


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return maps [row, channel, row, column] relative to the star, and each row's star."""
    with h5py.File(path) as file:
        table, maps = file["samples"][:], file["maps"][:].astype(float)
    kept = table["mass_msun"] >= LEAST_MASS
    table, maps = table[kept], maps[kept]
    velocity = np.stack([table[f"v{axis}_kms"] for axis in "xyz"], axis=1)
    maps[:, :, 1] -= velocity[:, :, None, None]
    stars = np.unique(np.repeat(table["sink_id"], 3), return_inverse=True)[1]
    kinds = [one.adds_up for one in BASE.values()]
    beam = beam_pixels(18, 140, 0.5 / maps.shape[-1])
    seen = [smooth(one, kinds, beam) for one in maps.reshape(-1, *maps.shape[2:])]
    return np.stack(seen), stars


def hide(maps: np.ndarray, gone: float) -> np.ndarray:
    """Leave an ellipse about the star, half as wide as long; the rest takes the nearest pixel."""
    if gone == 0:
        return maps
    y, x = np.mgrid[: maps.shape[-2], : maps.shape[-1]] - (maps.shape[-1] - 1) / 2
    along, across = (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)
    radius = along**2 / 2 + 2 * across**2
    centre = np.maximum(abs(x), abs(y)) < 8
    missing = radius > np.quantile(radius[centre], 1 - gone)
    return np.stack([fill_missing(one, missing, "nearest") for one in maps])


def share_outside(maps: np.ndarray, stars: np.ndarray, gone: float) -> dict[str, float]:
    """Return the share of maps called outside, each star counted once, by how they are read."""

    def describe(values: np.ndarray):
        shown = Maps(values.astype(np.float32), tuple(BASE), np.zeros(len(values)), 0.5 / 64)
        return describe_maps(shown, with_velocity=True)

    right = describe(hide(maps, gone))
    wrong = {name: describe(hide(way(maps), gone)).values for name, way in WAYS.items()}
    weights = 1 / np.bincount(stars)[stars]
    fold = deal_groups(stars, FOLDS, np.arange(stars.max() + 1))
    outside = {name: np.zeros(len(stars), bool) for name in WAYS}
    for one in range(FOLDS):
        held = fold == one
        rest = type(right)(right.values[~held], right.quantities, right.radii, right.measures)
        others = np.unique(stars[~held], return_inverse=True)[1]
        known = held_out_scores(rest, others).tests()
        scores, reference = combined(known, known), Reference(rest, others)
        for name, values in wrong.items():
            found = combined(reference.score(values[held]).tests(), known)
            outside[name][held] = is_outside(rank_p(found, scores, others))
    return {name: float(weights @ each / weights.sum()) for name, each in outside.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", type=Path)
    maps, stars = read(parser.parse_args().maps)
    print(f"{len(maps)} maps of {stars.max() + 1} stars")
    print("| missing of the centre | " + " | ".join(WAYS) + " |")
    print("| --- |" + " --- |" * len(WAYS))
    for gone in GONE:
        found = share_outside(maps, stars, gone)
        print(f"| {gone:.0%} | " + " | ".join(f"{found[name]:.0%}" for name in WAYS) + " |")


if __name__ == "__main__":
    main()
