"""SFUMATO dumps: every layout reads back what was written, chosen blocks alone are touched, damage
is named.
"""

import itertools
import re
import struct

import numpy as np
import pytest

from starmass.errors import InputError
from starmass.maps.projection import Cube, project_cube
from starmass.maps.sfumato import Dump, fill
from starmass.maps.simulations import open_simulation

LAYOUTS = [
    {"byte_order": order, "real_bytes": real, "integer_bytes": integer, "marker_bytes": marker}
    for order, real, integer, marker in itertools.product(
        ("little", "big"), (4, 8), (4, 8), (0, 4, 8)
    )
] + [
    {"ghost_layers": 2},
    {"ghost_layers": 1, "first_index_fastest": False, "marker_bytes": 0},
    {"record": "variable", "marker_bytes": 8},
    {"record": "variable", "first_index_fastest": False, "ghost_layers": 3, "byte_order": "big"},
    {"variables": ["MPSI", "MVZ", "MVY", "MVX", "MBX", "MBY", "MBZ", "MRHO"]},
    {
        "header": [["step", "time"], {"name": "block_count", "kind": "integer"}],
        "sink_header": [["time", "sink_count"]],
    },
    {"cells": "out/{snapshot}.{rank}.d", "sinks": "out/{snapshot}.sink"},
    {"sink_items": ["mass", "vx", "vy", "vz", "x", "y", "z", "creation_time", "id"]},
]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize(
    "layout", LAYOUTS, ids=lambda layout: " ".join(f"{k}={v}" for k, v in layout.items())
)
def test_round_trip(write_run, layout, ranks):
    run, written = write_run(
        seed=1, ranks=ranks, stars=[[0.5, 1.0, 3.5], [2.0, 2.0, 2.0]], **layout
    )
    dump = Dump(run, "snap1")
    rounding = 1e-6 if layout.get("real_bytes") == 4 else 1e-14
    # The writer sorts blocks: compare in an order of our own.
    ours = np.lexsort((*written["positions"].T, written["levels"]))
    theirs = np.lexsort((*dump.positions.T, dump.levels))
    np.testing.assert_array_equal(dump.positions[theirs], written["positions"][ours])
    for variable in written["descriptor"].variables:
        (values,) = dump.read(theirs, [variable.label])
        np.testing.assert_allclose(
            values, written["cells"][variable.label][ours] * variable.cgs, rtol=rounding
        )
    sinks = written["sinks"]
    np.testing.assert_array_equal(dump.sinks.identity, sinks["id"])
    np.testing.assert_allclose(
        dump.sinks.position, np.stack([sinks[a] for a in "xyz"], axis=1), rtol=rounding
    )
    np.testing.assert_allclose(dump.sinks.velocity[:, 0], sinks["vx"] * 1e5, rtol=rounding)
    assert dump.header["time"] == pytest.approx(0.5)


def test_leaves_tile_the_box(write_run):
    run, _ = write_run(seed=2)
    dump = Dump(run, "snap1")
    assert (~dump.is_leaf).any()
    assert dump.block_width[dump.is_leaf].prod(axis=1).sum() == pytest.approx(64.0)
    children = dump.parents >= 0
    middle = dump.block_left + dump.block_width / 2
    parent = dump.parents[children]
    assert np.all(middle[children] > dump.block_left[parent])
    assert np.all(middle[children] < (dump.block_left + dump.block_width)[parent])


def test_touching_leaves_against_every_image(write_run):
    run, _ = write_run(seed=3)
    dump = Dump(run, "snap1")
    random = np.random.default_rng(0)
    for _ in range(30):
        centre, width = random.uniform(0, 4, 3), random.uniform(0.05, 3.0)
        wanted = set()
        for shift in itertools.product((-4, 0, 4), repeat=3):
            left, right = dump.block_left + shift, dump.block_left + dump.block_width + shift
            overlaps = (
                np.all((left < centre + width / 2) & (right > centre - width / 2), axis=1)
                & dump.is_leaf
            )
            wanted |= set(np.flatnonzero(overlaps).tolist())
        assert set(dump.leaves_touching(centre, np.full(3, width)).tolist()) == wanted


def test_reading_a_block_touches_no_other(write_run):
    """Damage elsewhere in the file goes unseen, until the damaged block is asked for."""
    run, _ = write_run(seed=4)
    dump = Dump(run, "snap1")
    size = dump.files[0].stat().st_size
    record = 8 * 4 * 64 + 8
    last = len(dump.levels) - 1
    with open(dump.files[0], "r+b") as stream:
        stream.seek(size - record + 4)
        stream.write(np.array([np.nan]).tobytes())
    assert np.isfinite(dump.read(np.arange(last), ["MRHO"])).all()
    assert np.isfinite(dump.read([last], ["MVX"])).all()
    assert np.isnan(dump.read([last], ["MRHO"])).any()
    assert f"block {last} (level" in dump.place_in_file(last)
    assert f"from byte {size - record}" in dump.place_in_file(last)


