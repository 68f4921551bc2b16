"""Elementary functions in float32, made of polynomials and bit patterns alone.

The mathematical library of the machine would put a call into every turn of the loops (no vector
code) and differs between machines (no identical images). Each function here is straight-line code
that LLVM turns into vector instructions and that gives the same bits on every processor. The
polynomials are minimax fits on the reduced range, near float32 rounding. Accuracy is tested: about
1e-7 absolute for sine and cosine up to arguments of a few thousand, relative for exp and log.
"""

import numpy as np
from numba import float32, float64

from starmass.fractals.compilation import inlined, inlined_for

f32 = np.float32

PI = f32(np.pi)
TWO_PI = f32(2 * np.pi)
HALF_PI = f32(np.pi / 2)
ZERO, HALF, ONE, TWO = f32(0), f32(0.5), f32(1), f32(2)
LARGEST_ANGLE = f32(
    1e6
)  # above it a float32 no longer resolves the angle; its sine is taken as that of 0
ROUNDER = f32(
    1.5 * 2**23
)  # adding and subtracting it rounds a float32 below 2**22 to the nearest integer
TWO_OVER_PI = f32(2 / np.pi)
# pi/2 and ln 2 as sums of short numbers, so that a small integer times the first of them is exact.
HALF_PI_1, HALF_PI_2, HALF_PI_3 = (
    f32(1.5703125),
    f32(0.0004837512969970703),
    f32(np.pi / 2 - 1.5703125 - 0.0004837512969970703),
)
LOG2_E = f32(1 / np.log(2))
LN2_1, LN2_2 = f32(0.693359375), f32(np.log(2) - 0.693359375)
SIN_3, SIN_5, SIN_7 = f32(-0.16666651), f32(0.00833198), f32(-0.00019496)
COS_4, COS_6, COS_8 = f32(4.16666469e-02), f32(-1.38873675e-03), f32(2.44384491e-05)
EXP_2, EXP_3, EXP_4, EXP_5, EXP_6 = (
    f32(0.50000001),
    f32(0.16666519),
    f32(0.04166621),
    f32(0.00836888),
    f32(0.00139505),
)
LOG_3, LOG_5, LOG_7 = f32(0.66666817), f32(0.39973603), f32(0.29961273)
ATAN_3, ATAN_5, ATAN_7, ATAN_9 = f32(-0.33332987), f32(0.19990396), f32(-0.1418597), f32(0.10573913)
ATAN_11, ATAN_13, ATAN_15, ATAN_17 = (
    f32(-0.07366667),
    f32(0.04112142),
    f32(-0.01513228),
    f32(0.00262218),
)
TINY = f32(1e-30)
SQRT_HALF = f32(np.sqrt(0.5))
LARGEST_EXPONENT = f32(87)
LARGEST_WHOLE = f32(2**22)


@inlined
def sine_cosine(angle):
    """Return sin and cos of ``angle`` [rad]; of 0 where it is beyond a million or not a number."""
    x = angle if abs(angle) < LARGEST_ANGLE else ZERO
    turns = (x * TWO_OVER_PI + ROUNDER) - ROUNDER
    r = ((x - turns * HALF_PI_1) - turns * HALF_PI_2) - turns * HALF_PI_3
    quadrant = np.int32(turns)
    z = r * r
    s = ((SIN_7 * z + SIN_5) * z + SIN_3) * z * r + r
    c = ((COS_8 * z + COS_6) * z + COS_4) * z * z - HALF * z + ONE
    odd = (quadrant & np.int32(1)) != 0
    sine = c if odd else s
    cosine = s if odd else c
    sine = -sine if (quadrant & np.int32(2)) != 0 else sine
    cosine = -cosine if ((quadrant + np.int32(1)) & np.int32(2)) != 0 else cosine
    return sine, cosine


@inlined
def sin(angle):
    """Sine of ``angle`` [rad]."""
    return sine_cosine(angle)[0]


@inlined
def cos(angle):
    """Cosine of ``angle`` [rad]."""
    return sine_cosine(angle)[1]


@inlined_for((float32,), (float64,))
def exp(x):
    """Return e**x; arguments are limited to +-87, where float32 ends."""
    x = x if x < LARGEST_EXPONENT else LARGEST_EXPONENT
    x = x if x > -LARGEST_EXPONENT else -LARGEST_EXPONENT
    power = (x * LOG2_E + ROUNDER) - ROUNDER
    r = (x - power * LN2_1) - power * LN2_2
    series = ((((EXP_6 * r + EXP_5) * r + EXP_4) * r + EXP_3) * r + EXP_2) * r * r + r + ONE
    scale = np.int32((np.int32(power) + np.int32(127)) << np.int32(23)).view(np.float32)
    return series * scale


@inlined
def log(x):
    """Return ln x of a positive number; what is below 1e-30 counts as 1e-30."""
    x = x if x > TINY else TINY
    bits = f32(x).view(np.int32)
    exponent = np.int32((bits >> np.int32(23)) - np.int32(127))
    mantissa = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F000000)).view(
        np.float32
    )  # in [1/2, 1)
    low = mantissa < SQRT_HALF
    power = f32(exponent) if low else f32(exponent) + ONE
    mantissa = mantissa + mantissa if low else mantissa
    s = (mantissa - ONE) / (mantissa + ONE)
    z = s * s
    series = ((LOG_7 * z + LOG_5) * z + LOG_3) * z * s + TWO * s
    return power * LN2_2 + series + power * LN2_1


@inlined_for((float32, float32), (float32, float64))
def power(base, exponent):
    """Return base**exponent of a positive base."""
    return exp(exponent * log(base))


@inlined
def arctangent(y, x):
    """Angle of the point (x, y) from the x axis in (-pi, pi]; 0 at the origin."""
    across, along = abs(x), abs(y)
    larger = along if along > across else across
    smaller = across if along > across else along
    t = smaller / (larger if larger > TINY else TINY)
    z = t * t
    high = ((ATAN_17 * z + ATAN_15) * z + ATAN_13) * z + ATAN_11
    angle = ((((high * z + ATAN_9) * z + ATAN_7) * z + ATAN_5) * z + ATAN_3) * z * t + t
    angle = HALF_PI - angle if along > across else angle
    angle = PI - angle if x < ZERO else angle
    return -angle if y < ZERO else angle


@inlined
def truncate(x):
    """Integer part of ``x``, towards zero, as a float32.

    A large ``x`` is whole and returned as it is.
    """
    small = x if abs(x) < LARGEST_WHOLE else ZERO
    whole = f32(np.int32(small))
    return whole if abs(x) < LARGEST_WHOLE else x


@inlined
def floor(x):
    """Return the largest whole number not above ``x``, as a float32."""
    whole = truncate(x)
    return whole - ONE if whole > x else whole


@inlined
def scramble(word):
    """Mix the 32 bits of ``word`` (uint32) so that neighbours look independent.

    It is the finaliser of MurmurHash3 (Appleby 2011).
    """
    word = np.uint32(word)
    word = np.uint32((word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    word = np.uint32((word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(word ^ (word >> np.uint32(16)))
