"""The whole path, dumps to report, through Snakemake: the demo's own entries with smaller numbers,
in a folder of its own.
"""

import csv
import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from configs import ROOT, default_config, merge
from demo_run import OVERLAY

from starmass.provenance import file_digest

METHODS = len(merge(default_config(), OVERLAY)["evaluation"]["studies"]["demo"]["methods"])
FIGURES = (
    "examples",
    "regression",
    "segmentation",
    "information",
    "few_labels",
    "embedding",
    "segments",
    "attention",
)
SPLITS = {"random", "protostar"}
PREDICTED = [
    "row",
    "fold",
    "log10_mass",
    "predicted_log10_mass",
    "spread_dex",
    "interval_dex",
]


@pytest.fixture(scope="module")
def demo(local_demo):
    return local_demo.folder, local_demo


@pytest.fixture(scope="module")
def again(demo, run_snakemake):
    """Run Snakemake once more over the finished demo."""
    folder, _ = demo
    return lambda *arguments, overlay=OVERLAY: run_snakemake(folder, *arguments, overlay=overlay)


def test_the_last_words_say_where_everything_is(demo):
    folder, done = demo
    words = [line for line in done.stderr.splitlines() if line.startswith("starmass: the table is")]
    assert len(words) == 1
    for path in ("results/tables/demo/table.md", "results/report.html"):
        assert path in words[0] and (folder / path).is_file()


def test_the_table_has_a_row_for_each_method_and_split(demo):
    folder, _ = demo
    with open(folder / "results/tables/demo/table.csv", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] in SPLITS]
    assert (
        len(rows) == METHODS * len(SPLITS) == len({(row["method"], row["split"]) for row in rows})
    )
    for row in rows:
        assert -1000 < float(row["r2"]) <= 1 and float(row["rmse_dex"]) > 0
        assert float(row["n_train"]) > 0 and float(row["n_test"]) > 0 and row["seed"] != ""
    published = {row["published_r2"] for row in rows if row["method"] == "dinov2_knn_whitened"}
    assert "0.81" in published


