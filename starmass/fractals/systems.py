"""Iterated function systems drawn at random.

They have affine maps from two samplers, variations, post-transforms and symmetry.

Everything is drawn from raw random bits and transformed here in float32, so that no library's
change of a distribution changes an image.
"""

from typing import Any, NamedTuple

import numpy as np

from starmass.fractals.arithmetic import HALF, ONE, TWO, TWO_PI, ZERO, f32, sine_cosine, truncate
from starmass.fractals.compilation import kernel
from starmass.fractals.variations import CATALOGUE
from starmass.fractals.walkers import COLOUR, COLOUR_SPEED, PARAMETERS, ROW, next_word, uniform

SAMPLERS = {"sigma_factor": 0, "rotation_shift": 1}
LARGEST_FOLD = 6  # symmetries are drawn from 2-fold to this
MOST_SYMMETRY_PAIRS = LARGEST_FOLD  # one reflection and the rotations

THREE, FIVE = f32(3), f32(5)
LEAST_WEIGHT = f32(0.02)  # share that even a flat map (determinant near zero) keeps
LEAST_SCALE = f32(0.4)
POST_SCALE, POST_SHIFT = f32(0.5), f32(0.5)

# The catalogue as arrays, by variation number, for use inside kernels.
_LAST = CATALOGUE[-1].number + 1
RANGES = np.zeros((_LAST, 4, 2), np.float32)
WHOLE = np.zeros((_LAST, 4), np.bool_)
COEFFICIENTS = np.full((_LAST, 4), -1, np.int32)
for _variation in CATALOGUE:
    for _position, _range in enumerate(_variation.ranges):
        RANGES[_variation.number, _position] = _range
    WHOLE[_variation.number, list(_variation.whole)] = True
    COEFFICIENTS[_variation.number, : len(_variation.coefficients)] = _variation.coefficients


class SystemOptions(NamedTuple):
    """What a system is drawn from, in the form that kernels take.

    ``sampler`` 0 sigma-factor, 1 rotation and shift; numbers of maps and of variations from least
    to most; ``variations`` numbers to choose from, int32; probabilities of a post-transform (each
    map) and a symmetry (each system).
    """

    sampler: int
    least_maps: int
    most_maps: int
    variations: Any
    least_variations: int
    most_variations: int
    post_transforms: np.float32
    symmetry: np.float32

    @property
    def most_pairs(self) -> int:
        """Largest number of pairs that a system can have."""
        return self.most_maps * self.most_variations + (
            MOST_SYMMETRY_PAIRS if self.symmetry > 0 else 0
        )


@kernel
def sample_system(generator, options):
    """Draw a system.

    Returns
    -------
    variations : number of the variation of each pair (map, variation), int32 [pair]
    table : coefficients of each pair, float32 [pair, ROW]
    cumulative : cumulative probability of the pairs, float32 [pair]; the last is 2, above any draw
    """
    maps = draw_whole(generator, options.least_maps, options.most_maps)
    chosen = draw_variations(
        generator, options.variations, options.least_variations, options.most_variations
    )
    affine = (
        sample_sigma_factor(generator, maps)
        if options.sampler == 0
        else sample_rotation_shift(generator, maps)
    )
    fold, reflections = draw_symmetry(generator, options.symmetry)

    pairs = maps * chosen.size
    total = pairs + fold - 1 + reflections
    variations = np.zeros(total, np.int32)
    table = np.zeros((total, ROW), np.float32)
    weights = np.zeros(total, np.float32)
    map_weights = draw_map_weights(affine)
    for i in range(maps):
        post = draw_post_transform(generator, options.post_transforms)
        shares = np.empty(chosen.size, np.float32)
        for k in range(chosen.size):
            shares[k] = uniform(generator, f32(0.05), ONE)
        scale = map_weights[i] / add_up(shares)
        for k in range(chosen.size):
            pair = i * chosen.size + k
            variations[pair] = chosen[k]
            for column in range(6):
                table[pair, column], table[pair, 6 + column] = affine[i, column], post[column]
            table[pair, COLOUR] = f32(i) / f32(maps - 1) if maps > 1 else HALF
            table[pair, COLOUR_SPEED] = HALF
            draw_parameters(generator, chosen[k], table[pair])
            weights[pair] = shares[k] * scale
    fill_symmetry(table, weights, pairs, fold, reflections)
    return variations, table, accumulate(weights)


