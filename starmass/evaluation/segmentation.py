"""What the patch tokens distinguish: principal components as colours, clusters as segments.

Both are the same for all maps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.attention import keep_mass
from starmass.evaluation.preprocessing import Preprocessing, scale
from starmass.evaluation.principal_axes import column_scale, numerical_rank, principal_axes
from starmass.evaluation.samples import Maps, protostars
from starmass.evaluation.segments import (
    Segments,
    compare_segments,
    describe_segments,
    fit_segments,
    measured_of,
    physical_quantities,
    ring_segments,
    shrink,
    tally,
)
from starmass.evaluation.splits import parts_of
from starmass.evaluation.targets import MASS, Target
from starmass.spacing import spread_evenly
from starmass.storage import create_hdf5, write_dataset

COMPONENTS = 3
PERCENTILES = (1.0, 99.0)
ATTENTION_MASS = 0.6
"""Share of the class token's attention in the patches marked as attended (Caron et al. 2021)."""
ROWS_AT_A_TIME = 16
"""Maps whose tokens are held at once: of a large encoder with a token a pixel they take GB."""


def choose_examples(
    samples: pd.DataFrame, test: np.ndarray, number: int, target: Target = MASS
) -> np.ndarray:
    """Choose up to ``number`` test rows, one an object, evenly along the ranking by the target.

    They are in rising order. Of classes each has as many as the others, where it has them, and the
    first classes one more; they are in the order of the classes.

    Each object is shown as in its last test snapshot, along the first axis that is tested.
    """
    ranks = samples["mass_msun"].to_numpy() if target.is_mass else target.values(samples)
    table = samples.loc[test].assign(protostar=protostars(samples)[test], rank=ranks[test])
    last = table.sort_values(
        ["time_yr", "axis_index"], ascending=[False, True], kind="stable"
    ).drop_duplicates("protostar")
    ranked = last.sort_values(["rank", "row"])
    if target.kind != "classes":
        return spread_evenly(ranked["row"].to_numpy(), number)
    each, left = divmod(number, len(target.classes))
    return np.concatenate(
        [
            spread_evenly(ranked["row"][ranked["rank"] == place].to_numpy(), each + (place < left))
            for place in range(len(target.classes))
        ]
    )


@dataclass(frozen=True)
class ShownMaps:
    """A study's maps as an input shows them in the first fold of a split.

    They are scaled by limits of the fold's training rows.

    Attributes
    ----------
    shown : transformed and cut out [row, channel, height, width]
    limits : what becomes 0 and 1 [1 or row, channel, 2]
    brightness : log column density, or the first channel where that is not shown [row, height,
        width]
    train, test : row numbers of the fold
    """

    shown: np.ndarray
    limits: np.ndarray
    brightness: np.ndarray
    train: np.ndarray
    test: np.ndarray

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        """Return maps as 0..1, float32 [row, channel, height, width]."""
        return scale(self.shown[rows], self.limits if len(self.limits) == 1 else self.limits[rows])


def show_maps(maps: Maps, split: pd.DataFrame, preprocessing: Preprocessing) -> ShownMaps:
    """Show a study's maps as in the first fold of a split."""
    _, train, test = next(parts_of(split))
    shown = preprocessing.transform(maps)
    channels = list(preprocessing.channels)
    first = shown[:, channels.index("column_density") if "column_density" in channels else 0]
    return ShownMaps(shown, preprocessing.find_limits(shown, train), first, train, test)


@dataclass(frozen=True)
class Segmentation:
    """Example maps with the colours and segments of their patch tokens.

    Attributes
    ----------
    row : of the study [example]
    components, colours : [example, rows, columns, component]
    explained : share of the training tokens' variance by component
    members : segment of each token, from 0 [example, rows, columns]
    segments : the clusters themselves
    attention : of the class token's heads over the patches [example, head, rows, columns]; None
        where the encoder has none
    """

    row: np.ndarray
    components: np.ndarray
    colours: np.ndarray
    explained: np.ndarray
    members: np.ndarray
    segments: Segments
    attention: np.ndarray | None


