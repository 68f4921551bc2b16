import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.evaluation.features import extract_features, read_features, views, write_features
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps, load_maps
from starmass.evaluation.splits import draw_split, parts_of
from starmass.evaluation.statistics import flatten


def test_scaling_is_each_folds_own(samples):
    maps = load_maps(samples)
    split = draw_split(samples, by="protostar", folds=3)
    features = extract_features(maps, split, Preprocessing(), flatten)
    assert features.shape == (3, len(samples), 3 * 16 * 16)
    assert features.dtype == np.float32
    for fold, train, _ in parts_of(split):
        assert features[fold, train].reshape(len(train), 3, -1).max(axis=(0, 2)) == pytest.approx(
            1, abs=1e-5
        )


def test_maps_of_test_rows_do_not_shape_the_features_of_others(samples):
    maps = load_maps(samples)
    split = draw_split(samples, by="protostar", test_fraction=0.3)
    ((_, train, test),) = parts_of(split)
    spoilt = maps.values.copy()
    spoilt[test[1:]] *= 1e3
    kept = np.append(train, test[0])
    before, after = (
        extract_features(
            Maps(values, maps.channels, maps.star_velocity, maps.pixel_pc),
            split,
            Preprocessing(),
            flatten,
        )[0, kept]
        for values in (maps.values, spoilt)
    )
    np.testing.assert_array_equal(before, after)


def test_limits_that_all_folds_share_are_used_once(samples):
    calls = []
    split = draw_split(samples, by="protostar", folds=4)
    features = extract_features(
        load_maps(samples),
        split,
        Preprocessing(scaling="map"),
        lambda scaled: calls.append(1) or flatten(scaled),
    )
    assert len(calls) == 1
    assert len(features) == 4


@pytest.mark.parametrize("average", ["sky", "sky_and_behind"])
def test_averaged_features_cannot_tell_views_apart(samples, average):
    """Of a nonlinear function of pixels that knows left from right and red from blue."""
    maps, preprocessing = (
        load_maps(samples),
        Preprocessing(
            v_los="relative",
            scaling="fixed",
            limits={"column_density": [20, 24], "v_los": [0, 1], "sigma_v": [0, 1]},
        ),
    )
    split = draw_split(samples, by="row", test_fraction=0.5)

    def describe(scaled):
        weights = np.random.default_rng(0).normal(size=(scaled[0].size, 7))
        return np.tanh(flatten(scaled) @ weights / 9)

    def features(values, velocity):
        return extract_features(
            Maps(values, maps.channels, velocity, maps.pixel_pc),
            split,
            preprocessing,
            describe,
            average=average,
        )[0]

    plain = features(maps.values, maps.star_velocity)
    turned = features(np.rot90(maps.values, 1, (2, 3))[..., ::-1].copy(), maps.star_velocity)
    from_behind = features(
        maps.values[..., ::-1] * np.array([1, -1, 1], np.float32)[:, None, None],
        -maps.star_velocity,
    )
    np.testing.assert_allclose(turned, plain, atol=1e-5)
    assert np.allclose(from_behind, plain, atol=1e-5) == (average == "sky_and_behind")


def test_a_channel_along_the_line_of_sight_has_the_other_sign_from_behind(samples):
    """b_los beside v_los: the average over 16 views by hand; b_sky keeps its sign."""
    maps = load_maps(samples)
    names = ("column_density", "v_los", "b_los", "b_sky")
    values = np.random.default_rng(1).normal(size=(len(samples), 4, 6, 6)).astype(np.float32)
    values[:, 0] = 1e22
    seen = {**maps.views, "b_los": (-1, True), "b_sky": (1, True)}
    own = Maps(values, names, maps.star_velocity, maps.pixel_pc, seen)
    preprocessing = Preprocessing(
        channels=names, scaling="fixed", limits={name: [0, 1] for name in names}
    )
    split = draw_split(samples, by="row", test_fraction=0.5)
    weights = np.random.default_rng(0).normal(size=(4 * 36, 5))

    def describe(scaled):
        return np.tanh(flatten(scaled) @ weights / 9)

    found = extract_features(own, split, preprocessing, describe, average="sky_and_behind")[0]
    total = 0.0
    for behind in (1, -1):
        side = preprocessing.transform(own) * np.array([1, behind, behind, 1])[:, None, None]
        for view in (side, side[..., ::-1]):
            for turns in range(4):
                total = total + describe(np.rot90(view, turns, (2, 3)).astype(np.float32))
    np.testing.assert_allclose(found, total / 16, atol=1e-6)


