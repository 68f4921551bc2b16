"""From frozen features to log mass: whitening and a regressor, chosen among candidates and fitted.

Everything here, hyper-parameters included, is fitted on training rows alone.
"""

from collections.abc import Callable, Sequence
from inspect import signature
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from starmass.config import methods as config
from starmass.errors import InputError
from starmass.evaluation.predictions import Predictions
from starmass.evaluation.splits import deal_groups
from starmass.evaluation.targets import check_classes
from starmass.evaluation.whitening import Whitening
from starmass.registry import load

REGRESSORS = "starmass.evaluation.regressors"
"""The package whose modules are the regressors."""
INNER_FOLDS = 5
LOWEST_SCORE = 1e-3
"""Least score of a class when candidates are compared: few neighbours rule nothing out."""


def predict(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    **options: Any,
) -> Predictions:
    """Predict the labels of ``test`` from those of ``train``: numbers, or scores of classes.

    Parameters
    ----------
    features : [row, dimension]
    labels : [row], numbers, or places of classes; those of test rows are never looked at
    groups : [row]; rows of one group (a protostar) stay together where hyper-parameters are chosen
    train, test : row numbers
    options : of :func:`fit`

    Raises
    ------
    InputError
        when a feature or a training label is not finite; and what :func:`fit` raises
    """
    x, y = np.asarray(features, np.float64), np.asarray(labels, np.float64)
    _check_finite(x, y, train, test)
    classes = options.get("classes", 0)
    if classes:
        y = np.asarray(labels, np.int64)
        check_classes(y[train])
    pipeline, chosen = fit(x[train], y[train], groups[train], **options)
    if classes:
        return Predictions(class_scores(pipeline, x[test], classes), None, chosen, pipeline)
    values, spread = apply_pipeline(pipeline, x[test])
    return Predictions(values, spread, chosen, pipeline)


def fit(
    x: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    *,
    regressor: str,
    whitening: int | str | Sequence[int | str | None] | None = None,
    seed: int = 0,
    clamp_to_data: bool = False,
    classes: int = 0,
    **parameters: Any,
) -> tuple[Pipeline, dict[str, Any]]:
    """Choose among candidates and fit the best one to all rows.

    Parameters
    ----------
    x, y, groups : features [row, dimension], labels [row] and groups [row] of training rows
    regressor : name of a module of :mod:`starmass.evaluation.regressors`
    whitening : components of :class:`Whitening`, which comes first
    seed : of what is random in the regressor
    clamp_to_data : lower numbers of rows and components to what the rows allow instead of refusing
        (:func:`clamped`)
    classes : number of classes, whose places the labels are; 0 where labels are numbers
    parameters : the regressor's own (its PARAMETER). A list, here or of whitenings, is a list of
        candidates: the one with the least squared error (of classes, the least :func:`log_loss`) in
        cross-validation over the groups is taken, and the first of several equal ones

    Returns
    -------
    fitted pipeline of ``whitening`` and ``regressor``; what was chosen, by the config's key

    Raises
    ------
    InputError
        when the regressor or its parameter is unknown, or there are too few training rows
    """
    module = load(REGRESSORS, regressor)
    key = module.PARAMETER
    unknown = [name for name in parameters if name != key]
    if unknown:
        raise InputError(
            f"regressor {regressor}: has no parameter {unknown[0]!r}"
            f"{f'; it has {key!r}' if key else ''}."
        )
    whitenings, values = (
        _listed(whitening),
        _listed(parameters[key] if key in parameters else _default(regressor, key)),
    )
    several = len(whitenings) * len(values) > 1
    folds = _inner_folds(groups) if several else []
    if clamp_to_data:
        rows = min((len(inside) for inside, _ in folds), default=len(x))
        whitenings = clamped(whitenings, min(rows - 1, x.shape[1]))
        if getattr(module, "COUNTS_ROWS", False):
            values = clamped(values, rows)
    best = (whitenings[0], values[0])
    if len(whitenings) * len(values) > 1:
        errors = dict.fromkeys(product(whitenings, values), 0.0)
        for inside, outside in folds:
            taught, asked = x[inside], x[outside]
            for kept in whitenings:
                first = Whitening(kept).fit(taught)
                shown = first.transform(taught), y[inside], first.transform(asked)
                if classes:
                    found = [_class_scores_of(module, one, *shown, classes, seed) for one in values]
                else:
                    found = _predict_each(module, values, *shown, seed)
                loss = log_loss if classes else squared_error
                for value, predicted in zip(values, found, strict=True):
                    errors[kept, value] += loss(predicted, y[outside])
        best = min(errors, key=lambda candidate: errors[candidate])
    build = _classifier(module) if classes else module.build
    pipeline = Pipeline(
        [("whitening", Whitening(best[0])), ("regressor", build(best[1], seed=seed))]
    )
    pipeline.fit(x, y)
    return pipeline, {"whitening": best[0], **({key: best[1]} if key else {})}


