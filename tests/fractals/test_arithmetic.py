"""Own elementary functions against numpy's double precision."""

import numpy as np
import pytest

from starmass.fractals import arithmetic as own

POINTS = np.random.default_rng(0)


def evaluate(function, *columns):
    return np.array(
        [function(*map(np.float32, values)) for values in zip(*columns, strict=True)], np.float64
    )


@pytest.mark.parametrize(("function", "exact"), [(own.sin, np.sin), (own.cos, np.cos)])
@pytest.mark.parametrize(("largest", "tolerance"), [(3.2, 1.2e-7), (100.0, 1.5e-7), (5000.0, 5e-7)])
def test_sine_and_cosine(function, exact, largest, tolerance):
    x = POINTS.uniform(-largest, largest, 2000).astype(np.float32)
    assert np.abs(evaluate(function, x) - exact(x.astype(np.float64))).max() < tolerance


def test_sine_of_what_is_no_angle_is_that_of_zero():
    for x in (np.inf, -np.inf, np.nan, 1e30):
        assert own.sine_cosine(np.float32(x)) == (0, 1)


def test_exponential_is_good_to_rounding_and_saturates():
    x = POINTS.uniform(-80, 80, 2000).astype(np.float32)
    assert np.abs(evaluate(own.exp, x) / np.exp(x.astype(np.float64)) - 1).max() < 3e-7
    assert own.exp(np.float32(1000)) == own.exp(np.float32(87)) and np.isfinite(
        own.exp(np.float32(1000))
    )
    assert own.exp(np.float32(-1000)) > 0


def test_logarithm_and_power():
    x = np.exp(POINTS.uniform(-60, 60, 2000)).astype(np.float32)
    exact = np.log(x.astype(np.float64))
    assert (np.abs(evaluate(own.log, x) - exact) / np.maximum(np.abs(exact), 1e-2)).max() < 3e-7
    assert own.log(np.float32(1)) == 0
    assert own.log(np.float32(0)) == own.log(np.float32(1e-30))
    base, exponent = (
        POINTS.uniform(0.01, 20, 500).astype(np.float32),
        POINTS.uniform(-3, 3, 500).astype(np.float32),
    )
    assert (
        np.abs(evaluate(own.power, base, exponent) / base.astype(np.float64) ** exponent - 1).max()
        < 3e-6
    )


def test_arctangent_in_all_quadrants():
    x, y = POINTS.normal(size=(2, 4000)).astype(np.float32)
    assert np.abs(evaluate(own.arctangent, y, x) - np.arctan2(y.astype(np.float64), x)).max() < 3e-7
    for y, x in [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1e-20, 1e20), (1e20, 1e-20)]:
        assert own.arctangent(np.float32(y), np.float32(x)) == pytest.approx(
            np.arctan2(y, x), abs=3e-7
        )


def test_whole_parts():
    x = np.array([-2.5, -2, -0.3, -0.0, 0.3, 2, 2.7, 4e6, -4e6 + 0.5, 3e9, -1e20], np.float32)
    assert np.array_equal(evaluate(own.floor, x), np.floor(x))
    assert np.array_equal(evaluate(own.truncate, x), np.trunc(x))


def test_scrambled_words_differ_and_are_even():
    words = np.array([own.scramble(np.uint32(i)) for i in range(4096)], np.uint32)
    assert len(np.unique(words)) == 4096
    share_of_ones = np.unpackbits(words.view(np.uint8)).mean()
    assert abs(share_of_ones - 0.5) < 0.01
