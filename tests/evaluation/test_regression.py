import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from starmass.errors import InputError
from starmass.evaluation.regression import REGRESSORS, predict
from starmass.evaluation.whitening import Whitening
from starmass.registry import names_in

NAMES = names_in(REGRESSORS)


def whiten(train, test, components):
    """Both as they are whitened by the training rows."""
    fitted = Whitening(components).fit(train)
    return fitted.transform(train), fitted.transform(test)


def data(rows=80, dimensions=6, seed=0):
    generator = np.random.default_rng(seed)
    features = (
        generator.normal(size=(rows, dimensions)) @ generator.normal(size=(dimensions, dimensions))
        + 3
    )
    labels = features[:, 0] - 0.5 * features[:, 1] ** 2 + 0.1 * generator.normal(size=rows)
    order = generator.permutation(rows)
    return (
        features,
        labels,
        np.arange(rows) // 4,
        np.sort(order[: 3 * rows // 4]),
        np.sort(order[3 * rows // 4 :]),
    )


@pytest.mark.parametrize(
    ("rows", "dimensions", "components"),
    [(200, 12, 5), (200, 12, 12), (40, 300, 8), (40, 300, "all"), (300, 20, "all")],
)
def test_whitening_equals_scikit_learn(rows, dimensions, components):
    features, _, _, train, test = data(rows, dimensions)
    number = min(len(train) - 1, dimensions) if components == "all" else components
    pca = PCA(number, whiten=True, svd_solver="full").fit(features[train])
    for mine, theirs in zip(
        whiten(features[train], features[test], components),
        (features[train], features[test]),
        strict=True,
    ):
        expected = pca.transform(theirs)
        signs = np.sign(np.sum(mine * expected, axis=0))
        np.testing.assert_allclose(mine * signs, expected, atol=1e-6)


def test_whitening_leaves_directions_without_variance_out():
    features = np.random.default_rng(0).normal(size=(30, 3)) @ np.random.default_rng(1).normal(
        size=(3, 10)
    )
    assert whiten(features, features, "all")[0].shape == (30, 3)
    assert whiten(features, features, 8)[0].shape == (30, 3)


@pytest.mark.parametrize("neighbours", [1, 5, 60])
def test_neighbours_equal_scikit_learn(neighbours):
    features, labels, groups, train, test = data()
    features[test[0]] = features[train[3]]  # at distance 0 the label itself
    found = predict(features, labels, groups, train, test, regressor="knn", neighbours=neighbours)
    expected = (
        KNeighborsRegressor(neighbours, weights="distance")
        .fit(features[train], labels[train])
        .predict(features[test])
    )
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    assert found.values[0] == labels[train[3]]
    assert found.spread is not None
    assert (found.spread >= 0).all()


def test_spread_of_neighbours_is_the_weighted_one():
    features, labels = np.array([[0.0], [1.0], [3.0], [1.5]]), np.array([0.0, 1.0, 5.0, np.nan])
    found = predict(
        features, labels, np.arange(4), np.arange(3), np.array([3]), regressor="knn", neighbours=2
    )
    weights = np.array([1 / 0.5, 1 / 1.5])
    mean = np.average([1.0, 0.0], weights=weights)
    np.testing.assert_allclose(found.values, mean)
    np.testing.assert_allclose(
        found.spread, np.sqrt(np.average((np.array([1.0, 0.0]) - mean) ** 2, weights=weights))
    )


@pytest.mark.parametrize(("rows", "dimensions"), [(80, 6), (40, 100)])
def test_ridge_equals_scikit_learn(rows, dimensions):
    features, labels, groups, train, test = data(rows, dimensions)
    found = predict(features, labels, groups, train, test, regressor="ridge", alpha=3.0)
    expected = (
        make_pipeline(StandardScaler(), Ridge(3.0))
        .fit(features[train], labels[train])
        .predict(features[test])
    )
    np.testing.assert_allclose(found.values, expected, atol=1e-8)


def test_a_constant_feature_says_nothing():
    features, labels, groups, train, test = data()
    constant = np.concatenate([features, np.full((len(features), 1), 7.0)], axis=1)
    for options in ({"regressor": "ridge"}, {"regressor": "knn", "whitening": "standard"}):
        plain, padded = (
            predict(x, labels, groups, train, test, **options).values for x in (features, constant)
        )
        np.testing.assert_allclose(plain, padded, atol=1e-9)


def test_a_perceptron_learns_what_a_line_cannot():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 2))
    labels = 5 + np.abs(features[:, 0])
    train, test = np.arange(200), np.arange(200, 300)
    error = {
        name: np.std(
            predict(features, labels, np.arange(300), train, test, regressor=name, **options).values
            - labels[test]
        )
        for name, options in {"mlp": {"hidden": 64}, "ridge": {}}.items()
    }
    assert error["mlp"] < 0.3 * error["ridge"]


def test_the_mean_is_the_training_mean():
    features, labels, groups, train, test = data()
    found = predict(features, labels, groups, train, test, regressor="mean")
    np.testing.assert_allclose(found.values, labels[train].mean())


def test_candidates_are_chosen_by_error_over_groups():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 1))
    labels = features[:, 0] + generator.normal(
        size=200
    )  # noise: many neighbours do better than one
    rows = np.arange(200)
    found = predict(
        features, labels, rows, rows[:150], rows[150:], regressor="knn", neighbours=[1, 20]
    )
    assert found.chosen["neighbours"] == 20
    # Copies of a row make one neighbour look perfect, unless copies stay together.
    features, labels, groups = (
        np.repeat(features, 4, axis=0),
        np.repeat(labels, 4),
        np.repeat(rows, 4),
    )
    train, test = np.arange(600), np.arange(600, 800)
    assert (
        predict(features, labels, groups, train, test, regressor="knn", neighbours=[1, 40]).chosen[
            "neighbours"
        ]
        == 40
    )
    assert (
        predict(
            features, labels, np.arange(800), train, test, regressor="knn", neighbours=[1, 40]
        ).chosen["neighbours"]
        == 1
    )


