"""From a system to an image, or to the cause of its rejection.

The steps are preview, frame, histogram, acceptance and tones.
"""

from typing import NamedTuple

import numpy as np

from starmass.fractals.arithmetic import HALF, ONE, ZERO, f32, log, power
from starmass.fractals.colours import ANCHORS, SHADES
from starmass.fractals.compilation import kernel
from starmass.fractals.systems import sample_system
from starmass.fractals.walkers import WALKERS, next_word, start_walkers, take_step

ACCEPTED, UNSTABLE, SPARSE_PREVIEW, SPARSE, FLAT = 0, 1, 2, 3, 4
VERDICTS = ("accepted", "unstable", "sparse_preview", "sparse", "flat")

BURN_IN = 20  # steps before the walkers count as on the attractor, as in flam3
PREVIEW_STEPS = 16
PREVIEW_POINTS = PREVIEW_STEPS * WALKERS
MOST_ESCAPES = PREVIEW_POINTS // 100
NARROWEST = f32(1e-4)
STRUCTURE_BLOCK = 8  # pixels
# A cell of the histogram holds the number of points in its low bits and the sum of their colours (0
# to 255) above.
COUNT_BITS = 28
COUNT_MASK = np.uint64(2**COUNT_BITS - 1)
MOST_POINTS = 2**COUNT_BITS - 1
BRIGHTEST = 65535
WHITE_SHARE = 1000  # one pixel in this number is as bright as can be

_N, _2N, _COUNT_BITS, _LAST_SHADE = (
    np.uint64(WALKERS),
    np.uint64(2 * WALKERS),
    np.uint64(COUNT_BITS),
    np.uint64(SHADES - 1),
)


class ImageOptions(NamedTuple):
    """What an image is made and judged by, in the form that kernels take.

    ``size`` [pixel]; ``steps`` of the chaos game, 1024 points each; the quantiles of x and y that
    the frame spans; the side of the preview [cell]; least coverage of the preview and of the image;
    least contrast; gamma.
    """

    size: int
    steps: int
    frame_low: np.float32
    frame_high: np.float32
    preview_size: int
    preview_coverage: np.float32
    coverage: np.float32
    contrast: np.float32
    gamma: np.float32


@kernel
def attempt(words, system_options, options):
    """Draw the candidate of these random words and render it if it is acceptable.

    Parameters
    ----------
    words : random bits of the candidate, uint64 [4]; left as they are
    system_options, options : :class:`starmass.fractals.systems.SystemOptions` and
        :class:`ImageOptions`

    Returns
    -------
    verdict : ACCEPTED, UNSTABLE (runs away, or shrinks to a point), SPARSE_PREVIEW or SPARSE (too
        few pixels hit) or FLAT
    points : number of points spent
    coverage, contrast : of the image; 0 where it wasn't rendered
    histogram : uint64 [size * size + spill] of an accepted candidate (see COUNT_BITS), otherwise
        empty
    box : x and y of the frame's corner, pixels per unit in x and y, float32 [4]
    palette : uint8 [ANCHORS, 3]
    variations, table, cumulative : the system
    """
    generator = words.copy()
    variations, table, cumulative = sample_system(generator, system_options)
    palette = draw_palette(generator)
    walkers = start_walkers(generator)
    spare = walkers.copy()
    for _ in range(BURN_IN):
        take_step(generator, variations, table, cumulative, walkers, spare)
        walkers, spare = spare, walkers
    x, y = np.empty(PREVIEW_POINTS, np.float32), np.empty(PREVIEW_POINTS, np.float32)
    escapes = 0
    for step in range(PREVIEW_STEPS):
        escapes += take_step(generator, variations, table, cumulative, walkers, spare)
        walkers, spare = spare, walkers
        for i in range(WALKERS):
            x[step * WALKERS + i], y[step * WALKERS + i] = walkers[i], walkers[WALKERS + i]
    points = (BURN_IN + PREVIEW_STEPS) * WALKERS
    nothing = np.empty(0, np.uint64)
    box, found = find_frame(x, y, options.frame_low, options.frame_high, options.size)
    if escapes > MOST_ESCAPES or not found:
        return UNSTABLE, points, ZERO, ZERO, nothing, box, palette, variations, table, cumulative
    if preview_coverage(x, y, box, options.size, options.preview_size) < options.preview_coverage:
        return (
            SPARSE_PREVIEW,
            points,
            ZERO,
            ZERO,
            nothing,
            box,
            palette,
            variations,
            table,
            cumulative,
        )

    histogram = np.zeros(options.size * options.size + WALKERS, np.uint64)
    cells, amounts = np.empty(WALKERS, np.uint32), np.empty(WALKERS, np.uint64)
    for _ in range(options.steps):
        take_step(generator, variations, table, cumulative, walkers, spare)
        walkers, spare = spare, walkers
        add_points(walkers, box, options.size, cells, amounts, histogram)
    points += options.steps * WALKERS
    coverage = measure_coverage(histogram, options.size)
    if coverage < options.coverage:
        return SPARSE, points, coverage, ZERO, nothing, box, palette, variations, table, cumulative
    contrast = measure_contrast(histogram, options.size)
    if contrast < options.contrast:
        return (
            FLAT,
            points,
            coverage,
            contrast,
            nothing,
            box,
            palette,
            variations,
            table,
            cumulative,
        )
    return (
        ACCEPTED,
        points,
        coverage,
        contrast,
        histogram,
        box,
        palette,
        variations,
        table,
        cumulative,
    )