def test_damaged_block_marker(write_run):
    run, _ = write_run(seed=4)
    dump = Dump(run, "snap1")
    size = dump.files[0].stat().st_size
    with open(dump.files[0], "r+b") as stream:
        stream.seek(size - 4)
        stream.write(b"\1\0\0\0")
    with pytest.raises(InputError, match=rf"marker at byte {size - 4} says 1 bytes .* has 2048"):
        dump.read([len(dump.levels) - 1], ["MVX"])


@pytest.mark.parametrize("left", [0, 6, 40, 500, 20000, -1])
def test_truncated(write_run, left):
    run, _ = write_run(seed=5)
    path = run / "snap1" / "cells.00000.bin"
    data = path.read_bytes()
    path.write_bytes(data[:left])
    with pytest.raises(
        InputError, match=r"cells\.00000\.bin: ends at byte .*truncated.*run\.yaml"
    ) as refused:
        Dump(run, "snap1")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [{"byte_order": "big"}, {"marker_bytes": 8}, {"marker_bytes": 0}, {"real_bytes": 4},
     {"integer_bytes": 8}, {"ghost_layers": 1},
     {"variables": ["MRHO", "MVX", "MVY", "MVZ", "MPSI"]}, {"block_cells": [8, 8, 8]},
     {"record": "variable"}],
    ids=str,
)  # fmt: skip
def test_a_descriptor_that_does_not_fit_is_refused(write_run, change):
    import yaml

    run, _ = write_run(seed=6)
    path = run / "run.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(InputError, match=r"run\.yaml") as refused:
        dump = Dump(run, "snap1")
        dump.read(np.arange(len(dump.levels)), ["MRHO"])
    assert str(run) in str(refused.value)


def tamper(run, change):
    """Rewrite a run's levels and positions (4-byte integers behind five records of one
    value each).
    """
    dump = Dump(run, "snap1")
    path = dump.files[0]
    count = len(dump.levels)
    start = 16 + 3 * 12
    data = bytearray(path.read_bytes())
    levels = np.frombuffer(data, "<i4", count, start + 4)
    positions = np.frombuffer(data, "<i4", 3 * count, start + 4 + 4 * count + 8).reshape(count, 3)
    change(levels, positions)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda levels, positions: positions.__setitem__(1, positions[0]), "overlap"),
        (lambda levels, positions: positions.__setitem__((0, 2), 99), "outside the box"),
        (lambda levels, positions: levels.__setitem__(-1, 77), "impossible level"),
        (lambda levels, positions: levels.__setitem__(0, 1), "base level|overlap|no parent"),
        (
            lambda levels, positions: positions.__setitem__(-1, positions[-1] ^ 1),
            "overlap|no parent|of its eight",
        ),
        (lambda levels, positions: levels.__setitem__(-1, 3), "outside|no parent|of its eight"),
    ],
    ids=["twice", "outside", "level", "base", "moved", "deeper"],
)
def test_blocks_that_do_not_tile(write_run, change, words):
    run, _ = write_run(seed=7)
    tamper(run, change)
    with pytest.raises(InputError, match=words) as refused:
        Dump(run, "snap1")
    assert "cells.00000.bin" in str(refused.value)
    assert "run.yaml" in str(refused.value)


def test_missing_rank(write_run):
    run, _ = write_run(seed=8, ranks=3)
    (run / "snap1" / "cells.00001.bin").unlink()
    with pytest.raises(InputError, match=r"cell file of rank 1 is missing \(2 of 3 are there\)"):
        Dump(run, "snap1")
    (run / "snap1" / "cells.00002.bin").unlink()
    with pytest.raises(InputError, match="speaks of 3 ranks, but 1 cell files"):
        Dump(run, "snap1")


def test_missing_rank_without_a_count_in_the_header(write_run):
    run, _ = write_run(seed=8, ranks=3, header=["time", "block_count"])
    (run / "snap1" / "cells.00002.bin").unlink()
    with pytest.raises(InputError, match=r"base level|parent|eight children"):
        Dump(run, "snap1")


def test_missing_snapshot_and_no_sinks_yet(write_run):
    run, _ = write_run(seed=9)
    with pytest.raises(
        InputError, match=r"no cell files of snapshot 'snap2' .did you mean 'snap1'"
    ):
        Dump(run, "snap2")
    (run / "snap1" / "sinks.bin").write_bytes(b"")
    assert len(Dump(run, "snap1").sinks.mass) == 0
    (run / "snap1" / "sinks.bin").unlink()
    assert Dump(run, "snap1").sinks.position.shape == (0, 3)


