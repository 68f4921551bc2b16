"""Health: measures with known values, signs of collapse."""

import pytest
import torch

from starmass.errors import InputError
from starmass.pretraining.diagnostics import (
    PATIENCE,
    Meter,
    Monitor,
    collapse_sign,
    effective_rank,
    feature_spread,
    not_finite,
)

WELL = {
    "step": 100, "spread": 0.5, "rankme": 20.0, "koleo": 2.0, "prototypes_used": 30.0,
    "target_entropy": 0.8, "dino_over_uniform": 0.95,
}  # fmt: skip


def test_effective_rank_counts_directions():
    assert effective_rank(torch.cat([torch.eye(8), -torch.eye(8)])).item() == pytest.approx(
        8, rel=1e-5
    )
    assert effective_rank(torch.outer(torch.arange(9.0), torch.ones(5))).item() == pytest.approx(
        1, abs=1e-2
    )


def test_spread_is_zero_for_equal_features_and_one_for_opposite():
    assert feature_spread(torch.ones(5, 3)) == 0
    assert feature_spread(torch.tensor([[1.0, 0], [-1, 0]])).item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({"spread": 1e-5}, "same features"),
        ({"rankme": 1.1}, "one direction"),
        ({"koleo": 33.0}, "KoLeo 16.5 a crop"),
        ({"prototypes_used": 1.0}, "one prototype"),
        ({"target_entropy": 1.0, "dino_over_uniform": 1.0}, "ln K"),
    ],
)
def test_each_sign_of_collapse_is_seen(change, sign):
    assert collapse_sign(WELL) is None
    assert sign in collapse_sign({**WELL, **change})


def test_a_run_is_stopped_after_the_warmup_and_not_at_once():
    monitor, ill = Monitor(warmup_steps=50, advice="sleep over it"), {**WELL, "spread": 0.0}
    for _ in range(5):
        monitor.check({**ill, "step": 10})
    for _ in range(PATIENCE - 1):
        monitor.check(ill)
    monitor.check(WELL)
    for _ in range(PATIENCE - 1):
        monitor.check(ill)
    with pytest.raises(
        InputError,
        match=r"collapsed by step 100: all images get the same features.*usual ways out"
        r".*sleep over it",
    ):
        monitor.check(ill)


def test_a_loss_that_is_no_number_is_named(tmp_path):
    error = str(
        not_finite(
            7,
            {"ibot": torch.tensor(float("nan")), "koleo": torch.tensor(1.0)},
            tmp_path,
            "sleep over it",
        )
    )
    assert "not finite at step 7 (ibot nan, koleo 1)" in error and str(tmp_path) in error


def test_a_meter_gives_means_and_begins_anew():
    meter = Meter(8, torch.device("cpu"))
    for value in (1.0, 3.0):
        meter.add({"loss": torch.tensor(value)}, waited=0.0)
    record = meter.record()
    assert (
        record["loss"] == 2
        and record["images_per_second"] > 0
        and 0 <= record["data_wait"] < 1
        and record["memory_gib"] > 0
    )
    meter.add({"loss": torch.tensor(5.0)}, waited=0.0)
    assert meter.record()["loss"] == 5