@kernel
def find_frame(x, y, low, high, size):
    """Frame the points between two quantiles of x and of y.

    Non-linear maps throw a few points very far: a box round all of them would show next to nothing.

    Returns
    -------
    box : x and y of the corner, pixels per unit in x and y, float32 [4]
    found : whether there is an extent to speak of
    """
    box = np.zeros(4, np.float32)
    first, last = int(low * f32(len(x) - 1)), int(high * f32(len(x) - 1))
    for axis in range(2):
        values = x.copy() if axis == 0 else y.copy()
        # Order statistics, not interpolated quantiles: they come out the same however they are
        # found.
        start = find_ranked(values, first)
        width = find_ranked(values, last) - start
        if not width > NARROWEST:
            return box, False
        box[axis], box[axis + 2] = start, f32(size) / width
    return box, True


@kernel
def find_ranked(values, rank):
    """Value at this rank (0 is the smallest) by Hoare's selection.

    ``values`` keep their number and lose their order.
    """
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return values[rank]


@kernel
def preview_coverage(x, y, box, size, cells_across):
    """Share of the coarse cells of the frame (``cells_across`` a side) that points hit."""
    hit = np.zeros(cells_across * cells_across, np.uint8)
    factor = f32(cells_across) / f32(size)
    limit = f32(cells_across)
    for i in range(len(x)):
        column, row = (x[i] - box[0]) * box[2] * factor, (y[i] - box[1]) * box[3] * factor
        if (column >= ZERO) & (column < limit) & (row >= ZERO) & (row < limit):
            hit[int(row) * cells_across + int(column)] = 1
    count = 0
    for i in range(len(hit)):
        count += hit[i]
    return f32(count) / f32(len(hit))


@kernel
def add_points(walkers, box, size, cells, amounts, histogram):
    """Add the walkers' positions to the histogram.

    Each walker outside the frame has a spill cell of its own behind it.
    """
    x0, y0, scale_x, scale_y = box[0], box[1], box[2], box[3]
    limit, across, spill = f32(size), np.int32(size), np.uint32(size * size)
    for i in range(_N):
        column, row = (walkers[i] - x0) * scale_x, (walkers[i + _N] - y0) * scale_y
        inside = (column >= ZERO) & (column < limit) & (row >= ZERO) & (row < limit)
        column, row = (column if inside else ZERO), (row if inside else ZERO)
        cell = np.uint32(np.int32(row) * across + np.int32(column))
        cells[i] = cell if inside else spill + np.uint32(i)
        amounts[i] = (
            np.uint64(np.int32(walkers[i + _2N] * f32(255) + HALF)) << _COUNT_BITS
        ) | np.uint64(1)
    # A loop of its own: the one above is vector code, this one waits for memory.
    for i in range(_N):
        histogram[cells[i]] += amounts[i]


