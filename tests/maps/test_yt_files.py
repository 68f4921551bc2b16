"""Files of a real code, opened as the workflow does: the box, the sinks, the units, the faults."""

import logging
import re

import h5py
import numpy as np
import pytest
import yt
from athena_file import DENSITY, UNITS, cells_of, write_athena, write_sinks

from starmass.errors import InputError
from starmass.maps.box_projection import project_box
from starmass.maps.discovery import find_snapshot, find_snapshots
from starmass.maps.mapping import make_maps
from starmass.maps.simulations import open_simulation

PARSEC, SOLAR_MASS, NUCLEUS = 3.0856775814913673e18, 1.988409870698051e33, 1.4 * 1.6735328e-24
PROJECTION = {"side": 0.5, "pixels": 8, "velocity_frame": "box", "hydrogen_mass": 1.4}
ROW = (1, 1.0, 2, 2, 2, 0, 0, 0, 0)
SHAPE = (8, 8, 8)


def entry_of(place, **change):
    return {
        "format": "yt",
        "folder": str(place),
        "dump": "box.{snapshot}.athdf",
        "load": {"units_override": UNITS},
        "sinks": {"table": "sinks.{snapshot}.csv"},
        **change,
    }


def make(entry, folder, snapshot="1", **projection):
    output = folder / "maps" / f"{snapshot}.h5"
    make_maps(
        output=output,
        simulation="mine",
        snapshot=snapshot,
        dump=find_snapshot(entry, None, snapshot, name="mine"),
        entry=entry,
        projection={**PROJECTION, **projection},
    )
    with h5py.File(output) as file:
        return file["maps"][:], {name: file[name][:] for name in ("sink_id", "mass", "gas_mass")}


def test_the_config_says_whether_a_box_repeats(tmp_path, deposit_by_hand, caplog):
    """yt calls every Athena++ box periodic: a cube at a face needs the user's word, and
    takes it.
    """
    density, velocity = np.ones((16, 4, 4)), np.zeros((3, 16, 4, 4))
    density[-2:], velocity[0, -2:] = 100.0, 5.0
    write_athena(tmp_path / "box.1.athdf", density, (4, 4, 4), velocity)
    write_sinks(tmp_path / "sinks.1.csv", (1, 1.0, 0.1, 2, 2, 0, 0, 0, 0))
    with pytest.raises(InputError, match=r"sink 1 reaches through a face.*`periodic: \[true"):
        make(entry_of(tmp_path), tmp_path)
    cells = cells_of(density, (4, 4, 4), velocity)
    column, _, spread, mass = deposit_by_hand(*cells, np.array([0.1, 2, 2]), 0.5, 8, 4.0)
    for periodic in ([True] * 3, [True, False, False]):
        with caplog.at_level(logging.INFO):
            maps, facts = make(entry_of(tmp_path, periodic=periodic), tmp_path)
        assert facts["gas_mass"][0] == pytest.approx(mass * PARSEC**3 / SOLAR_MASS, rel=1e-6)
        np.testing.assert_allclose(maps[0, :, 0], column * PARSEC / NUCLEUS, rtol=1e-6)
        np.testing.assert_allclose(maps[0, :, 2], spread, atol=1e-5)
    assert "repeats along x (`periodic` of the config)" in caplog.text
    with caplog.at_level(logging.INFO):
        make(entry_of(tmp_path, periodic=[False] * 3), tmp_path)
    assert "1 of 1 sinks left out, their cubes leave the box (ids 1)" in caplog.text
    assert "does not repeat" in caplog.text


def test_the_picture_of_a_box_holds_the_mass_of_the_box(tmp_path):
    """Of any shape, through periodic faces or not: no part of it is counted by its images."""
    random = np.random.default_rng(4)
    shapes = [((8, 8, 32), (1, 1, 4)), ((4, 4, 28), (1, 1, 7)), ((8, 8, 5), (4, 4, 2.5))]
    shapes += [((8, 8, 4), (4, 4, 0.6)), ((6, 9, 5), (1.3, 4, 2.1)), ((5, 5, 5), (1, 2, 3))]
    for number, (cells, width) in enumerate(shapes):
        density = np.exp(random.normal(0, 1, cells))
        path = tmp_path / f"box.{number}.athdf"
        write_athena(path, density, width)
        entry = entry_of(tmp_path, **({} if number % 2 else {"periodic": [False] * 3}))
        simulation = open_simulation(entry, path)
        mass = density.sum() * DENSITY * np.prod(np.array(width) / cells)
        axis = "xyz"[number % 3]
        column = project_box(simulation, pixels=32, nucleus_mass=NUCLEUS, axis=axis)
        seen = column.sum() * NUCLEUS * (max(width) / 32) ** 2 / PARSEC
        assert seen == pytest.approx(mass, rel=1e-9), (width, axis)


