"""An object beside simulations: verdicts on real maps, masses, coverage, neighbours."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.evaluation.feature_kinds import features_of
from starmass.evaluation.features import write_features
from starmass.evaluation.novelty import Described, combined, held_out_scores
from starmass.evaluation.object_masses import apply_method, coverage_table, prediction_table
from starmass.evaluation.objects import ObjectMaps, append, split_for_object
from starmass.evaluation.samples import load_maps, protostars
from starmass.evaluation.verdict import false_alarms, judge
from starmass.maps.as_observed import KINDS
from starmass.maps.observation import FWHM, beam_pixels, smooth
from starmass.provenance import provenance_json

PROFILE = {"kind": "statistics", "statistics": ["profile"]}
SHOWN = {"column_density": "log10", "v_los": "log_gradient", "sigma_v": "log10"}
RIDGE = {"regressor": "ridge"}
FACTS = {"velocity_kms": 0.0, "missing_centre": 0.0, "star_missing": False}


def as_object(maps, row, distances=20, **facts):
    """A row of maps as an object whose distance is known"""
    values = np.repeat(maps.values[row : row + 1], 1 + distances, axis=0)
    own = replace(maps, values=values, star_velocity=np.zeros(1 + distances))
    return ObjectMaps("star", own, np.full(distances, 140.0), {**FACTS, **facts})


def without(samples, maps, star):
    """All rows but those of a star"""
    kept = protostars(samples) != star
    rest = samples[kept].reset_index(drop=True)
    rest["row"] = np.arange(len(rest))
    return rest, replace(maps, values=maps.values[kept], star_velocity=maps.star_velocity[kept])


@pytest.fixture(scope="module")
def seen(reference_samples):
    """Reference maps of stars above 0.1 Msun, in their frame, through 18 arcsec at 140 pc"""
    samples = reference_samples[reference_samples["mass_msun"] >= 0.1].reset_index(drop=True)
    samples["row"] = np.arange(len(samples))
    maps = load_maps(samples)
    values = maps.values.astype(float)
    values[:, 1] -= maps.star_velocity[:, None, None]
    beam = beam_pixels(18, 140, maps.pixel_pc)
    values = np.stack([smooth(one, KINDS, beam) for one in values]).astype(np.float32)
    return samples, replace(maps, values=values, star_velocity=np.zeros(len(values)))


SPOILT = {
    "log10 read as N": lambda maps: np.log10(maps[:, 0], out=maps[:, 0]),
    "ten times N": lambda maps: maps[:, 0].__imul__(10),
    "FWHM as sigma": lambda maps: maps[:, 2].__imul__(FWHM),
    "noise alone": lambda maps: maps.__imul__(
        10 ** np.random.default_rng(0).normal(0, 1, maps.shape)
    ),
}


def test_what_is_read_wrongly_is_outside_and_few_stars_are_by_mistake(seen):
    samples, maps = seen
    stars = protostars(samples)
    inside = 0
    for star in np.unique(stars)[::11]:
        rest, others = without(samples, maps, star)
        row = int(np.flatnonzero(stars == star)[0])
        found = judge(rest, others, as_object(maps, row))
        inside += found.verdict == "inside"
        assert found.false_alarms["protostar"] <= 0.05
        for name, spoil in SPOILT.items():
            own = as_object(maps, row)
            spoil(own.maps.values)
            assert judge(rest, others, own).verdict == "outside", name
    assert inside >= 3  # of 4


def test_a_refusal_and_too_few_stars_are_never_called_inside(seen):
    samples, maps = seen
    star = np.unique(protostars(samples))[0]
    gone = as_object(maps, 0, star_missing=True, missing_centre=0.9)
    assert judge(samples, maps, gone).verdict == "refused"
    assert judge(samples, maps, as_object(maps, 0, missing_centre=0.7)).verdict == "refused"
    few = protostars(samples) < star + 18
    rest = samples[few].reset_index(drop=True).assign(row=np.arange(few.sum()))
    others = replace(maps, values=maps.values[few], star_velocity=maps.star_velocity[few])
    found = judge(rest, others, as_object(maps, 0))
    assert found.verdict == "cannot tell" and "18 stars are too few" in found.reason


@pytest.mark.parametrize(
    ("each", "by_star", "by_simulation"),
    [(9, np.nan, np.nan), (15, 1 / 30, np.nan), (19, 1 / 38, 1)],
)
def test_false_alarms_are_not_said_of_too_few_stars(each, by_star, by_simulation):
    """Of two simulations that are wholly unlike each other, each is outside of the other."""
    stars = np.arange(2 * each)
    values = np.random.default_rng(0).normal(size=(2 * each, 2)) + 6.0 * (stars >= each)[:, None]
    described = Described(values, np.array(["sigma_v"] * 2), np.arange(2.0), np.array(["mean"] * 2))
    tests = held_out_scores(described, stars).tests()
    samples = pd.DataFrame({"simulation": np.where(stars < each, "a", "b")})
    found = false_alarms(samples, described, stars, combined(tests, tests))
    assert found == pytest.approx({"protostar": by_star, "simulation": by_simulation}, nan_ok=True)


@pytest.fixture(scope="module")
def weighed(seen, tmp_path_factory):
    """Ridge on statistics, for a star that is not in training"""
    samples, maps = seen
    star = np.unique(protostars(samples))[3]
    row = int(np.flatnonzero(protostars(samples) == star)[0])
    rest, others = without(samples, maps, star)
    own = as_object(maps, row)
    # The distances differ by a factor in column density here, so that their part is known.
    own.maps.values[1:, 0] *= np.linspace(0.8, 1.2, 20)[:, None, None]
    split = split_for_object(rest, len(own.maps))
    features = features_of(
        PROFILE, split.table, lambda: append(others, own.maps), preprocessing=[SHOWN]
    )
    path = tmp_path_factory.mktemp("features") / "profile.h5"
    write_features(path, features, provenance=provenance_json(config={}, seed=0, inputs=[]))
    return rest, others, own, split, path


def test_the_interval_has_the_errors_of_held_out_stars_and_the_distance(weighed):
    samples, maps, own, split, path = weighed
    one = apply_method(samples, split, {0: path}, RIDGE)
    found = judge(samples, maps, own)
    table = prediction_table("star", samples, {"ridge": one}, {"ridge": "Ridge"}, found)
    (row,) = table.to_dict("records")
    assert row["lower_msun"] < row["mass_msun"] < row["upper_msun"]
    assert row["interval_dex"] == pytest.approx(
        np.hypot(row["calibration_dex"], row["distance_dex"])
    )
    assert row["distance_dex"] > 0.01 and row["calibrated_by"] == "protostar"
    assert 0.2 < row["calibration_dex"] < 0.8
    covered = coverage_table("star", {"ridge": one}, {"ridge": "Ridge"}, found)
    whole = covered.iloc[0]
    assert whole["n_stars"] == 34 and 0.8 <= whole["coverage_stars"] <= 1
    assert 0.8 <= whole["coverage_maps"] <= 1
    few = covered[covered["n_stars"] < 5]
    assert few["coverage_stars"].isna().all()


def test_a_refused_object_has_no_mass(weighed):
    samples, maps, own, split, path = weighed
    one = apply_method(samples, split, {0: path}, RIDGE)
    found = judge(samples, maps, replace(own, facts={**FACTS, "star_missing": True}))
    table = prediction_table("star", samples, {"ridge": one}, {"ridge": "Ridge"}, found)
    assert table[["mass_msun", "lower_msun", "upper_msun"]].isna().all(axis=None)


def test_methods_that_differ_by_more_than_their_intervals_are_said_to(weighed):
    samples, maps, own, split, path = weighed
    one = apply_method(samples, split, {0: path}, RIDGE)
    far = replace(one, predicted=one.predicted + 3)
    table = prediction_table(
        "star", samples, {"a": one, "b": far}, {"a": "A", "b": "B"}, judge(samples, maps, own)
    )
    assert "differs by more than its interval from B" in table["note"][0]


def test_neighbours_are_the_nearest_map_of_each_of_five_stars(weighed):
    samples, maps, own, _, _ = weighed
    nearest = judge(samples, maps, own).neighbours
    assert list(nearest["rank"]) == [1, 2, 3, 4, 5]
    assert len(nearest[["simulation", "sink_id"]].drop_duplicates()) == 5
    assert nearest["distance"].is_monotonic_increasing
    # A map of the simulation itself is its own nearest neighbour.
    same = judge(samples, maps, as_object(maps, 100)).neighbours.iloc[0]
    assert same["distance"] == pytest.approx(0, abs=1e-6)
    assert same["sink_id"] == samples["sink_id"][100]


def test_simulations_are_held_out_where_there_are_two():
    samples = pd.DataFrame(
        {
            "row": range(8),
            "simulation": list("aaaabbbb"),
            "sink_id": [1, 1, 2, 3, 1, 2, 2, 3],
            "mass_msun": 1.0,
        }
    )
    split = split_for_object(samples, 3)
    assert sorted(split.held_out_by.values()) == ["protostar"] * 5 + ["simulation"] * 2
    final = split.table[split.table["fold"] == split.final]
    assert list(final["part"]) == ["train"] * 8 + ["test"] * 3
    for fold, way in split.held_out_by.items():
        rows = split.table[split.table["fold"] == fold]
        assert (rows["part"][8:] == "object").all()
        groups = samples["simulation"]
        if way == "protostar":
            groups = groups + samples["sink_id"].astype(str)
        train = set(groups[rows["part"][:8].to_numpy() == "train"])
        assert train.isdisjoint(set(groups[rows["part"][:8].to_numpy() == "test"]))


def test_a_study_of_one_star_is_refused():
    one = pd.DataFrame({"row": [0, 1], "simulation": "a", "sink_id": 1, "mass_msun": 1.0})
    with pytest.raises(InputError, match="maps of one star alone"):
        split_for_object(one, 1)
