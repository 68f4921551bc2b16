"""Files of observed objects, and what of the config is refused before anything runs."""

import pytest
from configs import default_config, merge

from starmass.config.whole import read_config
from starmass.errors import InputError
from starmass.plan import Plan, UsersFile

OBJECT = {
    "position": "16:26:26.39 -24:24:30.7",
    "distance": [137, 5],
    "velocity": 3.7,
    "column_density": {"file": "results/N.fits", "counts": "H2"},
    "v_los": {"file": "results/v.fits"},
    "sigma_v": {"file": "results/s.fits", "kind": "sigma", "temperature": 0},
    "study": "demo",
    "methods": ["statistics_ridge", "dinov2_knn"],
}


def config_of(**changes):
    return merge(default_config(), {"objects": {"star": {**OBJECT, **changes}}})


def test_files_of_an_object_are_the_users_unless_a_rule_makes_them(tmp_path):
    noise = tmp_path / "noise.fits"
    noise.touch()
    sigma = {"file": "{data_root}/s.fits", "kind": "sigma", "temperature": 0}
    (tmp_path / "s.fits").touch()
    plan = Plan(
        config_of(
            column_density={"file": "results/N.fits", "counts": "H2", "noise": str(noise)},
            sigma_v=sigma,
        )
        | {"data_root": str(tmp_path)}
    )
    files = plan.object_inputs("star")
    assert files == {
        "column_density": "results/N.fits",
        "column_density_noise": str(noise),
        "v_los": "results/v.fits",
        "sigma_v": str(tmp_path / "s.fits"),
    }
    assert [isinstance(one, UsersFile) for one in files.values()] == [False, True, False, True]
    with pytest.raises(InputError, match=r"objects\.star\.sigma_v\.file': .* --config data_root="):
        Plan(config_of(sigma_v=sigma)).object_inputs("star")
    with pytest.raises(InputError, match=r"objects\.star\.v_los\.file': there is no file gone\."):
        Plan(config_of(v_los={"file": "gone.fits"})).object_inputs("star")


def test_an_object_has_the_features_of_its_methods_with_their_seeds():
    plan = Plan(config_of(methods=["statistics_ridge", "random_knn"]))
    features = plan.object_features("star")
    assert features["statistics_ridge"] == {0: "results/objects/star/features/profile/seed-0.h5"}
    assert set(plan.object_feature_files("star")) == {
        path for one in features.values() for path in one.values()
    }
    assert plan.object_pages() == ["results/objects/star/page.html"]


def test_an_object_that_is_not_in_the_config_is_named():
    with pytest.raises(InputError, match=r"'stra' in objects \(did you mean 'star'"):
        Plan(config_of()).object("stra")
    with pytest.raises(InputError, match="the config has no objects; add an observed protostar"):
        Plan(default_config()).objects()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"methods": ["resnet18"]}, "resnet18 is a network that is trained on maps"),
        ({"methods": ["gone"]}, "gone"),
        ({"study": "gone"}, "gone"),
        ({"sigma_v": None}, r"shows the channel sigma_v .* which the object has not"),
        ({"velocity": None}, "velocity is missing; add velocity: the star's systemic"),
        ({"distance": [137, 100]}, "an error of 100 pc is over half of 137 pc"),
        ({"distance": [-1, 1]}, r"\[-1, 1\] can't be"),
        ({"column_density": None}, "there is no cube"),
        ({"beam": 18}, "beam"),
        ({"column_density": {"file": "N.fits", "count": "H2"}}, "did you mean 'counts'"),
    ],
)
def test_a_wrong_object_is_refused_before_anything_runs(changes, words):
    with pytest.raises(InputError, match=words) as found:
        read_config(config_of(**changes))
    assert "objects.star" in str(found.value)


def test_what_shapes_the_maps_is_not_what_they_are_compared_with():
    """Another method leaves the object's maps as they are"""
    one, other = (
        Plan(config_of(methods=[name])) for name in ("statistics_ridge", "pixels_pca_knn")
    )
    assert one.object_entry("star") == other.object_entry("star")
    assert "study" not in one.object_entry("star")
