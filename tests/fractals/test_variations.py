"""Every variation against a plain double-precision transcription of its formula in Draves & Reckase
(2008), appendix.
"""

import numpy as np
import pytest

from starmass.errors import InputError
from starmass.fractals.variations import CATALOGUE, CLASSIC, variation_numbers
from starmass.fractals.walkers import BLOCK, WALKERS, vary_block

sin, cos, tan, pi, sqrt, exp = np.sin, np.cos, np.tan, np.pi, np.sqrt, np.exp
CHOICES = 8  # of the random ones, more than any of the tested parameters allows


def stack(u, v):
    return np.stack([u + 0 * v, v + 0 * u])


def angle_cases(r, angles):
    return [r * np.stack([cos(t), sin(t)]) for t in angles]


def plain(name, x, y, p1, p2, p3, p4):
    """All values that the formula allows at these points: one, or one for each outcome of its
    random draw.
    """
    r = sqrt(x**2 + y**2)
    theta, phi = np.arctan2(x, y), np.arctan2(y, x)
    p0, q0 = sin(theta + r), cos(theta - r)
    if name in ("julian", "juliascope"):
        signs = (1,) if name == "julian" else (1, -1)
        turns = [(sign * phi + 2 * pi * k) / p1 for k in range(int(p1)) for sign in signs]
        return angle_cases(r ** (p2 / p1), turns)
    if name == "julia":
        return angle_cases(sqrt(r), [theta / 2, theta / 2 + pi])
    half_width = pi * p1**2 / 2
    fan_angle = theta + np.where(
        np.fmod(theta + p2, 2 * half_width) > half_width, -half_width, half_width
    )
    fan2_t = theta + p2 - 2 * half_width * np.trunc(2 * theta * p2 / (2 * half_width))
    fan2_angle = theta + np.where(fan2_t > half_width, -half_width, half_width)
    rings_r = np.fmod(r + p1**2, 2 * p1**2) - p1**2 + r * (1 - p1**2)
    rings2_r = r - 2 * p1**2 * np.trunc((r + p1**2) / (2 * p1**2)) + r * (1 - p1**2)
    t, u = 1 + p1 * x + p2 * (x**2 - y**2), p1 * y + 2 * p2 * x * y
    formulas = {
        "linear": (x, y),
        "sinusoidal": (sin(x), sin(y)),
        "spherical": (x / r**2, y / r**2),
        "swirl": (x * sin(r**2) - y * cos(r**2), x * cos(r**2) + y * sin(r**2)),
        "horseshoe": ((x - y) * (x + y) / r, 2 * x * y / r),
        "polar": (theta / pi, r - 1),
        "handkerchief": (r * sin(theta + r), r * cos(theta - r)),
        "heart": (r * sin(theta * r), -r * cos(theta * r)),
        "disc": (theta / pi * sin(pi * r), theta / pi * cos(pi * r)),
        "spiral": ((cos(theta) + sin(r)) / r, (sin(theta) - cos(r)) / r),
        "hyperbolic": (sin(theta) / r, r * cos(theta)),
        "diamond": (sin(theta) * cos(r), cos(theta) * sin(r)),
        "ex": (r * (p0**3 + q0**3), r * (p0**3 - q0**3)),
        "bent": (np.where(x < 0, 2 * x, x), np.where(y < 0, y / 2, y)),
        "waves": (x + p1 * sin(y / p2**2), y + p3 * sin(x / p4**2)),
        "fisheye": (2 / (r + 1) * y, 2 / (r + 1) * x),
        "popcorn": (x + p1 * sin(tan(3 * y)), y + p2 * sin(tan(3 * x))),
        "exponential": (exp(x - 1) * cos(pi * y), exp(x - 1) * sin(pi * y)),
        "power": (r ** sin(theta) * cos(theta), r ** sin(theta) * sin(theta)),
        "cosine": (cos(pi * x) * np.cosh(y), -sin(pi * x) * np.sinh(y)),
        "rings": (rings_r * cos(theta), rings_r * sin(theta)),
        "fan": (r * cos(fan_angle), r * sin(fan_angle)),
        "blob": [r * (p2 + (p1 - p2) / 2 * (sin(p3 * theta) + 1)) * f(theta) for f in (cos, sin)],
        "pdj": (sin(p1 * y) - cos(p2 * x), sin(p3 * x) - cos(p4 * y)),
        "fan2": (r * sin(fan2_angle), r * cos(fan2_angle)),
        "rings2": (rings2_r * sin(theta), rings2_r * cos(theta)),
        "eyefish": (2 / (r + 1) * x, 2 / (r + 1) * y),
        "bubble": (4 / (r**2 + 4) * x, 4 / (r**2 + 4) * y),
        "cylinder": (sin(x), y),
        "perspective": (p2 * x / (p2 - y * sin(p1)), p2 * y * cos(p1) / (p2 - y * sin(p1))),
        "curl": ((x * t + y * u) / (t**2 + u**2), (y * t - x * u) / (t**2 + u**2)),
        "rectangles": ((2 * np.floor(x / p1) + 1) * p1 - x, (2 * np.floor(y / p2) + 1) * p2 - y),
        "tangent": (sin(x) / cos(y), tan(y)),
        "cross": (sqrt(1 / (x**2 - y**2) ** 2) * x, sqrt(1 / (x**2 - y**2) ** 2) * y),
    }
    return [stack(*formulas[name])]


