"""The variations: the non-linear functions of the plane that give flames their shapes.

Numbers, names and formulas are those of the catalogue in Draves & Reckase (2008), "The Fractal
Flame Algorithm", appendix; each docstring is its formula. There r is the distance of (x, y) from
the origin, theta = arctan(x/y) and phi = arctan(y/x), so sin(theta) = x/r and cos(theta) = y/r.
``mod`` keeps the sign of its first argument, as in C. p1 to p4 are the variation's own parameters.
Where the catalogue takes them from the affine map (x, y) -> (ax + by + c, dx + ey + f), they are
coefficients of that map. ``noise`` is a random word (uint32), fresh at every call.

Left out are the catalogue's blurs and scatterers (noise, blur, gaussian, rays, ...), which forget
where a point came from: they paint discs and fog, not structure.
"""

from typing import NamedTuple

import numpy as np

from starmass.errors import InputError, closest
from starmass.fractals.arithmetic import (
    HALF,
    HALF_PI,
    ONE,
    PI,
    TWO,
    TWO_PI,
    ZERO,
    arctangent,
    cos,
    exp,
    f32,
    floor,
    power,
    sin,
    sine_cosine,
    truncate,
)  # fmt: skip
from starmass.fractals.compilation import inlined

THREE, FOUR = f32(3), f32(4)
INVERSE_PI = f32(1 / np.pi)
TO_FRACTION = f32(2.0**-24)


@inlined
def linear(x, y, noise, p1, p2, p3, p4):
    """(x, y)."""
    return x, y


@inlined
def sinusoidal(x, y, noise, p1, p2, p3, p4):
    """(sin x, sin y)."""
    return sin(x), sin(y)


@inlined
def spherical(x, y, noise, p1, p2, p3, p4):
    """(x, y) / r^2."""
    factor = ONE / (x * x + y * y)
    return factor * x, factor * y


@inlined
def swirl(x, y, noise, p1, p2, p3, p4):
    """(x sin r^2 - y cos r^2, x cos r^2 + y sin r^2)."""
    s, c = sine_cosine(x * x + y * y)
    return x * s - y * c, x * c + y * s


@inlined
def horseshoe(x, y, noise, p1, p2, p3, p4):
    """((x - y)(x + y), 2xy) / r."""
    factor = ONE / np.sqrt(x * x + y * y)
    return factor * (x - y) * (x + y), factor * TWO * x * y


@inlined
def polar(x, y, noise, p1, p2, p3, p4):
    """(theta / pi, r - 1)."""
    return arctangent(x, y) * INVERSE_PI, np.sqrt(x * x + y * y) - ONE


@inlined
def handkerchief(x, y, noise, p1, p2, p3, p4):
    """R (sin(theta + r), cos(theta - r))."""
    r, theta = np.sqrt(x * x + y * y), arctangent(x, y)
    return r * sin(theta + r), r * cos(theta - r)


@inlined
def heart(x, y, noise, p1, p2, p3, p4):
    """R (sin(theta r), -cos(theta r))."""
    r = np.sqrt(x * x + y * y)
    s, c = sine_cosine(arctangent(x, y) * r)
    return r * s, -r * c


@inlined
def disc(x, y, noise, p1, p2, p3, p4):
    """Theta/pi (sin(pi r), cos(pi r))."""
    s, c = sine_cosine(PI * np.sqrt(x * x + y * y))
    factor = arctangent(x, y) * INVERSE_PI
    return factor * s, factor * c


@inlined
def spiral(x, y, noise, p1, p2, p3, p4):
    """(cos theta + sin r, sin theta - cos r) / r."""
    r = np.sqrt(x * x + y * y)
    s, c = sine_cosine(r)
    factor = ONE / r
    return factor * (y * factor + s), factor * (x * factor - c)


@inlined
def hyperbolic(x, y, noise, p1, p2, p3, p4):
    """(sin(theta) / r, r cos theta)."""
    return x / (x * x + y * y), y


@inlined
def diamond(x, y, noise, p1, p2, p3, p4):
    """(sin theta cos r, cos theta sin r)."""
    r = np.sqrt(x * x + y * y)
    s, c = sine_cosine(r)
    factor = ONE / r
    return x * factor * c, y * factor * s


