"""From the pixels of an image to those of another grid: averages by area, or interpolation.

Pixels of an image that are finer than those of the grid are averaged, each weighted by the area
that the two have in common. Larger ones are interpolated between their centres, as those of
the simulations are (:class:`starmass.maps.as_observed.CoarsePixels`). Both are sparse operators
[pixel of the grid, pixel of the image].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

COARSE = 1.001
"""Side of an image's pixel, in those of the grid, above which it is interpolated."""
COVERED = 0.5
"""Share of a pixel's weight below which it is missing."""
PARALLEL = 1e-6
SEAM = 10.0
"""Width of a pixel, in those of most, that none has."""


@dataclass(frozen=True)
class Regrid:
    """An operator, and the weight of a pixel of the grid that is wholly in the image.

    Attributes
    ----------
    weights : sparse [pixel of the grid, pixel of the image]
    total : [pixel of the grid]
    shape : of the grid
    """

    weights: sparse.csr_array
    total: np.ndarray
    shape: tuple[int, int]

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return weighted sums of values [row, column] on the grid."""
        return (self.weights @ values.ravel()).reshape(self.shape)

    def squared(self) -> "Regrid":
        """Return the operator of the squares of its weights, by which variances add up."""
        return Regrid(self.weights.multiply(self.weights).tocsr(), self.total, self.shape)

    def covered(self, valid: np.ndarray) -> np.ndarray:
        """Return whether enough of a pixel of the grid is valid: bool [row, column]."""
        share = self.apply(valid.astype(float)).ravel() / self.total
        return (share >= COVERED).reshape(self.shape)


def regrid_onto(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> Regrid:
    """Return the operator onto a grid.

    Parameters
    ----------
    x, y : corners of the grid's pixels [row, column] in the image: pixels, counted from 0 at the
        centre of the first; NaN where the image has no such place
    shape : of the image
    """
    area = float(np.nanmedian(np.abs(_areas(*_quadrilaterals(x, y)))))
    if area < 1 / COARSE**2:
        return _interpolation(x, y, shape)
    return _area_average(x, y, shape)


def _quadrilaterals(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of each pixel in order: (4, pixel)."""

    def around(one: np.ndarray) -> np.ndarray:
        return np.stack([one[:-1, :-1], one[:-1, 1:], one[1:, 1:], one[1:, :-1]]).reshape(4, -1)

    return around(x), around(y)


