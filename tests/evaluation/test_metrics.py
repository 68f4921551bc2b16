import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from starmass.errors import InputError
from starmass.evaluation.metrics import (
    bootstrap,
    measure,
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
    """RMSE of normal errors, one star a row: 95% intervals of 80 rows cover the truth nearly as often."""
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
