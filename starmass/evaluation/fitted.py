"""Fitted methods in files, so that a method can be applied to other maps later.

A file is one of skops, the format of scikit-learn models without pickle: skops.io.load reads it as
the list of fitted pipelines, one per fold. A member ``starmass.json`` beside them says what was
fitted, to what. Nothing in a file is run: a class is loaded only where skops or the regressor's
module (its TRUSTED) names it.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from starmass import __version__
from starmass.errors import InputError
from starmass.evaluation.features import check_features
from starmass.evaluation.predictions import Predictions
from starmass.evaluation.regression import REGRESSORS, apply_pipeline
from starmass.evaluation.splits import parts_of
from starmass.files import check_readable, remedy, unreadable
from starmass.registry import load, names_in
from starmass.storage import written_aside

FACTS = "starmass.json"
"""Member of the file that says what was fitted."""
FORMAT = 1
"""Version of the layout; raise it when older readers would misread a file."""
OWN = ("starmass.evaluation.whitening.Whitening",)
"""Classes of every pipeline that skops does not know."""


@dataclass(frozen=True)
class FittedFold:
    """A method fitted to one fold's training rows.

    Attributes
    ----------
    fold : number of the fold in its split
    pipeline : fitted, from features [row, dimension] to log10 mass [row]
    chosen : candidates that were chosen on the training rows, by the config's key
    rows, protostars : how many were used for training
    log10_mass_range : smallest and largest label of the training rows [log10 Msun]
    """

    fold: int
    pipeline: Pipeline
    chosen: Mapping[str, Any]
    rows: int
    protostars: int
    log10_mass_range: tuple[float, float]


@dataclass(frozen=True)
class FittedMethod:
    """A method of one seed, fitted in every fold of a split.

    Attributes
    ----------
    folds : in ascending order
    config : the method's entry, as far as it shapes the fit
    features : name of the entry of evaluation.features that it reads; None where it reads none
    seed : of the method
    provenance : JSON of :func:`starmass.provenance.provenance`
    """

    folds: tuple[FittedFold, ...]
    config: Mapping[str, Any]
    features: str | None
    seed: int
    provenance: str


def gather_folds(
    split: pd.DataFrame, labels: np.ndarray, groups: np.ndarray, found: Sequence[Predictions]
) -> tuple[FittedFold, ...]:
    """Return what is kept of each fold.

    Parameters
    ----------
    split : of the rows
    labels, groups : log10 mass [row] and protostar [row]
    found : predictions of each fold, of :func:`starmass.evaluation.predictions.predict_folds`
    """
    return tuple(
        FittedFold(
            fold=fold,
            pipeline=one.pipeline,
            chosen=one.chosen,
            rows=len(train),
            protostars=len(np.unique(groups[train])),
            log10_mass_range=(float(labels[train].min()), float(labels[train].max())),
        )
        for (fold, train, _), one in zip(parts_of(split), found, strict=True)
    )


def write_fitted(path: str | Path, fitted: FittedMethod) -> None:
    """Write a fitted method, whole or not at all.

    Raises
    ------
    TypeError
        when the regressor's module does not name a class that its estimator consists of
    """
    from skops.io import dump, get_untrusted_types  # slow to import

    regressor = fitted.config["regressor"]
    facts = {
        "format": FORMAT,
        "starmass": __version__,
        "regressor": regressor,
        "config": fitted.config,
        "features": fitted.features,
        "seed": fitted.seed,
        "provenance": fitted.provenance,
        "folds": [
            {
                "fold": one.fold,
                "chosen": one.chosen,
                "rows": one.rows,
                "protostars": one.protostars,
                "log10_mass_range": one.log10_mass_range,
            }
            for one in fitted.folds
        ],
    }
    with written_aside(path) as temporary:
        dump([one.pipeline for one in fitted.folds], temporary)
        unnamed = set(get_untrusted_types(file=temporary)) - set(_trusted(regressor))
        if unnamed:
            raise TypeError(
                f"{REGRESSORS}.{regressor}: add {', '.join(sorted(unnamed))} to TRUSTED."
            )
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(FACTS, json.dumps(facts, indent=1))


def read_fitted(path: str | Path) -> FittedMethod:
    """Read a fitted method.

    Raises
    ------
    InputError
        when the file is absent, damaged, of another kind, of a newer starmass, of a regressor that
        is not here, or holds classes that its regressor does not consist of
    """
    from skops.io import get_untrusted_types, loads

    check_readable(path)
    data = Path(path).read_bytes()
    facts = _read_facts(path, data)
    trusted = _trusted(facts["regressor"])
    # What skops raises for a file that was changed or cut is not one kind of error.
    try:
        foreign = sorted(set(get_untrusted_types(data=data)) - set(trusted))
        pipelines = [] if foreign else loads(data, trusted=list(trusted))
    except Exception as error:
        raise unreadable(path, error, "fitted method") from error
    if foreign:
        raise InputError(
            f"{path}: it holds {foreign[0]}, which a fitted {facts['regressor']} does not consist"
            f" of; do not use it unless you know who wrote it, and {remedy(path)}."
        )
    try:
        folds = tuple(
            FittedFold(
                fold=one["fold"],
                pipeline=pipeline,
                chosen=one["chosen"],
                rows=one["rows"],
                protostars=one["protostars"],
                log10_mass_range=tuple(one["log10_mass_range"]),
            )
            for one, pipeline in zip(facts["folds"], pipelines, strict=True)
        )
        return FittedMethod(
            folds, facts["config"], facts["features"], facts["seed"], facts["provenance"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(path, error, "fitted method") from error


def apply(
    path: str | Path, features: np.ndarray, fold: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Predict log10 masses with a method as fitted to a fold's training rows.

    Parameters
    ----------
    path : of a fitted method
    features : [row, dimension], as the method's entry of evaluation.features makes them
    fold : number of the fold

    Returns
    -------
    log10 mass [row], and its spread [row] in dex where the method has one

    Raises
    ------
    InputError
        when there is no such fold, or the features are of another dimension or not finite; and
        what :func:`read_fitted` raises
    """
    fitted = read_fitted(path)
    by_number = {one.fold: one.pipeline for one in fitted.folds}
    if fold not in by_number:
        raise InputError(
            f"{path}: fold {fold}: there is none; choose from {', '.join(map(str, by_number))}."
        )
    pipeline, x = by_number[fold], np.asarray(features, np.float64)
    expected = pipeline.n_features_in_
    if x.ndim != 2 or x.shape[1] != expected:
        raise InputError(
            f"{path}: it was fitted to {expected} features per map, and the shape of these is"
            f" {x.shape}; make them by the entry {fitted.features!r} of evaluation.features, with"
            " the same encoder."
        )
    check_features(x, "features")
    return apply_pipeline(pipeline, x)


def _read_facts(path: str | Path, data: bytes) -> dict[str, Any]:
    """Return what the file says of itself, as far as this version can read the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
            facts = json.loads(archive.read(FACTS)) if FACTS in archive.namelist() else {}
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise unreadable(path, error, "fitted method") from error
    if damaged:
        raise unreadable(path, ValueError(f"checksum of {damaged}"), "fitted method")
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise InputError(
            f"{path}: it is no fitted method of starmass; name a file of a folder fitted/, as the"
            " rule predict_masses writes it."
        )
    if facts["format"] > FORMAT:
        raise InputError(
            f"{path}: starmass {facts.get('starmass')} wrote it, and this is {__version__}, which"
            " is too old to read it; upgrade starmass."
        )
    if facts.get("regressor") not in names_in(REGRESSORS):
        raise InputError(
            f"{path}: it was fitted by regressor {facts.get('regressor')!r}, which starmass"
            f" {__version__} does not have; use the version that wrote it"
            f" ({facts.get('starmass')})."
        )
    return facts


def _trusted(regressor: str) -> tuple[str, ...]:
    """Return the classes of a fitted pipeline that skops does not know."""
    return (*OWN, *getattr(load(REGRESSORS, regressor), "TRUSTED", ()))