@kernel
def sample_sigma_factor(generator, maps):
    """Draw affine maps whose sigma-factor, sum(s1 + 2 s2), is (5 + n)/2 to (6 + n)/2.

    The singular values of each map are s1 >= s2.

    The sampler of Anderson & Farrell (2022), "Improving Fractal Pre-training", section 3: systems
    in this range have attractors that are neither points nor blots. Each map is a rotation, the
    singular values, another rotation and random reflections; shifts are even in [-1, 1).

    Returns
    -------
    (a, b, c, d, e, f) of each map, float32 [map, 6]
    """
    result = np.empty((maps, 6), np.float32)
    rest = HALF * (FIVE + f32(maps) + uniform(generator, ZERO, ONE))
    for i in range(maps):
        # What this map must leave for the others to reach the sum with at most 3 each, and may not
        # exceed.
        least = rest - THREE * f32(maps - 1 - i)
        first = uniform(generator, max(ZERO, least / THREE), min(ONE, rest))
        second = uniform(
            generator, max(ZERO, HALF * (least - first)), min(first, HALF * (rest - first))
        )
        rest -= first + TWO * second
        affine = compose(generator, first, second)
        for column in range(6):
            result[i, column] = affine[column]
    return result


@kernel
def compose(generator, first, second):
    """Return a random affine map of given singular values: float32 [6].

    It is rotation x diag(first, second) x rotation x random reflections, with a random shift.
    """
    s, c = sine_cosine(uniform(generator, -TWO_PI / TWO, TWO_PI / TWO))
    u, v = sine_cosine(uniform(generator, -TWO_PI / TWO, TWO_PI / TWO))
    word = next_word(generator)
    flip_x = ONE if word & np.uint64(1) else -ONE
    flip_y = ONE if word & np.uint64(2) else -ONE
    result = np.empty(6, np.float32)
    result[0] = flip_x * (c * first * v - s * second * u)
    result[1] = flip_y * (-c * first * u - s * second * v)
    result[2] = uniform(generator, -ONE, ONE)
    result[3] = flip_x * (s * first * v + c * second * u)
    result[4] = flip_y * (-s * first * u + c * second * v)
    result[5] = uniform(generator, -ONE, ONE)
    return result


@kernel
def sample_rotation_shift(generator, maps):
    """Draw affine maps that rotate, shrink a little (0.4 to 1) and shift: float32 [map, 6].

    The wording of arXiv 2510.24159. It names no shrinking; rotations and shifts alone would carry
    the walkers ever farther wherever the variation doesn't bring them back.
    """
    result = np.empty((maps, 6), np.float32)
    for i in range(maps):
        s, c = sine_cosine(uniform(generator, -TWO_PI / TWO, TWO_PI / TWO))
        scale = uniform(generator, LEAST_SCALE, ONE)
        result[i, 0], result[i, 1], result[i, 2] = (
            scale * c,
            -scale * s,
            uniform(generator, -ONE, ONE),
        )
        result[i, 3], result[i, 4], result[i, 5] = (
            scale * s,
            scale * c,
            uniform(generator, -ONE, ONE),
        )
    return result