def test_damaged_sink_files(write_run):
    run, _ = write_run(seed=9, stars=[[1, 1, 1]])
    path = run / "snap1" / "sinks.bin"
    data = path.read_bytes()
    for damaged, words in ((data[:-5], "truncated"), (data + b"1234", "goes on after byte")):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=words):
            _ = Dump(run, "snap1").sinks


def test_gas_that_cannot_be(write_run):
    """Every field of both kinds of readers passes the same check, which names field and place."""
    values = {"MRHO": -1.0, "MVY": np.inf, "XCO": np.nan}
    names = {"MRHO": r"density \[g/cm\*\*3\] is -", "MVY": "velocity along y", "XCO": "abundance"}
    variables = ["MRHO", "MVX", "MVY", "MVZ"]
    variables.append({"label": "XCO", "name": "abundance", "cgs": 1.0, "unit": ""})
    for label, wrong in values.items():

        def gas(levels, positions, label=label, wrong=wrong):
            cells = np.ones((len(levels), 4, 4, 4))
            cells[:, 1, 2, 3] = wrong
            empty = {"MRHO": np.zeros_like(cells)} if label == "MVX" else {}
            return {label: cells, **empty}

        run, _ = write_run(seed=9, gas=gas, variables=variables)
        opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
        with pytest.raises(InputError, match=names[label]) as refused:
            opened.cells(np.array([0.2, 0.2, 0.2]), 0.1, {"abundance": ""})
        assert re.search(r"cells.00000.bin: block \d+ .*from byte \d+", str(refused.value))
        assert re.search(r"\(0\.\d+, 0\.\d+, 0\.\d+\) pc", str(refused.value))


def test_gas_without_weight_may_have_any_velocity(write_run):
    """A cell of density 0 carries nothing, and codes divide momentum by density there."""

    def gas(levels, positions):
        density, velocity = np.ones((2, len(levels), 4, 4, 4))
        density[:, :2], velocity[:, :2] = 0.0, np.nan
        return {"MRHO": density, "MVX": velocity}

    run, _ = write_run(seed=9, gas=gas)
    opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
    blocks = opened.cells(np.array([0.5, 0.5, 0.5]), 0.5)
    assert np.isfinite(blocks.velocity).all()
    assert np.isfinite(project_cube(blocks, Cube(np.full(3, 0.5), 0.5, 8)).dispersion).any()


def test_ranks_that_do_not_belong_together(write_run):
    """A lost file between others, one that is there twice, one of another snapshot or rank."""
    header = ["time", "step", "rank", "block_count"]
    run, _ = write_run(seed=8, ranks=3, header=header)
    files = [run / "snap1" / f"cells.0000{rank}.bin" for rank in range(3)]
    whole = {path: path.read_bytes() for path in files}
    stale = run / "snap1" / "cells.1.bin"
    changes = {
        "both are rank 1's cells": {stale: whole[files[1]]},
        "its header is of rank 2": {files[1]: whole[files[2]]},
        "its header has time": {
            files[1]: whole[files[1]].replace(struct.pack("<d", 0.5), b"\0" * 8)
        },
    }
    for words, change in changes.items():
        for path, data in change.items():
            path.write_bytes(data)
        with pytest.raises(InputError, match=words):
            Dump(run, "snap1")
        stale.unlink(missing_ok=True)
        for path, data in whole.items():
            path.write_bytes(data)
    files[1].unlink()
    with pytest.raises(InputError, match="cell file of rank 1 is missing"):
        Dump(run, "snap1")


def test_a_lost_last_rank_is_noticed_by_the_descriptor(write_run):
    run, _ = write_run(seed=8, ranks=2, header=["time", "block_count"], ranks_said=2)
    (run / "snap1" / "cells.00001.bin").unlink()
    with pytest.raises(InputError, match=r"cell file of rank 1 is missing \(1 of 2"):
        Dump(run, "snap1")


def test_a_read_that_stops_short_goes_on_or_is_refused(tmp_path):
    """A system's read may return less than it was asked for: at 2 GiB, or on a network's disk."""

    class Dribble:
        def __init__(self, data):
            self.data = data

        def readinto(self, buffer):
            taken, self.data = self.data[:3], self.data[3:]
            buffer[: len(taken)] = taken
            return len(taken)

    buffer = bytearray(10)
    fill(memoryview(buffer), Dribble(b"0123456789"), tmp_path)
    assert buffer == b"0123456789"
    with pytest.raises(InputError, match="ended 3 bytes early"):
        fill(memoryview(bytearray(10)), Dribble(b"0123456"), tmp_path)
