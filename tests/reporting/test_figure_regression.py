import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from starmass.errors import InputError
from starmass.reporting.figures.regression import (
    _read_line,
    mass_bins,
    metrics_text,
    principal_components,
    running_median,
)


def test_components_are_those_of_the_training_rows():
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 5)) * [5, 3, 1, 0.5, 0.1] + 7
    training = np.arange(60) % 3 > 0
    scores, shares = principal_components(features, training)
    reference = PCA(2).fit(features[training])
    expected = reference.transform(features)
    expected *= np.sign((expected * scores).sum(axis=0))
    np.testing.assert_allclose(scores, expected, atol=1e-10)
    np.testing.assert_allclose(shares, reference.explained_variance_ratio_)


def test_components_keep_their_signs_when_rows_are_turned_about():
    features = np.random.default_rng(3).normal(size=(20, 4))
    training = np.ones(20, bool)
    scores, _ = principal_components(features, training)
    turned, _ = principal_components(features[::-1], training)
    np.testing.assert_allclose(turned[::-1], scores, atol=1e-10)


def test_constant_features_have_no_variance():
    scores, shares = principal_components(np.ones((6, 3)), np.ones(6, bool))
    assert np.all(scores == 0)
    assert np.all(shares == 0)


@pytest.mark.parametrize("seed", range(5))
def test_bins_enclose_every_mass(seed):
    log_mass = np.random.default_rng(seed).normal(size=40)
    edges = mass_bins(log_mass)
    assert edges[0] <= log_mass.min() and log_mass.max() < edges[-1]
    np.testing.assert_allclose(np.diff(edges), 0.25)
    assert np.histogram(log_mass, edges)[0].sum() == 40


def test_median_needs_enough_maps_in_a_bin():
    true = np.array([0.1] * 5 + [1.1] * 4)
    predicted = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 1, 1, 1, 1])
    table = running_median(true, predicted)
    assert len(table) == 1
    assert table.loc[0, "median"] == pytest.approx(0.2)
    assert table.loc[0, "low"] == pytest.approx(np.percentile(predicted[:5], 16))


def test_metrics_are_the_tables_own():
    assert metrics_text({"r2": 0.512, "r2_low": -0.101, "r2_high": 0.7, "rmse_dex": 0.2}) == (
        "$R^2 = 0.51$ [$-0.10$, $0.70$]\nRMSE = 0.20 dex"
    )
    assert metrics_text({"r2": -1.9, "rmse_dex": 0.34}) == "$R^2 = -1.90$\nRMSE = 0.34 dex"


def test_features_of_other_rows_are_refused(tmp_path, study):
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["features"] = np.zeros((1, 3, 2), np.float32)
    files = {
        "split": study / "random/split.csv",
        "features": tmp_path / "features.h5",
        "predictions": {},
    }
    with pytest.raises(InputError, match="has 3 rows"):
        _read_line("random", files, pd.DataFrame(), pd.Series(np.zeros(24)))


def test_rows_out_of_use_are_left_out(tmp_path, study):
    parts = pd.read_csv(study / "random/split.csv")
    parts.loc[[1, 4], "part"] = "unused"
    parts.to_csv(tmp_path / "split.csv", index=False)
    files = {
        "split": tmp_path / "split.csv",
        "features": study / "random/features.h5",
        "predictions": {},
    }
    line = _read_line("random", files, pd.DataFrame(), pd.Series(np.arange(24.0)))
    assert len(line.features) == len(line.log_mass) == 22
    assert not {1.0, 4.0} & set(line.log_mass)
    assert line.training.sum() == (parts["part"] == "train").sum()