@pytest.mark.parametrize(
    ("views_", "average", "words"),
    [
        ((0, False), "sky", "average: sky would mix up the channel b, which is another"),
        ((0, True), "sky_and_behind", "use sky, or show other"),
        ((0, True), "sky", None),
        ((0, False), "none", None),
    ],
)
def test_a_channel_that_is_another_in_other_views_is_not_averaged(samples, views_, average, words):
    maps = load_maps(samples)
    own = Maps(maps.values[:, :1], ("b",), maps.star_velocity, maps.pixel_pc, {"b": views_})
    split = draw_split(samples, by="row", test_fraction=0.5)
    if words is None:
        assert extract_features(
            own, split, Preprocessing(channels=("b",)), flatten, average=average
        ).size
    else:
        with pytest.raises(InputError, match=words):
            extract_features(own, split, Preprocessing(channels=("b",)), flatten, average=average)


def test_what_a_channel_is_in_other_views_stands_in_the_map_file(samples):
    for path in samples["map_file"].unique():
        with h5py.File(path, "r+") as file:
            file["maps"].attrs["channel_from_behind"] = [1, -1, 0]
            file["maps"].attrs["channel_turns"] = [True, True, False]
    assert load_maps(samples).views == {
        "column_density": (1, True),
        "v_los": (-1, True),
        "sigma_v": (0, False),
    }


def test_the_maps_themselves_are_the_first_view_and_all_views_differ():
    shown = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    for average, number in (("none", 1), ("sky", 8), ("sky_and_behind", 16)):
        found = list(views(shown, (1, -1, 1), average))
        np.testing.assert_array_equal(found[0], shown)
        assert len({view.tobytes() for view in found}) == number
    assert len(list(views(shown, (1, 1, 1), "sky_and_behind"))) == 8


def test_features_in_their_file(tmp_path):
    features = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    for name in ("first.h5", "again.h5"):
        write_features(tmp_path / name, features, provenance='{"seed": 0}')
    np.testing.assert_array_equal(read_features(tmp_path / "first.h5", 1), features[1])
    assert (tmp_path / "first.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    with h5py.File(tmp_path / "first.h5") as file:
        assert file.attrs["provenance"] == '{"seed": 0}'


def test_features_that_are_no_numbers_are_named_where_they_come_in(samples, tmp_path):
    """By the row when they are made, and by the file too when they are written or read."""
    maps, split = load_maps(samples), draw_split(samples, by="protostar", folds=2)
    maps.values[7, 2, 3, 3] = np.nan
    words = rf"row 7 of samples\.csv .* \(1 of {len(samples)} rows do\).*missing_fill: nearest"
    with pytest.raises(InputError, match=f"features: {words}"):
        extract_features(maps, split, Preprocessing(scaling="map"), flatten)
    path = tmp_path / "seed-0.h5"
    features = np.zeros((2, len(samples), 5), np.float32)
    write_features(path, features, provenance="{}")
    with h5py.File(path, "r+") as file:
        file["features"][1, 7, 4] = np.inf
    assert (read_features(path, 0) == 0).all()
    with pytest.raises(InputError, match=rf"seed-0\.h5: {words}"):
        read_features(path, 1)
    features[1, 7, 4] = np.nan
    with pytest.raises(InputError, match=rf"other\.h5: {words}"):
        write_features(tmp_path / "other.h5", features, provenance="{}")
    assert not list(tmp_path.glob("*other*"))
