"""The catalogue against samples made by hand: every sample is listed, and each cut removes what it
should.
"""

import csv
import shutil

import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.maps.catalogue import (
    COLUMNS,
    apply_cuts,
    check_snapshots,
    read_samples,
    write_catalogue,
)


@pytest.fixture
def map_files(tmp_path):
    """Three snapshots; sink 1 is in all, sink 2 in the last two, sink 9 in the last; given in no
    order.
    """
    paths = []
    for number, sinks in ((3, [9, 1, 2]), (1, [1]), (2, [2, 1])):
        paths.append(tmp_path / f"s{number}.h5")
        with h5py.File(paths[-1], "w") as file:
            file.attrs.update(simulation="mine", snapshot=f"s{number}", time_yr=1e5 * number)
            file["sink_id"] = np.array(sinks)
            file["mass"] = np.array(sinks) * 0.1 * number
            file["age"] = 1e5 * number - 5e4 - 1e4 * np.array(sinks)
            file["gas_mass"] = np.full(len(sinks), 20.0)
            file["refined_fraction"] = np.array(sinks) / 10
            file["position"] = np.arange(3.0 * len(sinks)).reshape(-1, 3)
    return paths


def test_every_sample_is_listed(map_files, tmp_path, caplog):
    with caplog.at_level("INFO"):
        write_catalogue(output=tmp_path / "c.csv", map_files=map_files, cuts={})
    with open(tmp_path / "c.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["snapshot"], row["sink_id"]) for row in rows] == [
        ("s1", "1"),
        ("s2", "1"),
        ("s2", "2"),
        ("s3", "1"),
        ("s3", "2"),
        ("s3", "9"),
    ]
    assert [float(row["mass_msun"]) for row in rows] == pytest.approx(
        [0.1, 0.2, 0.4, 0.3, 0.6, 2.7]
    )
    assert [float(row["time_since_birth_yr"]) for row in rows] == [0, 1e5, 0, 2e5, 1e5, 0]
    assert [int(row["snapshots"]) for row in rows] == [3, 3, 2, 3, 2, 1]
    assert all(row["kept"] == "1" and row["removed_by"] == "" for row in rows)
    last = rows[-1]
    assert (last["map_file"], last["sink_index"], last["x_pc"]) == (str(map_files[0]), "0", "0.0")
    assert "6 samples, 6 kept; removed: there are no cuts" in caplog.text


@pytest.mark.parametrize(
    ("cuts", "removed"),
    [
        ({"mass": [0.25, 2.0]}, ["mass", "mass", "", "", "", "mass"]),
        ({"age": [None, 1.5e5]}, ["", "", "", "age", "age", "age"]),
        ({"age": [4e4, None]}, ["", "", "", "", "", ""]),
        (
            {"time_since_birth": [1, None]},
            ["time_since_birth", "", "time_since_birth", "", "", "time_since_birth"],
        ),
        ({"refined": [0.15, 0.85]}, ["refined", "refined", "", "refined", "", "refined"]),
        ({"minimum_snapshots": 2}, ["", "", "", "", "", "minimum_snapshots"]),
        # Two of sink 1's three are left, and one of sink 2's two.
        (
            {"mass": [0.15, 0.5], "minimum_snapshots": 2},
            ["mass", "", "minimum_snapshots", "", "mass", "mass"],
        ),
        ({"mass": [None, 1.0], "refined": [None, 0.85]}, ["", "", "", "", "", "mass"]),
    ],
)
def test_each_cut_removes_what_it_should_and_is_counted(map_files, cuts, removed):
    rows = read_samples(map_files)
    counts = apply_cuts(rows, cuts)
    assert [row["removed_by"] for row in rows] == removed
    assert [row["kept"] for row in rows] == [int(not name) for name in removed]
    assert counts == {name: removed.count(name) for name in cuts}


def test_the_numbers_are_logged(map_files, tmp_path, caplog):
    with caplog.at_level("INFO"):
        write_catalogue(
            output=tmp_path / "c.csv",
            map_files=map_files,
            cuts={"mass": [0.25, None], "minimum_snapshots": 2},
        )
    assert "6 samples, 2 kept; removed: 2 by mass, 2 by minimum_snapshots" in caplog.text


def test_a_simulation_without_samples_is_refused(tmp_path):
    """Sinks may be absent early on, never everywhere, and not after there were some."""
    files = []
    for number, (found, rows) in enumerate([(0, 0), (2, 0), (0, 0)]):
        files.append(tmp_path / f"s{number}.h5")
        with h5py.File(files[-1], "w") as file:
            file["mass"], file["sink_id"] = np.ones(rows), np.arange(rows)
            file["position"] = np.zeros((rows, 3))
            file.attrs["time_yr"], file.attrs["sinks_found"] = float(number), found
    for chosen, words in (
        (files[:1], "no sink is in any of them"),
        (files[:2], "up to 2 sinks has its cube within the box"),
    ):
        with pytest.raises(InputError, match=words):
            check_snapshots(chosen)
    with h5py.File(files[1], "a") as file:
        for name in ("mass", "sink_id", "position"):
            del file[name]
        file["mass"], file["sink_id"], file["position"] = np.ones(1), np.ones(1), np.ones((1, 3))
    check_snapshots(files[:2])
    twin = shutil.copy(files[1], tmp_path / "twin.h5")
    with h5py.File(twin, "a") as file:
        file.attrs["time_yr"] = 1.5
    with pytest.raises(InputError, match=r"twin\.h5: its sinks have the ids, masses and places"):
        check_snapshots([*files[:2], twin])
    with pytest.raises(InputError, match=r"s2\.h5: has no sink, though .*s1\.h5"):
        check_snapshots(files)


def test_what_is_no_map_file_is_named(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(InputError, match=r"x\.h5: not a file of its kind"):
        read_samples([tmp_path / "x.h5"])


def test_a_cut_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match=r"maps\.cuts\.mass: \[5, 1\] runs backwards"):
        apply_cuts([], {"mass": [5, 1]})
