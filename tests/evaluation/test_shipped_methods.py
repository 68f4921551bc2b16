"""The demo's methods of statistics and pixels predict masses; the demo's own tests run the rest."""

import numpy as np
import pytest
from configs import default_config

from starmass.evaluation.feature_kinds import features_of
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import load_maps, log_mass, protostars
from starmass.evaluation.splits import draw_split, parts_of
from starmass.plan import Plan

PLAN = Plan(default_config())
METHODS = {
    method: entry
    for method in PLAN.config.evaluation.studies["demo"].methods
    if (entry := PLAN.method_options(method)).get("regressor", "mean") != "mean"
    and PLAN.feature_options(PLAN.method(method).features)["features"]["kind"]
    not in ("encoder", "combined")
}


@pytest.mark.parametrize("method", METHODS)
def test_a_shipped_method_predicts_masses(method, samples):
    features = PLAN.feature_options(PLAN.method(method).features)
    split = draw_split(samples, by="row", test_fraction=0.25)
    found = features_of(
        features["features"],
        split,
        lambda: load_maps(samples),
        preprocessing=features["preprocessing"],
    )
    ((_, train, test),) = parts_of(split)
    labels = log_mass(samples)
    predicted = predict(found[0], labels, protostars(samples), train, test, **METHODS[method])
    errors = predicted.values - labels[test]
    assert np.isfinite(errors).all() and errors.std() < labels[test].std()
