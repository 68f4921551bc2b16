"""Segments: clusters of patch tokens, what each holds, and the share of its variance explained."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from starmass.channels import BASE
from starmass.evaluation.metrics import FEWEST_GROUPS, quantiles, resampling_weights
from starmass.evaluation.preprocessing import SMALLEST
from starmass.evaluation.samples import Maps
from starmass.evaluation.statistics import radii

TOKENS_AT_MOST = 20_000
"""Tokens that the clusters are fitted on; more change the centres little and cost time."""
CHANNELS = ("log10_column_density", "v_los", "sigma_v")
"""Quantities whose variance the segments should explain."""
QUANTITIES = dict(
    zip(
        (*CHANNELS, "v_los_from_star", "distance"),
        ("log10 cm**-2", "km/s", "km/s", "km/s", "pc"),
        strict=True,
    )
)
"""What is averaged over a segment, and its unit.

v_los is in the maps' own frame, and relative to the star.
"""
AREA = "area_fraction"


@dataclass(frozen=True)
class Measured:
    """What is measured of the segments of some maps.

    Attributes
    ----------
    channels : names of the quantities whose variance the segments should explain
    units : unit by quantity, the channels first
    """

    channels: tuple[str, ...]
    units: Mapping[str, str]


GAS = Measured(CHANNELS, QUANTITIES)
"""What is measured of maps of gas."""


def shows_gas(maps: Maps) -> bool:
    """Whether maps have all of :data:`starmass.channels.BASE`."""
    return set(BASE) <= set(maps.channels)


def measured_of(maps: Maps) -> Measured:
    """Return what is measured: of gas :data:`QUANTITIES`, of other images each of their channels.

    A column density is measured by its logarithm. The distance is from the middle of the image, in
    pixels where the side of a pixel is not known (NaN).
    """
    length = {"distance": "pc" if np.isfinite(maps.pixel_pc) else "pixel"}
    if shows_gas(maps):
        return Measured(CHANNELS, {**QUANTITIES, **length})
    units = dict(zip(maps.channels, maps.units or ("",) * len(maps.channels), strict=True))
    named = {
        "log10_column_density" if name == "column_density" else name: (
            "log10 cm**-2" if name == "column_density" else unit
        )
        for name, unit in units.items()
    }
    return Measured(tuple(named), {**named, **length})


@dataclass(frozen=True)
class Segments:
    """Clusters: a token belongs to the nearest of the ``centres`` [segment, width]."""

    centres: np.ndarray

    def assign(self, tokens: np.ndarray) -> np.ndarray:
        """Return the segment of each token [..., width]: int8 [...], from 0."""
        flat = tokens.reshape(-1, tokens.shape[-1]).astype(np.float64)
        nearest = np.argmin(np.sum(self.centres**2, axis=1) - 2 * flat @ self.centres.T, axis=1)
        return nearest.reshape(tokens.shape[:-1]).astype(np.int8)


def fit_segments(
    tokens: np.ndarray, brightness: np.ndarray, count: int, *, seed: int = 0
) -> Segments:
    """Find ``count`` clusters by k-means, ordered by rising column density.

    It is scikit-learn's k-means, the best of four starts.

    Parameters
    ----------
    tokens : patch tokens of training maps [row, rows, columns, width]
    brightness : their log column density averaged to the token grid [row, rows, columns]
    seed : of the starts, and of the draw where there are more than :data:`TOKENS_AT_MOST`
    """
    from sklearn.cluster import KMeans  # slow to import, and not every study has segments

    flat = tokens.reshape(-1, tokens.shape[-1]).astype(np.float64)
    chosen = flat
    if len(flat) > TOKENS_AT_MOST:
        chosen = flat[
            np.random.default_rng(np.random.SeedSequence([seed, len(flat)])).choice(
                len(flat), TOKENS_AT_MOST, replace=False
            )
        ]
    with threadpool_limits(limits=1):  # threads would add up in an order of their own
        found = Segments(KMeans(count, n_init=4, random_state=seed).fit(chosen).cluster_centers_)
    members = found.assign(flat)
    mean = np.bincount(members, brightness.ravel(), minlength=count) / np.maximum(
        np.bincount(members, minlength=count), 1
    )
    return Segments(found.centres[np.argsort(mean, kind="stable")])


def ring_segments(side: int, count: int) -> np.ndarray:
    """Return segments by distance from the star alone: int8 [row, column].

    They are ``count`` rings of equal area on a grid.
    """
    distance = radii(side)
    ranks = np.argsort(np.argsort(distance.ravel(), kind="stable"), kind="stable")
    return (ranks * count // ranks.size).reshape(side, side).astype(np.int8)


def physical_quantities(maps: Maps, rows: np.ndarray, side: int, zoom: int) -> np.ndarray:
    """Return what :func:`measured_of` names on a grid: float64 [quantity, row, side, side].

    The grid has ``side`` cells a side over the central ``zoom`` pixels.

    Column density is averaged over a cell before its logarithm is taken; where noise leaves 0 or
    less, it is the least above 0 of that map.
    """
    start = (maps.values.shape[-1] - zoom) // 2
    central = maps.values[rows, :, start : start + zoom, start : start + zoom]
    gas = shows_gas(maps)
    cells = {
        name: shrink(central[:, maps.channels.index(name)], side)
        for name in (BASE if gas else maps.channels)
    }
    if "column_density" in cells:
        cells["column_density"] = np.log10(_above_zero(cells["column_density"]))
    found = list(cells.values())
    if gas:
        found.append(cells["v_los"] - maps.star_velocity[rows][:, None, None])
    pixel = maps.pixel_pc if np.isfinite(maps.pixel_pc) else 1.0
    distance = radii(side) * (zoom / side * pixel)
    return np.stack([*found, np.broadcast_to(distance, found[0].shape)])


def _above_zero(column: np.ndarray) -> np.ndarray:
    """Return column densities [row, side, side], each 0 or less being the map's least above 0.

    Noise leaves some there, and a logarithm of next to nothing would outweigh all other cells.
    """
    above = np.where(column > 0, column, np.inf).min(axis=(1, 2), keepdims=True)
    least = np.where(np.isfinite(above), above, SMALLEST["column_density"])
    return np.where(column > 0, column, least)


def shrink(maps: np.ndarray, side: int) -> np.ndarray:
    """Average maps [row, height, width] over, or repeat them on, ``side`` by ``side`` cells."""
    height = maps.shape[-1]
    # Exact overlap of pixels with cells, so that any two sizes go together.
    edges = np.linspace(0, height, side + 1)
    overlap = np.clip(
        np.minimum(edges[1:, None], np.arange(1, height + 1))
        - np.maximum(edges[:-1, None], np.arange(height)),
        0.0,
        None,
    )
    overlap *= side / height
    return np.einsum("ai,nij,bj->nab", overlap, maps.astype(np.float64), overlap)


def tally(
    members: np.ndarray, quantities: np.ndarray, places: np.ndarray, count: int, protostars: int
) -> np.ndarray:
    """Add up cells by protostar and segment.

    Parameters
    ----------
    members : segment of each cell [row, side, side]
    quantities : [quantity, row, side, side]
    places : protostar of each row, from 0

    Returns
    -------
    [1 + 2 quantities, protostar, segment]: number of cells, then the sums and the sums of squares
    of each quantity
    """
    cell = (places[:, None, None] * count + members).ravel()
    flat = quantities.reshape(len(quantities), -1)
    sums = [
        np.bincount(cell, weights, minlength=protostars * count)
        for weights in (None, *flat, *flat**2)
    ]
    return np.stack(sums).astype(np.float64).reshape(-1, protostars, count)


def describe_segments(
    sums: np.ndarray, measured: Measured = GAS, *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return what each segment holds.

    Parameters
    ----------
    sums : [1 + 2 quantities, protostar, segment], those of :func:`tally`
    measured : the quantities

    Returns
    -------
    one row a segment (from 1) and quantity: segment, quantity, unit, mean over its cells, mean_low
    and mean_high (95%, bootstrap over protostars; nan where one alone has the segment), spread
    (standard deviation over protostars of a protostar's own mean), n_protostars that have it
    """
    weights, _ = resampling_weights(np.arange(sums.shape[1]), draws=draws, seed=seed)
    rows = []
    for place, (quantity, unit) in enumerate(((AREA, "1"), *measured.units.items())):
        number, each, drawn = (
            sums[0],
            _means(sums, place),
            _means(_resample(sums, weights), place),
        )
        whole = _means(sums.sum(axis=1, keepdims=True), place)[0]
        for segment in range(sums.shape[2]):
            own = each[np.isfinite(each[:, segment]), segment]
            # Draws with and without the one protostar of a segment give no spread of its mean.
            low, high = quantiles(drawn[: len(drawn) if len(own) >= FEWEST_GROUPS else 0, segment])
            spread = float(np.std(own, ddof=1)) if len(own) > 1 else float("nan")
            there = int((number[:, segment] > 0).sum())
            rows.append(
                (segment + 1, quantity, unit, float(whole[segment]), low, high, spread, there)
            )
    names = [
        "segment",
        "quantity",
        "unit",
        "mean",
        "mean_low",
        "mean_high",
        "spread",
        "n_protostars",
    ]
    return pd.DataFrame(rows, columns=names).sort_values(
        "segment", kind="stable", ignore_index=True
    )