@kernel
def draw_map_weights(affine):
    """Probabilities of the maps, by the area that each maps the plane to (``|determinant|``).

    None is below a small share.
    """
    weights = np.empty(len(affine), np.float32)
    for i in range(len(affine)):
        weights[i] = abs(affine[i, 0] * affine[i, 4] - affine[i, 1] * affine[i, 3]) + f32(1e-6)
    total = add_up(weights)
    for i in range(len(affine)):
        weights[i] = weights[i] / total + LEAST_WEIGHT
    total = add_up(weights)
    for i in range(len(affine)):
        weights[i] = weights[i] / total
    return weights


@kernel
def draw_variations(generator, available, least, most):
    """Draw ``least`` to ``most`` different variations from ``available``: their numbers, int32."""
    count = draw_whole(generator, min(least, available.size), min(most, available.size))
    deck = available.copy()
    for i in range(count):
        j = draw_whole(generator, i, deck.size - 1)
        deck[i], deck[j] = deck[j], deck[i]
    return deck[:count].copy()


@kernel
def draw_parameters(generator, number, row):
    """Fill the parameters of a variation into its row of the table.

    They come from its ranges or from its affine map.
    """
    for position in range(4):
        source = COEFFICIENTS[number, position]
        if source >= 0:
            row[PARAMETERS + position] = row[source]
            continue
        value = uniform(generator, RANGES[number, position, 0], RANGES[number, position, 1])
        row[PARAMETERS + position] = truncate(value) if WHOLE[number, position] else value


@kernel
def draw_post_transform(generator, probability):
    """An affine map to follow the variation, with this probability: float32 [6].

    Otherwise it is the identity.
    """
    result = np.zeros(6, np.float32)
    result[0], result[4] = ONE, ONE
    if uniform(generator, ZERO, ONE) < probability:
        result = compose(
            generator, uniform(generator, POST_SCALE, ONE), uniform(generator, POST_SCALE, ONE)
        )
        result[2] *= POST_SHIFT
        result[5] *= POST_SHIFT
    return result


@kernel
def draw_symmetry(generator, probability):
    """With this probability a fold from 2 to 6 and 0 or 1 reflections; otherwise (1, 0)."""
    word = next_word(generator)
    fold = draw_whole(generator, 2, LARGEST_FOLD)
    if uniform(generator, ZERO, ONE) >= probability:
        return 1, 0
    return fold, 1 if word & np.uint64(1) else 0


@kernel
def fill_symmetry(table, weights, first, fold, reflections):
    """Add the maps that make a system symmetric.

    They are rotations by 360/fold degrees, and a reflection at the y axis.

    Each is as probable as all the others' sum before, and leaves the colour alone (Draves & Reckase
    2008, section 7).
    """
    for k in range(1, fold):
        pair = first + k - 1
        s, c = sine_cosine(TWO_PI * f32(k) / f32(fold))
        table[pair, 0], table[pair, 1], table[pair, 3], table[pair, 4] = c, -s, s, c
        table[pair, 6], table[pair, 10], weights[pair] = ONE, ONE, ONE
    if reflections:
        pair = len(table) - 1
        table[pair, 0], table[pair, 4] = -ONE, ONE
        table[pair, 6], table[pair, 10], weights[pair] = ONE, ONE, ONE


@kernel
def accumulate(weights):
    """Cumulative probabilities of ``weights``.

    The last is 2, so that a draw of nearly 1 finds it in spite of rounding.
    """
    total = add_up(weights)
    cumulative = np.empty(len(weights), np.float32)
    sum_so_far = ZERO
    for i in range(len(weights)):
        sum_so_far += weights[i] / total
        cumulative[i] = sum_so_far
    cumulative[-1] = TWO
    return cumulative


@kernel
def add_up(values):
    """Sum in order: the same rounding everywhere."""
    total = ZERO
    for i in range(len(values)):
        total += values[i]
    return total


@kernel
def draw_whole(generator, least, most):
    """Draw a whole number from ``least`` to ``most``, both included."""
    return least + int((next_word(generator) >> np.uint64(33)) % np.uint64(most - least + 1))