def segment(
    samples: pd.DataFrame,
    maps: ShownMaps,
    encode: Callable[[np.ndarray], np.ndarray],
    attend: Callable[[np.ndarray], np.ndarray | None],
    target: Target = MASS,
    *,
    examples: int | Sequence[int] = 4,
    palette_maps: int = 32,
    segments: int = 6,
) -> Segmentation:
    """Colour examples by principal components and by clusters of their patch tokens.

    Both are fitted on training maps of the fold.

    Parameters
    ----------
    encode : takes maps scaled to 0..1 and returns their patch tokens [row, rows, columns, width]
    attend : takes the same and returns attention [row, head, rows, columns]
    target : what the study predicts, which orders the examples
    examples : how many test maps to choose (:func:`choose_examples`), or row numbers
    palette_maps : maximum number of training maps that give the basis and the clusters
    segments : number of clusters
    """
    if isinstance(examples, int):
        rows = choose_examples(samples, maps.test, examples, target)
    else:
        rows = np.array(examples)
        if rows.max() >= len(samples):
            raise InputError(
                f"segmentation examples: there is no row {rows.max()} among the study's"
                f" {len(samples)}; see its samples.csv."
            )
    teachers = choose_examples(samples, maps.train, palette_maps, target)
    tokens = encode(maps.scaled(teachers))
    brightness = shrink(maps.brightness[teachers], tokens.shape[1])
    palette = fit_palette(tokens, brightness)
    clusters = fit_segments(tokens, brightness, segments)
    shown = encode(maps.scaled(rows))
    return Segmentation(
        rows,
        *palette.paint(shown),
        palette.explained,
        clusters.assign(shown),
        clusters,
        attend(maps.scaled(rows)),
    )