OPTIONS = [
    {"regressor": "knn", "whitening": "all", "neighbours": [1, 3, 5]},
    {"regressor": "knn", "whitening": [2, "standard", None], "neighbours": 3},
    {"regressor": "ridge", "whitening": 4},
    {"regressor": "ridge"},
    {"regressor": "boosting", "iterations": 5},
    {"regressor": "mean"},
]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), options=st.sampled_from(OPTIONS), size=st.floats(-1e6, 1e6))
def test_nothing_of_a_test_row_reaches_another_row(seed, options, size):
    """Garbage in the labels of all test rows and in the features of all but one changes nothing.

    That one's prediction stays as it was.
    """
    features, labels, groups, train, test = data(seed=seed % 17)
    before = predict(features, labels, groups, train, test, **options)
    generator = np.random.default_rng(seed)
    kept = int(generator.integers(len(test)))
    spoilt, answers = features.copy(), labels.copy()
    spoilt[np.delete(test, kept)] = size * generator.normal(size=(len(test) - 1, features.shape[1]))
    answers[test] = np.nan
    after = predict(spoilt, answers, groups, train, test, **options)
    np.testing.assert_allclose(after.values[kept], before.values[kept], atol=1e-9)
    assert after.chosen == before.chosen


@pytest.mark.parametrize("name", NAMES)
def test_predictions_repeat_to_the_bit(name):
    first, again = (predict(*data(), regressor=name, seed=3).values for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"regressor": "knn", "neighbours": 61}, "neighbours: 61 asked for, but there are 60"),
        ({"regressor": "knn", "whitening": 7}, "whitening: 7 components"),
        ({"regressor": "kmn"}, "did you mean 'knn'"),
        ({"regressor": "ridge", "neighbours": 3}, "has no parameter 'neighbours'; it has 'alpha'"),
    ],
)
def test_mistakes_are_one_sentence(options, words):
    with pytest.raises(InputError, match=words):
        predict(*data(), **options)


