"""The workflow from pictures and boxes to precision, with a transformer and with a ResNet."""

import csv

import numpy as np
import pandas as pd
import pytest
from configs import default_config, merge
from PIL import Image

from starmass.config.whole import read_config
from starmass.detection.metrics import METRICS
from starmass.errors import InputError
from starmass.plan import Plan


@pytest.fixture
def study(tmp_path):
    """Ten pictures of 36 pixels, shown at 32, with a bright square each; a config laid over."""
    random = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    labels, boxes = [["file"]], [["file", "x_min", "y_min", "x_max", "y_max", "class"]]
    for at in range(10):
        pixels = random.integers(0, 60, (36, 36, 3)).astype(np.uint8)
        x, y = random.integers(0, 24, 2)
        pixels[y : y + 12, x : x + 12] = 250
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{at}.png")
        labels.append([f"{at}.png"])
        boxes.append([f"{at}.png", x, y, x + 12, y + 12, "square"])
    for name, lines in (("labels", labels), ("boxes", boxes)):
        with open(tmp_path / f"{name}.csv", "w", newline="") as stream:
            csv.writer(stream).writerows(lines)
    pictures = {"folder": str(tmp_path / "pictures"), "labels": str(tmp_path / "labels.csv")}
    frozen = {
        "images": "pictures", "boxes": str(tmp_path / "boxes.csv"), "boxes_side": 36,
        "split": "protostar", "features": "rgb", "width": 8, "proposals": 8, "epochs": 1,
        "examples": 2,
    }  # fmt: skip
    network = {"features": None, "network": "resnet18", "preprocessing": "rgb", "frozen": False}
    tiny = {"kind": "encoder", "architecture": "vit_tiny_patch16_224", "weights": "random"}
    return {
        "images": {"pictures": {**pictures, "channels": ["red", "green", "blue"], "size": 32}},
        "evaluation": {
            "preprocessing": {"rgb": {"channels": ["red", "green", "blue"]}},
            "features": {"rgb": {**tiny, "preprocessing": "rgb"}},
        },
        "detection": {"frozen": frozen, "network": {**frozen, **network}},
    }


def test_pictures_and_boxes_become_metrics(run_snakemake, study, tmp_path):
    folder = tmp_path / "results/detection/frozen"
    network = "results/detection/network/predictions.csv"
    targets = ["results/detection/frozen/metrics.csv", "results/detection/frozen/examples.png"]
    done = run_snakemake(tmp_path, "-c2", *targets, network, overlay=study)
    assert done.returncode == 0, done.stderr[-3000:]
    metrics = pd.read_csv(folder / "metrics.csv", keep_default_na=False)
    assert set(metrics["method"]) == {"detector", "fixed_box"}
    assert list(metrics["metric"][:6]) == list(METRICS) and set(metrics["images"]) == {2}
    for path in (folder / "predictions.csv", tmp_path / network):
        columns = list(pd.read_csv(path))
        assert columns == ["row", "x_min", "y_min", "x_max", "y_max", "class", "score"]
    assert (folder / "examples.png").stat().st_size
    boxes = pd.read_csv(folder / "boxes.csv")
    extents = boxes["x_max"] - boxes["x_min"]
    np.testing.assert_allclose(extents, 12 * 32 / 36)  # in pixels of the maps


def test_what_does_not_fit_is_refused(study):
    def refused(**changes):
        with pytest.raises(InputError) as error:
            read_config(merge(default_config(), merge(study, changes)))
        return str(error.value)

    def detector(**keys):
        return refused(detection={"frozen": keys})

    assert "give features or network, not both" in detector(network="resnet18")
    assert "give features or network" in detector(features=None)
    assert "detection.frozen.images': there is no entry 'sky' in images" in detector(images="sky")
    assert "evaluation.splits without folds" in detector(split="protostar_folds")
    assert "evaluation.features of kind encoder" in detector(features="statistics")
    assert "give frozen: false, or weights" in refused(detection={"network": {"frozen": None}})
    ways = {"rgb": {"zoom": 16}}
    assert "cuts the edges of images off" in refused(evaluation={"preprocessing": ways})
    ways = {"rgb": {"channels": ["red", "greeen"]}}
    assert "no channel 'greeen'" in refused(evaluation={"preprocessing": ways})
    features = {"rgb": {"average": "sky"}}
    assert "shows an image in several ways" in refused(evaluation={"features": features})


def test_what_is_not_there_is_said(study, tmp_path):
    with pytest.raises(InputError, match="the config has no detection"):
        Plan(default_config()).detection_files()
    (tmp_path / "boxes.csv").unlink()
    plan = Plan(merge(default_config(), study))
    assert len(plan.detection_files()) == 6
    with pytest.raises(InputError, match=r"'detection.frozen.boxes': there is no file"):
        plan.detector_boxes("frozen")
    with pytest.raises(InputError, match="no entry 'frosen' in detection"):
        plan.detector("frosen")
