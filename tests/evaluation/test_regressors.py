"""Each regressor gives the numbers of its formula, is a scikit-learn estimator, and is one file."""

import importlib
import json
import sys
import warnings
from itertools import product

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPRegressor
from sklearn.utils.estimator_checks import check_estimator

from starmass.evaluation.fitted import FittedFold, FittedMethod, apply, write_fitted
from starmass.evaluation.principal_axes import column_scale, numerical_rank, principal_axes
from starmass.evaluation.regression import REGRESSORS, fit, predict
from starmass.evaluation.regressors.knn import WeightedNeighbours
from starmass.evaluation.regressors.mean import MeanLabel
from starmass.evaluation.regressors.mlp import Perceptron
from starmass.evaluation.splits import deal_groups
from starmass.evaluation.whitening import Whitening
from starmass.registry import load, names_in

SEED = 3

# The formulas, as functions that fit and predict at once: (x, y, x_test, value) -> mean, spread.


def standardise(train, test):
    mean, spread = column_scale(train)
    return (train - mean) / spread, (test - mean) / spread


def whiten(train, test, components):
    if components is None:
        return train, test
    if components == "standard":
        return standardise(train, test)
    centre = train.mean(axis=0)
    axes, variances = principal_axes(train - centre)
    kept = numerical_rank(train, axes, variances)
    kept = kept if components == "all" else min(kept, components)
    turn = axes[:, :kept] / np.sqrt(variances[:kept])
    return (train - centre) @ turn, (test - centre) @ turn


def knn(x, y, x_test, k):
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(x_test)
    labels = y[found[1]]
    with np.errstate(divide="ignore"):
        weights = 1 / found[0]
    same = np.isinf(weights)
    weights[same.any(axis=1)] = same[same.any(axis=1)]
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * labels).sum(axis=1)
    return mean, np.sqrt((weights * (labels - mean[:, None]) ** 2).sum(axis=1))


def ridge(x, y, x_test, alpha):
    x, x_test = standardise(x, x_test)
    wide = x.shape[1] > len(x)
    # Whitening by columns changes nothing here: the tie is broken by the rounding of this formula.
    eigenvalues, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    scales = np.maximum(eigenvalues, 0) + alpha
    if wide:
        return y.mean() + x_test @ (x.T @ vectors) @ (vectors.T @ (y - y.mean()) / scales), None
    return y.mean() + x_test @ vectors @ (vectors.T @ (x.T @ (y - y.mean())) / scales), None


def boosting(x, y, x_test, trees):
    options = {"learning_rate": 0.05, "early_stopping": False, "random_state": SEED}
    return HistGradientBoostingRegressor(max_iter=trees, **options).fit(x, y).predict(x_test), None


