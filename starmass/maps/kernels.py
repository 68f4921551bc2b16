"""Compiled loops from blocks of cells to maps: exact overlap along all three axes at once."""

import math

import numpy as np

from starmass.compilation import compiled


@compiled()
def shared_volumes(left, width, sides, side, ends, period, pixels):  # type: ignore[no-untyped-def]
    """Volumes (4,) that blocks share with the cube, and with its lines of sight along each axis."""
    overlap, reach, inside, depth, seen = _workspace(sides, pixels)
    total = np.zeros(4)
    for block in range(len(left)):
        _overlap_block(
            left[block], width[block], sides, side, ends, period,
            overlap, reach, inside, depth, seen,
        )  # fmt: skip
        x = inside[0, : sides[0]].sum()
        y = inside[1, : sides[1]].sum()
        z = inside[2, : sides[2]].sum()
        total[0] += x * y * z
        total[1] += depth[0, : sides[0]].sum() * y * z
        total[2] += depth[1, : sides[1]].sum() * z * x
        total[3] += depth[2, : sides[2]].sum() * x * y
    return total


@compiled()
def _workspace(sides, pixels):  # type: ignore[no-untyped-def]
    """What :func:`_overlap_block` fills."""
    longest = sides.max()
    return (
        np.zeros((3, longest, pixels)),
        np.zeros((3, longest, 2), np.int64),
        np.zeros((3, longest)),
        np.zeros((3, longest)),
        np.zeros(3, np.bool_),
    )


@compiled()
def deposit_moments(  # type: ignore[no-untyped-def]
    left, width, sides, density, velocity, side, ends, period, weight, mean, square
):
    """Add blocks to ``weight``, ``mean`` and ``square``; return all weight of the map along x.

    Weight is density x overlap volume, and ``square`` is the weighted squared deviations.
    """
    pixels = weight.shape[1]
    overlap, reach, inside, depth, seen = _workspace(sides, pixels)
    stride = np.array([sides[1] * sides[2], sides[2], 1])
    total = 0.0
    for block in range(density.shape[0]):
        if not _overlap_block(
            left[block], width[block], sides, side, ends, period,
            overlap, reach, inside, depth, seen,
        ):  # fmt: skip
            continue
        for axis in range(3):
            if not seen[axis]:
                continue
            across, up = (axis + 1) % 3, (axis + 2) % 3
            for p in range(sides[across]):
                for q in range(sides[up]):
                    if inside[across, p] == 0.0 or inside[up, q] == 0.0:
                        continue
                    start = p * stride[across] + q * stride[up]
                    line, speed, spread = 0.0, 0.0, 0.0
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        gas = density[block, here] * depth[axis, cell]
                        line += gas
                        speed += gas * velocity[axis, block, here]
                    if line == 0.0:
                        continue
                    speed /= line
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        deviation = velocity[axis, block, here] - speed
                        spread += density[block, here] * depth[axis, cell] * deviation * deviation
                    if axis == 0:
                        total += line * inside[across, p] * inside[up, q]
                    for row in range(reach[up, q, 0], reach[up, q, 1] + 1):
                        for column in range(reach[across, p, 0], reach[across, p, 1] + 1):
                            area = overlap[up, q, row] * overlap[across, p, column]
                            if area > 0.0:
                                before = weight[axis, row, column]
                                share = line * area / (before + line * area)
                                deviation = speed - mean[axis, row, column]
                                weight[axis, row, column] = before + line * area
                                mean[axis, row, column] += deviation * share
                                square[axis, row, column] += (
                                    spread * area + deviation * deviation * before * share
                                )
    return total