def fit_baselines(
    samples: pd.DataFrame,
    maps: ShownMaps,
    untrained: Callable[[np.ndarray], np.ndarray],
    target: Target = MASS,
    *,
    palette_maps: int = 32,
    segments: int = 6,
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return the segmentations that a pretraining is compared with.

    Each is a function from rows to segments [row, rows, columns].

    ``random_weights``: clusters of the tokens of the same encoder without pretraining
    (``untrained`` encodes); ``pixels``: clusters of the shown channels themselves, averaged to the
    token grid and standardised, which is about the most that this number of segments can explain of
    the channels together; ``rings``: the distance from the star, or the middle of the image, alone.
    """
    teachers = choose_examples(samples, maps.train, palette_maps, target)
    tokens = untrained(maps.scaled(teachers))
    side = tokens.shape[1]
    brightness = shrink(maps.brightness[teachers], side)
    by_token = fit_segments(tokens, brightness, segments)

    def cells(rows: np.ndarray) -> np.ndarray:
        return np.stack(
            [shrink(maps.shown[rows, channel], side) for channel in range(maps.shown.shape[1])],
            axis=-1,
        )

    taught = cells(teachers)
    # Cells are means of pixels and are no more precise than those.
    pixel = float(np.finfo(maps.shown.dtype).eps)
    centre, spread = column_scale(taught.reshape(-1, taught.shape[-1]), pixel)
    by_pixel = fit_segments((taught - centre) / spread, brightness, segments)
    rings = ring_segments(side, segments)
    return {
        "random_weights": lambda rows: by_token.assign(untrained(maps.scaled(rows))),
        "pixels": lambda rows: by_pixel.assign((cells(rows) - centre) / spread),
        "rings": lambda rows: np.repeat(rings[None], len(rows), axis=0),
    }


def measure_segments(
    samples: pd.DataFrame,
    maps: Maps,
    rows: np.ndarray,
    zoom: int,
    ways: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    count: int,
) -> dict[str, np.ndarray]:
    """Return sums by protostar and segment of maps ``rows``, for each way to segment them.

    The sums are those of :func:`starmass.evaluation.segments.tally`.

    Parameters
    ----------
    zoom : side of the central square that is segmented [pixels]
    ways : name -> function from rows to segments [row, rows, columns]
    count : number of segments
    """
    stars, places = np.unique(protostars(samples)[rows], return_inverse=True)
    sums: dict[str, np.ndarray] = {}
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        some, where = rows[start : start + ROWS_AT_A_TIME], places[start : start + ROWS_AT_A_TIME]
        for way, assign in ways.items():
            members = assign(some)
            quantities = physical_quantities(maps, some, members.shape[-1], zoom)
            sums[way] = sums.get(way, 0.0) + tally(members, quantities, where, count, len(stars))
    return sums


def tabulate_segments(
    samples: pd.DataFrame,
    maps: Maps,
    rows: np.ndarray,
    zoom: int,
    ways: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    count: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the segments of ``tokens`` hold, and the variance that each way explains.

    Arguments are those of :func:`measure_segments`, with ``tokens`` the first of the ways.

    Returns
    -------
    The tables of :func:`starmass.evaluation.segments.describe_segments` and
    :func:`starmass.evaluation.segments.compare_segments`, with ``n_maps`` and ``n_protostars``.
    """
    sums = measure_segments(samples, maps, rows, zoom, ways, count)
    measured, stars = measured_of(maps), sums["tokens"].shape[1]
    described = describe_segments(sums["tokens"], measured).assign(n_maps=len(rows))
    compared = compare_segments(sums, measured)
    return described, compared.assign(n_maps=len(rows), n_protostars=stars)


def write_segmentation(
    path: str | Path,
    found: Segmentation,
    *,
    side_pc: float,
    attention_mass: float | None,
    provenance: str,
    pictures: np.ndarray | None = None,
) -> None:
    """Write a segmentation as HDF5, whole or not at all.

    Parameters
    ----------
    side_pc : side of the square that is segmented [pc]; NaN where it is not known
    pictures : the examples as they are shown, 0..1 [example, channel, rows, columns], where they
        are no maps of gas that a figure could read from the study's own files
    attention_mass : share of the attention that the patches marked as attended hold, by head and
        for the mean over heads
    """
    with create_hdf5(path) as file:
        write_dataset(
            file, "row", found.row, unit="", description="row of samples.csv of each example"
        )
        write_dataset(
            file,
            "components",
            found.components,
            unit="",
            description="principal components of the patch tokens",
        )
        write_dataset(
            file,
            "colours",
            found.colours,
            unit="",
            description="red, green, blue in 0..1: components 1, 2, 3 of the tokens",
        )
        write_dataset(
            file,
            "explained",
            found.explained,
            unit="",
            description="share of the training tokens' variance by component",
        )
        write_dataset(
            file,
            "segments",
            found.members + 1,
            unit="",
            description="segment of each token, from 1, by rising column density, or first channel",
        )
        if found.attention is not None and attention_mass is not None:
            every = np.concatenate(
                [found.attention, found.attention.mean(axis=1, keepdims=True)], axis=1
            )
            names = "[example, head and then their mean, rows, columns]"
            write_dataset(
                file,
                "attention",
                every,
                unit="",
                description=f"share of the class token's attention {names}",
            )
            kept = keep_mass(every, attention_mass)
            write_dataset(
                file,
                "attended",
                kept,
                unit="",
                description="fewest patches that hold attention_mass of it",
            )
            file.attrs["attention_mass"] = attention_mass
        if pictures is not None:
            names = "[example, channel, rows, columns]"
            write_dataset(
                file,
                "shown",
                pictures,
                unit="",
                description=f"examples as the encoder sees them, 0 to 1 {names}",
            )
        file.attrs["segment_count"] = len(found.segments.centres)
        file.attrs["side_pc"] = side_pc
        file.attrs["provenance"] = provenance


@dataclass(frozen=True)
class Palette:
    """A basis of patch tokens and the colours that represent its components.

    Attributes
    ----------
    centre : mean token [width]
    axes : principal axes [width, component]
    limits : what becomes 0 and 1 in each colour [component, 2]
    explained : share of the tokens' variance along each axis [component]
    """

    centre: np.ndarray
    axes: np.ndarray
    limits: np.ndarray
    explained: np.ndarray

    def paint(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return components of patch tokens, and colours in 0..1.

        Both are float32 [row, rows, columns, component].
        """
        components = (tokens - self.centre) @ self.axes
        lowest, highest = self.limits.T
        colours = np.clip((components - lowest) / np.maximum(highest - lowest, 1e-12), 0.0, 1.0)
        return components.astype(np.float32), colours.astype(np.float32)


def fit_palette(tokens: np.ndarray, brightness: np.ndarray) -> Palette:
    """Fit the basis and its colours on training maps.

    Parameters
    ----------
    tokens : patch tokens of training maps [row, rows, columns, width]
    brightness : their log column density (:class:`ShownMaps`) averaged to the token grid [row,
        rows, columns]: a component's sign is arbitrary, and this fixes it, so that denser gas is
        brighter in every colour
    """
    flat = tokens.reshape(-1, tokens.shape[-1]).astype(np.float64)
    centre = flat.mean(axis=0)
    axes, variances = principal_axes(flat - centre)
    told = np.arange(min(COMPONENTS, axes.shape[1])) < numerical_rank(
        flat, axes, variances
    )  # rounding has no colour
    axes = axes[:, :COMPONENTS] * told
    agreement = ((flat - centre) @ axes).T @ (brightness.ravel() - brightness.mean())
    axes = axes * np.where(agreement < 0, -1.0, 1.0)
    limits = np.percentile((flat - centre) @ axes, PERCENTILES, axis=0).T
    whole = max(float(variances.sum()), np.finfo(float).tiny)
    return Palette(centre, axes, limits, variances[:COMPONENTS] / whole * told)
