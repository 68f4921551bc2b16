from itertools import pairwise

import numpy as np
import pytest

from starmass.errors import InputError
from starmass.evaluation.statistics import describe, flatten, radii


def brute(shown, inner, outer):
    """Mean and spread of the pixels whose centre lies in (inner, outer] of the middle, one after
    the other.
    """
    size = shown.shape[-1]
    inside = [
        (i, j) for i in range(size) for j in range(size)
        if inner < np.hypot(i - (size - 1) / 2, j - (size - 1) / 2) <= outer
    ]  # fmt: skip
    values = np.array(
        [[[row[c, i, j] for i, j in inside] for c in range(shown.shape[1])] for row in shown]
    )
    return np.concatenate([values.mean(axis=2), values.std(axis=2)], axis=1)


@pytest.fixture
def shown():
    return np.random.default_rng(0).normal(size=(3, 3, 64, 64))


def test_central_is_the_middle_four_pixels(shown):
    middle = shown[:, :, 31:33, 31:33].reshape(3, 3, 4)
    np.testing.assert_allclose(
        describe(shown, ["central"]),
        np.concatenate([middle.mean(axis=2), middle.std(axis=2)], axis=1),
        rtol=1e-6,
    )


def test_profile_is_log_spaced_and_complete(shown):
    found = describe(shown, ["profile"])
    assert found.shape == (3, 54)
    edges = np.concatenate([[0], np.geomspace(1, radii(64).max(), 9)])
    expected = [brute(shown, *pair) for pair in pairwise(edges)]
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), rtol=1e-5)


def test_annuli_of_equal_width_leave_the_corners_out(shown):
    found = describe(shown, ["annuli"])
    assert found.shape == (3, 66)
    edges = np.linspace(0, 32, 12)
    expected = [brute(shown, *pair) for pair in pairwise(edges)]
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), rtol=1e-5)
    shown[:, :, 0, 0] = 1e9
    np.testing.assert_array_equal(describe(shown, ["annuli"]), found)


@pytest.mark.filterwarnings(
    "ignore:Precision loss:RuntimeWarning"
)  # scipy's, over the flat channel
def test_moments_are_scipys(shown):
    from scipy.stats import kurtosis, skew

    shown = np.exp(shown)
    shown[1, 2] = 0.5  # a channel that is the same everywhere
    flat = shown.reshape(3, 3, -1)
    expected = [flat.mean(axis=2), flat.std(axis=2), skew(flat, axis=2), kurtosis(flat, axis=2)]
    expected[2][1, 2] = expected[3][1, 2] = 0
    np.testing.assert_allclose(
        describe(shown, ["moments"]), np.concatenate(expected, axis=1), rtol=1e-5, atol=1e-7
    )


def test_a_power_law_has_its_slope_and_amplitude():
    frequency = np.fft.fftfreq(64, 1 / 64)
    wavenumber = np.hypot(frequency[:, None], frequency)
    wavenumber[0, 0] = np.inf
    noise = np.fft.fft2(np.random.default_rng(0).normal(size=(20, 1, 64, 64)))
    fields = np.fft.ifft2(noise * wavenumber**-1.5).real
    found = describe(fields, ["spectrum"])
    assert found.shape == (20, 8)
    middle = np.log10(np.sqrt(np.geomspace(1, 32, 9)[1:] * np.geomspace(1, 32, 9)[:-1]))
    slope = np.polyfit(middle[2:], found.mean(axis=0)[2:], 1)[
        0
    ]  # the window mixes the longest waves
    assert slope == pytest.approx(-3, abs=0.15)
    np.testing.assert_allclose(describe(10 * fields, ["spectrum"]), found + 2, atol=1e-4)
    np.testing.assert_allclose(
        describe(np.rot90(fields, axes=(2, 3)), ["spectrum"]), found, atol=1e-4
    )
    white = describe(np.random.default_rng(1).normal(size=(50, 1, 64, 64)), ["spectrum"]).mean(
        axis=0
    )
    np.testing.assert_allclose(white, 0, atol=0.15)  # unit variance, as much in every mode


def test_statistics_stand_side_by_side_and_do_not_mind_turns(shown):
    both = describe(shown, ["central", "profile"])
    np.testing.assert_array_equal(both[:, :6], describe(shown, ["central"]))
    np.testing.assert_allclose(
        describe(np.rot90(shown, axes=(2, 3)), ["central", "profile"]), both, rtol=1e-5
    )


def test_pixels_are_pixels(shown):
    np.testing.assert_array_equal(flatten(shown)[1], shown[1].ravel())


def test_an_unknown_statistic_is_named(shown):
    with pytest.raises(InputError, match="no statistic 'kurtosis'"):
        describe(shown, ["kurtosis"])


def test_rounding_of_a_flat_channel_has_no_shape(shown):
    """A flat map, also with its last digit at random, has skewness and kurtosis 0."""
    flat = np.full((2, 1, 64, 64), 21.3, np.float32)
    flat[1] += np.float32(2e-6) * np.random.default_rng(0).integers(-1, 2, (1, 64, 64))
    assert np.ptp(flat[1]) > 0
    for values in (flat, flat.astype(np.float64) + 0.1):
        assert (describe(values, ["moments"])[:, 2:] == 0).all()
    assert (describe(shown.astype(np.float32) * 1e-6, ["moments"])[:, 6:] != 0).all()