@compiled()
def _overlap_block(  # type: ignore[no-untyped-def]
    left, width, sides, side, ends, period, overlap, reach, inside, depth, seen
):
    """Lay the cells of a block along each axis over the pixels, and along the line of sight.

    Return whether the block is seen along any axis.

    Parameters
    ----------
    left, width : (3,) lower corner of the block from the cube's own, sides of its cells
    sides : (3,) cells along each side
    ends : (3, 2) where the lines of sight begin and end, from the cube's lower corner
    overlap : (3, cell, pixel) length that cell and pixel share; what the last block left is taken
        away
    reach : (3, cell, 2) first and last pixel touched
    inside : (3, cell) length inside the cube
    depth : (3, cell) length inside the line of sight
    seen : (3,) whether the block shares volume with the lines of sight along each axis
    """
    across = np.zeros(3)
    along = np.zeros(3)
    for axis in range(3):
        is_cube = ends[axis, 0] == 0.0 and ends[axis, 1] == side
        for cell in range(sides[axis]):
            overlap[axis, cell, reach[axis, cell, 0] : reach[axis, cell, 1] + 1] = 0.0
            middle = left[axis] + (cell + 0.5) * width[axis]
            inside[axis, cell] = _overlap_pixels(
                middle,
                0.5 * width[axis],
                side,
                period[axis],
                overlap[axis, cell],
                reach[axis, cell],
            )
            if is_cube:
                depth[axis, cell] = inside[axis, cell]
            else:
                depth[axis, cell] = _overlap_line(
                    middle, 0.5 * width[axis], ends[axis, 0], ends[axis, 1], period[axis]
                )
            across[axis] += inside[axis, cell]
            along[axis] += depth[axis, cell]
    for axis in range(3):
        one, other = across[(axis + 1) % 3], across[(axis + 2) % 3]
        seen[axis] = along[axis] > 0.0 and one > 0.0 and other > 0.0
    return seen[0] or seen[1] or seen[2]


@compiled()
def _overlap_line(middle, half, begin, end, period):  # type: ignore[no-untyped-def]
    """Length of a cell along one axis between two ends, through periodic faces too."""
    total = 0.0
    images = 0
    if np.isfinite(period):
        images = 1
        middle -= period * np.rint((middle - 0.5 * (begin + end)) / period)
    for image in range(-images, images + 1):
        shift = image * period if image != 0 else 0.0
        total += max(min(middle + half + shift, end) - max(middle - half + shift, begin), 0.0)
    return total


@compiled()
def _overlap_pixels(middle, half, side, period, overlap, reach):  # type: ignore[no-untyped-def]
    """Add a cell's overlap with each pixel along one axis to ``overlap``.

    Note the pixels touched, and return the sum.
    """
    pixels = overlap.shape[0]
    size = side / pixels
    reach[0], reach[1] = pixels, -1
    total = 0.0
    images = 0
    if np.isfinite(period):
        images = 1
        middle -= period * np.rint((middle - 0.5 * side) / period)
    for image in range(-images, images + 1):
        shift = image * period if image != 0 else 0.0
        left = max(middle - half + shift, 0.0)
        right = min(middle + half + shift, side)
        if right <= left:
            continue
        start = min(int(left / size), pixels - 1)
        stop = min(int(right / size), pixels - 1)
        for pixel in range(start, stop + 1):
            length = min(right, (pixel + 1) * size) - max(left, pixel * size)
            if length > 0.0:
                overlap[pixel] += length
                total += length
        reach[0] = min(reach[0], start)
        reach[1] = max(reach[1], stop)
    return total


@compiled()
def deposit_values(  # type: ignore[no-untyped-def]
    left, width, sides, density, values, side, ends, period, weight, sums
):
    """Add density x overlap to ``weight``, and its product with the values to ``sums``.

    Values are (map, axis, block, cell).
    """
    pixels = weight.shape[1]
    overlap, reach, inside, depth, seen = _workspace(sides, pixels)
    stride = np.array([sides[1] * sides[2], sides[2], 1])
    line = np.empty(len(values))
    for block in range(density.shape[0]):
        if not _overlap_block(
            left[block], width[block], sides, side, ends, period,
            overlap, reach, inside, depth, seen,
        ):  # fmt: skip
            continue
        for axis in range(3):
            if not seen[axis]:
                continue
            across, up = (axis + 1) % 3, (axis + 2) % 3
            for p in range(sides[across]):
                for q in range(sides[up]):
                    start = p * stride[across] + q * stride[up]
                    gas_in_line = 0.0
                    line[:] = 0.0
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        gas = density[block, here] * depth[axis, cell]
                        if gas > 0.0:
                            gas_in_line += gas
                            for one in range(len(values)):
                                line[one] += gas * values[one, axis, block, here]
                    for row in range(reach[up, q, 0], reach[up, q, 1] + 1):
                        for column in range(reach[across, p, 0], reach[across, p, 1] + 1):
                            area = overlap[up, q, row] * overlap[across, p, column]
                            weight[axis, row, column] += gas_in_line * area
                            for one in range(len(values)):
                                sums[axis, one, row, column] += line[one] * area


