"""The example of docs/images.md: real maps that come in as a set give the library's own numbers."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from configs import ROOT, default_config, merge
from documents import find_examples
from map_files import REFERENCE, write_reference_maps

from starmass.evaluation.image_samples import collect_images
from starmass.evaluation.metrics import measure
from starmass.evaluation.predictions import Predictions, predict_folds
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import (
    collect_samples,
    load_maps,
    log_mass,
    protostars,
    read_samples,
    write_table,
)
from starmass.evaluation.splits import draw_split
from starmass.evaluation.statistics import describe
from starmass.images.writing import write_image_set
from starmass.plan import Plan

PAGE = "docs/images.md"
needs_maps = pytest.mark.skipif(not REFERENCE.is_file(), reason=f"no {REFERENCE}")


def script_and_study():
    """The page's script and the config of its study."""
    blocks = [example for example in find_examples() if example.page == PAGE]
    (script,) = (one.text for one in blocks if one.kind == "python write_set.py")
    return script, next(yaml.safe_load(one.text) for one in blocks if one.kind == "yaml")


def test_the_page_shows_the_preset():
    preset = yaml.safe_load((ROOT / "config/elsewhere.yaml").read_text())
    assert script_and_study()[1] == preset


@pytest.fixture(scope="module")
def made_elsewhere(tmp_path_factory):
    """Rows and maps of the page's study, and of the same maps as the workflow writes its own."""
    folder = tmp_path_factory.mktemp("elsewhere")
    script, study = script_and_study()
    (folder / "write_set.py").write_text(script)
    given = [REFERENCE, folder / "maps.h5", folder / "labels.csv"]
    subprocess.run([sys.executable, folder / "write_set.py", *given], check=True)
    plan = Plan(merge(default_config(), {**study, "data_root": str(folder)}))
    files = plan.image_set_files("elsewhere")
    maps, objects = folder / "made/maps.h5", folder / "made/objects.csv"
    options = plan.image_set_options("elsewhere")
    write_image_set(output=maps, objects=objects, name="elsewhere", **files, **options)
    rows = collect_images(maps, objects, **plan.sample_options("elsewhere"))
    write_table(folder / "samples.csv", rows)
    samples = read_samples(folder / "samples.csv")
    (folder / "own").mkdir()
    own = collect_samples(write_reference_maps(folder / "own"), minimum_mass=0.01)
    return plan, (samples, load_maps(samples)), (own, load_maps(own))


@needs_maps
def test_maps_made_elsewhere_are_those_that_the_workflow_has(made_elsewhere):
    _, (samples, maps), (own, known) = made_elsewhere
    shared = [name for name in own if name not in ("map_file", "sink_index", "axis_index")]
    pd.testing.assert_frame_equal(samples[shared], own[shared])
    assert (maps.values == known.values).all() and maps.views == known.views
    assert (maps.star_velocity == known.star_velocity).all() and maps.pixel_pc == known.pixel_pc


@needs_maps
def test_a_study_of_them_has_the_numbers_of_the_page(made_elsewhere):
    plan, (samples, maps), _ = made_elsewhere
    assert len(samples) == 780 and len(set(protostars(samples))) == 36
    split = draw_split(samples, **plan.split_options("protostar_folds"))
    labels, groups = log_mass(samples), protostars(samples)
    found = {}
    for method in ("statistics_ridge", "statistics_knn"):
        entry = plan.feature_options(plan.method(method).features)
        shown = Preprocessing(**entry["preprocessing"][0]).transform(maps)
        features = describe(shown, entry["features"]["statistics"])
        options = plan.method_options(method)

        def one(fold: int, train: np.ndarray, test: np.ndarray) -> Predictions:
            return predict(features, labels, groups, train, test, **options)  # noqa: B023

        table, _ = predict_folds(samples, split, one)
        true, predicted = (
            table[name].to_numpy() for name in ("log10_mass", "predicted_log10_mass")
        )
        found[method] = round(measure(true, predicted)["r2"], 2)
    assert found == {"statistics_ridge": 0.77, "statistics_knn": 0.78}
    page = (ROOT / PAGE).read_text()
    assert "R² is 0.77 for the ridge, 0.78 for the neighbours" in page
