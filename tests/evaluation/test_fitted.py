"""A fitted method is kept whole: the same numbers to the bit, and a sentence for a bad file."""

import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from skops.io import dump, load

from starmass.errors import InputError
from starmass.evaluation.fitted import (
    FACTS,
    FittedMethod,
    apply,
    gather_folds,
    read_fitted,
    write_fitted,
)
from starmass.evaluation.predictions import predict_folds
from starmass.evaluation.regression import REGRESSORS, predict
from starmass.evaluation.samples import log_mass, protostars
from starmass.evaluation.splits import draw_split, parts_of
from starmass.registry import names_in

METHODS = {
    "knn": {"neighbours": [2, 4], "whitening": ["all", "standard"]},
    "ridge": {"whitening": [3, None]},
    "boosting": {"iterations": 5},
    "mlp": {"hidden": 4, "whitening": "standard"},
    "mean": {},
}
SAMPLES = pd.DataFrame(
    [(star, axis, 10 ** (0.1 * star)) for star in range(20) for axis in "xyz"],
    columns=["sink_id", "axis", "mass_msun"],
).assign(simulation="a", row=range(60))
SPLIT = draw_split(SAMPLES, by="protostar", folds=3)
FEATURES = np.random.default_rng(0).normal(size=(60, 5)) + log_mass(SAMPLES)[:, None]


def fit_method(regressor):
    """A method, fitted in three folds, and what it predicts."""
    labels, groups = log_mass(SAMPLES), protostars(SAMPLES)
    config = {"regressor": regressor, **METHODS[regressor]}

    def predict_fold(fold, train, test):
        return predict(FEATURES, labels, groups, train, test, **config)

    _, found = predict_folds(SAMPLES, SPLIT, predict_fold)
    folds = gather_folds(SPLIT, labels, groups, found)
    return FittedMethod(folds, config, "profile", 4, json.dumps({"starmass": "x"})), found


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    path = tmp_path_factory.mktemp("fitted") / "seed-4.skops"
    write_fitted(path, fit_method("knn")[0])
    return path


@pytest.fixture
def changed(kept, tmp_path):
    """Copy of a file with other facts, or without them where there are none."""

    def change(facts=None):
        path = tmp_path / "seed-4.skops"
        with zipfile.ZipFile(kept) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                if name != FACTS:
                    new.writestr(name, old.read(name))
            if facts is not None:
                new.writestr(FACTS, json.dumps({**json.loads(old.read(FACTS)), **facts}))
        return path

    return change


@pytest.mark.parametrize("regressor", names_in(REGRESSORS))
def test_a_kept_method_predicts_the_same_to_the_bit(regressor, tmp_path):
    fitted, found = fit_method(regressor)
    write_fitted(tmp_path / "a.skops", fitted)
    for (fold, _, test), one in zip(parts_of(SPLIT), found, strict=True):
        values, spread = apply(tmp_path / "a.skops", FEATURES[test], fold)
        np.testing.assert_array_equal(values, one.values)
        assert (spread is None) == (one.spread is None)
        if spread is not None:
            np.testing.assert_array_equal(spread, one.spread)
    again = read_fitted(tmp_path / "a.skops")
    for field in ("config", "features", "seed", "provenance"):
        assert getattr(again, field) == getattr(fitted, field)
    for (_, train, _), before, after in zip(
        parts_of(SPLIT), fitted.folds, again.folds, strict=True
    ):
        assert after.chosen == before.chosen
        assert (after.rows, after.protostars) == (len(train), len(train) // 3)
        masses = SAMPLES["mass_msun"][train]
        assert 10 ** np.array(after.log10_mass_range) == pytest.approx([masses.min(), masses.max()])


def test_skops_alone_reads_the_pipelines(kept):
    ours = ["starmass.evaluation.whitening.Whitening"]
    ours.append("starmass.evaluation.regressors.knn.WeightedNeighbours")
    pipelines = load(kept, trusted=ours)
    values, _ = apply(kept, FEATURES, 1)
    np.testing.assert_array_equal(pipelines[1].predict(FEATURES), values)


def test_other_features_or_folds_are_a_sentence(kept):
    with pytest.raises(InputError, match=r"fitted to 5 features per map.* \(60, 4\).*'profile'"):
        apply(kept, FEATURES[:, :4], 0)
    with pytest.raises(InputError, match="fold 3: there is none; choose from 0, 1, 2"):
        apply(kept, FEATURES, 3)
    spoilt = FEATURES.copy()
    spoilt[7, 2] = np.nan
    with pytest.raises(InputError, match=r"row 7 .* not finite"):
        apply(kept, spoilt, 0)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "it is no fitted method of starmass; name a file"),
        ({"format": 2, "starmass": "99.0"}, r"starmass 99\.0 wrote it, .* too old .*; upgrade"),
        ({"regressor": "forest"}, "regressor 'forest', which starmass .* does not have; use"),
        ({"regressor": None}, "regressor None, which starmass .* does not have; use"),
        ({"folds": []}, "cut short or damaged"),
        ({"folds": [{}] * 3}, r"cut short or damaged \('fold'\)"),
        # Its classes are those of another regressor: they are not loaded.
        ({"regressor": "ridge"}, r"holds .*WeightedNeighbours, which a fitted ridge does not"),
    ],
)
def test_a_file_that_is_not_ours_is_a_sentence(changed, facts, words):
    path = changed(facts)
    with pytest.raises(InputError, match=words) as said:
        read_fitted(path)
    assert str(said.value).startswith(f"{path}: ") and str(said.value).endswith(".")


def test_a_class_of_somebody_else_is_not_loaded(kept, tmp_path):
    class Trap:
        def __setstate__(self, state):
            raise AssertionError("it was loaded")

    path = tmp_path / "seed-4.skops"
    trap = Trap()
    trap.value = 1
    dump([trap], path)
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(path, "a") as new:
        new.writestr(FACTS, old.read(FACTS))
    with pytest.raises(InputError, match=r"it holds .*Trap, which a fitted knn does not"):
        read_fitted(path)


@pytest.mark.parametrize("place", [0, 0.1, 0.5, 0.95])
def test_a_file_that_was_cut_or_changed_is_a_sentence(kept, tmp_path, place):
    path = tmp_path / "seed-4.skops"
    data = bytearray(kept.read_bytes())
    path.write_bytes(data[: int(place * len(data))])
    with pytest.raises(InputError, match=r"seed-4\.skops: .*damaged"):
        read_fitted(path)
    shutil.copy(kept, path)
    data[int(0.6 * place * len(data)) + 60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"seed-4\.skops: .*damaged"):
        read_fitted(path)


def test_no_file_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.skops: there is no such file"):
        read_fitted(tmp_path / "none.skops")