@inlined
def ex(x, y, noise, p1, p2, p3, p4):
    """R (p^3 + q^3, p^3 - q^3) with p = sin(theta + r), q = cos(theta - r)."""
    r, theta = np.sqrt(x * x + y * y), arctangent(x, y)
    p, q = sin(theta + r), cos(theta - r)
    p, q = p * p * p, q * q * q
    return r * (p + q), r * (p - q)


@inlined
def julia(x, y, noise, p1, p2, p3, p4):
    """Sqrt(r) (cos(theta/2 + omega), sin(theta/2 + omega)), omega 0 or pi at random."""
    root = np.sqrt(np.sqrt(x * x + y * y))
    root = -root if (noise & np.uint32(1)) != 0 else root
    s, c = sine_cosine(HALF * arctangent(x, y))
    return root * c, root * s


@inlined
def bent(x, y, noise, p1, p2, p3, p4):
    """(x, y), where a negative x is doubled and a negative y halved."""
    return (x if x >= ZERO else TWO * x), (y if y >= ZERO else HALF * y)


@inlined
def waves(x, y, noise, p1, p2, p3, p4):
    """(x + b sin(y / c^2), y + e sin(x / f^2)); p1 to p4 are b, c, e, f of the affine map."""
    return x + p1 * sin(y / (p2 * p2)), y + p3 * sin(x / (p4 * p4))


@inlined
def fisheye(x, y, noise, p1, p2, p3, p4):
    """2/(r + 1) (y, x)."""
    factor = TWO / (np.sqrt(x * x + y * y) + ONE)
    return factor * y, factor * x


@inlined
def popcorn(x, y, noise, p1, p2, p3, p4):
    """(x + c sin(tan 3y), y + f sin(tan 3x)); p1, p2 are c, f of the affine map."""
    sx, cx = sine_cosine(THREE * x)
    sy, cy = sine_cosine(THREE * y)
    return x + p1 * sin(sy / cy), y + p2 * sin(sx / cx)


@inlined
def exponential(x, y, noise, p1, p2, p3, p4):
    """exp(x - 1) (cos(pi y), sin(pi y))."""
    s, c = sine_cosine(PI * y)
    factor = exp(x - ONE)
    return factor * c, factor * s


@inlined
def power_law(x, y, noise, p1, p2, p3, p4):
    """r^sin(theta) (cos theta, sin theta)."""
    r = np.sqrt(x * x + y * y)
    sine, cosine = x / r, y / r
    factor = power(r, sine)
    return factor * cosine, factor * sine


@inlined
def cosine(x, y, noise, p1, p2, p3, p4):
    """(cos(pi x) cosh y, -sin(pi x) sinh y)."""
    s, c = sine_cosine(PI * x)
    rising = exp(y)
    falling = ONE / rising
    return c * HALF * (rising + falling), -s * HALF * (rising - falling)


@inlined
def rings(x, y, noise, p1, p2, p3, p4):
    """((r + c^2) mod 2c^2 - c^2 + r (1 - c^2)) (cos theta, sin theta).

    p1 is c of the affine map.
    """
    r, square = np.sqrt(x * x + y * y), p1 * p1
    factor = (remainder(r + square, TWO * square) - square + r * (ONE - square)) / r
    return factor * y, factor * x


@inlined
def fan(x, y, noise, p1, p2, p3, p4):
    """R (cos(theta -+ t/2), sin(theta -+ t/2)), minus where (theta + f) mod t > t/2, t = pi c^2.

    p1, p2 are c, f of the map.
    """
    r, theta, t = np.sqrt(x * x + y * y), arctangent(x, y), PI * p1 * p1
    s, c = sine_cosine(
        theta - HALF * t if remainder(theta + p2, t) > HALF * t else theta + HALF * t
    )
    return r * c, r * s


@inlined
def blob(x, y, noise, p1, p2, p3, p4):
    """R (p2 + (p1 - p2)/2 (sin(p3 theta) + 1)) (cos theta, sin theta).

    p1 is high, p2 low, p3 the waves.
    """
    factor = p2 + HALF * (p1 - p2) * (sin(p3 * arctangent(x, y)) + ONE)
    return factor * y, factor * x


