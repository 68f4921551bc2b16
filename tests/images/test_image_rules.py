"""The workflow on a small set of pictures: from files and labels to predictions."""

import re

import pandas as pd
import pytest
from image_files import noise, write_labels, write_png


@pytest.fixture
def study(tmp_path):
    """A study of twelve pictures of six objects; a config that is laid over the default."""
    rows = []
    for at in range(12):
        write_png(tmp_path / "pictures" / f"{at}.png", noise(12, 10, 3, seed=at))
        rows.append([f"{at}.png", f"J{at // 2}", 1 + at, "spiral" if at % 3 else "007"])
    write_labels(tmp_path / "labels.csv", rows, ["file", "object", "M", "class"])
    images = {
        "folder": str(tmp_path / "pictures"),
        "labels": str(tmp_path / "labels.csv"),
        "columns": {"group": "object", "mass": "M"},
        "channels": ["red", "green", "blue"],
        "size": 8,
    }
    rgb = {"kind": "statistics", "statistics": ["moments"], "preprocessing": "rgb"}
    return {
        "study": "colours",
        "images": {"pictures": images},
        "pretraining": {
            "encoders": {"nano": {"images": {"set": "pictures", "preprocessing": "rgb"}}}
        },
        "evaluation": {
            "preprocessing": {"rgb": {"channels": ["red", "green", "blue"]}},
            "features": {"rgb": rgb},
            "methods": {"rgb": {"label": "colours", "regressor": "ridge", "features": "rgb"}},
            "studies": {
                "colours": {
                    "images": "pictures",
                    "minimum_mass": 2.5,
                    "splits": ["protostar"],
                    "methods": ["rgb", "mean"],
                }
            },
        },
    }


def test_pictures_become_predictions(run_snakemake, study, tmp_path):
    target = "results/evaluation/colours/protostar/predictions/mean/seed-0.csv"
    more = "results/images/pictures/shown/rgb.h5"
    done = run_snakemake(tmp_path, "-c1", target, more, overlay=study)
    assert done.returncode == 0, done.stderr[-3000:]
    samples = pd.read_csv(tmp_path / "results/evaluation/colours/samples.csv", dtype=str)
    assert list(samples["M"]) == [str(mass) for mass in range(3, 13)]
    assert set(samples["class"]) == {"007", "spiral"} and (tmp_path / more).is_file()
    split = pd.read_csv(tmp_path / "results/evaluation/colours/protostar/split.csv")
    parts = split.assign(object=samples["object"]).groupby("object")["part"].nunique()
    assert (parts == 1).all()


def test_the_whole_study_can_be_planned_and_observed(run_snakemake, study, tmp_path):
    done = run_snakemake(tmp_path, "--dry-run", "all", "maps", "images", overlay=study)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    planned = set(re.findall(r"^(\w+) +\d+$", done.stdout, flags=re.MULTILINE))
    assert {"write_image_set", "show_image_set", "build_table", "plot_regression"} <= planned
    assert not {"plot_simulation", "plot_examples", "make_maps"} & planned
    (tmp_path / "pictures/7.png").unlink()
    said = run_snakemake(tmp_path, "--dry-run", "images", overlay=study)
    assert said.returncode and "1 image (7.png) that its column file names is not" in said.stderr
    assert "Traceback" not in said.stderr


def test_pictures_without_masses_are_classified(run_snakemake, study, tmp_path):
    del study["images"]["pictures"]["columns"]["mass"]
    colours = study["evaluation"]["studies"]["colours"]
    del colours["minimum_mass"]
    said = run_snakemake(tmp_path, "-c1", "results/evaluation/colours/samples.csv", overlay=study)
    assert said.returncode and "its labels have no mass, which the study predicts" in said.stderr
    colours["target"] = {"kind": "classes", "column": "class"}
    colours |= {"methods": ["rgb_knn", "M_knn", "mean"], "splits": ["protostar_folds"]}
    study["evaluation"]["features"]["M"] = {"kind": "columns", "columns": ["M"]}
    for name in ("rgb", "M"):
        knn = {"label": name, "regressor": "knn", "features": name, "neighbours": 3}
        study["evaluation"]["methods"][f"{name}_knn"] = knn
    table, figure = "results/tables/colours/table.csv", "results/figures/colours/confusion.png"
    done = run_snakemake(tmp_path, "-c2", table, figure, overlay=study)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = pd.read_csv(tmp_path / table).set_index("method")
    assert list(rows.index) == ["rgb_knn", "M_knn", "mean"]
    assert rows["accuracy"].between(0, 1).all()
    folder = tmp_path / "results/evaluation/colours/protostar_folds"
    path = folder / "predictions/rgb_knn/seed-0.csv"
    predictions = pd.read_csv(path, dtype={"truth": str, "predicted": str})
    assert set(predictions["truth"]) == {"007", "spiral"}
    assert (predictions["score_0"] + predictions["score_1"]).round(9).eq(1).all()
    assert (tmp_path / figure).stat().st_size