@compiled()
def deposit_lines(  # type: ignore[no-untyped-def]
    left, width, sides, density, velocity, edges, line_width, side, ends, period, spectra
):
    """Add density x overlap to the velocity channels that each cell's line reaches."""
    pixels = spectra.shape[2]
    count = len(edges) - 1
    step = (edges[-1] - edges[0]) / count
    overlap, reach, inside, depth, seen = _workspace(sides, pixels)
    stride = np.array([sides[1] * sides[2], sides[2], 1])
    line = np.zeros(count)
    for block in range(density.shape[0]):
        if not _overlap_block(
            left[block], width[block], sides, side, ends, period,
            overlap, reach, inside, depth, seen,
        ):  # fmt: skip
            continue
        for axis in range(3):
            if not seen[axis]:
                continue
            across, up = (axis + 1) % 3, (axis + 2) % 3
            for p in range(sides[across]):
                for q in range(sides[up]):
                    if inside[across, p] == 0.0 or inside[up, q] == 0.0:
                        continue
                    start = p * stride[across] + q * stride[up]
                    lowest, highest = count, -1
                    for cell in range(sides[axis]):
                        here = start + cell * stride[axis]
                        gas = density[block, here] * depth[axis, cell]
                        if gas == 0.0:
                            continue
                        place = (velocity[axis, block, here] - edges[0]) / step
                        spread = 6.0 * line_width / step
                        first = max(int(np.floor(place - spread)), 0)
                        last = min(int(np.floor(place + spread)), count - 1)
                        for channel in range(first, last + 1):
                            line[channel] += gas * _share(place - channel, line_width / step)
                        lowest, highest = min(lowest, first), max(highest, last)
                    for row in range(reach[up, q, 0], reach[up, q, 1] + 1):
                        for column in range(reach[across, p, 0], reach[across, p, 1] + 1):
                            area = overlap[up, q, row] * overlap[across, p, column]
                            for channel in range(lowest, highest + 1):
                                spectra[axis, channel, row, column] += line[channel] * area
                    for channel in range(lowest, highest + 1):
                        line[channel] = 0.0


@compiled()
def _share(place, width):  # type: ignore[no-untyped-def]
    """Share of a Gaussian line at ``place`` of dispersion ``width`` that falls between 0 and 1."""
    if width == 0.0:
        return 1.0 if 0.0 <= place < 1.0 else 0.0
    scale = 1.0 / (width * np.sqrt(2.0))
    return 0.5 * (math.erf((1.0 - place) * scale) + math.erf(place * scale))


@compiled()
def count_peaks(spectra, prominence):  # type: ignore[no-untyped-def]
    """Number of peaks (axis, row, column) of spectra (axis, channel, row, column).

    Peaks that stand out by ``prominence`` of the highest, or more, are counted.

    Walks up and down each spectrum and counts a peak when the way down from it, and up to it, is
    long enough. NaN where there is no gas.
    """
    axes, channels, rows, columns = spectra.shape
    peaks = np.zeros((axes, rows, columns))
    for axis in range(axes):
        for row in range(rows):
            for column in range(columns):
                tallest = 0.0
                for channel in range(channels):
                    tallest = max(tallest, spectra[axis, channel, row, column])
                if tallest == 0.0:
                    peaks[axis, row, column] = np.nan
                    continue
                rising, low, high = (
                    True,
                    0.0,
                    0.0,
                )  # there is nothing before the first channel, nor after the last
                for channel in range(channels + 1):
                    value = spectra[axis, channel, row, column] if channel < channels else 0.0
                    if rising:
                        high = max(high, value)
                        if high > value and high - value >= prominence * tallest:
                            peaks[axis, row, column] += 1.0
                            rising, low = False, value
                    else:
                        low = min(low, value)
                        if value - low >= prominence * tallest and value > low:
                            rising, high = True, value
    return peaks
