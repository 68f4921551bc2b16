"""The pages' studies of public data: their scripts and presets, where the data are there."""

import importlib.util
import lzma
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from configs import ROOT, default_config, merge
from documents import find_examples

from starmass.evaluation.columns import read_columns
from starmass.evaluation.image_samples import collect_images
from starmass.evaluation.metrics import resampling_weights
from starmass.evaluation.redshift_metrics import bootstrap_redshift, measure_redshift
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import load_maps, protostars, read_samples, write_table
from starmass.evaluation.splits import draw_split, parts_of
from starmass.evaluation.targets import read_target
from starmass.images.writing import write_image_set
from starmass.plan import Plan

SHARED = ROOT.parent / "shared/data"
PHOTOZ = Path(os.environ.get("STARMASS_PHOTOZ_DATA", SHARED / "photoz"))
COSMOS = Path(os.environ.get("STARMASS_COSMOS_DATA", SHARED / "cosmos"))
needs_galaxies = pytest.mark.skipif(
    not (PHOTOZ / "SDSS_MGS.train.xz").is_file() or not COSMOS.is_dir(),
    reason=f"no {PHOTOZ} or no {COSMOS}",
)
needs_radio = pytest.mark.skipif(
    importlib.util.find_spec("firstgalaxydata") is None, reason="no package firstgalaxydata"
)


def run_script(name, *arguments):
    """Run the script of that name that a page shows."""
    (script,) = (one.text for one in find_examples() if one.kind == f"python {name}")
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True)


def plan_of(preset, folder):
    given = yaml.safe_load((ROOT / f"config/{preset}.yaml").read_text())
    return Plan(merge(default_config(), {**given, "data_root": str(folder)}))


def samples_of(plan, study, folder):
    """The rows and the target of a study, from the files of its set."""
    maps, objects = folder / f"{study}_maps.h5", folder / f"{study}_objects.csv"
    options = plan.image_set_options(study)
    files = plan.image_set_files(study)
    write_image_set(output=maps, objects=objects, name=study, **files, **options)
    table = folder / f"{study}_samples.csv"
    write_table(table, collect_images(maps, objects, **plan.list_options(study)))
    return read_target(table, plan.target(study)), table


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("galaxies")
    for path in (*PHOTOZ.glob("*.xz"), *COSMOS.glob("*.xz")):
        (folder / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
    run_script("write_galaxies.py", folder)
    return folder


@needs_galaxies
def test_colours_give_the_redshifts_of_the_page(galaxies):
    plan = plan_of("galaxies", galaxies)
    (target, samples), path = samples_of(plan, "galaxies", galaxies)
    truth = target.values(samples)
    split = draw_split(samples, **plan.split_options("published"))
    ((_, train, test),) = parts_of(split)
    assert set(samples["snapshot"][train]) == {"train"} and len(train) == len(test) == 5000
    columns = plan.feature_options("colours")["features"]["columns"]
    (features,) = read_columns(read_samples(path), columns, 1)
    options = plan.method_options("colours_knn")
    found = predict(features, truth, protostars(samples), train, test, **options)
    metrics = measure_redshift(truth[test], found.values)
    assert metrics["sigma_mad"] == pytest.approx(0.0137, abs=1e-4)
    assert metrics["outlier_share"] == pytest.approx(0.0092)
    weights, places = resampling_weights(test, draws=200, seed=0)
    drawn = bootstrap_redshift(truth[test], found.values, weights, places)
    low, high = np.quantile(drawn["sigma_mad"], [0.025, 0.975])
    assert low < metrics["sigma_mad"] < high < 0.015


@needs_galaxies
def test_cutouts_come_with_magnitudes(galaxies):
    plan = plan_of("galaxies", galaxies)
    (target, samples), path = samples_of(plan, "cosmos", galaxies)
    assert load_maps(samples).values.shape == (100, 1, 16, 16)
    assert 0.09 < target.values(samples).min() < target.values(samples).max() < 4.06
    columns = plan.feature_options("cosmos_colours")["features"]["columns"]
    assert read_columns(read_samples(path), columns, 5).shape == (5, 100, 5)


@needs_radio
def test_radio_galaxies_are_those_of_the_page(tmp_path):
    run_script("write_radio.py", tmp_path / "radio.h5", tmp_path / "radio.csv")
    with h5py.File(tmp_path / "radio.h5") as file:
        maps = file["maps"]
        assert maps.shape == (2158, 3, 64, 64) and 0 <= maps[:100].min() < maps[:100].max() <= 1
    labels = pd.read_csv(tmp_path / "radio.csv")
    counts = {"FRII": 924, "FRI": 495, "compact": 391, "bent": 348}
    assert labels["class"].value_counts().to_dict() == counts and labels["name"].is_unique
    plan = plan_of("radio", tmp_path)
    assert set(plan.target("radio")["classes"]) == set(labels["class"])
    run_script("write_boxes.py", tmp_path / "radio.h5", tmp_path / "boxes.csv")
    boxes = pd.read_csv(plan.detector_boxes("frozen"))
    assert boxes["row"].between(0, 2157).all() and boxes["row"].nunique() > 1000
    assert (boxes[["x_max", "y_max"]].to_numpy() <= 64).all()