@kernel
def measure_coverage(histogram, size):
    """Share of the pixels that were hit at least once."""
    count = 0
    for i in range(size * size):
        count += 1 if histogram[i] != 0 else 0
    return f32(count) / f32(size * size)


@kernel
def measure_contrast(histogram, size):
    """Contrast on scales below 8 pixels beyond what chance gives.

    In each block of 8 x 8 pixels the variance of the counts less their mean (a Poisson variable has
    none left), over the square of the mean; the median over the blocks that were hit, so that one
    bright spot makes no structure; its root.
    """
    across = size // STRUCTURE_BLOCK
    excess = np.zeros(across * across, np.float32)
    hit = 0
    for block in range(across * across):
        corner = (block // across) * STRUCTURE_BLOCK * size + (block % across) * STRUCTURE_BLOCK
        total, squares = np.int64(0), np.int64(0)
        for i in range(STRUCTURE_BLOCK):
            for j in range(STRUCTURE_BLOCK):
                count = np.int64(histogram[corner + i * size + j] & COUNT_MASK)
                total += count
                squares += count * count
        if total > 0:
            pixels = STRUCTURE_BLOCK * STRUCTURE_BLOCK
            mean = total / pixels
            variance = (squares - total * mean) / (pixels - 1)
            excess[hit] = f32((variance - mean) / (mean * mean))
            hit += 1
    if hit == 0:
        return ZERO
    median = find_ranked(excess[:hit], hit // 2)
    return np.sqrt(median) if median > ZERO else ZERO


@kernel
def draw_palette(generator):
    """Draw the colours that a palette passes through: uint8 [ANCHORS, 3].

    Each has one channel at full strength.
    """
    palette = np.empty((ANCHORS, 3), np.uint8)
    for anchor in range(ANCHORS):
        word = next_word(generator)
        red, green, blue = (
            word & np.uint64(255),
            (word >> np.uint64(8)) & np.uint64(255),
            (word >> np.uint64(16)) & np.uint64(255),
        )
        strongest = max(red, green, blue, np.uint64(1))
        palette[anchor, 0] = red * np.uint64(255) // strongest
        palette[anchor, 1] = green * np.uint64(255) // strongest
        palette[anchor, 2] = blue * np.uint64(255) // strongest
    return palette


@kernel
def tone_curve(histogram, size, gamma):
    """Brightness (0 to 255) of each count up to the white point, uint8.

    It is (log(1 + n) / log(1 + white))^(1/gamma).

    Log-density display of Draves & Reckase (2008), section 4. White is the count that one pixel in
    a thousand exceeds, so that a single hot pixel doesn't darken the rest.
    """
    frequency = np.zeros(BRIGHTEST + 1, np.int64)
    for i in range(size * size):
        count = np.int64(histogram[i] & COUNT_MASK)
        frequency[count if count < BRIGHTEST else BRIGHTEST] += 1
    white, above = BRIGHTEST, 0
    while white > 1 and (above + frequency[white]) * WHITE_SHARE <= size * size:
        above += frequency[white]
        white -= 1
    curve = np.zeros(white + 1, np.uint8)
    scale, exponent = ONE / log(ONE + f32(white)), ONE / gamma
    for points in range(1, white + 1):
        level = power(log(ONE + f32(points)) * scale, exponent) * f32(255) + HALF
        curve[points] = np.uint8(min(level, f32(255)))
    return curve


@kernel
def paint(histogram, size, gamma):
    """Turn a histogram into an image.

    Returns
    -------
    grey : brightness by the tone curve, uint8 [row, column]
    shades : structural colour, 0 to 31 along the palette, uint8 [row, column]: the mean colour
        coordinate of the points of a pixel, which says along which maps they came; 0 where there
        are none
    """
    curve = tone_curve(histogram, size, gamma)
    grey, shades = np.empty((size, size), np.uint8), np.empty((size, size), np.uint8)
    for row in range(size):
        for column in range(size):
            cell = histogram[row * size + column]
            count, colours = cell & COUNT_MASK, cell >> _COUNT_BITS
            grey[row, column] = curve[min(np.int64(count), len(curve) - 1)]
            shades[row, column] = (
                (colours * _LAST_SHADE + count * np.uint64(127)) // (count * np.uint64(255))
                if count
                else np.uint64(0)
            )
    return grey, shades