def test_choosing_needs_two_protostars():
    features, labels, _, train, test = data()
    with pytest.raises(InputError, match="2 protostars or more"):
        predict(features, labels, np.zeros(80, int), train, test, regressor="ridge")


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(80, 64), (40, 300), (300, 20), (25, 24)]),
    rank=st.integers(1, 12),
    mean=st.sampled_from([0.0, 1.0, 30.0, 300.0, 5e4]),
    spread=st.sampled_from([1.0, 0.1, 1e-2]),
)
def test_whitening_keeps_the_rank_of_what_was_stored(seed, shape, rank, mean, spread):
    """Low-rank features in float32: the components that went in, above the rounding, no others."""
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.normal(size=(shape[1], rank)))[0]  # all of one size
    exact = spread * generator.normal(size=(shape[0], rank)) @ turn.T * np.sqrt(shape[1])
    features = (mean + exact).astype(np.float32)
    whole = features.astype(np.float64)
    kept = whiten(whole, whole, "all")[0]
    rounding = np.finfo(np.float32).eps * np.abs(features).max()
    assert kept.shape[1] == rank or (kept.shape[1] < rank and spread < 40 * rounding)
    # The same components, asked for by a number that is too large.
    most = min(shape[0] - 1, shape[1])
    np.testing.assert_array_equal(whiten(whole, whole, most)[0], kept)
    # And the score is that of the exact features.
    if kept.shape[1] == rank:
        centred = np.linalg.svd(exact - exact.mean(axis=0), full_matrices=False)[0][:, :rank]
        distances = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (kept, centred)]
        scale = np.sqrt(shape[0] - 1)
        np.testing.assert_allclose(distances[0], scale * distances[1], rtol=0.2, atol=0.2)


def test_small_columns_beside_a_large_one_are_signal():
    """What is stored finely is not rounding because another column is coarse."""
    generator = np.random.default_rng(0)
    small = 1e-3 * generator.normal(size=(60, 4))
    features = np.concatenate([small, 3e3 + 0.1 * generator.normal(size=(60, 1))], axis=1)
    for dtype in (np.float32, np.float64):
        stored = features.astype(dtype).astype(np.float64)
        assert whiten(stored, stored, "all")[0].shape[1] == 5
    # As float64 even what float32 could not hold is signal, and rounding of float64 is none.
    fine = 1 + 1e-9 * generator.normal(size=(60, 3)) @ generator.normal(size=(3, 8))
    assert whiten(fine, fine, "all")[0].shape[1] == 3


def test_rounding_in_a_constant_column_is_not_scaled_up():
    features, labels, groups, train, test = data()
    generator = np.random.default_rng(1)
    noisy = np.float32(300) + np.float32(2e-5) * generator.choice([-1, 0, 1], (len(features), 3))
    padded = np.concatenate([features, noisy], axis=1).astype(np.float32).astype(np.float64)
    assert np.ptp(padded[:, -1]) > 0
    inside, outside = whiten(padded[train], padded[test], "standard")
    assert (inside[:, 6:] == 0).all() and (outside[:, 6:] == 0).all()
    for options in ({"regressor": "ridge"}, {"regressor": "knn", "whitening": "standard"}):
        plain, more = (
            predict(x, labels, groups, train, test, **options).values
            for x in (padded[:, :6], padded)
        )
        np.testing.assert_allclose(plain, more, atol=1e-9)


def test_what_is_no_number_is_refused_by_row():
    features, labels, groups, train, test = data()
    for name in NAMES:
        for whitening in (None, "all", "standard"):
            options = {"regressor": name, "whitening": whitening}
            for row, what in ((train[4], "training"), (test[2], "test")):
                spoilt = features.copy()
                spoilt[row, 2] = np.nan
                with pytest.raises(InputError, match=f"row {row} has features that are not finite"):
                    predict(spoilt, labels, groups, train, test, **options)
                assert what
            for value in (-np.inf, np.nan):
                wrong = labels.copy()
                wrong[train[3]] = value
                with pytest.raises(InputError, match=f"row {train[3]} has a label that is not"):
                    predict(features, wrong, groups, train, test, **options)


def test_equal_features_or_equal_masses_have_a_defined_end():
    features, labels, groups, train, test = data()
    same = np.full(len(labels), np.log10(0.3))
    for name in NAMES:
        for whitening in (None, "all", "standard"):
            options = {"regressor": name, "whitening": whitening}
            found = predict(features, same, groups, train, test, **options).values
            np.testing.assert_allclose(found, np.log10(0.3), atol=1e-6)
    equal = np.full_like(features, 0.1)
    with pytest.raises(InputError, match="features of all 60 training rows agree to the digits"):
        predict(equal, labels, groups, train, test, regressor="knn", whitening="all")
    found = predict(equal, labels, groups, train, test, regressor="ridge").values
    np.testing.assert_allclose(found, labels[train].mean())