def apply(number, x, y, parameters, noise):
    """The vectorised variation, a block of points at a time."""
    results = np.empty((2, len(x)), np.float32)
    for start in range(0, len(x), BLOCK):
        walkers = np.zeros(5 * WALKERS, np.float32)
        some = slice(start, start + BLOCK)
        walkers[:BLOCK], walkers[WALKERS : WALKERS + BLOCK] = x[some], y[some]
        vary_block(
            np.int32(number), walkers, np.uint64(0), np.uint32(noise), *map(np.float32, parameters)
        )
        results[:, some] = walkers[:BLOCK], walkers[WALKERS : WALKERS + BLOCK]
    return results


@pytest.mark.parametrize("variation", CATALOGUE, ids=lambda v: f"{v.number}_{v.name}")
def test_variation_is_the_published_formula(variation):
    points = np.random.default_rng(variation.number)
    x, y = points.uniform(-2, 2, (2, 16 * BLOCK)).astype(np.float32)
    for trial in range(4):
        if variation.coefficients:
            parameters = points.uniform(0.3, 1, 4) * points.choice([-1, 1], 4)
        else:
            parameters = [points.uniform(*r) for r in variation.ranges] + [0.0] * (
                4 - len(variation.ranges)
            )
        parameters = [
            np.float32(int(p) if k in variation.whole else p) for k, p in enumerate(parameters)
        ]
        ours = apply(variation.number, x, y, parameters, noise=trial).astype(np.float64)
        with np.errstate(all="ignore"):
            allowed = np.stack(
                plain(
                    variation.name,
                    x.astype(np.float64),
                    y.astype(np.float64),
                    *map(np.float64, parameters),
                )
            )
            error = np.abs(ours - allowed) / (1 + np.abs(allowed))
        error = np.nan_to_num(error, nan=np.inf).max(axis=1).min(axis=0)
        # Points on an edge of a step function or beside a pole may fall on the other side in single
        # precision.
        assert np.quantile(error, 0.97) < 3e-5, (
            f"{variation.name} with {parameters}: {np.quantile(error, [0.5, 0.9, 0.97])}"
        )
        assert np.median(error) < 1e-6


@pytest.mark.parametrize("name", ["julia", "julian", "juliascope"])
def test_random_branches_are_all_taken_alike(name):
    number = variation_numbers([name])[0]
    x, y, parameters = (
        np.full(2048, 0.7, np.float32),
        np.full(2048, -0.4, np.float32),
        [np.float32(p) for p in (3, 1, 0, 0)],
    )
    outcomes, counts = [], []
    for noise in range(3):
        results = apply(number, x, y, parameters, noise=1000 * noise)
        found, many = np.unique(results.round(4), axis=1, return_counts=True)
        outcomes.append(found.shape[1])
        counts.append(many)
    expected = {"julia": 2, "julian": 3, "juliascope": 6}[name]
    assert outcomes == [expected] * 3
    # Noise is repeated in each block of the test's own making: the shares are rough.
    assert all(np.abs(many / 2048 - 1 / expected).max() < 0.13 for many in counts)


def test_the_classic_ones_are_all_there():
    assert [v.number for v in CATALOGUE][:26] == list(range(26)) and len(CLASSIC) == 26
    assert len(CATALOGUE) == len({v.name for v in CATALOGUE}) >= 31


def test_names_are_resolved_and_mistakes_are_sentences():
    assert variation_numbers("classic") == tuple(range(26))
    assert variation_numbers(["bubble", "linear"]) == (0, 28)
    assert len(variation_numbers("all")) == len(CATALOGUE)
    with pytest.raises(InputError, match=r"'sphercal' .did you mean 'spherical'"):
        variation_numbers(["sphercal"])
    with pytest.raises(InputError, match="empty"):
        variation_numbers([])


def test_an_unknown_number_would_leave_walkers_alone():
    x = np.linspace(-1, 1, BLOCK, dtype=np.float32)
    assert np.array_equal(apply(31, x, x, [0, 0, 0, 0], noise=1)[0], x)
