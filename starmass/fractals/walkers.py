"""The chaos game played by many walkers at once.

Blocks of walkers share a step, and permutations mix them between steps.

A pair is one affine map with one variation. The state of the walkers is one flat float32 array of
five parts of ``WALKERS`` numbers each: x, y, colour coordinate, and the home x, y to which a walker
returns that ran away.
"""

import numpy as np

from starmass.fractals import variations as v
from starmass.fractals.arithmetic import f32, scramble
from starmass.fractals.compilation import inlined, kernel, taking_kernels

WALKERS = 1024
BLOCK = 64
# What a row of the table of pairs holds.
BEFORE, AFTER, COLOUR, COLOUR_SPEED, PARAMETERS, ROW = 0, 6, 12, 13, 14, 18
FARTHEST = f32(1e6)

# Indices are unsigned words: signed ones make numba look for negative indices at every access.
_N, _2N, _3N, _4N = (
    np.uint64(WALKERS),
    np.uint64(2 * WALKERS),
    np.uint64(3 * WALKERS),
    np.uint64(4 * WALKERS),
)
_BLOCK, _BLOCKS, _STEP = np.uint64(BLOCK), np.uint64(WALKERS // BLOCK), f32(BLOCK / WALKERS)
_MASK = np.uint64(WALKERS - 1)
_TO_FRACTION = f32(2.0**-24)


@kernel
def next_word(generator):
    """Draw 64 random bits; ``generator`` is the state of four words.

    It is xoshiro256++ of Blackman & Vigna (2019).
    """
    a, b, c, d = generator[0], generator[1], generator[2], generator[3]
    total = a + d
    word = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
    c ^= a
    d ^= b
    generator[0], generator[1] = a ^ d, b ^ c
    generator[2] = c ^ (b << np.uint64(17))
    generator[3] = (d << np.uint64(45)) | (d >> np.uint64(19))
    return word


@kernel
def uniform(generator, low, high):
    """Draw a float32 evenly from [low, high)."""
    return low + (high - low) * (f32(next_word(generator) >> np.uint64(40)) * _TO_FRACTION)


@kernel
def start_walkers(generator):
    """Return walkers spread evenly over the square [-1, 1]^2, colour coordinates over [0, 1]."""
    walkers = np.empty(5 * WALKERS, np.float32)
    for i in range(2 * WALKERS):
        walkers[i] = uniform(generator, f32(-1), f32(1))
        walkers[i + 3 * WALKERS] = walkers[i]
    for i in range(2 * WALKERS, 3 * WALKERS):
        walkers[i] = uniform(generator, f32(0), f32(1))
    return walkers


@kernel
def take_step(generator, variations, table, cumulative, walkers, spare):
    """Move every walker by one pair and permute the walkers.

    Which pair a block takes is a stratified draw: block b gets the pair at (b + u)/blocks of the
    cumulative probability, u fresh at every step. Without the permutation, walkers that share
    contracting maps again and again would meet.

    Parameters
    ----------
    generator : state of the random numbers, uint64 [4]
    variations : variation of each pair, int32 [pair]
    table : coefficients of each pair, float32 [pair, ROW]
    cumulative : cumulative probability of the pairs, float32 [pair], the last above 1
    walkers, spare : the walkers, and room for them; the moved ones are left in ``spare``, which the
        caller then swaps

    Returns
    -------
    The number of walkers that ran away or met a pole and were sent home.
    """
    word = next_word(generator)
    noise = np.uint32(word)
    u = f32(word >> np.uint64(40)) * _TO_FRACTION
    pair = np.uint64(0)
    escapes = np.uint32(0)
    for block in range(_BLOCKS):
        while cumulative[pair] <= (f32(block) + u) * _STEP:
            pair += np.uint64(1)
        escapes += move_block(variations[pair], table, pair, walkers, block * _BLOCK, noise)
    word = next_word(generator)
    factor, offset = (word & _MASK) | np.uint64(1), (word >> np.uint64(32)) & _MASK
    for i in range(_N):
        j = (i * factor + offset) & _MASK
        spare[i] = walkers[j]
        spare[i + _N] = walkers[j + _N]
        spare[i + _2N] = walkers[j + _2N]
    return escapes


@kernel
def move_block(number, table, pair, walkers, first, noise):
    """Move the block of walkers that starts at ``first`` by a pair.

    A move is affine map, variation, post-transform, colour.

    Returns the number of walkers that were sent home.
    """
    a, b, c = table[pair, 0], table[pair, 1], table[pair, 2]
    d, e, f = table[pair, 3], table[pair, 4], table[pair, 5]
    after = (
        table[pair, 6],
        table[pair, 7],
        table[pair, 8],
        table[pair, 9],
        table[pair, 10],
        table[pair, 11],
    )
    colour, speed = table[pair, 12], table[pair, 13]
    escapes = np.uint32(0)
    if number == 0:  # linear leaves the points where they are: one pass does it all
        for i in range(first, first + _BLOCK):
            x, y = walkers[i], walkers[i + _N]
            escapes += _land(walkers, i, a * x + b * y + c, d * x + e * y + f, after, colour, speed)
        return escapes
    for i in range(first, first + _BLOCK):
        x, y = walkers[i], walkers[i + _N]
        walkers[i], walkers[i + _N] = a * x + b * y + c, d * x + e * y + f
    vary_block(
        number,
        walkers,
        first,
        noise,
        table[pair, 14],
        table[pair, 15],
        table[pair, 16],
        table[pair, 17],
    )
    for i in range(first, first + _BLOCK):
        escapes += _land(walkers, i, walkers[i], walkers[i + _N], after, colour, speed)
    return escapes


@inlined
def _land(walkers, i, x, y, after, colour, speed):
    """Put walker ``i`` where the post-transform ``after`` takes (x, y), or home.

    Return 1 if it was sent home, otherwise 0.
    """
    a, b, c, d, e, f = after
    x, y = a * x + b * y + c, d * x + e * y + f
    near = (abs(x) < FARTHEST) & (abs(y) < FARTHEST)  # false for what is not a number
    walkers[i] = x if near else walkers[i + _3N]
    walkers[i + _N] = y if near else walkers[i + _4N]
    walkers[i + _2N] += speed * (colour - walkers[i + _2N])
    return np.uint32(0) if near else np.uint32(1)


@taking_kernels
def _vary(variation, walkers, first, noise, p1, p2, p3, p4):
    """Apply one variation to a block: compiled for each variation as a vector loop of its own."""
    for i in range(first, first + _BLOCK):
        walkers[i], walkers[i + _N] = variation(
            walkers[i], walkers[i + _N], scramble(noise + np.uint32(i)), p1, p2, p3, p4
        )


@kernel
def vary_block(number, walkers, first, noise, p1, p2, p3, p4):
    """Apply the variation with this ``number`` to the block of walkers that starts at ``first``."""
    if number == 0:
        _vary(v.linear, walkers, first, noise, p1, p2, p3, p4)
    elif number == 1:
        _vary(v.sinusoidal, walkers, first, noise, p1, p2, p3, p4)
    elif number == 2:
        _vary(v.spherical, walkers, first, noise, p1, p2, p3, p4)
    elif number == 3:
        _vary(v.swirl, walkers, first, noise, p1, p2, p3, p4)
    elif number == 4:
        _vary(v.horseshoe, walkers, first, noise, p1, p2, p3, p4)
    elif number == 5:
        _vary(v.polar, walkers, first, noise, p1, p2, p3, p4)
    elif number == 6:
        _vary(v.handkerchief, walkers, first, noise, p1, p2, p3, p4)
    elif number == 7:
        _vary(v.heart, walkers, first, noise, p1, p2, p3, p4)
    elif number == 8:
        _vary(v.disc, walkers, first, noise, p1, p2, p3, p4)
    elif number == 9:
        _vary(v.spiral, walkers, first, noise, p1, p2, p3, p4)
    elif number == 10:
        _vary(v.hyperbolic, walkers, first, noise, p1, p2, p3, p4)
    elif number == 11:
        _vary(v.diamond, walkers, first, noise, p1, p2, p3, p4)
    elif number == 12:
        _vary(v.ex, walkers, first, noise, p1, p2, p3, p4)
    elif number == 13:
        _vary(v.julia, walkers, first, noise, p1, p2, p3, p4)
    elif number == 14:
        _vary(v.bent, walkers, first, noise, p1, p2, p3, p4)
    elif number == 15:
        _vary(v.waves, walkers, first, noise, p1, p2, p3, p4)
    elif number == 16:
        _vary(v.fisheye, walkers, first, noise, p1, p2, p3, p4)
    elif number == 17:
        _vary(v.popcorn, walkers, first, noise, p1, p2, p3, p4)
    elif number == 18:
        _vary(v.exponential, walkers, first, noise, p1, p2, p3, p4)
    elif number == 19:
        _vary(v.power_law, walkers, first, noise, p1, p2, p3, p4)
    elif number == 20:
        _vary(v.cosine, walkers, first, noise, p1, p2, p3, p4)
    elif number == 21:
        _vary(v.rings, walkers, first, noise, p1, p2, p3, p4)
    elif number == 22:
        _vary(v.fan, walkers, first, noise, p1, p2, p3, p4)
    elif number == 23:
        _vary(v.blob, walkers, first, noise, p1, p2, p3, p4)
    elif number == 24:
        _vary(v.pdj, walkers, first, noise, p1, p2, p3, p4)
    elif number == 25:
        _vary(v.fan2, walkers, first, noise, p1, p2, p3, p4)
    elif number == 26:
        _vary(v.rings2, walkers, first, noise, p1, p2, p3, p4)
    elif number == 27:
        _vary(v.eyefish, walkers, first, noise, p1, p2, p3, p4)
    elif number == 28:
        _vary(v.bubble, walkers, first, noise, p1, p2, p3, p4)
    elif number == 29:
        _vary(v.cylinder, walkers, first, noise, p1, p2, p3, p4)
    elif number == 30:
        _vary(v.perspective, walkers, first, noise, p1, p2, p3, p4)
    elif number == 32:
        _vary(v.julian, walkers, first, noise, p1, p2, p3, p4)
    elif number == 33:
        _vary(v.juliascope, walkers, first, noise, p1, p2, p3, p4)
    elif number == 39:
        _vary(v.curl, walkers, first, noise, p1, p2, p3, p4)
    elif number == 40:
        _vary(v.rectangles, walkers, first, noise, p1, p2, p3, p4)
    elif number == 42:
        _vary(v.tangent, walkers, first, noise, p1, p2, p3, p4)
    elif number == 48:
        _vary(v.cross, walkers, first, noise, p1, p2, p3, p4)
