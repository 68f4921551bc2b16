"""Metrics of classes and redshifts against scikit-learn and against drawn tables, row by row."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as judge

from starmass.evaluation import class_metrics, redshift_metrics
from starmass.evaluation.metrics import measure, resampling_weights
from starmass.evaluation.target_metrics import (
    compare_on_target,
    count_confusions,
    summarise_target,
)
from starmass.evaluation.targets import Target

NAMES = ("a", "b", "c", "d")
CLASSES = Target("classes", "shape", "none", "", "shape", classes=NAMES)
REDSHIFT = Target("number", "z", "none", "", "z", metrics="redshift")


def drawn_rows(weight, places):
    """The rows of a bootstrap draw, each as often as its group was drawn."""
    return np.repeat(np.arange(len(places)), weight[places].astype(int))


@pytest.mark.parametrize("seed", range(5))
def test_classes_agree_with_scikit_learn_and_draws_with_their_own_rows(seed):
    generator = np.random.default_rng(seed)
    rows = 60
    truth = generator.choice(3 if seed == 0 else 4, rows)  # a class may have no row
    scores = generator.dirichlet(np.ones(4), rows) + 0.5 * np.eye(4)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    groups = generator.integers(0, 12, rows)
    found = class_metrics.measure_classes(truth, scores, NAMES)
    predicted = scores.argmax(axis=1)

    def judged(at):
        return {
            "accuracy": judge.accuracy_score(truth[at], predicted[at]),
            "macro_f1": judge.f1_score(truth[at], predicted[at], average="macro"),
            "balanced_accuracy": np.mean(
                [np.mean(predicted[at][truth[at] == one] == one) for one in np.unique(truth[at])]
            ),
        }

    everything = np.arange(rows)
    for name, value in judged(everything).items():
        assert found[name] == pytest.approx(value)
    matrix = judge.confusion_matrix(truth, predicted, labels=range(4))
    np.testing.assert_array_equal(class_metrics.confusion(truth, predicted, 4), matrix)
    weights, places = resampling_weights(groups, draws=40, seed=seed)
    drawn = class_metrics.bootstrap_classes(truth, scores, NAMES, weights, places)
    for draw, weight in enumerate(weights):
        at = drawn_rows(weight, places)
        for name, value in judged(at).items():
            assert drawn[name][draw] == pytest.approx(value)
        own = at[truth[at] == 1]
        recall = np.mean(predicted[own] == 1) if len(own) else np.nan
        assert drawn["recall_b"][draw] == pytest.approx(recall, nan_ok=True)


def test_calibration_error_is_that_of_bins_counted_one_by_one():
    generator = np.random.default_rng(3)
    scores = generator.dirichlet(np.ones(3), 500)
    truth = np.array([generator.choice(3, p=row) for row in scores])
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (confidence > low) & (confidence <= low + 0.1)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            expected += inside.mean() * gap
    assert class_metrics.calibration_error(truth, scores) == pytest.approx(expected)
    assert class_metrics.calibration_error(np.zeros(4, int), np.eye(3)[[0, 0, 0, 0]]) == 0


def test_a_weighted_median_is_that_of_repeated_values():
    generator = np.random.default_rng(0)
    for _ in range(500):
        size = generator.integers(1, 12)
        values = np.sort(generator.normal(size=size).round(1))
        often = generator.integers(0, 4, size)
        repeated = np.repeat(values, often)
        expected = np.median(repeated) if len(repeated) else np.nan
        found = redshift_metrics.weighted_median(values, often.astype(float))
        assert found == pytest.approx(expected, nan_ok=True)


def test_redshift_draws_are_those_of_their_own_rows():
    generator = np.random.default_rng(1)
    truth = generator.uniform(0, 2, 50)
    predicted = truth + 0.05 * generator.standard_t(2, 50)
    weights, places = resampling_weights(generator.integers(0, 20, 50), draws=60, seed=0)
    drawn = redshift_metrics.bootstrap_redshift(truth, predicted, weights, places)
    dz = (predicted - truth) / (1 + truth)
    assert redshift_metrics.measure_redshift(truth, predicted)["sigma_mad"] == pytest.approx(
        1.4826 * np.median(np.abs(dz - np.median(dz)))
    )
    for draw, weight in enumerate(weights):
        at = drawn_rows(weight, places)
        for name, value in redshift_metrics.measure_redshift(truth[at], predicted[at]).items():
            assert drawn[name][draw] == pytest.approx(value)


def tables_of(truth, errors, names):
    return {
        name: [pd.DataFrame({"row": range(len(truth)), "truth": truth, "predicted": truth + one})]
        for name, one in zip(names, errors, strict=True)
    }


@pytest.fixture
def objects():
    table = pd.DataFrame({"row": range(40), "sink_id": np.arange(40) // 2, "simulation": "sky"})
    split = table[["row"]].assign(fold=0, part=np.where(table["row"] < 10, "train", "test"))
    return table, split


def test_paired_differences_vanish_where_errors_are_the_same(objects):
    samples, split = objects
    generator = np.random.default_rng(2)
    truth, error = generator.uniform(0, 1, 40), 0.02 * generator.normal(size=40)
    found = tables_of(truth, [error, error, 3 * error], ["one", "same", "worse"])
    same, worse = compare_on_target(REDSHIFT, samples, found, "one").to_dict("records")
    assert same["sigma_mad_difference"] == 0 and np.isnan(same["sigma_mad_difference_low"])
    assert 0 < worse["sigma_mad_difference_low"] < worse["sigma_mad_difference"]
    row = summarise_target(REDSHIFT, samples, split, found["worse"])
    assert row["sigma_mad_low"] < row["sigma_mad"] < row["sigma_mad_high"]
    assert (row["n_protostars"], row["n_train"]) == (20, 10)


def test_errors_have_no_dex_where_there_is_no_logarithm(objects):
    samples, split = objects
    truth = np.arange(40.0)
    table = tables_of(truth, [np.ones(40)], ["m"])["m"]
    plain = summarise_target(Target("number", "z", "none", "yr", "z"), samples, split, table)
    log = summarise_target(Target("number", "z", "log10", "yr", "z"), samples, split, table)
    assert plain["rmse"] == log["rmse_dex"] == measure(truth, truth + 1)["rmse_dex"] == 1
    assert not [name for name in plain if "dex" in name]
    assert "within_0.3_dex" in log and "spearman" in plain


def test_a_class_of_one_object_has_no_interval(objects):
    samples, split = objects
    truth = np.array(["a"] * 20 + ["b"] * 18 + ["c"] * 2)
    generator = np.random.default_rng(4)
    scores = generator.dirichlet(np.ones(4), 40)
    table = pd.DataFrame({"row": range(40), "truth": truth, "predicted": "a"})
    table[CLASSES.scores] = scores
    row = summarise_target(CLASSES, samples, split, [table])
    assert np.isnan(row["recall_c_low"]) and row["recall_a_low"] < row["recall_a_high"]
    assert np.isnan(row["recall_d"])
    cells = count_confusions(CLASSES, samples, {"m": [table]})
    shares = cells.pivot(index="truth", columns="predicted", values="share")
    np.testing.assert_allclose(shares.loc[["a", "b", "c"]].sum(axis=1), 1)
    assert cells["count"].sum() == 40