def mlp(x, y, x_test, width):
    x, x_test = standardise(x, x_test)
    centre, spread = y.mean(), y.std()
    probe = MLPRegressor(hidden_layer_sizes=(width,))
    probe.set_params(alpha=1e-3, learning_rate_init=1e-3, max_iter=200, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(x, (y - centre) / spread)
    return probe.predict(x_test) * spread + centre, None


def mean(x, y, x_test, value):
    return np.full(len(x_test), y.mean()), np.full(len(x_test), y.std())


FORMULAS = {"knn": knn, "ridge": ridge, "boosting": boosting, "mlp": mlp, "mean": mean}
CANDIDATES = {
    "knn": [[5], [8, 1, 3]],
    "ridge": [[2.0], [0.01, 1.0, 1.0, 1e3]],
    "boosting": [[10, 5]],
    "mlp": [[4]],
    "mean": [[None]],
}


def by_formula(regressor, data, whitenings, values, clamp_to_data):
    """Predictions and what is chosen, as an exhaustive search with the formulas finds them."""
    x, y, groups, train, test = data
    names, places = np.unique(groups[train], return_inverse=True)
    dealt = deal_groups(places, min(5, len(names)), np.arange(len(names)))
    several = len(whitenings) * len(values) > 1
    if clamp_to_data:
        rows = min((dealt != fold).sum() for fold in set(dealt)) if several else len(train)
        most = min(rows - 1, x.shape[1])
        whitenings = [min(one, most) if isinstance(one, int) else one for one in whitenings]
        values = [min(one, rows) for one in values] if regressor == "knn" else values

    def predicted(taught, asked, components, value):
        inside, outside = whiten(x[taught], x[asked], components)
        return FORMULAS[regressor](inside, y[taught], outside, value)

    def error(candidate):
        parts = [(train[dealt != fold], train[dealt == fold]) for fold in sorted(set(dealt))]
        return sum(np.sum((predicted(*part, *candidate)[0] - y[part[1]]) ** 2) for part in parts)

    candidates = list(dict.fromkeys(product(whitenings, values)))
    best = min(candidates, key=error) if len(candidates) > 1 else candidates[0]
    return *predicted(train, test, *best), best


def make(rows, dimensions, constant=0, few=None):
    """Rows in groups of 4, stored as float32, the last columns constant but for their rounding."""
    generator = np.random.default_rng(rows)
    x = generator.normal(size=(rows, dimensions)) @ generator.normal(size=(dimensions, dimensions))
    x[:, dimensions - constant :] = 300 + 2e-5 * generator.choice([-1, 0, 1], (rows, constant))
    x = (x + 3).astype(np.float32).astype(np.float64)
    y = x[:, 0] - 0.1 * x[:, 1] ** 2 + 0.1 * generator.normal(size=rows)
    order = generator.permutation(rows)
    train, test = np.sort(order[: 3 * rows // 4]), np.sort(order[3 * rows // 4 :])
    return x, y, np.arange(rows) // 4, train[:few], test


DATA = {
    "long": make(80, 6),
    "wide": make(40, 100),
    "constant": make(80, 9, constant=3),
    "few": make(80, 30, few=7),
}


WHITENINGS = ([None], ["standard"], ["all"], [4], [None, "standard", 3, "all"])
# Boosting and mlp fit each candidate as any other does, so one kind of data is enough for a list.
CASES = [
    (kind, regressor, whitenings)
    for kind, regressor, whitenings in product(DATA, FORMULAS, WHITENINGS)
    if regressor not in ("boosting", "mlp") or len(whitenings) == 1 or kind == "long"
]


@pytest.mark.parametrize(("kind", "regressor", "whitenings"), CASES, ids=str)
def test_numbers_are_those_of_the_formula(kind, regressor, whitenings):
    data, clamp_to_data = DATA[kind], kind == "few"
    key = load(REGRESSORS, regressor).PARAMETER
    for values in CANDIDATES[regressor]:
        expected, spread, best = by_formula(regressor, data, whitenings, values, clamp_to_data)
        options = {key: values} if key else {}
        found = predict(
            *data,
            regressor=regressor,
            whitening=whitenings,
            seed=SEED,
            clamp_to_data=clamp_to_data,
            **options,
        )
        assert found.chosen == {"whitening": best[0], **({key: best[1]} if key else {})}
        np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-9)
        assert (found.spread is None) == (spread is None)
        if spread is not None:
            np.testing.assert_allclose(found.spread, spread, rtol=0, atol=1e-9)


def test_every_regressor_has_its_formula_here():
    assert names_in(REGRESSORS) == sorted(FORMULAS)


@pytest.mark.parametrize(
    ("estimator", "differs"),
    [
        # No columns are allowed for a regressor that reads no features.
        (Whitening(), {"check_estimators_empty_data_messages": "no columns"}),
        (Whitening("standard"), {"check_estimators_empty_data_messages": "no columns"}),
        (Whitening("all"), {}),
        (Whitening(1), {}),
        # The sentence names the config's key instead.
        (WeightedNeighbours(), {"check_fit2d_1sample": "another sentence"}),
        (Perceptron(max_iter=100), {}),
        (MeanLabel(), {}),
    ],
    ids=repr,
)
def test_our_own_are_scikit_learn_estimators(estimator, differs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(estimator, expected_failed_checks=differs, on_skip=None)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_clone_of_what_is_built_fits_the_same(name):
    x, y, groups, train, test = DATA["long"]
    pipeline, _ = fit(x[train], y[train], groups[train], regressor=name, seed=SEED)
    again = clone(pipeline).fit(x[train], y[train])
    np.testing.assert_array_equal(again.predict(x[test]), pipeline.predict(x[test]))


def test_a_new_regressor_is_one_file(tmp_path, monkeypatch):
    """A Gaussian process: chosen by name, its candidates compared, its spread shown, kept."""
    (tmp_path / "gp.py").write_text(
        "from sklearn.gaussian_process import GaussianProcessRegressor\n"
        "from sklearn.gaussian_process.kernels import RBF, WhiteKernel\n"
        "PARAMETER = 'length'\n"
        "KERNELS = 'sklearn.gaussian_process.kernels.'\n"
        "TRUSTED = tuple(KERNELS + name for name in ('RBF', 'Sum', 'WhiteKernel'))\n"
        "def build(value, *, seed):\n"
        "    kernel = RBF(value, 'fixed') + WhiteKernel(0.1, 'fixed')\n"
        "    return GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)\n"
    )
    package = importlib.import_module(REGRESSORS)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        x, y, _, train, test = DATA["long"]
        found = predict(*DATA["long"], regressor="gp", whitening="standard", length=[0.01, 3.0])
        assert found.chosen == {"whitening": "standard", "length": 3.0}
        assert found.spread is not None and (found.spread > 0).all()
        expected = load(REGRESSORS, "gp").build(3.0, seed=0)
        inside, outside = standardise(x[train], x[test])
        np.testing.assert_allclose(found.values, expected.fit(inside, y[train]).predict(outside))
        one = FittedFold(0, found.pipeline, found.chosen, len(train), 20, (-1.0, 1.0))
        method = FittedMethod((one,), {"regressor": "gp"}, "f", 0, json.dumps({}))
        write_fitted(tmp_path / "gp.skops", method)
        values, spread = apply(tmp_path / "gp.skops", x[test], 0)
        np.testing.assert_array_equal(values, found.values)
        np.testing.assert_array_equal(spread, found.spread)
        # A class that the module does not name is said when the file is written.
        monkeypatch.setattr(load(REGRESSORS, "gp"), "TRUSTED", ())
        with pytest.raises(TypeError, match=r"regressors\.gp: add sklearn.*RBF.* to TRUSTED"):
            write_fitted(tmp_path / "unnamed.skops", method)
        assert not (tmp_path / "unnamed.skops").exists()
    finally:
        sys.modules.pop(f"{REGRESSORS}.gp", None)
        if hasattr(package, "gp"):
            del package.gp
