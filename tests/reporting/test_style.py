import numpy as np
import pytest
from matplotlib.colors import LogNorm

from starmass.reporting.style import (
    channel_scale,
    plain_number,
    quantity_label,
    round_length,
    round_values,
)


@pytest.mark.parametrize(
    ("limit", "length"),
    [(0.167, 0.1), (0.2, 0.2), (0.99, 0.5), (1.0, 1.0), (3e4, 2e4), (0.0499, 0.02)],
)
def test_scale_bars_are_round(limit, length):
    assert round_length(limit) == pytest.approx(length)


@pytest.mark.parametrize("seed", range(20))
def test_ticks_are_within_the_bar_and_enough(seed):
    low, high = np.sort(10 ** np.random.default_rng(seed).uniform(-3, 3, 2))
    high = max(high, low * 5)
    values = round_values(low, high)
    assert all(low <= value <= high for value in values)
    assert len(values) >= 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (30, "30"),
        (1000, "1000"),
        (1e21, "$10^{21}$"),
        (3e21, r"$3{\times}10^{21}$"),
        (1e-4, "$10^{-4}$"),
    ],
)
def test_numbers_on_axes(value, text):
    assert plain_number(value) == text


def test_velocities_are_white_at_rest():
    scale = channel_scale("v_los", np.array([-3.0, 0.0, 1.0, np.nan]))
    assert scale(0.0) == pytest.approx(0.5)


def test_column_density_is_logarithmic_and_passes_over_empty_pixels():
    scale = channel_scale("column_density", np.array([0.0, np.nan, 1e20, 1e22]))
    assert isinstance(scale, LogNorm)
    assert 1e20 <= scale.vmin < scale.vmax <= 1e22


@pytest.mark.parametrize("channel", ["column_density", "v_los", "sigma_v"])
def test_maps_without_any_signal_still_have_a_scale(channel):
    scale = channel_scale(channel, np.zeros(5))
    assert scale.vmin < scale.vmax


def test_units_stand_beside_symbols():
    assert quantity_label("column_density", "cm**-2") == r"$N_\mathrm{H}$ [cm$^{-2}$]"
    assert quantity_label("temperature", "K") == "temperature [K]"
