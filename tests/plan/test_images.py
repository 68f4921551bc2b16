"""Files of image sets and of studies of them, and what of the config is refused."""

from pathlib import Path

import pytest
from configs import default_config, merge, toyclouds_config

from starmass.config.whole import read_config
from starmass.errors import InputError
from starmass.plan import Plan, UsersFile

MAPS = ["column_density", "v_los", "sigma_v"]
NO_PARTS = dict.fromkeys(
    ("simulations", "pages", "information", "embedding", "segmentation", "few_labels", "ablations")
)


def config_of(study=None, over=None, **images):
    """The default config, whose study is of the images ``mine``."""
    entry = {"file": "results/given.h5", "labels": "results/labels.csv", "channels": MAPS}
    entry |= {"side": 0.5, **images}
    studies = {"demo": {**NO_PARTS, "images": "mine", **(study or {})}}
    config = merge(default_config(), {"images": {"mine": entry, "ramses_maps": None}})
    config = merge(config, {"evaluation": {"studies": studies}})
    return merge(config, over or {})


def test_a_study_of_images_looks_at_one_file_of_maps():
    plan = Plan(config_of())
    assert plan.study_maps("demo") == plan.bare_maps("demo") == ["results/images/mine/maps.h5"]
    assert plan.catalogues("demo") == ["results/images/mine/objects.csv"]
    assert plan.sample_options("demo")["images"] == "mine"
    assert plan.simulation_formats("demo") == {"mine": "images"}
    assert plan.simulation_pages("demo") == [] and "examples" in plan.figure_numbers("demo")
    assert plan.all_image_maps() == ["results/images/mine/maps.h5"]
    assert plan.maps_to_observe("mine", "maps") == "results/images/mine/maps.h5"
    seen = Plan(config_of({"observation": "taurus"}))
    assert seen.study_maps("demo") == ["results/observed/taurus/mine/maps.h5"]


def test_studies_of_simulations_are_what_they_were():
    plan = Plan(merge(toyclouds_config(), {"images": None}))
    assert set(plan.sample_options("toyclouds")) == {"minimum_mass", "axes"}
    path = "results/maps/toycloud_a/snapshot_0001.h5"
    assert plan.maps_to_observe("toycloud_a", "snapshot_0001") == path
    with pytest.raises(InputError, match=r"no entry 'mine' in images; entries: none yet"):
        plan.image_set("mine")
    with pytest.raises(InputError, match=r"the config has no images; add a set"):
        plan.all_image_maps()


def test_files_are_the_users_unless_a_rule_makes_them(tmp_path):
    made = Plan(config_of()).image_set_files("mine")
    assert made == {"labels": "results/labels.csv", "images": ["results/given.h5"]}
    (tmp_path / "labels.csv").write_text("file,mass_msun\na.png,1\nb.png,2\n")
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    own = {"file": None, "folder": "{data_root}", "labels": "{data_root}/labels.csv"}
    plan = Plan(config_of(**own) | {"data_root": str(tmp_path)})
    files = plan.image_set_files("mine")
    assert [Path(one).name for one in files["images"]] == ["a.png", "b.png"]
    assert all(isinstance(one, UsersFile) for one in (files["labels"], *files["images"]))
    assert plan.image_set_inputs("mine") == {"labels": files["labels"]}
    before = plan.image_listing("mine")
    (tmp_path / "a.png").write_bytes(b"other")
    after = Plan(config_of(**own) | {"data_root": str(tmp_path)}).image_listing("mine")
    assert before["folder"] == after["folder"] == str(tmp_path)
    assert before["digest"] != after["digest"]
    assert Plan(config_of()).image_listing("mine") == {}
    with pytest.raises(InputError, match=r"images\.mine\.labels': .* --config data_root=DIR"):
        Plan(config_of(**own)).image_set_files("mine")
    with pytest.raises(InputError, match=r"images\.mine\.file': there is no file gone\.h5"):
        Plan(config_of(file="gone.h5", labels=str(tmp_path / "labels.csv"))).image_set_files("mine")
    with pytest.raises(InputError, match=r"labels\.csv has to be there before the run"):
        Plan(config_of(file=None, folder=str(tmp_path))).image_set_files("mine")


def test_what_shapes_a_set_are_neither_paths_nor_how_strict_it_is():
    entry = Plan(config_of()).image_set_options("mine")["entry"]
    assert not {"file", "labels", "unlabelled"} & entry.keys() and entry["folder"] is False
    assert entry["hydrogen_mass"] == 1.4
    plan = Plan(config_of(channels=[*MAPS, "b_los", "flux"], units={"flux": "Jy"}))
    known = plan.image_set_options("mine")["known"]
    assert known.keys() == {"b_los"} and known["b_los"]["from_behind"] == -1