def squared_error(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the sum of squared errors of predicted numbers [row]."""
    return float(np.sum((predicted - labels) ** 2))


def log_loss(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the sum over rows of minus the logarithm of the true class's score.

    Scores below :data:`LOWEST_SCORE` count as that.

    Parameters
    ----------
    scores : [row, class]
    labels : place of the class [row]
    """
    true = scores[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, LOWEST_SCORE)).sum())


def class_scores(pipeline: Any, x: np.ndarray, classes: int) -> np.ndarray:
    """Return the scores of a fitted classifier, 0 for classes that it never saw.

    Parameters
    ----------
    pipeline : with ``predict_proba``, whose ``classes_`` are places of classes
    x : features [row, dimension]
    classes : how many there are

    Returns
    -------
    [row, class], each row's sum is 1
    """
    scores = np.zeros((len(x), classes))
    scores[:, pipeline.classes_] = pipeline.predict_proba(x)
    return scores


def _class_scores_of(
    module: ModuleType,
    value: Any,
    x: np.ndarray,
    y: np.ndarray,
    x_test: np.ndarray,
    classes: int,
    seed: int,
) -> np.ndarray:
    """Return the scores of a candidate; a class that is alone among the rows has all of it."""
    known = np.unique(y)
    if len(known) == 1:
        return np.tile(np.eye(classes)[known[0]], (len(x_test), 1))
    return class_scores(_classifier(module)(value, seed=seed).fit(x, y), x_test, classes)


def _classifier(module: ModuleType) -> Callable[..., BaseEstimator]:
    """Return what builds a regressor's counterpart for classes."""
    if not hasattr(module, "build_classifier"):
        raise InputError(
            f"regressor {module.__name__.rpartition('.')[2]}: it has no build_classifier, so it"
            " can't predict classes; add one to its module, or take another regressor."
        )
    return module.build_classifier


def _default(regressor: str, key: str) -> Any:
    """Return what the config has for a regressor's parameter where it is left out."""
    for model in config.REGRESSORS:
        if key and model.choice == f"regressor: {regressor}":
            return model.model_fields[key].default
    return None


def apply_pipeline(pipeline: Pipeline, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Predict with a fitted pipeline.

    Parameters
    ----------
    pipeline : of :func:`fit`
    x : features [row, dimension]

    Returns
    -------
    values [row], and their spread [row] where the regressor has one, in the labels' unit
    """
    if has_spread(pipeline):
        values, spread = pipeline.predict(x, return_std=True)
        return values, spread
    return pipeline.predict(x), None


def has_spread(estimator: BaseEstimator) -> bool:
    """Whether ``predict`` takes ``return_std``; of a pipeline, that of its last step."""
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return "return_std" in signature(estimator.predict).parameters


def _predict_each(
    module: ModuleType,
    values: Sequence[Any],
    x: np.ndarray,
    y: np.ndarray,
    x_test: np.ndarray,
    seed: int,
) -> list[np.ndarray]:
    """Return predictions with each candidate value, by the regressor's quick way if it has one."""
    if hasattr(module, "predict_each"):
        return module.predict_each(values, x, y, x_test)
    return [module.build(value, seed=seed).fit(x, y).predict(x_test) for value in values]


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


def clamped(candidates: Sequence[Any], most: int) -> list[Any]:
    """Return candidates, where numbers above ``most`` are lowered to it, each candidate once."""
    return list(
        dict.fromkeys(max(min(one, most), 1) if isinstance(one, int) else one for one in candidates)
    )


def _listed(value: Any) -> list[Any]:
    """Return candidates, each once: the errors of one that is given twice would be summed twice."""
    return list(dict.fromkeys(value)) if isinstance(value, list | tuple) else [value]


def _inner_folds(groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return inside and outside rows of each fold; rows of a group stay together."""
    names, places = np.unique(groups, return_inverse=True)
    number = min(INNER_FOLDS, len(names))
    if number < 2:
        raise InputError(
            "choosing among a list of values needs training rows of 2 protostars or more;"
            " give one value instead, or more rows."
        )
    dealt = deal_groups(places, number, np.arange(len(names)))
    return [
        (np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in range(number)
    ]
