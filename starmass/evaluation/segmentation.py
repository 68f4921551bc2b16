"""What the patch tokens tell apart: their first three principal components as colours, in one basis for all maps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.inputs import Input, scale
from starmass.evaluation.regression import principal_axes
from starmass.evaluation.samples import Maps, protostars
from starmass.evaluation.splits import parts_of
from starmass.storage import write_dataset, written_aside

COMPONENTS = 3
PERCENTILES = (1.0, 99.0)


def choose_examples(samples: pd.DataFrame, test: np.ndarray, number: int) -> np.ndarray:
    """Choose up to ``number`` test rows, one a protostar, evenly along the ranking by mass, from light to heavy.

    Each protostar stands there as it is in its last test snapshot, along the first axis that is tested.
    """
    table = samples.loc[test].assign(protostar=protostars(samples)[test])
    last = table.sort_values(["time_yr", "axis_index"], ascending=[False, True], kind="stable").drop_duplicates("protostar")
    ranked = last.sort_values(["mass_msun", "row"])["row"].to_numpy()
    return ranked[np.unique(np.linspace(0, len(ranked) - 1, min(number, len(ranked))).round().astype(int))]


@dataclass(frozen=True)
class Segmentation:
    """Example maps by colour: rows of the study [example], components and colours [example, rows, columns, component]."""

    row: np.ndarray
    components: np.ndarray
    colours: np.ndarray
    explained: np.ndarray


def segment(
    samples: pd.DataFrame,
    maps: Maps,
    split: pd.DataFrame,
    encode: Callable[[np.ndarray], np.ndarray],
    shown_as: Input,
    *,
    examples: int | Sequence[int] = 4,
    palette_maps: int = 32,
) -> Segmentation:
    """Colour examples by their patch tokens, in a basis that training maps of the split's first fold gave.

    Parameters
    ----------
    encode : takes maps scaled to 0..1 and returns their patch tokens [row, rows, columns, width]
    examples : how many test maps to choose (:func:`choose_examples`), or row numbers
    palette_maps : at most so many training maps give the basis
    """
    _, train, test = next(parts_of(split))
    if isinstance(examples, int):
        rows = choose_examples(samples, test, examples)
    else:
        rows = np.array(examples)
        if rows.max() >= len(samples):
            raise InputError(f"segmentation examples: there is no row {rows.max()} among the study's {len(samples)}; see its samples.csv.")
    shown = shown_as.transform(maps)
    limits = shown_as.find_limits(shown, train)

    def scaled(at: np.ndarray) -> np.ndarray:
        return scale(shown[at], limits if len(limits) == 1 else limits[at])

    teachers = choose_examples(samples, train, palette_maps)
    tokens = encode(scaled(teachers))
    column = (
        shown[teachers, list(shown_as.channels).index("column_density")] if "column_density" in shown_as.channels else shown[teachers, 0]
    )
    palette = fit_palette(tokens, shrink(column, tokens.shape[1]))
    return Segmentation(rows, *palette.paint(encode(scaled(rows))), palette.explained)


def write_segmentation(path: str | Path, segmentation: Segmentation, *, provenance: str) -> None:
    """Write a segmentation as HDF5, whole or not at all."""
    with written_aside(path) as temporary, h5py.File(temporary, "w") as file:
        write_dataset(file, "row", segmentation.row, unit="", description="row of samples.csv of each example")
        write_dataset(file, "components", segmentation.components, unit="", description="principal components of the patch tokens")
        write_dataset(
            file, "colours", segmentation.colours, unit="", description="red, green, blue in 0..1: components 1, 2, 3 of the tokens"
        )
        write_dataset(file, "explained", segmentation.explained, unit="", description="share of the training tokens' variance by component")
        file.attrs["provenance"] = provenance


@dataclass(frozen=True)
class Palette:
    """A basis of patch tokens and the colours that its components stand for.

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
        """Return components, and colours in 0..1, of patch tokens: float32 [row, rows, columns, component] each."""
        components = (tokens - self.centre) @ self.axes
        lowest, highest = self.limits.T
        colours = np.clip((components - lowest) / np.maximum(highest - lowest, 1e-12), 0.0, 1.0)
        return components.astype(np.float32), colours.astype(np.float32)


def fit_palette(tokens: np.ndarray, brightness: np.ndarray) -> Palette:
    """Fit the basis and its colours on training maps.

    Parameters
    ----------
    tokens : patch tokens of training maps [row, rows, columns, width]
    brightness : their log column density averaged to the token grid [row, rows, columns]: a component's sign is arbitrary, and
        this fixes it, so that denser gas is brighter in every colour
    """
    flat = tokens.reshape(-1, tokens.shape[-1]).astype(np.float64)
    centre = flat.mean(axis=0)
    axes, variances = principal_axes(flat - centre)
    axes = axes[:, :COMPONENTS]
    agreement = ((flat - centre) @ axes).T @ (brightness.ravel() - brightness.mean())
    axes = axes * np.where(agreement < 0, -1.0, 1.0)
    limits = np.percentile((flat - centre) @ axes, PERCENTILES, axis=0).T
    return Palette(centre, axes, limits, variances[:COMPONENTS] / variances.sum())


def shrink(maps: np.ndarray, side: int) -> np.ndarray:
    """Average maps [row, height, width] over (or repeat them to) a grid of ``side`` cells a side."""
    height = maps.shape[-1]
    # Exact overlap of pixels with cells, so that any two sizes go together.
    edges = np.linspace(0, height, side + 1)
    overlap = np.clip(np.minimum(edges[1:, None], np.arange(1, height + 1)) - np.maximum(edges[:-1, None], np.arange(height)), 0.0, None)
    overlap *= side / height
    return np.einsum("ai,nij,bj->nab", overlap, maps.astype(np.float64), overlap)
