"""The run's descriptor: defaults, round trip, and refusals that name file and key."""

import pytest
import yaml

from starmass.errors import InputError
from starmass.maps.descriptor import descriptor_yaml, load_descriptor, parse_descriptor

LEAST = {
    "format": "sfumato",
    "length_cm": 3e18,
    "mass_g": "2.0e33",
    "time_s": 3e13,
    "box_width": 4,
    "periodic": True,
}


def test_defaults_are_the_known_facts():
    descriptor = parse_descriptor(LEAST)
    assert descriptor.block_cells == descriptor.base_blocks == (8, 8, 8)
    assert descriptor.box_width == (4.0, 4.0, 4.0)
    assert [v.label for v in descriptor.variables] == ["MRHO", "MVX", "MVY", "MVZ"]
    assert descriptor.variables[0].cgs == pytest.approx(2.0e33 / 3e18**3)
    assert descriptor.variable("velocity_y").label == "MVY"
    assert all(descriptor.periodic)


def test_round_trip(tmp_path):
    chemistry = {"label": "XCO", "name": "co_abundance", "cgs": 1.0, "unit": ""}
    given = {
        **LEAST,
        "byte_order": "big",
        "marker_bytes": 0,
        "variables": ["MRHO", chemistry, "MBX"],
        "periodic": [True, False, True],
        "header": [
            ["time", "step"],
            {"name": "note", "kind": "integer", "count": 5},
            "block_count",
        ],
        "cells": "out/{snapshot}.{rank}.d",
        "sinks": "out/{snapshot}.sink",
        "facts": {"accretion_radius_pc": 5e-4},
    }
    path = tmp_path / "run.yaml"
    path.write_text(descriptor_yaml(parse_descriptor(given, str(path))))
    assert load_descriptor(path) == parse_descriptor(given, str(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"byte_odrer": "big"}, ["unknown key 'byte_odrer'", "did you mean 'byte_order'"]),
        ({"byte_order": "middle"}, ["byte_order: middle", "little, big"]),
        ({"real_bytes": 16}, ["real_bytes: 16", "4, 8"]),
        ({"marker_bytes": 2}, ["marker_bytes: 2"]),
        ({"first_index_fastest": 1}, ["first_index_fastest: 1"]),
        ({"box_width": [4, 4]}, ["box_width", "one or three values"]),
        ({"box_width": 0}, ["box_width: 0", "above 0"]),
        ({"block_cells": 8.5}, ["block_cells", "int"]),
        ({"periodic": "no"}, ["periodic", "true or false"]),
        ({"header": [["time", "time"], "block_count"]}, ["header", "'time' twice"]),
        ({"facts": 3}, ["facts", "a mapping"]),
        (
            {"variables": ["MRHO", {"label": "X", "name": "x", "cgs": 0, "unit": ""}]},
            ["`cgs` of the variable X"],
        ),
        (
            {"variables": ["MRHO", {"label": "X", "name": "density", "cgs": 1, "unit": ""}]},
            ["without repeated labels or names"],
        ),
        ({"length_cm": "wide"}, ["length_cm: wide", "a number above zero"]),
        ({"variables": ["MRHO", "MRHOO"]}, ["unknown label 'MRHOO'", "did you mean 'MRHO'"]),
        ({"variables": ["MRHO", "MRHO"]}, ["repeated"]),
        ({"variables": []}, ["variables"]),
        ({"header": ["time"]}, ["`header` holds no 'block_count'"]),
        ({"header": ["tyme", "block_count"]}, ["unknown item 'tyme'", "did you mean 'time'"]),
        ({"cells": "cells.bin"}, ["cells: cells.bin", "{snapshot} and {rank}"]),
    ],
)
def test_refusals_name_file_and_key(change, words):
    with pytest.raises(InputError) as refused:
        parse_descriptor({**LEAST, **change}, "/data/run.yaml")
    for word in ["/data/run.yaml", *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize("key", ["length_cm", "mass_g", "time_s", "box_width", "periodic"])
def test_units_and_box_have_no_default(key):
    with pytest.raises(InputError, match=f"`{key}` is missing"):
        parse_descriptor({k: v for k, v in LEAST.items() if k != key})


def test_unknown_variable_is_named():
    with pytest.raises(InputError, match="'MVV' is not among `variables`"):
        parse_descriptor(LEAST).variable("MVV")


def test_files_that_are_no_descriptor(tmp_path):
    path = tmp_path / "run.yaml"
    with pytest.raises(InputError, match=r"run\.yaml: no readable descriptor"):
        load_descriptor(path)
    path.write_text("format: [")
    with pytest.raises(InputError, match="not valid YAML"):
        load_descriptor(path)
    path.write_text(yaml.safe_dump({"format": "other"}))
    with pytest.raises(InputError, match="format: sfumato"):
        load_descriptor(path)


def test_snapshots_are_found_by_pattern(tmp_path):
    descriptor = parse_descriptor({**LEAST, "cells": "{snapshot}/data/{snapshot}.{rank:03d}.bin"})
    for name in (
        "a1/data/a1.000.bin",
        "a1/data/a1.010.bin",
        "a1/data/a1.002.bin",
        "a2/data/a1.000.bin",
        "b/data/b.000.bin",
        "b/notes",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = descriptor.find(tmp_path)
    assert sorted(found) == ["a1", "b"]
    assert descriptor.find(tmp_path, "a1") == {"a1": found["a1"]}
    assert [path.name for path in found["a1"]] == ["a1.000.bin", "a1.002.bin", "a1.010.bin"]
