"""What a pretraining may look at: training rows alone, scaled by themselves."""

import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps, load_maps, log_mass, protostars
from starmass.evaluation.splits import draw_split, parts_of
from starmass.evaluation.targets import Target
from starmass.evaluation.training_maps import gather_training_maps, write_training_maps


def test_training_rows_alone_are_gathered_and_test_rows_shape_nothing(samples, tmp_path):
    maps = load_maps(samples)
    split = draw_split(samples, by="protostar", test_fraction=0.4, seed=1)
    _, train, test = next(parts_of(split))
    gathered = gather_training_maps(samples, maps, split, Preprocessing())
    assert np.array_equal(gathered["log10_mass"], log_mass(samples)[train])
    assert set(gathered["protostar"]) & set(protostars(samples)[test]) == set()
    assert gathered["images"].min(axis=(0, 2, 3)) == pytest.approx(0, abs=1e-6) and gathered[
        "images"
    ].max() == pytest.approx(1, abs=1e-5)
    values = maps.values.copy()
    values[test] *= 7
    again = gather_training_maps(
        samples,
        Maps(values, maps.channels, maps.star_velocity, maps.pixel_pc),
        split,
        Preprocessing(),
    )
    assert np.array_equal(again["images"], gathered["images"])
    write_training_maps(tmp_path / "maps.h5", gathered, provenance="{}")
    with h5py.File(tmp_path / "maps.h5") as file:
        assert (
            np.array_equal(file["images"][:], gathered["images"])
            and file["log10_mass"].attrs["unit"] == "log10(Msun)"
        )


def test_classes_come_as_their_places(samples, tmp_path):
    stage = samples.assign(stage=np.where(samples["mass_msun"] > 0.5, "late", "early"))
    split = draw_split(samples, by="row", test_fraction=0.4, seed=1)
    target = Target(kind="classes", column="stage", name="stage", classes=("late", "early"))
    maps = load_maps(samples)
    gathered = gather_training_maps(stage, maps, split, Preprocessing(), target)
    write_training_maps(tmp_path / "maps.h5", gathered, provenance="{}", target=target)
    _, train, _ = next(parts_of(split))
    with h5py.File(tmp_path / "maps.h5") as file:
        assert "log10_mass" not in file and file["label"].attrs["kind"] == "classes"
        right = (samples["mass_msun"] <= 0.5).to_numpy()[train]
        np.testing.assert_array_equal(file["label"][:], right)


def test_each_map_by_its_own_limits_too(samples):
    split = draw_split(samples, by="row", test_fraction=0.25, seed=0)
    gathered = gather_training_maps(
        samples, load_maps(samples), split, Preprocessing(scaling="map")
    )
    assert gathered["images"].max(axis=(2, 3)) == pytest.approx(1, abs=1e-5)


def test_folds_leave_no_map_that_is_never_tested(samples):
    with pytest.raises(InputError, match="test_fraction"):
        gather_training_maps(
            samples,
            load_maps(samples),
            draw_split(samples, by="protostar", folds=3, seed=0),
            Preprocessing(),
        )