def test_tables_and_figures_are_in_every_format(demo):
    folder, _ = demo
    for suffix in ("csv", "md", "tex"):
        assert (folder / f"results/tables/demo/table.{suffix}").stat().st_size > 500
    for figure in FIGURES:
        assert (folder / f"results/figures/demo/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (folder / f"results/figures/demo/{figure}.png").stat().st_size > 20_000


def test_the_report_carries_all_of_it_and_needs_no_network(demo):
    folder, _ = demo
    page = (folder / "results/report.html").read_text()
    assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["']https?://""", page)
    for figure in FIGURES:
        assert f"results/figures/demo/{figure}.png" in page
    assert "results/tables/demo/table1.html" in page and "results/tables/demo/table.html" in page
    assert page.count("<figcaption>") == len(FIGURES)  # the opening page shows them all
    assert "System Message" not in page, "what docutils could not read"
    first, *others = (page.index(f"<strong>Figure {number}.") for number in (2, 1, *range(3, 9)))
    # A small table and one figure, what was found in sentences, Table 1, the other figures.
    order = [
        page.index("4 best methods on split protostar"),
        first,
        page.index("Segments (figure 6): those of the encoder"),
        page.index("Table 1 of the paper, and study demo beside it"),
        *others,
    ]
    assert order == sorted(order)


def test_few_labels_are_a_curve_of_the_study(demo):
    folder, _ = demo
    with open(folder / "results/evaluation/demo/few_labels.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["fraction"] for row in rows} == {"0.1", "0.3", "0.5", "1.0"}
    assert len({row["n_test"] for row in rows}) == 1
    with open(folder / "results/tables/demo/table.csv", newline="") as stream:
        table = {
            row["method"]: row["r2"]
            for row in csv.DictReader(stream)
            if row["split"] == "protostar"
        }
    for row in rows:  # all labels are the table's row
        if row["fraction"] == "1.0":
            assert float(row["r2"]) == pytest.approx(float(table[row["method"]]), rel=1e-4)


def test_the_files_of_the_evaluation_keep_the_contract(demo):
    study = demo[0] / "results/evaluation/demo"
    metrics = pd.read_csv(study / "metrics.csv")
    methods = list(metrics["method"][metrics["split"] == "random"])
    reference = "statistics_ridge"
    assert len(methods) == METHODS and set(metrics["split"]) == SPLITS
    rounding = 1e-9  # a constant prediction is at best as good in every draw
    assert (metrics["r2_low"] <= metrics["r2"] + rounding).all()
    assert (metrics["r2"] <= metrics["r2_high"] + rounding).all()
    differences = pd.read_csv(study / "differences.csv")
    assert set(differences["method"]) == set(methods) - {reference}
    for table in ("mass_bins.csv", "overstatement.csv"):
        assert set(pd.read_csv(study / table)["method"]) == set(methods)
    for row in metrics.to_dict("records"):
        assert (row["study"], row["n_folds"]) == ("demo", 1)
        name = f"{row['split']}/predictions/{row['method']}/seed-0.csv"
        predictions = pd.read_csv(study / name)
        assert list(predictions) == PREDICTED and len(predictions) == row["n_test"]
        assert predictions["interval_dex"].notna().all() == (not row["method"].startswith("resnet"))
    parts = set(pd.read_csv(study / "information.csv")["part"])
    assert parts == {"all", "inside", "outside", "only", "without"}
    split = pd.read_csv(study / "random/split.csv")
    with h5py.File(study / "random/features/dinov2/seed-0.h5") as file:
        assert file["features"].shape == (1, len(split), 96)
    with h5py.File(study / "segmentation/dinov2.h5") as file:
        assert file["colours"].shape == (4, 32, 32, 3)
        tested = split["row"][(split["part"] == "test") & (split["fold"] == 0)]
        assert np.isin(file["row"], tested).all()


def test_maps_keep_the_contract(demo):
    folder, _ = demo
    with h5py.File(folder / "results/maps/toycloud_a/snapshot_0002.h5") as file:
        sinks = len(file["sink_id"])
        assert file["maps"].shape == (sinks, 3, 3, 64, 64) and sinks > 0
        for name, unit in {"mass": "Msun", "age": "yr", "position": "pc"}.items():
            assert file[name].shape[0] == sinks and file[name].attrs["unit"] == unit
        assert "provenance" in file.attrs


def test_nothing_half_written_is_left(demo):
    folder, _ = demo
    hidden = {path.name for path in (folder / "results").rglob(".*")}
    assert hidden <= {".snakemake_timestamp"}  # Snakemake's own mark in folders that are outputs


def test_a_dry_run_finds_nothing_to_do(again):
    done = again("--dry-run")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr


def test_a_changed_config_reruns_what_it_shapes_and_no_more(again):
    """Another k concerns one method in two splits, the table and what is drawn from it: no map,
    image or encoder.
    """
    methods = {"dinov2_knn_whitened": {"neighbours": 7}}
    done = again("--dry-run", overlay=merge(OVERLAY, {"evaluation": {"methods": methods}}))
    planned = done.stdout + done.stderr
    assert re.search(r"^predict_masses\s+2$", planned, flags=re.MULTILINE), planned
    for rule in (
        "make_maps",
        "render_fractals",
        "pretrain_encoder",
        "extract_features",
        "train_supervised",
    ):
        assert not re.search(rf"^{rule}\s", planned, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "paths",
    [
        [
            "results/evaluation/demo/protostar/predictions/dinov2_knn_whitened/seed-0.csv",
            "results/figures/demo/regression.png",
            "results/tables/demo/table.tex",
        ],
        ["results/maps/toycloud_a/snapshot_0001.h5"],
    ],
)
def test_targets_made_again_have_the_same_bytes(demo, again, paths):
    targets = [demo[0] / path for path in paths]
    before = [file_digest(target) for target in targets]
    for target in targets:
        target.unlink()
    done = again("--cores", "2", *paths)
    assert done.returncode == 0, done.stderr[-4000:]
    assert [file_digest(target) for target in targets] == before


def test_an_ablation_takes_the_tables_row_for_its_base_and_comes_into_the_report(demo, again):
    folder, _ = demo
    entry = {"method": "statistics_knn", "vary": "method.neighbours", "values": [20, 3]}
    changed = {"studies": {"demo": {"ablations": ["quick"]}}, "ablations": {"quick": entry}}
    done = again(
        "--cores",
        "2",
        "ablations",
        overlay=merge(OVERLAY, {"evaluation": changed}),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    with open(folder / "results/evaluation/demo/ablations/quick.csv", newline="") as stream:
        rows = {(row["split"], row["value"]): row for row in csv.DictReader(stream)}
    assert set(rows) == {(split, value) for split in SPLITS for value in ("20", "3")}
    with open(folder / "results/evaluation/demo/metrics.csv", newline="") as stream:
        table = {
            row["split"]: row["r2"]
            for row in csv.DictReader(stream)
            if row["method"] == "statistics_knn"
        }
    for split in SPLITS:
        assert rows[split, "20"]["r2"] == table[split] != rows[split, "3"]["r2"]
        difference = float(rows[split, "3"]["r2"]) - float(table[split])
        assert float(rows[split, "3"]["r2_difference"]) == pytest.approx(difference)
    assert "results/figures/demo/ablation_quick.png" in (folder / "results/report.html").read_text()


def test_a_study_of_its_own_has_cuts_an_observation_folds_and_a_pyramid(demo, again):
    study = demo[0] / "results/evaluation/seen"
    entry = {
        "simulations": ["toycloud_a"],
        "axes": ["x"],
        "observation": "taurus",
        "splits": ["halves"],
        "methods": ["statistics_ridge", "dinov2_pyramid_ridge"],
    }
    changed = {
        "maps": {"cuts": {"mass": [0.5, None]}},
        "evaluation": {
            "splits": {"halves": {"by": "protostar", "folds": 2}},
            "studies": {"seen": entry},
        },
    }
    target = "results/evaluation/seen/metrics.csv"
    done = again("--cores", "2", target, overlay=merge(OVERLAY, changed))
    assert done.returncode == 0, done.stderr[-4000:]
    samples = pd.read_csv(study / "samples.csv")
    assert len(samples) and (samples["mass_msun"] >= 0.5).all()
    assert {path.split("/")[1] for path in samples["map_file"]} == {"observed"}
    catalogue = pd.read_csv(demo[0] / "results/maps/toycloud_a/catalogue.csv")
    removed = catalogue["mass_msun"][catalogue["removed_by"] == "mass"]
    assert len(removed) and (removed < 0.5).all()
    with h5py.File(study / "halves/features/dinov2_pyramid/seed-0.h5") as file:
        assert file["features"].shape == (2, len(samples), 4 * 2 * 96)
    metrics = pd.read_csv(study / "metrics.csv")
    assert list(metrics["method"]) == entry["methods"]
    assert (metrics["n_folds"] == 2).all() and (metrics["n_test"] == len(samples)).all()
    assert pd.read_csv(study / "overstatement.csv").empty  # there is no split by row


def test_an_observed_object_gets_its_page(demo, again):
    """config/object.yaml on the demo's maps, with an encoder among the methods"""
    folder, _ = demo
    preset = yaml.safe_load((ROOT / "config/object.yaml").read_text())
    preset["objects"]["example"]["methods"] = ["statistics_ridge", "dinov2_rings_ridge"]
    done = again("--cores", "2", "objects", overlay=merge(OVERLAY, preset))
    assert done.returncode == 0, done.stderr[-4000:]
    own = folder / "results/objects/example"
    prediction = pd.read_csv(own / "prediction.csv").set_index("method")
    assert list(prediction.index) == preset["objects"]["example"]["methods"]
    stars = prediction["n_stars"].iloc[0]
    known = {"cannot tell"} if stars < 19 else {"inside", "outside"}
    assert set(prediction["verdict"]) <= known and len(set(prediction["verdict"])) == 1
    assert (prediction["lower_msun"] < prediction["mass_msun"]).all()
    summary = pd.read_csv(folder / "results/objects/summary.csv").set_index("method")
    assert summary.equals(prediction)
    nearest = pd.read_csv(own / "neighbours.csv")
    assert len(nearest) == 5 and all((folder / path).is_file() for path in nearest["map_file"])
    page = (own / "page.html").read_text()
    for method in prediction["label"]:
        assert f"{method}</td>" in page
    for name in ("page.pdf", "page.png", "novelty.csv", "coverage.csv", "maps.h5"):
        assert (own / name).stat().st_size
    assert "http" not in re.sub(r"https?://(www\.)?w3\.org", "", page)


def test_real_ramses_output_gives_its_table_and_figures(demo, ramses_data, run_snakemake, tmp_path):
    """The preset with the demo's small encoder, one dump, on a public code's real output."""
    folder, _ = demo
    for kept in ("results/fractals", "results/pretraining"):
        shutil.copytree(folder / kept, tmp_path / kept)
    overlay = {
        **{key: value for key, value in OVERLAY.items() if key != "maps"},
        "data_root": str(ramses_data),
        "maps": {"simulations": {"ramses_a": {"snapshots": ["output_00009"]}}},
        "evaluation": {
            "studies": {
                "ramses": {
                    "splits": ["protostar"],
                    "methods": ["dinov2_knn_whitened", "statistics_ridge"],
                    "few_labels": None,
                    "information": None,
                    "embedding": None,
                }
            },
        },
    }
    asked = ("tables", "results/figures/ramses/segmentation.png")
    done = run_snakemake(tmp_path, "--cores", "2", *asked, presets=["ramses"], overlay=overlay)
    assert done.returncode == 0, done.stderr[-6000:]
    assert (tmp_path / "results/maps/ramses_a/output_00009.h5").is_file()
    table = (tmp_path / "results/tables/ramses/table.csv").read_text()
    assert "statistics_ridge" in table and "dinov2_knn_whitened" in table
    assert (tmp_path / "results/figures/ramses/segmentation.png").is_file()
