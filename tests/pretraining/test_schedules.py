"""Schedules at the official recipe's fixed steps: 100 epochs of 1,250."""

import pytest

from starmass.pretraining.schedules import cosine, linear, scaled_rate

STEPS = 125_000


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.0), (6_250, 0.002), (12_500, 0.004), (68_750, 0.0020005), (STEPS, 1e-6)],
)
def test_rate(step, rate):
    assert cosine(step, STEPS, 0.004, 1e-6, warmup=12_500) == pytest.approx(rate, abs=1e-12)


@pytest.mark.parametrize(
    ("step", "momentum"), [(0, 0.992), (18_750, 0.992436), (62_500, 0.996), (STEPS, 1.0)]
)
def test_momentum(step, momentum):
    assert cosine(step, STEPS, 0.992, 1.0) == pytest.approx(momentum, abs=1e-6)


def test_weight_decay():
    assert cosine(62_500, STEPS, 0.04, 0.4) == pytest.approx(0.22)


@pytest.mark.parametrize(
    ("step", "temperature"), [(0, 0.04), (18_750, 0.055), (37_500, 0.07), (100_000, 0.07)]
)
def test_teacher_temperature(step, temperature):
    assert linear(step, 37_500, 0.04, 0.07) == pytest.approx(temperature)


def test_no_warmup_begins_at_the_top():
    assert cosine(0, 10, 1.0, 0.0) == 1.0 and linear(0, 0, 0.04, 0.07) == 0.07


def test_rate_scales_with_the_root_of_the_batch():
    assert scaled_rate(0.004, 256, 1024) == pytest.approx(0.002)