def test_what_was_found_is_what_is_read(tmp_path):
    """Dumps linked into a folder each, beside links to their own tables."""
    for number in (1, 2):
        write_athena(tmp_path / f"data/box.{number}.athdf", np.ones(SHAPE), (4, 4, 4))
        row = (number, 10.0 * number, number, 1, 1, 0, 0, 0, 0)
        write_sinks(tmp_path / f"data/sinks.{number}.csv", row)
        folder = tmp_path / f"linked/s{number}"
        folder.mkdir(parents=True)
        for name in (f"box.{number}.athdf", f"sinks.{number}.csv"):
            (folder / name).symlink_to(tmp_path / "data" / name)
    entry = entry_of(
        tmp_path / "linked", dump="{snapshot}/box.*.athdf", sinks={"table": "sinks.*.csv"}
    )
    for number in (1, 2):
        _, facts = make(entry, tmp_path, f"s{number}")
        assert facts["sink_id"].tolist() == [number]
        assert facts["mass"].tolist() == [10.0 * number]


def test_snapshots_before_the_first_star(tmp_path, caplog):
    """No table, an empty one, one without rows: no rows and a line in the log."""
    for number in range(4):
        write_athena(tmp_path / f"box.{number}.athdf", np.ones(SHAPE), (4, 4, 4))
    (tmp_path / "sinks.1.csv").touch()
    write_sinks(tmp_path / "sinks.2.csv")
    write_sinks(tmp_path / "sinks.3.csv", ROW)
    entry = entry_of(tmp_path)
    with caplog.at_level(logging.INFO):
        counts = [len(make(entry, tmp_path, str(number))[0]) for number in range(4)]
    assert counts == [0, 0, 0, 1]
    assert "no sink table 'sinks.{snapshot}.csv' beside it" in caplog.text
    assert "sinks.1.csv: an empty table" in caplog.text
    assert caplog.text.count("no sink here yet") == 3


def test_the_snapshot_is_named_in_the_table_and_in_load(tmp_path, monkeypatch):
    write_athena(tmp_path / "box.0007.athdf", np.ones(SHAPE), (4, 4, 4))
    asked = {}
    real = yt.load

    def load(path, **options):
        asked.update(options)
        options.pop("particle_filename")
        return real(path, **options)

    monkeypatch.setattr(yt, "load", load)
    unit = {"length_unit": "pc", "time_unit": "1.0 Myr", "mass_unit": "1e3 Msun"}
    load_keys = {"units_override": unit, "particle_filename": "parts_{snapshot}"}
    opened = open_simulation(
        entry_of(tmp_path, load=load_keys), tmp_path / "box.0007.athdf", "0007"
    )
    assert asked["particle_filename"] == "parts_0007"
    assert asked["units_override"]["mass_unit"] == (1e3, "Msun")
    assert opened.time_yr == pytest.approx(1e6)