@inlined
def pdj(x, y, noise, p1, p2, p3, p4):
    """(sin(p1 y) - cos(p2 x), sin(p3 x) - cos(p4 y))."""
    return sin(p1 * y) - cos(p2 * x), sin(p3 * x) - cos(p4 * y)


@inlined
def fan2(x, y, noise, p1, p2, p3, p4):
    """R (sin(theta -+ w/2), cos(theta -+ w/2)), w = pi p1^2.

    Minus where theta + p2 - w trunc(2 theta p2 / w) > w/2.
    """
    r, theta, width = np.sqrt(x * x + y * y), arctangent(x, y), PI * p1 * p1
    t = theta + p2 - width * truncate(TWO * theta * p2 / width)
    s, c = sine_cosine(theta - HALF * width if t > HALF * width else theta + HALF * width)
    return r * s, r * c


@inlined
def rings2(x, y, noise, p1, p2, p3, p4):
    """T (sin theta, cos theta), t = r - 2p trunc((r + p)/(2p)) + r (1 - p), p = p1^2."""
    r, p = np.sqrt(x * x + y * y), p1 * p1
    factor = (r - TWO * p * truncate((r + p) / (TWO * p)) + r * (ONE - p)) / r
    return factor * x, factor * y


@inlined
def eyefish(x, y, noise, p1, p2, p3, p4):
    """2/(r + 1) (x, y)."""
    factor = TWO / (np.sqrt(x * x + y * y) + ONE)
    return factor * x, factor * y


@inlined
def bubble(x, y, noise, p1, p2, p3, p4):
    """4/(r^2 + 4) (x, y)."""
    factor = FOUR / (x * x + y * y + FOUR)
    return factor * x, factor * y


@inlined
def cylinder(x, y, noise, p1, p2, p3, p4):
    """(sin x, y)."""
    return sin(x), y


@inlined
def perspective(x, y, noise, p1, p2, p3, p4):
    """p2 / (p2 - y sin p1) (x, y cos p1); p1 angle, p2 distance."""
    s, c = sine_cosine(p1)
    factor = p2 / (p2 - y * s)
    return factor * x, factor * y * c


@inlined
def julian(x, y, noise, p1, p2, p3, p4):
    """r^(p2/p1) (cos t, sin t), t = (phi + 2 pi k)/p1, k one of 0 ... ``|p1| - 1`` at random.

    p1 is the power, p2 the distance.
    """
    k = truncate(abs(p1) * f32(noise >> np.uint32(8)) * TO_FRACTION)
    s, c = sine_cosine((arctangent(y, x) + TWO_PI * k) / p1)
    factor = power(x * x + y * y, HALF * p2 / p1)
    return factor * c, factor * s


@inlined
def juliascope(x, y, noise, p1, p2, p3, p4):
    """r^(p2/p1) (cos t, sin t), t = (+-phi + 2 pi k)/p1, sign and k = 0 ... ``|p1| - 1`` at random.

    p1 is the power, p2 the distance.
    """
    k = truncate(abs(p1) * f32(noise >> np.uint32(8)) * TO_FRACTION)
    phi = arctangent(y, x)
    s, c = sine_cosine(((phi if (noise & np.uint32(1)) != 0 else -phi) + TWO_PI * k) / p1)
    factor = power(x * x + y * y, HALF * p2 / p1)
    return factor * c, factor * s


@inlined
def curl(x, y, noise, p1, p2, p3, p4):
    """(x t + y u, y t - x u) / (t^2 + u^2), t = 1 + p1 x + p2 (x^2 - y^2), u = p1 y + 2 p2 xy."""
    t = ONE + p1 * x + p2 * (x * x - y * y)
    u = p1 * y + TWO * p2 * x * y
    factor = ONE / (t * t + u * u)
    return factor * (x * t + y * u), factor * (y * t - x * u)


@inlined
def rectangles(x, y, noise, p1, p2, p3, p4):
    """((2 floor(x/p1) + 1) p1 - x, (2 floor(y/p2) + 1) p2 - y)."""
    return (TWO * floor(x / p1) + ONE) * p1 - x, (TWO * floor(y / p2) + ONE) * p2 - y


@inlined
def tangent(x, y, noise, p1, p2, p3, p4):
    """(sin x / cos y, tan y)."""
    s, c = sine_cosine(y)
    return sin(x) / c, s / c


