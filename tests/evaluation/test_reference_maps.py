"""First numbers on real maps, found elsewhere with plain scikit-learn, are found again by this
pipeline.
"""

import numpy as np
import pytest

from starmass.evaluation.metrics import measure
from starmass.evaluation.predictions import Predictions, predict_folds
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import load_maps, log_mass, protostars
from starmass.evaluation.splits import draw_split
from starmass.evaluation.statistics import describe

GRADIENT = Preprocessing(v_los="log_gradient", sigma_v="log10")


@pytest.fixture(scope="module")
def maps(reference_samples):
    return load_maps(reference_samples)


def test_what_the_reference_maps_hold(reference_samples):
    assert len(reference_samples) == 780
    assert len(set(protostars(reference_samples))) == 36
    assert np.std(log_mass(reference_samples)) == pytest.approx(0.51, abs=0.01)


@pytest.mark.parametrize(
    ("preprocessing", "statistics", "options", "by_row", "by_protostar"),
    [
        (
            Preprocessing(),
            "annuli",
            {"regressor": "knn", "whitening": "standard"},
            (0.45, 0.6),
            (-0.3, 0.1),
        ),
        (
            Preprocessing(),
            "central",
            {"regressor": "knn", "neighbours": 20, "whitening": "standard"},
            (0.75, 0.85),
            (0.73, 0.83),
        ),
        (Preprocessing(), "central", {"regressor": "ridge"}, (0.64, 0.74), (0.64, 0.74)),
        (Preprocessing(), "profile", {"regressor": "ridge"}, (0.68, 0.78), (0.64, 0.74)),
        (GRADIENT, "profile", {"regressor": "ridge"}, (0.74, 0.84), (0.71, 0.81)),
    ],
    ids=["annuli-knn", "central-knn", "central-ridge", "profile-ridge", "gradient-profile-ridge"],
)
def test_hand_statistics(
    reference_samples, maps, preprocessing, statistics, options, by_row, by_protostar
):
    features = describe(preprocessing.transform(maps), [statistics])
    labels, groups = log_mass(reference_samples), protostars(reference_samples)

    def predict_fold(fold: int, train: np.ndarray, test: np.ndarray) -> Predictions:
        return predict(features, labels, groups, train, test, **options)

    for by, (low, high) in (("row", by_row), ("protostar", by_protostar)):
        found, _ = predict_folds(
            reference_samples, draw_split(reference_samples, by=by, folds=5), predict_fold
        )
        r2 = measure(found["log10_mass"].to_numpy(), found["predicted_log10_mass"].to_numpy())["r2"]
        assert low < r2 < high, by