def _areas(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed areas of polygons (corner, pixel)."""
    return 0.5 * (x * np.roll(y, -1, 0) - np.roll(x, -1, 0) * y).sum(0)


def _area_average(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> Regrid:
    grid = (x.shape[0] - 1, x.shape[1] - 1)
    corners_x, corners_y = _quadrilaterals(x, y)
    area = _areas(corners_x, corners_y)
    # Across the seam of a map of the whole sky, a pixel would reach from one end to the other.
    wide = np.ptp(corners_x, axis=0)
    area[wide > SEAM * np.nanmedian(wide)] = np.nan
    there = np.flatnonzero(np.isfinite(area) & (area != 0))
    corners_x, corners_y = (
        np.ascontiguousarray(one[:, there]) + 0.5 for one in (corners_x, corners_y)
    )
    left, low = (np.floor(one.min(0)).astype(int) for one in (corners_x, corners_y))
    wide, high = (
        int(np.max(np.ceil(one.max(0)) - first, initial=0))
        for one, first in ((corners_x, left), (corners_y, low))
    )
    sign = np.sign(area[there])
    edges = _edges(corners_x, corners_y, sign)
    rows, columns, shares = [], [], []
    for step_y in range(high):
        for step_x in range(wide):
            column, row = left + step_x, low + step_y
            inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
            whole, none = _whole_or_none(edges, column, row)
            cut = inside & ~whole & ~none
            share = sign[cut] * _common_area(
                corners_x[:, cut] - column[cut], corners_y[:, cut] - row[cut]
            )
            whole &= inside
            for found, part in ((whole, np.ones(whole.sum())), (cut, np.maximum(share, 0.0))):
                rows.append(there[found])
                columns.append(row[found] * shape[1] + column[found])
                shares.append(part)
    size = (grid[0] * grid[1], shape[0] * shape[1])
    if not rows:
        return Regrid(sparse.csr_array(size), np.ones(size[0]), grid)
    indices = (np.concatenate(rows), np.concatenate(columns))
    weights = sparse.csr_array((np.concatenate(shares), indices), size)
    weights.eliminate_zeros()
    total = np.abs(area)
    total[~np.isfinite(total) | (total == 0)] = 1.0
    return Regrid(weights, total, grid)


def _edges(x: np.ndarray, y: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return inward normals of polygons (corner, pixel): two components and the offset."""
    run, rise = np.roll(x, -1, 0) - x, np.roll(y, -1, 0) - y
    length = np.maximum(np.hypot(run, rise), 1e-300) * sign
    across, up = -rise / length, run / length
    return across, up, -(across * x + up * y)


def _whole_or_none(
    edges: tuple[np.ndarray, ...], column: np.ndarray, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Say whether pixels of an image are wholly in convex polygons, or wholly beyond an edge."""
    across, up, offset = edges
    depth = across * (column + 0.5) + up * (row + 0.5) + offset
    reach = 0.5 * (np.abs(across) + np.abs(up))
    return (depth - reach).min(0) >= 0, (depth + reach).min(0) <= 0


def _common_area(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed area that polygons (corner, pixel) have in common with the unit square.

    By Green's theorem it is the integral, along the edges, of y cut off to 0 ... 1 over x cut off
    to 0 ... 1; that of a cut-off line is known in closed form.
    """
    end_x, end_y = np.roll(x, -1, 0), np.roll(y, -1, 0)
    from_x, to_x = np.clip(x, 0, 1), np.clip(end_x, 0, 1)
    run = end_x - x
    slope = np.divide(end_y - y, run, out=np.zeros_like(run), where=run != 0)
    from_y, to_y = y + slope * (from_x - x), y + slope * (to_x - x)
    rise = to_y - from_y
    flat = np.abs(rise) < PARALLEL
    height = np.where(
        flat,
        np.clip(0.5 * (from_y + to_y), 0, 1),
        (_integral(to_y) - _integral(from_y)) / np.where(flat, 1.0, rise),
    )
    # Counter-clockwise polygons have a positive area.
    return -((to_x - from_x) * height).sum(0)


def _integral(y: np.ndarray) -> np.ndarray:
    """Integral of y cut off to 0 ... 1."""
    cut = np.clip(y, 0, 1)
    return 0.5 * cut**2 + np.maximum(y - 1, 0)


def _interpolation(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> Regrid:
    """Bilinear interpolation at the middle of each pixel."""
    grid = (x.shape[0] - 1, x.shape[1] - 1)
    middle_x, middle_y = (one.mean(0) for one in _quadrilaterals(x, y))
    there = np.flatnonzero(np.isfinite(middle_x + middle_y))
    middle_x, middle_y = middle_x[there], middle_y[there]
    left, low = np.floor(middle_x).astype(int), np.floor(middle_y).astype(int)
    size = (grid[0] * grid[1], shape[0] * shape[1])
    weights = sparse.csr_array(size)
    for up in (0, 1):
        for across in (0, 1):
            column, row = left + across, low + up
            share = (1 - np.abs(middle_x - column)) * (1 - np.abs(middle_y - row))
            inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
            places = (there[inside], row[inside] * shape[1] + column[inside])
            weights += sparse.csr_array((share[inside], places), size)
    return Regrid(weights, np.ones(size[0]), grid)


def average(
    add: Callable[[np.ndarray], np.ndarray],
    valid: np.ndarray,
    weight: np.ndarray,
    velocity: np.ndarray | None = None,
    dispersion: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Average the moments N, N v and N (v^2 + sigma^2).

    Parameters
    ----------
    add : linear operator on images: smoothing, or sums over pixels
    valid : bool [row, column]; other pixels weigh nothing
    weight : column density
    velocity, dispersion : None where there is no such map

    Returns
    -------
    sum of the weights, mean velocity, dispersion about it; NaN where nothing has any weight
    """
    weights = np.where(valid, np.maximum(weight, 0.0), 0.0)
    gas = add(weights)
    gas = np.where(gas > 1e-10 * weights.max(initial=0.0), gas, np.nan)
    if velocity is None and dispersion is None:
        return gas, None, None
    # About the image's own mean, so that a narrow line keeps its digits.
    moving = np.zeros_like(weights) if velocity is None else np.where(valid, velocity, 0.0)
    rest = float((weights * moving).sum() / max(weights.sum(), 1e-300))
    moving = np.where(valid, moving - rest, 0.0)
    mean = add(weights * moving) / gas
    width = None
    if dispersion is not None:
        square = add(weights * (np.where(valid, dispersion, 0.0) ** 2 + moving**2)) / gas
        width = np.sqrt(np.maximum(square - mean**2, 0.0))
    return gas, None if velocity is None else mean + rest, width
