"""From frozen features to log mass: PCA whitening, nearest neighbours, ridge, gradient boosting, a perceptron, or the mean.

Everything here, hyper-parameters included, is fitted on training rows alone.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from starmass.errors import InputError, closest
from starmass.evaluation.predictions import Predictions
from starmass.evaluation.splits import deal_groups

INNER_FOLDS = 5
Results = list[
    tuple[np.ndarray, np.ndarray | None]
]  # predicted values, and their spread where there is one, of each candidate


def predict(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    regressor: str,
    whitening: int | str | Sequence[int | str | None] | None = None,
    seed: int = 0,
    reach: bool = False,
    **parameters: Any,
) -> Predictions:
    """Predict the labels of ``test`` from those of ``train``.

    Parameters
    ----------
    features : [row, dimension]
    labels : [row]; those of test rows are never looked at
    groups : [row]; rows of one group (a protostar) stay together where hyper-parameters are chosen
    train, test : row numbers
    regressor : a name out of :data:`REGRESSORS`
    whitening : PCA whitening to so many components first; ``all`` keeps every one that the training rows span; ``standard`` brings each
        number to zero mean and unit spread and does not turn; None leaves the features as they are
    reach : lower ``neighbours`` and components to what the training rows allow instead of refusing (:func:`within_reach`)
    parameters : the regressor's own: ``neighbours`` (knn), ``alpha`` (ridge), ``iterations`` (boosting), ``hidden`` (mlp).
        A list, here or of whitenings, is a list of candidates: the one with the least squared error in cross-validation over the training
        rows' groups is taken
    """
    if regressor not in REGRESSORS:
        raise InputError(
            f"regressor {regressor!r}: unknown{closest(regressor, REGRESSORS)}; choose from {', '.join(REGRESSORS)}."
        )
    function, key, default = REGRESSORS[regressor]
    unknown = [name for name in parameters if name != key]
    if unknown:
        raise InputError(
            f"regressor {regressor}: has no parameter {unknown[0]!r}{f'; it has {key!r}' if key else ''}."
        )
    values = _listed(parameters.get(key, default))
    whitenings = _listed(whitening)
    x, y = np.asarray(features, np.float64), np.asarray(labels, np.float64)
    _check_finite(x, y, train, test)
    if reach:
        rows = len(train)
        if len(whitenings) * len(values) > 1:
            rows = min(len(inside) for inside, _ in _inner_folds(groups[train]))
        whitenings = within_reach(whitenings, min(rows - 1, x.shape[1]))
        values = within_reach(values, rows) if key == "neighbours" else values

    def attempt(
        train: np.ndarray, test: np.ndarray, whitening: Any, values: Sequence[Any]
    ) -> Results:
        inside, outside = whiten(x[train], x[test], whitening)
        return function(inside, y[train], outside, values, seed)

    best = (whitenings[0], values[0])
    if len(whitenings) * len(values) > 1:
        errors = dict.fromkeys(product(whitenings, values), 0.0)
        for inside, outside in _inner_folds(groups[train]):
            for kept in whitenings:
                for value, (predicted, _) in zip(
                    values, attempt(train[inside], train[outside], kept, values), strict=True
                ):
                    errors[kept, value] += float(np.sum((predicted - y[train[outside]]) ** 2))
        best = min(errors, key=lambda candidate: errors[candidate])
    predicted, spread = attempt(train, test, best[0], [best[1]])[0]
    return Predictions(predicted, spread, {"whitening": best[0], **({key: best[1]} if key else {})})


def _check_finite(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Refuse what no method can learn from, by row; labels of test rows are not looked at."""
    both = np.concatenate([train, test])
    for rows, good, words in (
        (both, np.isfinite(x).all(axis=1), "features that are not finite, as of missing pixels"),
        (train, np.isfinite(y), "a label that is not finite, as the logarithm of a mass of 0"),
    ):
        wrong = np.sort(rows[~good[rows]])
        if len(wrong):
            raise InputError(
                f"row {wrong[0]} has {words} ({len(wrong)} of {len(rows)} rows are so); mend these"
                " rows where they come from (missing_fill: nearest; the masses), or leave them out."
            )


