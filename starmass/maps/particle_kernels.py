"""Compiled loops from particles to maps: exact shares of a tabulated kernel, all axes at once.

A table holds H(x, y, z), the integral of the unit kernel between the centre and (x, y, z), of one
octant: the kernel is the same in all eight, so that H is odd in each argument. The kernel's mass in
any box is the signed sum of H at the box's corners, and such sums over the pixels of a map
telescope.
"""

import math

import numpy as np

from starmass.compilation import compiled

LEAST_SHARE = 1e-15  # of a kernel: below it is the rounding of a sum of corners of up to 1/4


@compiled()
def find_reaching(position, support, centre, sides, period):  # type: ignore[no-untyped-def]
    """Rows of ``position`` (n, 3) whose support reaches into a cuboid, also by periodic faces.

    ``centre`` and ``sides`` are the cuboid's (3,).
    """
    found = np.empty(len(position), np.int64)
    count = 0
    for row in range(len(position)):
        reaches = True
        for axis in range(3):
            distance = position[row, axis] - centre[axis]
            if np.isfinite(period[axis]):
                distance -= period[axis] * np.rint(distance / period[axis])
            if abs(distance) >= 0.5 * sides[axis] + support[row]:
                reaches = False
                break
        if reaches:
            found[count] = row
            count += 1
    return found[:count].copy()


@compiled()
def deposit_particle_moments(  # type: ignore[no-untyped-def]
    lower, mass, support, velocity, side, ends, period, table, weight, mean, square
):
    """Add to ``weight``, ``mean`` and ``square`` as ``kernels.deposit_moments``.

    Return the mass in the cube.

    Parameters
    ----------
    lower : (n, 3) positions from the cube's lower corner
    mass, support : (n,)
    velocity : (3, n)
    ends : (3, 2) where the lines of sight begin and end, from the cube's lower corner
    table : (cells + 1, cells + 1, cells + 1) H of one octant
    """
    pixels = weight.shape[1]
    share, edges, reach, lines, seen = _workspace(pixels)
    flat = 2.0 * table[:, :, -1]
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    total = 0.0
    for particle in range(len(mass)):
        _images(lower[particle], support[particle], side, ends, period, first, last)
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                for k in range(first[2], last[2] + 1):
                    inside = _lay_kernel(
                        lower[particle], (i, j, k), support[particle], side, ends, period, pixels,
                        table, flat, edges, reach, lines, seen, share,
                    )  # fmt: skip
                    total += mass[particle] * inside
                    for axis in range(3):
                        if not seen[axis]:
                            continue
                        across, up = (axis + 1) % 3, (axis + 2) % 3
                        speed = velocity[axis, particle]
                        for row in range(reach[up, 0], reach[up, 1] + 1):
                            for column in range(reach[across, 0], reach[across, 1] + 1):
                                part = share[axis, row, column]
                                gas = mass[particle] * part
                                if part > LEAST_SHARE and gas > 0.0:
                                    before = weight[axis, row, column]
                                    fraction = gas / (before + gas)
                                    deviation = speed - mean[axis, row, column]
                                    weight[axis, row, column] = before + gas
                                    mean[axis, row, column] += deviation * fraction
                                    square[axis, row, column] += (
                                        deviation * deviation * before * fraction
                                    )
    return total


@compiled()
def deposit_particle_values(  # type: ignore[no-untyped-def]
    lower, mass, support, values, side, ends, period, table, weight, sums
):
    """Add mass to ``weight``, and mass times the values (map, axis, particle) to ``sums``."""
    pixels = weight.shape[1]
    share, edges, reach, lines, seen = _workspace(pixels)
    flat = 2.0 * table[:, :, -1]
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for particle in range(len(mass)):
        _images(lower[particle], support[particle], side, ends, period, first, last)
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                for k in range(first[2], last[2] + 1):
                    _lay_kernel(
                        lower[particle], (i, j, k), support[particle], side, ends, period, pixels,
                        table, flat, edges, reach, lines, seen, share,
                    )  # fmt: skip
                    for axis in range(3):
                        if not seen[axis]:
                            continue
                        across, up = (axis + 1) % 3, (axis + 2) % 3
                        for row in range(reach[up, 0], reach[up, 1] + 1):
                            for column in range(reach[across, 0], reach[across, 1] + 1):
                                part = share[axis, row, column]
                                gas = mass[particle] * part
                                if part > LEAST_SHARE and gas > 0.0:
                                    weight[axis, row, column] += gas
                                    for one in range(len(values)):
                                        sums[axis, one, row, column] += (
                                            gas * values[one, axis, particle]
                                        )


