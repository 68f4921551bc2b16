"""Which files a study needs, asked without Snakemake."""

import re
from pathlib import Path

import pytest
from configs import ROOT, default_config, merge, toyclouds_config

from starmass.errors import InputError
from starmass.plan import FIGURES, Plan, UsersFile
from starmass.plan.evaluation import flat
from starmass.registry import names_in


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(toyclouds_config())


def changed(**over) -> Plan:
    return Plan(merge(toyclouds_config(), over))


def test_maps_follow_the_snapshots_of_each_simulation(plan):
    maps = plan.study_maps("toyclouds")
    assert len(maps) == 12 and maps[0] == "results/maps/toycloud_a/snapshot_0001.h5"
    assert maps == plan.bare_maps("toyclouds")
    seen = changed(evaluation={"studies": {"toyclouds": {"observation": "taurus"}}})
    assert seen.study_maps("toyclouds")[-1] == "results/observed/taurus/toycloud_b/snapshot_0006.h5"
    assert seen.beam_pc("toyclouds") == pytest.approx(18 / 206265 * 140, rel=1e-4)
    assert plan.beam_pc("toyclouds") is None


def test_the_demo_is_of_maps_in_the_checkout_and_draws_toy_clouds_beside_them(tmp_path):
    plan = Plan(default_config(), tmp_path)
    with pytest.raises(InputError, match=rf"images\.ramses_maps\.labels.*{tmp_path}/resources"):
        plan.image_set_files("ramses_maps")
    files = Plan(default_config(), ROOT).image_set_files("ramses_maps")
    assert files["images"] == [str(ROOT / "resources/ramses_maps.h5")]
    assert plan.bare_maps("demo") == ["results/images/ramses_maps/maps.h5"]
    pages = plan.simulation_pages("demo")
    assert "results/maps/toycloud_a/overview.png" in pages and len(pages) == 2


def test_a_users_dumps_are_marked_and_our_own_are_not(plan, tmp_path):
    assert not any(isinstance(file, UsersFile) for file in plan.last_dump("toycloud_a"))
    (tmp_path / "snap_1.h5").touch()
    mine = {
        "format": "yt",
        "folder": str(tmp_path),
        "dump": "snap_{snapshot}.h5",
        "sinks": {"particles": "sink"},
    }
    (file,) = changed(maps={"simulations": {"mine": mine}}).dump_files("mine", "1")
    assert isinstance(file, UsersFile) and Path(file).name == "snap_1.h5"


def test_shards_hold_each_image_once():
    images = {"flame": {"count": 25, "images_per_shard": 10}}
    plan = changed(fractals={"images": images})
    ranges = plan.shards("flame").values()
    assert [index for start, stop in ranges for index in range(start, stop)] == list(range(25))
    assert len(plan.shard_files("flame")) == 3
    with pytest.raises(InputError, match=r"shard-0003\.h5: this set has 3 shards, 0000 to 0002"):
        plan.shard_range("flame", "0003")


def test_what_is_random_has_seeds_and_all_else_is_made_once():
    methods = {"random_knn": {"seeds": [0, 1]}, "dinov2_knn": {"seeds": [0, 1]}}
    plan = changed(evaluation={"methods": methods})
    random, pretrained = (
        [plan.features_file("toyclouds", "random", method, seed) for seed in (0, 1)]
        for method in ("random_knn", "dinov2_knn")
    )
    assert random[0] != random[1] and pretrained[0] == pretrained[1]
    assert plan.encoder_files("random", 1) == plan.encoder_files("random", 0)
    several = changed(
        evaluation={"methods": methods}, pretraining={"encoders": {"nano": {"seeds": [0, 1]}}}
    )
    one, another = (several.features_file("toyclouds", "random", "dinov2_knn", s) for s in (0, 1))
    assert one != another
    assert several.encoders_of("toyclouds") == [
        f"results/pretraining/nano/seed-{seed}/teacher.safetensors" for seed in (0, 1)
    ]


def test_predictions_are_of_each_split_method_and_seed():
    plan = changed(evaluation={"methods": {"random_knn_whitened": {"seeds": [0, 1, 2]}}})
    files = plan.predictions("toyclouds")
    assert list(files) == ["random", "protostar"] and len(files["random"]) == 21
    assert plan.all_predictions("toyclouds") == flat(files) and len(flat(files)) == 2 * 23
    few = plan.few_labels_predictions("toyclouds")
    assert all("/few_labels/predictions/" in path for path in flat(few)) and len(flat(few)) == 9


def test_rules_share_out_all_methods(plan):
    kinds = [plan.methods_by(kind) for kind in ("regressor", "network", "finetuning")]
    names = [name for kind in kinds for name in kind.split("|")]
    assert sorted(names) == sorted(plan.config.evaluation.methods)
    assert not re.fullmatch(changed_without_networks().methods_by("network"), "resnet18")