def within_reach(candidates: Sequence[Any], most: int) -> list[Any]:
    """Return candidates with those numbers lowered to ``most`` that are above it, each once: where few rows are left to learn from."""
    return list(
        dict.fromkeys(max(min(one, most), 1) if isinstance(one, int) else one for one in candidates)
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _inner_folds(groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    names, places = np.unique(groups, return_inverse=True)
    number = min(INNER_FOLDS, len(names))
    if number < 2:
        raise InputError(
            "choosing among a list of values needs training rows of 2 protostars or more; give one value instead, or more rows."
        )
    dealt = deal_groups(places, number, np.arange(len(names)))
    return [
        (np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in range(number)
    ]


def whiten(
    train: np.ndarray, test: np.ndarray, components: int | str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Project both on the training rows' principal components, each scaled to unit variance there.

    Components in which the training rows vary by no more than their rounding are dropped, whatever
    number was asked for (:func:`numerical_rank`): whitening would make them as large as the rest.
    """
    if components is None:
        return train, test
    if components == "standard":
        return standardise(train, test)
    most = min(len(train) - 1, train.shape[1])
    if components != "all" and not 1 <= int(components) <= most:
        raise InputError(
            f"whitening: {components} components, but {len(train)} rows of {train.shape[1]} numbers span only {most}; lower it."
        )
    if most < 1:
        raise InputError("whitening: one training row has no components; take whitening away.")
    centre = train.mean(axis=0)
    axes, variances = principal_axes(train - centre)
    kept = numerical_rank(train, axes, variances)
    if kept == 0:
        raise InputError(
            f"whitening: the features of all {len(train)} training rows agree to the digits that"
            f" are stored, so nothing can be"
            " told from them; look at the encoder (or the input) that they come from."
        )
    if components != "all":
        kept = min(kept, int(components))
    turn = axes[:, :kept] / np.sqrt(variances[:kept])
    return (train - centre) @ turn, (test - centre) @ turn


def principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal axes [dimension, component] of centred rows and the variances along them, largest first.

    By the smaller of the two Gram matrices: exact, deterministic, and quick for long and for wide tables alike.
    """
    rows, dimensions = centred.shape
    if rows > dimensions:
        variances, axes = np.linalg.eigh(centred.T @ centred)
    else:
        variances, vectors = np.linalg.eigh(centred @ centred.T)
        axes = (centred.T @ vectors) / np.sqrt(np.maximum(variances, np.finfo(float).tiny))
    return axes[:, ::-1], np.maximum(variances[::-1], 0.0) / (rows - 1)


def stored_precision(values: np.ndarray) -> float:
    """Return the relative precision of numbers as they were stored.

    It is that of float32 where every number is one, else that of float64. Features lie in files as
    float32, and are computed with as float64, which brings no lost digit back.
    """
    with np.errstate(over="ignore"):  # beyond float32: then it is none
        single = np.asarray(values, np.float32) == values
    return float(np.finfo(np.float32 if single.all() else np.float64).eps)


def numerical_rank(rows: np.ndarray, axes: np.ndarray, variances: np.ndarray) -> int:
    """Return how many of the principal axes of ``rows`` hold more than rounding.

    A number x is stored to within about eps |x|, however little it varies. Along an axis a this
    makes a variance of up to sum_j (a_j eps max|x_j|)^2 over dimensions j. Where dimensions
    outnumber rows, it all falls into as many components as there are rows, and is larger by the
    ratio of the two. An axis whose variance is not above that is dropped, with all after it. So is one
    below 1e-10 of the largest variance, which the Gram matrix does not resolve.

    Parameters
    ----------
    rows : [row, dimension], not centred
    axes, variances : of :func:`principal_axes`
    """
    number, dimensions = rows.shape
    most = min(number - 1, dimensions)
    largest = np.abs(rows).max(axis=0)
    rounding = (stored_precision(rows) * largest) ** 2
    floor = (axes[:, :most] ** 2).T @ rounding * max(1.0, dimensions / number)
    # What the mean itself is off by is the same for all rows.
    floor += np.sum((number * np.finfo(np.float64).eps * largest) ** 2)
    above = (variances[:most] > floor) & (variances[:most] > 1e-10 * variances[0])
    return int(np.argmin(above)) if not above.all() else most


def column_scale(
    train: np.ndarray, precision: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column; inf where it varies by rounding alone.

    ``precision`` is the numbers' relative one (:func:`stored_precision` by default); give it where
    they were computed from coarser ones.
    """
    mean, spread = train.mean(axis=0), train.std(axis=0)
    rounding = (precision or stored_precision(train)) * np.abs(train).max(axis=0)
    spread[spread <= np.maximum(rounding, 1e-12)] = np.inf  # a constant says nothing
    return mean, spread


def standardise(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring columns to zero mean and unit spread over the training rows; constant ones become 0."""
    mean, spread = column_scale(train)
    return (train - mean) / spread, (test - mean) / spread


def nearest_neighbours(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, values: Sequence[int], seed: int
) -> Results:
    """Mean and spread of the k nearest training labels, weighted by inverse distance, for each k of ``values``."""
    most = max(values)
    if not 1 <= min(values) <= most <= len(x):
        raise InputError(
            f"neighbours: {most} asked for, but there are {len(x)} training rows to choose from; lower it or add maps."
        )
    from sklearn.neighbors import NearestNeighbors  # slow to import, and not every method needs it

    distances, places = (
        NearestNeighbors(n_neighbors=most, algorithm="brute").fit(x).kneighbors(x_test)
    )
    results: Results = []
    for k in values:
        near, label = distances[:, :k], y[places[:, :k]]
        with np.errstate(divide="ignore"):
            weights = 1.0 / near
        same = ~np.isfinite(weights)
        weights[same.any(axis=1)] = same[same.any(axis=1)]
        weights /= weights.sum(axis=1, keepdims=True)
        mean = np.sum(weights * label, axis=1)
        results.append((mean, np.sqrt(np.sum(weights * (label - mean[:, None]) ** 2, axis=1))))
    return results


def ridge(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, values: Sequence[float], seed: int
) -> Results:
    """Linear regression on standardised features with penalty alpha on the squared slopes, for each alpha of ``values``."""
    x, x_test = standardise(x, x_test)
    # One decomposition serves every alpha; of the smaller of the two Gram matrices.
    if x.shape[1] <= len(x):
        eigenvalues, vectors = np.linalg.eigh(x.T @ x)
        left, right = x_test @ vectors, vectors.T @ (x.T @ (y - y.mean()))
    else:
        eigenvalues, vectors = np.linalg.eigh(x @ x.T)
        left, right = x_test @ (x.T @ vectors), vectors.T @ (y - y.mean())
    return [
        (y.mean() + left @ (right / (np.maximum(eigenvalues, 0.0) + alpha)), None)
        for alpha in values
    ]


def boosting(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, values: Sequence[int], seed: int
) -> Results:
    """Gradient-boosted trees, for each number of iterations in ``values``."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    fixed: dict[str, Any] = {"learning_rate": 0.05, "early_stopping": False, "random_state": seed}
    return [
        (HistGradientBoostingRegressor(max_iter=value, **fixed).fit(x, y).predict(x_test), None)
        for value in values
    ]


def multilayer(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, values: Sequence[int], seed: int
) -> Results:
    """A perceptron of one hidden layer on standardised features, for each width in ``values``: a nonlinear probe."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    x, x_test = standardise(x, x_test)
    centre, spread = y.mean(), y.std() or 1.0
    fixed: dict[str, Any] = {
        "alpha": 1e-3,
        "learning_rate_init": 1e-3,
        "max_iter": 200,
        "random_state": seed,
    }
    results: Results = []
    for width in values:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ConvergenceWarning
            )  # so many passes and no more is the recipe
            probe = MLPRegressor(hidden_layer_sizes=(width,), **fixed).fit(x, (y - centre) / spread)
        results.append((probe.predict(x_test) * spread + centre, None))
    return results


def training_mean(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, values: Sequence[None], seed: int
) -> Results:
    """The mean training label for everyone, with the training labels' spread: what a method has to beat."""
    return [(np.full(len(x_test), y.mean()), np.full(len(x_test), y.std()))]


# name -> function, the parameter that it has (if any), its default
REGRESSORS: dict[str, tuple[Callable[..., Results], str, Any]] = {
    "knn": (nearest_neighbours, "neighbours", 5),
    "ridge": (ridge, "alpha", [10.0**power for power in range(-2, 6)]),
    "boosting": (boosting, "iterations", 200),
    "mlp": (multilayer, "hidden", 128),
    "mean": (training_mean, "", None),
}