@compiled()
def deposit_particle_lines(  # type: ignore[no-untyped-def]
    lower, mass, support, velocity, channels, line_width, side, ends, period, table, spectra
):
    """Add mass to the velocity channels that each particle's line reaches."""
    pixels, count = spectra.shape[2], spectra.shape[1]
    step = (channels[-1] - channels[0]) / count
    share, edges, reach, lines, seen = _workspace(pixels)
    flat = 2.0 * table[:, :, -1]
    line = np.zeros((3, count))
    lowest, highest = np.zeros(3, np.int64), np.zeros(3, np.int64)
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    spread = 6.0 * line_width / step
    for particle in range(len(mass)):
        for axis in range(3):
            place = (velocity[axis, particle] - channels[0]) / step
            lowest[axis] = max(int(np.floor(place - spread)), 0)
            highest[axis] = min(int(np.floor(place + spread)), count - 1)
            for channel in range(lowest[axis], highest[axis] + 1):
                line[axis, channel] = mass[particle] * _line_share(
                    place - channel, line_width / step
                )
        _images(lower[particle], support[particle], side, ends, period, first, last)
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                for k in range(first[2], last[2] + 1):
                    _lay_kernel(
                        lower[particle], (i, j, k), support[particle], side, ends, period, pixels,
                        table, flat, edges, reach, lines, seen, share,
                    )  # fmt: skip
                    for axis in range(3):
                        if not seen[axis]:
                            continue
                        across, up = (axis + 1) % 3, (axis + 2) % 3
                        for channel in range(lowest[axis], highest[axis] + 1):
                            for row in range(reach[up, 0], reach[up, 1] + 1):
                                for column in range(reach[across, 0], reach[across, 1] + 1):
                                    part = share[axis, row, column]
                                    if part > LEAST_SHARE:
                                        spectra[axis, channel, row, column] += (
                                            part * line[axis, channel]
                                        )


@compiled()
def _line_share(place, width):  # type: ignore[no-untyped-def]
    """Share of a Gaussian line at ``place`` of dispersion ``width`` that falls between 0 and 1."""
    if width == 0.0:
        return 1.0 if 0.0 <= place < 1.0 else 0.0
    scale = 1.0 / (width * np.sqrt(2.0))
    return 0.5 * (math.erf((1.0 - place) * scale) + math.erf(place * scale))


@compiled()
def _workspace(pixels):  # type: ignore[no-untyped-def]
    """What :func:`_lay_kernel` fills.

    Shares (axis, row, column); edges (axis, pixel + 1, place | rest | sign) in cells of the table;
    reach (axis, first | last) in pixels; lines (axis, begin | end, place | rest | sign), where the
    lines of sight end, as edges; seen (axis,), whether there is a share along it.
    """
    return (
        np.zeros((3, pixels, pixels)),
        np.zeros((3, pixels + 1, 3)),
        np.zeros((3, 2), np.int64),
        np.zeros((3, 2, 3)),
        np.zeros(3, np.bool_),
    )


@compiled()
def _images(lower, support, side, ends, period, first, last):  # type: ignore[no-untyped-def]
    """Note which shifts by periods bring the support into the cube or its lines of sight.

    There are none where first > last.
    """
    for axis in range(3):
        begin, end = min(0.0, ends[axis, 0]), max(side, ends[axis, 1])
        if np.isfinite(period[axis]):
            first[axis] = int(np.floor((begin - support - lower[axis]) / period[axis])) + 1
            last[axis] = int(np.ceil((end + support - lower[axis]) / period[axis])) - 1
        else:
            reaches = begin - support < lower[axis] < end + support
            first[axis], last[axis] = 0, 0 if reaches else -1