@inlined
def cross(x, y, noise, p1, p2, p3, p4):
    """Sqrt(1 / (x^2 - y^2)^2) (x, y)."""
    factor = ONE / abs(x * x - y * y)
    return factor * x, factor * y


@inlined
def remainder(x, divisor):
    """``x`` mod ``divisor`` with the sign of ``x``."""
    return x - divisor * truncate(x / divisor)


class Variation(NamedTuple):
    """A variation: its number and name in the catalogue, its function, its parameters' origin.

    ``ranges`` holds (low, high) of each own parameter, drawn evenly; ``whole`` rounds them to whole
    numbers. ``coefficients`` holds the positions in (a, b, c, d, e, f) of those that it takes from
    its affine map instead.
    """

    number: int
    name: str
    function: object
    ranges: tuple[tuple[float, float], ...] = ()
    whole: tuple[int, ...] = ()
    coefficients: tuple[int, ...] = ()


CATALOGUE = (
    Variation(0, "linear", linear),
    Variation(1, "sinusoidal", sinusoidal),
    Variation(2, "spherical", spherical),
    Variation(3, "swirl", swirl),
    Variation(4, "horseshoe", horseshoe),
    Variation(5, "polar", polar),
    Variation(6, "handkerchief", handkerchief),
    Variation(7, "heart", heart),
    Variation(8, "disc", disc),
    Variation(9, "spiral", spiral),
    Variation(10, "hyperbolic", hyperbolic),
    Variation(11, "diamond", diamond),
    Variation(12, "ex", ex),
    Variation(13, "julia", julia),
    Variation(14, "bent", bent),
    Variation(15, "waves", waves, coefficients=(1, 2, 4, 5)),
    Variation(16, "fisheye", fisheye),
    Variation(17, "popcorn", popcorn, coefficients=(2, 5)),
    Variation(18, "exponential", exponential),
    Variation(19, "power", power_law),
    Variation(20, "cosine", cosine),
    Variation(21, "rings", rings, coefficients=(2,)),
    Variation(22, "fan", fan, coefficients=(2, 5)),
    Variation(23, "blob", blob, ranges=((0.8, 1.2), (0.2, 0.7), (2, 7)), whole=(2,)),
    Variation(24, "pdj", pdj, ranges=((-3, 3), (-3, 3), (-3, 3), (-3, 3))),
    Variation(25, "fan2", fan2, ranges=((0.2, 1), (-1, 1))),
    Variation(26, "rings2", rings2, ranges=((0.2, 1),)),
    Variation(27, "eyefish", eyefish),
    Variation(28, "bubble", bubble),
    Variation(29, "cylinder", cylinder),
    Variation(30, "perspective", perspective, ranges=((0, float(HALF_PI)), (1, 3))),
    Variation(32, "julian", julian, ranges=((2, 7), (0.5, 1.5)), whole=(0,)),
    Variation(33, "juliascope", juliascope, ranges=((2, 7), (0.5, 1.5)), whole=(0,)),
    Variation(39, "curl", curl, ranges=((0, 1), (0, 1))),
    Variation(40, "rectangles", rectangles, ranges=((0.1, 1), (0.1, 1))),
    Variation(42, "tangent", tangent),
    Variation(48, "cross", cross),
)
NUMBERS = {variation.name: variation.number for variation in CATALOGUE}
CLASSIC = tuple(variation.name for variation in CATALOGUE if variation.number < 26)


def variation_numbers(names: str | list[str] | tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the named variations.

    ``"all"`` is the whole catalogue, ``"classic"`` numbers 0 to 25.

    Raises :class:`InputError` for a name that the catalogue doesn't hold, and for an empty list.
    """
    if isinstance(names, str):
        groups = {"all": tuple(NUMBERS), "classic": CLASSIC}
        names = groups.get(names, (names,))
    if not names:
        raise InputError(
            "variations: the list is empty; name at least one (linear alone gives classic affine"
            " fractals), or write all."
        )
    for name in names:
        if name not in NUMBERS:
            raise InputError(
                f"variations: there is no {name!r}{closest(name, NUMBERS)}; known are"
                f" {', '.join(NUMBERS)}, all and classic."
            )
    return tuple(sorted(NUMBERS[name] for name in set(names)))
