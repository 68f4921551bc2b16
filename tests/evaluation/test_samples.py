import h5py
import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.evaluation.samples import (
    COLUMNS,
    collect_samples,
    load_maps,
    log_mass,
    protostars,
    read_samples,
    write_table,
)


def test_a_row_points_at_its_own_map(map_files, samples):
    maps = load_maps(samples)
    assert list(samples.columns) == list(COLUMNS)
    assert len(samples) == len(maps) == len(map_files) * 4 * 3
    for row in samples.sample(10, random_state=0).itertuples():
        with h5py.File(row.map_file) as file:
            np.testing.assert_array_equal(
                maps.values[row.row], file["maps"][row.sink_index, row.axis_index]
            )
            assert file["sink_id"][row.sink_index] == row.sink_id
            assert file["mass"][row.sink_index] == row.mass_msun
            assert (
                file["velocity"][row.sink_index, "xyz".index(row.axis)]
                == maps.star_velocity[row.row]
            )
            assert row.simulation == file.attrs["simulation"]


def test_samples_survive_the_file(tmp_path, samples):
    samples["simulation"] = samples["simulation"].map(
        {"a": "001", "b": "2"}
    )  # names that look like numbers
    write_table(tmp_path / "samples.csv", samples)
    again = read_samples(tmp_path / "samples.csv")
    assert again.drop(columns=["map_file"]).equals(samples.drop(columns=["map_file"]))


def test_minimum_mass_and_axes_narrow_the_rows(map_files, samples):
    least = float(np.median(samples["mass_msun"]))
    narrow = collect_samples(map_files, minimum_mass=least, axes=["z"])
    assert set(narrow["axis"]) == {"z"}
    assert len(narrow) == np.count_nonzero(
        (samples["mass_msun"] >= least) & (samples["axis"] == "z")
    )
    np.testing.assert_array_equal(narrow["row"], np.arange(len(narrow)))


def test_protostars_are_one_over_time_and_axes_but_not_over_simulations(samples):
    groups = protostars(samples)
    assert len(set(groups)) == 8
    for group in set(groups):
        assert (
            len(
                set(
                    zip(
                        *samples.loc[groups == group, ["simulation", "sink_id"]].to_numpy().T,
                        strict=True,
                    )
                )
            )
            == 1
        )


def test_labels_are_log10_of_the_mass(samples):
    np.testing.assert_allclose(10 ** log_mass(samples), samples["mass_msun"])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ({"minimum_mass": 1e3}, "lower its minimum_mass"),
        ({"axes": ["w"]}, "no maps along w"),
    ],
)
def test_what_leaves_no_rows_is_said(map_files, harm, words):
    with pytest.raises(InputError, match=words):
        collect_samples(map_files, **harm)


def test_maps_that_differ_or_are_not_finite_are_refused(map_files, samples):
    with h5py.File(map_files[1], "r+") as file:
        file["maps"][0, 0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        load_maps(samples)
    with h5py.File(map_files[1], "r+") as file:
        file.attrs["side_pc"] = 0.7
    with pytest.raises(InputError, match="differ from the"):
        load_maps(samples)


def harm(map_file, name, sink, value):
    with h5py.File(map_file, "r+") as file:
        file[name][sink] = value


@pytest.mark.parametrize("mass", [0.0, -0.3, np.nan, np.inf])
def test_a_mass_without_a_logarithm_is_refused_before_it_teaches(tmp_path, map_files, mass):
    """Also where minimum_mass would leave it out; what the cuts remove is nobody's label."""
    harm(map_files[1], "mass", 2, mass)
    for least in (0.0, 0.01):
        with pytest.raises(
            InputError,
            match=rf"{map_files[1]}: row 2: the mass of sink 3 of a, snapshot_0001, is \S+ Msun,"
            " which has no logarithm; "
            "mend the table of sinks",
        ):
            collect_samples(map_files, minimum_mass=least)
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("simulation,snapshot,sink_id,kept\na,snapshot_0001,3,0\n")
    table = collect_samples(map_files, catalogues=[catalogue])
    assert len(table) == 69
    with pytest.raises(InputError, match="samples: row 1: the mass of it is"):
        log_mass(pd.DataFrame({"mass_msun": [1.0, mass]}))
    table.loc[5, "mass_msun"] = mass
    with pytest.raises(InputError, match="samples: row 5: the mass of sink"):
        log_mass(table)


def test_missing_pixels_are_named_with_what_fills_them(map_files, samples):
    with h5py.File(map_files[0], "r+") as file:
        file["maps"][1, 2, 0, 3, 3] = np.nan
    with pytest.raises(InputError, match=r"sink 2 along z .*1 of the 12 maps.*make the file again"):
        load_maps(samples)
    with h5py.File(map_files[0], "r+") as file:
        file.attrs["observation"], file["missing"] = "taurus", np.zeros(3, bool)
    with pytest.raises(InputError, match=r"set maps\.observations\.taurus\.missing_fill to near"):
        load_maps(samples)


def test_rows_without_a_star_are_not_one_star(samples):
    samples["simulation"] = samples["simulation"].replace("b", None)
    with pytest.raises(InputError, match="row 36 has no simulation"):
        protostars(samples)


def test_a_foreign_file_is_named(tmp_path):
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["maps"] = np.zeros(3)
    with pytest.raises(InputError, match=r"foreign\.h5: not a file of its kind"):
        collect_samples([tmp_path / "foreign.h5"])


def test_a_snapshot_without_sinks_gives_no_rows(map_files, samples):
    with h5py.File(map_files[0], "r+") as file:
        for name in ("sink_id", "mass", "age", "velocity"):
            values = file[name][:0]
            del file[name]
            file[name] = values
    assert len(collect_samples(map_files)) == len(samples) - 12


def test_what_the_cuts_of_the_maps_remove_is_left_out(tmp_path, map_files, samples):
    first = samples.iloc[0]
    stays = samples[samples["sink_id"] != first["sink_id"]].iloc[0]
    catalogue = tmp_path / "catalogue.csv"
    rows = [
        (first["simulation"], first["snapshot"], first["sink_id"], 0),
        (stays["simulation"], stays["snapshot"], stays["sink_id"], 1),
    ]
    catalogue.write_text(
        "simulation,snapshot,sink_id,kept\n"
        + "".join(",".join(map(str, row)) + "\n" for row in rows)
    )
    kept = collect_samples(map_files, catalogues=[catalogue])
    removed = (samples["simulation"] == first["simulation"]) & (
        samples["snapshot"] == first["snapshot"]
    )
    removed &= samples["sink_id"] == first["sink_id"]
    assert len(kept) == len(samples) - removed.sum() and removed.sum() == 3
    assert not (
        (kept["sink_id"] == first["sink_id"])
        & (kept["snapshot"] == first["snapshot"])
        & (kept["simulation"] == first["simulation"])
    ).any()