@compiled()
def _lay_kernel(  # type: ignore[no-untyped-def]
    lower, image, support, side, ends, period, pixels, table, flat, edges, reach, lines, seen, share
):
    """Lay one image of a kernel over the pixels along each axis; return its share in the cube.

    Parameters
    ----------
    lower : (3,) position from the cube's lower corner, before the shift by ``image`` periods
    ends : (3, 2) where the lines of sight begin and end, from the cube's lower corner
    flat : (cells + 1, cells + 1) H of the kernel in its whole depth
    edges, reach, lines, seen, share : see :func:`_workspace`; beyond the reach, and along axes that
        are not seen, shares are left as they are
    """
    cells = table.shape[0] - 1
    size = side / pixels
    within = np.zeros(3, np.bool_)
    for axis in range(3):
        middle = lower[axis]
        if image[axis] != 0:
            middle += image[axis] * period[axis]
        within[axis] = -support < middle < side + support
        seen[axis] = ends[axis, 0] - support < middle < ends[axis, 1] + support
        start = int(max(middle - support, 0.0) / size)
        stop = int(min(middle + support, side) / size)
        start, stop = min(start, pixels - 1), min(max(stop, 0), pixels - 1)
        reach[axis, 0], reach[axis, 1] = start, stop
        for pixel in range(start, stop + 2):
            edge = (min(pixel * size, side) if pixel < pixels else side) - middle
            _place_edge(edge, support, cells, edges[axis, pixel - start])
        if ends[axis, 0] == 0.0 and ends[axis, 1] == side:
            lines[axis, 0], lines[axis, 1] = edges[axis, 0], edges[axis, stop - start + 1]
        else:
            _place_edge(ends[axis, 0] - middle, support, cells, lines[axis, 0])
            _place_edge(ends[axis, 1] - middle, support, cells, lines[axis, 1])
    for axis in range(3):
        across, up = (axis + 1) % 3, (axis + 2) % 3
        seen[axis] = seen[axis] and within[across] and within[up]
        if not seen[axis]:
            continue
        columns = reach[across, 1] - reach[across, 0] + 2
        rows = reach[up, 1] - reach[up, 0] + 2
        near, far = lines[axis, 0], lines[axis, 1]
        whole_depth = _is_end(near, -1.0, cells) and _is_end(far, 1.0, cells)
        for row in range(rows):
            above = 0.0
            for column in range(columns):
                right, top = edges[across, column], edges[up, row]
                i, j = int(right[0]), int(top[0])
                if whole_depth:
                    corner = _between(
                        flat[i, j], flat[i, j + 1], flat[i + 1, j], flat[i + 1, j + 1],
                        right[1], top[1],
                    )  # fmt: skip
                else:
                    corner = _below(table, i, j, right[1], top[1], far)
                    corner -= _below(table, i, j, right[1], top[1], near)
                corner *= right[2] * top[2]
                # Differences along rows now, and between rows once the next row is known.
                if column > 0:
                    strip = corner - above
                    if row < rows - 1:
                        share[axis, reach[up, 0] + row, reach[across, 0] + column - 1] = -strip
                    if row > 0:
                        share[axis, reach[up, 0] + row - 1, reach[across, 0] + column - 1] += strip
                above = corner
    return _inside(table, edges, reach) if within.all() else 0.0


@compiled()
def _place_edge(edge, support, cells, found):  # type: ignore[no-untyped-def]
    """Note where an edge, as seen from the kernel's centre, lies in the table."""
    place = min(abs(edge) / support, 1.0) * cells
    whole = min(int(place), cells - 1)
    found[0] = whole
    found[1] = place - whole
    found[2] = -1.0 if edge < 0.0 else 1.0


@compiled()
def _is_end(edge, sign, cells):  # type: ignore[no-untyped-def]
    return edge[2] == sign and edge[0] == cells - 1 and edge[1] == 1.0


@compiled()
def _between(one, two, three, four, i, j):  # type: ignore[no-untyped-def]
    """Bilinear between values at (0, 0), (0, 1), (1, 0) and (1, 1)."""
    return (1.0 - i) * ((1.0 - j) * one + j * two) + i * ((1.0 - j) * three + j * four)


@compiled()
def _below(table, i, j, rest_i, rest_j, edge):  # type: ignore[no-untyped-def]
    """H at an edge in depth, without the other two arguments' signs: trilinear between knots."""
    k = int(edge[0])
    one, two, three, four = table[i, j], table[i, j + 1], table[i + 1, j], table[i + 1, j + 1]
    low = _between(one[k], two[k], three[k], four[k], rest_i, rest_j)
    high = _between(one[k + 1], two[k + 1], three[k + 1], four[k + 1], rest_i, rest_j)
    return edge[2] * ((1.0 - edge[1]) * low + edge[1] * high)


@compiled()
def _inside(table, edges, reach):  # type: ignore[no-untyped-def]
    """Share of the kernel in the cube: H at the eight corners of what is left of its support."""
    total = 0.0
    for a in range(2):
        x = edges[0, a * (reach[0, 1] - reach[0, 0] + 1)]
        for b in range(2):
            y = edges[1, b * (reach[1, 1] - reach[1, 0] + 1)]
            for c in range(2):
                z = edges[2, c * (reach[2, 1] - reach[2, 0] + 1)]
                sign = x[2] * y[2] * (1.0 if (a + b + c) % 2 else -1.0)
                total += sign * _below(table, int(x[0]), int(y[0]), x[1], y[1], z)
    return total
