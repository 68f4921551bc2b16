import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from starmass.errors import InputError
from starmass.evaluation.metrics import (
    bootstrap,
    measure,
    quantiles,
    resampling_weights,
    score,
    spearman,
    summarise,
)
from starmass.evaluation.samples import log_mass, protostars
from starmass.evaluation.splits import draw_split


@pytest.fixture
def truth():
    return np.random.default_rng(0).normal(size=120)


@pytest.fixture
def predicted(truth):
    return truth + 0.3 * np.random.default_rng(1).normal(size=120) + 0.05


def test_metrics_equal_scikit_learn(truth, predicted):
    found = measure(truth, predicted)
    assert found["r2"] == pytest.approx(r2_score(truth, predicted))
    assert found["rmse_dex"] == pytest.approx(root_mean_squared_error(truth, predicted))
    assert found["mae_dex"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert found["bias_dex"] == pytest.approx(np.mean(predicted - truth))
    assert found["within_0.3_dex"] == pytest.approx(np.mean(np.abs(predicted - truth) <= 0.3))
    assert found["spearman"] == pytest.approx(spearmanr(truth, predicted).statistic)


def test_closed_forms(truth):
    assert measure(truth, truth)["r2"] == 1
    assert measure(truth, np.full_like(truth, truth.mean()))["r2"] == pytest.approx(0)
    shifted = measure(truth, truth + 0.4)
    assert shifted["bias_dex"] == pytest.approx(0.4)
    assert shifted["rmse_dex"] == pytest.approx(0.4)
    assert shifted["within_0.3_dex"] == 0
    assert measure(truth, -truth)["spearman"] == pytest.approx(-1)
    assert np.isnan(measure(np.ones(5), np.ones(5))["r2"])


def test_spearman_shares_ranks_among_ties():
    first, second = np.array([1.0, 1, 2, 3, 3, 3]), np.array([2.0, 1, 1, 5, 4, 4])
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert np.isnan(spearman(first, np.ones(6)))


def test_the_bootstrap_draws_stars_not_rows(truth, predicted):
    groups = np.random.default_rng(2).integers(7, size=120) * 10
    weights, places = resampling_weights(groups, draws=20, seed=3)
    assert (weights.sum(axis=1) == 7).all()
    found = bootstrap(truth, predicted, weights, places)
    for draw in range(20):
        rows = np.concatenate(
            [np.flatnonzero(places == g) for g in range(7) for _ in range(int(weights[draw, g]))]
        )
        expected = measure(truth[rows], predicted[rows])
        for name, values in found.items():
            assert values[draw] == pytest.approx(expected[name])


def test_repeated_rows_of_a_star_do_not_narrow_its_interval(truth, predicted):
    once = score(truth, [predicted], np.arange(120))
    often = score(np.repeat(truth, 9), [np.repeat(predicted, 9)], np.repeat(np.arange(120), 9))
    assert often["r2_high"] - often["r2_low"] == pytest.approx(once["r2_high"] - once["r2_low"])


def test_intervals_cover_at_about_their_level():
    """RMSE of normal errors, one star a row: 95% intervals of 80 rows cover the truth nearly as
    often.
    """
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        truth = generator.normal(size=80)
        found = score(
            truth, [truth + 0.2 * generator.normal(size=80)], np.arange(80), draws=300, seed=trial
        )
        hits += found["rmse_dex_low"] <= 0.2 <= found["rmse_dex_high"]
    assert 0.86 < hits / 200 < 0.99


def test_seeds_are_averaged_and_their_spread_told(truth, predicted):
    both = score(truth, [predicted, truth], np.arange(120))
    assert both["r2"] == pytest.approx((measure(truth, predicted)["r2"] + 1) / 2)
    assert both["r2_seed_spread"] == pytest.approx(
        np.std([measure(truth, predicted)["r2"], 1], ddof=1)
    )
    assert np.isnan(score(truth, [predicted], np.arange(120))["r2_seed_spread"])


def test_a_summary_counts_what_is_behind_it(samples):
    split = draw_split(samples, by="protostar", folds=4)
    table = pd.DataFrame(
        {"row": samples["row"], "log10_mass": log_mass(samples), "predicted_log10_mass": 0.0}
    )
    found = summarise(samples, split, [table])
    assert found["n_test"] == len(samples)
    assert found["n_train"] == round(0.75 * len(samples))
    assert found["n_protostars"] == len(set(protostars(samples)))
    assert found["n_folds"] == 4
    assert found["label_spread_dex"] == pytest.approx(np.std(log_mass(samples)))
    with pytest.raises(InputError, match="different rows"):
        summarise(samples, split, [table, table.iloc[::-1].reset_index(drop=True)])


def bounds_of(values):
    return [value for name, value in values.items() if name.endswith(("_low", "_high"))]


def test_one_star_has_no_interval_whatever_its_maps_say():
    generator = np.random.default_rng(0)
    for rows in (1, 2, 60):
        truth = generator.normal(size=rows)
        predicted = [truth + 0.2 * generator.normal(size=rows) for _ in range(2)]
        found = score(truth, predicted, np.full(rows, 7))
        assert np.isnan(bounds_of(found)).all() and found["rmse_dex"] > 0
    two = score(truth, predicted, np.arange(rows) % 2)
    assert np.isfinite(bounds_of(two)).all() and two["rmse_dex_low"] < two["rmse_dex_high"]


def test_draws_that_mostly_have_no_value_are_no_interval():
    """Two stars of one mass each: every second draw has an R2, and always the same."""
    truth, groups = np.repeat([-1.0, 0.5], 3), np.repeat([0, 1], 3)
    found = score(truth, [truth + np.tile([0.1, -0.2, 0.3], 2)], groups)
    assert found["r2"] < 1 and np.isnan([found["r2_low"], found["r2_high"]]).all()
    assert np.isfinite([found["rmse_dex_low"], found["rmse_dex_high"]]).all()
    values = np.arange(100.0)
    values[:24] = np.nan
    assert quantiles(values) == pytest.approx((24 + 0.025 * 75, 24 + 0.975 * 75))
    values[24] = np.nan
    assert np.isnan(quantiles(values)).all() and np.isnan(quantiles(values[:0])).all()


def test_one_mass_for_all_has_errors_and_no_r2():
    truth, groups = np.full(40, np.log10(0.3)), np.arange(40) // 4
    found = score(truth, [truth + np.linspace(-0.2, 0.3, 40)], groups)
    assert np.isnan([found[f"r2{bound}"] for bound in ("", "_low", "_high")]).all()
    assert np.isnan(found["spearman"]) and found["label_spread_dex"] == pytest.approx(0, abs=1e-12)
    assert found["bias_dex_low"] < found["bias_dex"] == pytest.approx(0.05)