def test_faults_are_distinguished(tmp_path):
    """What is wrong is said, and a whole dump is not called damaged."""
    path = tmp_path / "box.1.athdf"
    write_athena(path, np.ones(SHAPE), (4, 4, 4))
    write_sinks(tmp_path / "sinks.1.csv", ROW)
    write_athena(tmp_path / "round.1.athdf", np.ones(SHAPE), (3, 3, 6), coordinates="cylindrical")
    write_athena(tmp_path / "flat.1.athdf", np.ones((8, 8, 1)), (4, 4, 0.6))
    (tmp_path / "text.1.dat").write_text("no dump at all")
    (tmp_path / "cut.1.athdf").write_bytes(path.read_bytes()[:4000])
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "a[1]" / "box.1.athdf").write_bytes(path.read_bytes())
    faults = [
        ({"load": {"unit_overide": 1}}, r"yt does not take what `load` .*unit_overide"),
        ({"load": {"units_override": {"length_units": 1.0}}}, "invalid keys.*units_override"),
        (
            {"load": {"units_override": {"length_unit": "Myr"}}},
            "units_override|a unit does not fit",
        ),
        ({"load": {}}, r"wider than the box of .*units_override"),
        ({"load": {"units_override": {"length_unit": "pc"}}}, "mean density of a cube is .*units"),
        ({"density": "gas denisty"}, "yt knows no field 'gas denisty'"),
        ({"dump": "round.{snapshot}.athdf"}, "grid in cylindrical coordinates"),
        ({"dump": "flat.{snapshot}.athdf"}, "fewer than three dimensions"),
        ({"dump": "text.{snapshot}.dat"}, "no frontend of yt takes this file"),
        ({"dump": "cut.{snapshot}.athdf"}, "damaged|no frontend"),
        ({"folder": str(tmp_path / "a[1]")}, r"wildcard; link the folder"),
    ]
    for change, words in faults:
        with pytest.raises(InputError, match=words) as refused:
            make(entry_of(tmp_path, **{"sinks": {"table": "sinks.1.csv"}, **change}), tmp_path)
        if "dump" not in change:
            assert "damaged" not in str(refused.value)
        assert not (tmp_path / "maps" / "1.h5").exists()


def test_gas_and_units_that_cannot_be(tmp_path):
    write_sinks(tmp_path / "sinks.1.csv", ROW)
    spots = {"density": r"density \[g/cm\*\*3\] is -", "velocity": "velocity along y .* is nan"}
    for name, words in spots.items():
        density, velocity = np.ones(SHAPE), np.zeros((3, *SHAPE))
        if name == "density":
            density[3, 4, 4] = -1.0
        else:
            velocity[1, 3, 4, 4] = np.nan
        write_athena(tmp_path / "box.1.athdf", density, (4, 4, 4), velocity)
        with pytest.raises(InputError, match=words) as refused:
            make(entry_of(tmp_path), tmp_path)
        assert re.search(r"cell at \(1\.75, 2\.25, 2\.25\) pc", str(refused.value))
    write_athena(tmp_path / "box.1.athdf", np.ones(SHAPE), (4, 4, 4), np.full((3, *SHAPE), 4e5))
    with pytest.raises(InputError, match="velocity along x"):  # faster than light
        make(entry_of(tmp_path), tmp_path)


def test_snapshots_follow_their_numbers(tmp_path):
    for name in ("2", "10", "9", "1"):
        (tmp_path / f"snap_{name}.h5").touch()
    entry = entry_of(tmp_path, dump="{snapshot}.h5", sinks={"particles": "io"})
    assert list(find_snapshots(entry)) == ["snap_1", "snap_2", "snap_9", "snap_10"]
    wanted = {**entry, "snapshots": ["snap_10", "snap_2"]}
    assert list(find_snapshots(wanted)) == ["snap_2", "snap_10"]
    with pytest.raises(InputError, match="has no snapshot 'snap_1'"):
        find_snapshot(wanted, None, "snap_1")


def test_one_snapshot_is_found_without_looking_at_the_others(tmp_path):
    """Tables that are wrong in other snapshots do not matter to this one."""
    for number in range(3):
        (tmp_path / f"box.{number}.athdf").touch()
    for name in ("sinks.0.a", "sinks.0.b", "sinks.1.a"):
        (tmp_path / name).touch()
    entry = entry_of(tmp_path, sinks={"table": "sinks.{snapshot}.*"})
    found = find_snapshot(entry, None, "1")
    assert [path.rsplit("/", 1)[1] for path in found] == ["box.1.athdf", "sinks.1.a"]
    assert list(find_snapshots({**entry, "snapshots": ["1"]})) == ["1"]
    with pytest.raises(InputError, match=r"2 files match 'sinks\.0\.\*'"):
        find_snapshots(entry)
    with pytest.raises(InputError, match=r"has no snapshot '7'.* it has 0, 1, 2"):
        find_snapshot(entry, None, "7")