def changed_without_networks() -> Plan:
    gone = dict.fromkeys(("resnet18", "resnet18_untrained", "resnet18_fractals"))
    study = list(toyclouds_config()["evaluation"]["studies"]["toyclouds"]["methods"])
    kept = [method for method in study if method not in gone]
    return changed(
        evaluation={"methods": gone, "studies": {"toyclouds": {"methods": kept}}},
        reporting={
            "figures": {"regression": {"methods": kept[:1]}},
            "published": dict.fromkeys(gone.keys() - {"resnet18_fractals"}),
        },
    )


def test_an_ablation_is_of_the_rows_of_its_study(plan):
    files = plan.ablation_predictions("toyclouds", "neighbours")
    assert list(files) == ["dinov2_knn_whitened", "statistics_knn"]
    assert list(files["statistics_knn"]["random"]) == ["1", "2", "5", "10", "20", "50"]
    # A value that the method has already is not computed again.
    own = files["statistics_knn"]["random"]["20"]
    assert own == ["results/evaluation/toyclouds/random/predictions/statistics_knn/seed-0.csv"]
    facts = plan.ablation_facts("toyclouds", "beam")
    assert facts["beams_pc"]["0"] == 0 and facts["beams_pc"]["144"] > facts["beams_pc"]["9"]


def test_what_shapes_a_result_is_all_that_its_rule_is_given(plan):
    """Names of rows, times, memory and the sections of other methods shape none."""
    shaped = plan.training_config("nano")
    assert {"dinov2", "encoder", "views"} <= shaped.keys()
    assert not {"mae", "simsiam", "execution", "resources", "images", "seeds"} & shaped.keys()
    assert "label" not in plan.method_options("dinov2_knn")
    assert not {"count", "images_per_shard"} & plan.image_options("flame").keys()
    shown = changed(maps={"channels": {"b_los": {"transform": "log10"}}})
    assert shown.map_options("toycloud_a") == plan.map_options("toycloud_a")


def test_modules_that_rules_name_are_there(plan):
    for name in plan.config.evaluation.methods:
        if name in plan.methods_by("regressor").split("|"):
            package, _, module = plan.regressor_module(name).rpartition(".")
            assert module in names_in(package)
    for module in (plan.generator_module("flame"), plan.pretraining_module("nano_mae")):
        package, _, name = module.rpartition(".")
        assert name in names_in(package)


def test_figures_are_numbered_by_their_order(plan):
    of_masses = [figure.name for figure in FIGURES if figure.target in ("", "mass")]
    assert plan.figure_numbers("toyclouds") == {
        name: number for number, name in enumerate(of_masses, start=1)
    }
    fewer = changed(evaluation={"studies": {"toyclouds": {"segmentation": None}}})
    assert list(fewer.figure_numbers("toyclouds")) == [
        "examples",
        "regression",
        "information",
        "embedding",
        "few_labels",
    ]
    assert fewer.figure_heading("few_labels", "toyclouds") == "5 Few labels (toyclouds)"
    for figure in FIGURES:
        assert (ROOT / f"workflow/report/{figure.name}.rst").is_file()
        assert figure.name in names_in("starmass.reporting.figures")


def test_no_two_targets_have_one_path(plan):
    """Whatever entries are called: each stage and name has a folder of its own."""
    odd = {"table1": {"regressor": "mean", "label": "odd"}}
    named = changed(
        evaluation={"methods": odd, "studies": {"cost": {**study(), "methods": ["table1"]}}}
    )
    every = []
    for name in ("toyclouds", "cost"):
        every += named.table_files(name) + named.figure_files(name) + named.all_predictions(name)
    assert len(every) == len(set(every))


def study() -> dict:
    return {"simulations": ["toycloud_a"], "splits": ["random"]}


def test_what_a_study_lacks_is_one_sentence(plan):
    bare = changed(evaluation={"studies": {"toyclouds": {"few_labels": None, "information": None}}})
    with pytest.raises(InputError, match="toyclouds has no few_labels; add it"):
        bare.few_labels_splits("toyclouds")
    assert bare.information_channels("toyclouds") == [] and bare.summary_rows("toyclouds") == {}
    with pytest.raises(InputError, match=r"no entry 'toy' in evaluation\.studies.*toyclouds"):
        plan.study_maps("toy")
    with pytest.raises(InputError, match="format: yt; ask for its maps"):
        plan.toycloud("ramses_a")


def test_a_seed_that_is_not_there_is_refused():
    """Another pretraining in its place would make the spread over seeds too small."""
    for method, encoder in (("dinov2_knn", "nano"), ("resnet18_fractals", "nano_resnet18")):
        said = rf"methods\.{method}\.seeds.*no pretraining with seed 2"
        with pytest.raises(InputError, match=said):
            changed(
                pretraining={"encoders": {encoder: {"seeds": [0, 1]}}},
                evaluation={"methods": {method: {"seeds": [0, 2]}}},
            )
    plan = Plan(toyclouds_config())
    with pytest.raises(InputError, match=r"no seed 3; add it to evaluation\.methods\.random_knn"):
        plan.features_file("toyclouds", "random", "random_knn", 3)
    with pytest.raises(InputError, match="nano has no pretraining with seed 3"):
        plan.pretraining_files("nano", 3)