def compare_segments(
    by: Mapping[str, np.ndarray], measured: Measured = GAS, *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the share of each channel's variance that lies between segments (eta squared).

    It is taken over all cells, for several ways to segment.

    Parameters
    ----------
    by : way -> sums of :func:`tally` over the same cells; the first is the one that the others are
        compared with
    measured : the quantities

    Returns
    -------
    one row a way and channel: segments, quantity, eta2 with ``_low`` and ``_high`` (95%, bootstrap
    over protostars), and the first way's eta2 minus this one's (``eta2_difference``, paired: each
    draw takes the same protostars for both)
    """
    ways = list(by)
    weights, _ = resampling_weights(np.arange(by[ways[0]].shape[1]), draws=draws, seed=seed)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {
        way: (
            _between(sums.sum(axis=1, keepdims=True), len(measured.channels))[:, 0],
            _between(_resample(sums, weights), len(measured.channels)),
        )
        for way, sums in by.items()
    }
    rows = []
    for way in ways:
        for at, quantity in enumerate(measured.channels):
            value, drawn = found[way][0][at], found[way][1][at]
            first, first_drawn = found[ways[0]][0][at], found[ways[0]][1][at]
            differs = (
                (float("nan"),) * 3
                if way == ways[0]
                else (float(first - value), *quantiles(first_drawn - drawn))
            )
            rows.append((way, quantity, float(value), *quantiles(drawn), *differs))
    bounds = ("", "_low", "_high")
    names = [
        "segments",
        "quantity",
        *(f"{name}{bound}" for name in ("eta2", "eta2_difference") for bound in bounds),
    ]
    return pd.DataFrame(rows, columns=names)


def _resample(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums [sum, draw, segment] of protostars, each drawn ``[draw, protostar]`` times."""
    return np.stack([weights @ one for one in sums])


def _means(sums: np.ndarray, place: int) -> np.ndarray:
    """Mean of a quantity [star or draw, segment]; share of the cells for ``place`` 0.

    The mean of an empty segment is nan.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if place == 0:
            return sums[0] / sums[0].sum(axis=-1, keepdims=True)
        return sums[place] / sums[0]


def _between(sums: np.ndarray, channels: int) -> np.ndarray:
    """Eta squared of the first quantities [channel, star or draw].

    It is 1 - squares about the segments' means / squares about the mean of all.
    """
    number, half = sums[0], (len(sums) - 1) // 2
    found = []
    for at in range(channels):
        total, squares = sums[1 + at], sums[1 + half + at]
        within = squares - total**2 / np.maximum(number, 1)
        overall = squares.sum(axis=-1) - total.sum(axis=-1) ** 2 / number.sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(
                np.where(
                    overall > 1e-12 * squares.sum(axis=-1),
                    1 - within.sum(axis=-1) / overall,
                    np.nan,
                )
            )
    return np.stack(found)