def test_an_encoder_learns_from_a_set():
    images = {"set": "mine", "preprocessing": "whole"}
    over = {"pretraining": {"encoders": {"nano": {"images": images}}}}
    plan = Plan(config_of(over=over))
    assert plan.pretraining_files("nano", 0)["images"] == ["results/images/mine/shown/whole.h5"]
    assert (
        Plan(default_config())
        .pretraining_files("nano", 0)["images"][0]
        .startswith("results/fractals/flame/shard-")
    )


def test_images_of_other_channels_have_no_figure_of_maps():
    shown = {"evaluation": {"preprocessing": {"whole": {"channels": ["red", "green", "blue"]}}}}
    rgb = {"channels": ["red", "green", "blue"], "side": None}
    plan = Plan(config_of({"methods": ["mean"], "reference": None}, over=shown, **rgb))
    assert "examples" not in plan.figure_numbers("demo")
    assert not plan.shows_gas("demo") and Plan(config_of()).shows_gas("demo")
    with pytest.raises(InputError, match=r"shows maps of .* the images mine of study demo don't"):
        plan.figure_inputs("examples", "demo")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (config_of({"simulations": ["toycloud_a"]}), r"simulations or images, not both"),
        (config_of({"images": None}), r"either simulations or images, not neither"),
        (config_of({"images": "mne"}), r"no entry 'mne' in images \(did you mean 'mine'"),
        (config_of(folder="x"), r"images\.mine': give either folder or file, not both"),
        (config_of(file=None), r"give either folder or file, not neither"),
        (config_of(file="a.fits"), r"images\.mine\.file': a\.fits ends in none of \.h5"),
        (config_of(file="a.npy", dataset="a"), r"only an HDF5 file has datasets"),
        (config_of(columns={"file": "a"}), r"columns\.file': only images of a folder"),
        (config_of(units={"flux": "Jy"}), r"'flux' is none of the channels"),
        (config_of(units={"v_los": "m/s"}), r"the unit of v_los is that of maps"),
        (config_of(channels=["u", "u"]), r"'u' is there twice"),
        (config_of(size=1), r"images\.mine\.size': 1 is less than 2"),
        (config_of(side=0), r"images\.mine\.side': 0.* must be more than 0"),
        (config_of({"observation": "taurus"}, side=None), r"a beam needs the size of a pixel"),
        (
            config_of({"observation": "taurus"}, channels=[*MAPS[1:], MAPS[0]]),
            r"a beam weights v_los by column_density, the first channel",
        ),
        (
            config_of({"information": {"split": "random", "preprocessing": "whole"}}, side=None),
            r"studies\.demo\.information': it measures radii in pc; add images\.mine\.side",
        ),
        (
            config_of({"segmentation": {"features": "dinov2"}}, channels=[*MAPS, "distance"]),
            r"its tables call another quantity distance; rename that channel of images\.mine",
        ),
        (
            config_of({"methods": ["statistics_ridge"], "reference": None}, side=None),
            r"log_gradient is per pc; add images\.mine\.side",
        ),
        (
            config_of({"methods": ["statistics_knn"], "reference": None}, channels=["red"]),
            r"images\.mine has no channel 'column_density'; it has red",
        ),
        (config_of(over={"images": {"toycloud_a": {"file": "a.h5", "labels": "b"}}}),
         r"images\.toycloud_a': maps\.simulations has an entry of this name"),
        (config_of(over={"pretraining": {"encoders": {"nano": {"images": "mine"}}}}),
         r"there is no entry 'mine' in fractals\.images"),
        (config_of(over={"pretraining": {"encoders": {"nano": {"images": {
            "set": "mine", "preprocessing": "whole"}}}}}, channels=["red"], side=None),
         r"nano\.images\.preprocessing': whole: images\.mine has no channel"),
        (config_of(over={"objects": {"star": {
            "position": "16:26:26.39 -24:24:30.7", "distance": [137, 5], "velocity": 3.7,
            "column_density": {"file": "results/N.fits", "counts": "H2"},
            "study": "demo", "methods": ["mean"]}}}, side=None),
         r"objects\.star\.study': demo is of the images mine, which are no maps.*add images\.mine"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence(config, words):
    with pytest.raises(InputError, match=words) as error:
        read_config(config)
    assert str(error.value).count("\n") == 0