def test_a_figure_shows_a_studys_own_where_it_has_nothing_that_was_chosen():
    own = {"splits": ["snapshot"], "methods": ["mean", "statistics_knn", "statistics_ridge"]}
    parts = dict.fromkeys(("few_labels", "information", "embedding", "segmentation"))
    plan = changed(evaluation={"studies": {"toyclouds": {**own, **parts}}})
    files = plan.regression_files("toyclouds")
    assert list(files) == ["snapshot"]
    assert list(files["snapshot"]["predictions"]) == ["mean", "statistics_knn"]


def test_a_channel_that_no_map_has_is_refused_before_anything_runs():
    shown = {"preprocessing": {"whole": {"channels": ["column_density", "b_sky"]}}}
    with pytest.raises(InputError, match="maps of toycloud_a have no channel 'b_sky'"):
        changed(evaluation=shown)
    changed(evaluation=shown, maps={"projection": {"channels": ["b_sky"]}})


def test_a_depth_is_an_option_of_maps_only_where_it_is_set():
    """Maps that were made before there was one are not out of date."""
    bare = changed().map_options("toycloud_a")["projection"]
    assert "depth" not in bare
    null = changed(maps={"projection": {"depth": None}}).map_options("toycloud_a")["projection"]
    assert null == bare
    deep = changed(maps={"projection": {"depth": "box"}}).map_options("toycloud_a")["projection"]
    assert deep == {**bare, "depth": "box"}


KIND = {"kind": "classes", "column": "stage"}
NUMBER = {"kind": "number", "column": "age_yr", "transform": "log10"}
PARTS = {"information": None, "segmentation": None, "ablations": None}


def with_target(target, **more):
    return changed(evaluation={"studies": {"toyclouds": {**PARTS, "target": target, **more}}})


def test_a_study_of_another_target_has_its_own_table_and_figures(plan):
    assert "toyclouds" in plan.studies_of("mass").split("|") and plan.target("toyclouds") == {}
    assert plan.studies_of("other") == "(?!)" and "label" not in plan.list_options("toyclouds")
    classes, number = with_target(KIND), with_target(NUMBER)
    assert classes.studies_of("other") == classes.studies_of("classes") != "(?!)"
    assert number.studies_of("number") != "(?!)" and number.studies_of("mass") == "(?!)"
    assert list(classes.figure_numbers("toyclouds")) == [
        "examples",
        "embedding",
        "few_labels",
        "confusion",
    ]
    assert (
        "scatter" in number.figure_numbers("toyclouds")
        and number.list_options("toyclouds")["label"]
    )
    assert not [path for path in classes.table_files("toyclouds") if "table1" in path]
    assert classes.target("toyclouds")["name"] == "stage" and "overstatement" in plan.comparison(
        "toyclouds"
    )
    assert "overstatement" not in number.comparison("toyclouds")
    assert "target" not in plan.figure_options("embedding", "toyclouds")


def test_parts_of_masses_are_refused_beside_another_target():
    given = toyclouds_config()["evaluation"]["studies"]["toyclouds"]
    with pytest.raises(InputError, match="information is measured for stellar masses alone"):
        with_target(KIND, information=given["information"])
    plan = with_target(KIND, segmentation=given["segmentation"])
    assert {"segmentation", "segments", "attention"} <= plan.figure_numbers("toyclouds").keys()
    options = plan.segmentation_options("toyclouds", given["segmentation"]["features"])
    assert options["target"] == plan.target("toyclouds")


def test_what_is_of_masses_is_refused_when_it_is_asked_for():
    plan = with_target(KIND)
    with pytest.raises(
        InputError, match="toyclouds has no figure regression, which is of the target"
    ):
        plan.figure_inputs("regression", "toyclouds")
    with pytest.raises(InputError, match="information is of masses alone"):
        plan.information("toyclouds")
    assert plan.evaluation_files("toyclouds")[-1] == "results/evaluation/toyclouds/confusion.csv"
    with pytest.raises(InputError, match="an ablation is of masses alone"):
        plan.variants("toyclouds", "neighbours")
    with pytest.raises(InputError, match=r"evaluation\.studies\.toyclouds\.target\.transform"):
        with_target({**NUMBER, "metrics": "redshift"})
    encoders = default_config()["pretraining"]["encoders"]
    name = next(iter(encoders))
    maps = {"study": "toyclouds", "split": "random"}
    plan = changed(
        evaluation={"studies": {"toyclouds": {**PARTS, "target": KIND}}},
        pretraining={"encoders": {name: {**encoders[name], "probe": maps}}},
    )
    probed = "results/evaluation/toyclouds/random/training_maps/whole.h5"
    assert plan.pretraining_files(name, 0)["probe"] == probed
