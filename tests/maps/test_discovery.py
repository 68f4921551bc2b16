"""Finding dumps: names out of patterns, and sentences where nothing is found."""

import pytest

from starmass.errors import InputError
from starmass.maps.discovery import find_snapshot, find_snapshots

RAMSES = {
    "format": "yt",
    "folder": "{data_root}",
    "dump": "{snapshot}/info_*.txt",
    "sinks": {"table": "sink_*.csv"},
}


@pytest.fixture
def ramses_like(tmp_path):
    for number in (3, 12):
        folder = tmp_path / f"output_{number:05d}"
        folder.mkdir()
        for name in (f"info_{number:05d}.txt", f"sink_{number:05d}.csv", "info.txt"):
            (folder / name).touch()
    return tmp_path


def test_toycloud_is_found_before_it_is_written():
    found = find_snapshots({"format": "toycloud", "seed": 1, "snapshots": 2}, name="toy")
    assert found == {
        "snapshot_0001": ["results/dumps/toy/snapshot_0001", "results/dumps/toy/run.yaml"],
        "snapshot_0002": ["results/dumps/toy/snapshot_0002", "results/dumps/toy/run.yaml"],
    }


def test_yt_dumps_and_their_sink_tables(ramses_like):
    found = find_snapshots(RAMSES, str(ramses_like), name="r")
    assert list(found) == ["output_00003", "output_00012"]
    assert found["output_00012"] == [
        str(ramses_like / "output_00012" / name) for name in ("info_00012.txt", "sink_00012.csv")
    ]
    assert list(find_snapshots({**RAMSES, "snapshots": ["output_00012"]}, str(ramses_like))) == [
        "output_00012"
    ]


def test_snapshot_in_a_file_name(tmp_path):
    for name in ("run.0010.athdf", "run.0011.athdf", "run.0011.athdf.xdmf"):
        (tmp_path / name).touch()
    entry = {
        "format": "yt",
        "folder": str(tmp_path),
        "dump": "run.{snapshot}.athdf",
        "sinks": {"particles": "io"},
    }
    assert list(find_snapshots(entry)) == ["0010", "0011"]


def test_sfumato_run(write_run):
    run, _ = write_run(ranks=2)
    found = find_snapshots({"format": "sfumato", "folder": str(run)}, name="mine")
    names = ("snap1/cells.00000.bin", "snap1/cells.00001.bin", "run.yaml", "snap1/sinks.bin")
    assert found == {"snap1": [str(run / name) for name in names]}


@pytest.mark.parametrize(
    ("change", "root", "words"),
    [
        ({}, None, ["maps.simulations.r.folder", "--config data_root=DIR"]),
        ({"folder": "{data_root}/none"}, "here", ["no folder", "none"]),
        (
            {"dump": "{snapshot}/nothing_*.txt"},
            "here",
            ["holds no dump of the form", "nothing_*.txt", "maps.simulations.r"],
        ),
        (
            {"snapshots": ["output_00004"]},
            "here",
            ["has no snapshot 'output_00004'", "did you mean 'output_00003'"],
        ),
        ({"dump": "{snapshot}/info*.txt"}, "here", ["both match"]),
        ({"dump": "output_{snapshot}*/info_*.txt"}, "here", ["next to {snapshot}"]),
        ({"dump": "*{snapshot}/info_*.txt"}, "here", ["next to {snapshot}"]),
        ({"dump": "/data/{snapshot}/info_*.txt"}, "here", ["relative to `folder`"]),
        ({"sinks": {"table": "/data/sinks.csv"}}, "here", ["relative to the dump"]),
        ({"folder": "~nobody_here/x"}, "here", ["there is no folder"]),
        ({"dump": "info_*.txt"}, "here", ["needs {snapshot} once"]),
        (
            {"sinks": {"table": "stars_*.csv"}},
            "here",
            ["none of 2 snapshots has a sink table", "maps.simulations.r.sinks.table"],
        ),
    ],
)
def test_what_is_missing_is_named(ramses_like, change, root, words):
    with pytest.raises(InputError) as refused:
        find_snapshots({**RAMSES, **change}, str(ramses_like) if root else None, name="r")
    for word in words:
        assert word in str(refused.value)


def test_a_table_belongs_to_one_snapshot(tmp_path):
    """Else a snapshot before the first star has the stars of a later one."""
    for name in ("plt_1.h5", "plt_10.h5", "._plt_3.h5", "sinks_10.csv"):
        (tmp_path / name).touch()
    entry = {"format": "yt", "folder": str(tmp_path), "dump": "./plt_{snapshot}.h5"}
    found = find_snapshots({**entry, "sinks": {"table": "sinks_{snapshot}*.csv"}})
    assert {name: len(files) for name, files in found.items()} == {"1": 1, "10": 2}
    with pytest.raises(InputError, match="would be the sink table of all 2 snapshots"):
        find_snapshot({**entry, "sinks": {"table": "sinks_*.csv"}}, None, "1")
    (tmp_path / "plt_x²9.h5").touch()
    (tmp_path / "plt_7.h5").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match="'7' is a link to nothing"):
        find_snapshot({**entry, "sinks": {"particles": "io"}}, None, "7")
    with pytest.raises(InputError, match="has more than letters"):
        find_snapshots({**entry, "sinks": {"particles": "io"}})


def test_names_that_no_path_can_hold(tmp_path):
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-1" / "info.txt").touch()
    entry = {
        **RAMSES,
        "folder": str(tmp_path),
        "dump": "{snapshot}/info.txt",
        "sinks": {"particles": "io"},
    }
    with pytest.raises(InputError, match="'run-1' has more than letters"):
        find_snapshots(entry)
