"""The examples of docs/maps.md: each entry of a simulation maps a file of its own code."""

import re

import h5py
import numpy as np
import pytest
import yaml
from athena_file import UNITS, write_athena, write_sinks
from flash_file import PARSEC, SOLAR_MASS, write_flash

from starmass.maps.descriptor import load_descriptor
from starmass.maps.discovery import find_snapshots
from starmass.maps.mapping import make_maps

NUCLEUS = 1.4 * 1.6735328e-24
PROJECTION = {"side": 0.5, "pixels": 8, "velocity_frame": "box", "hydrogen_mass": 1.4}


@pytest.fixture(scope="module")
def examples(root):
    """All YAML of the page, and the entries of simulations among it."""
    page = (root / "docs/maps.md").read_text()
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.S)]
    entries = {
        name: entry
        for block in blocks
        for name, entry in block.items()
        if isinstance(entry, dict) and "format" in entry
    }
    return blocks, entries


def make(entry, folder, **change):
    entry = {**entry, "folder": str(folder), **change}
    found = find_snapshots(entry)
    snapshot = list(found)[-1]
    make_maps(
        output=folder / "m.h5",
        simulation="mine",
        snapshot=snapshot,
        dump=found[snapshot],
        entry=entry,
        projection=PROJECTION,
    )
    return h5py.File(folder / "m.h5")


def test_flash(examples, tmp_path, deposit_by_hand):
    star = {
        "type": 2, "tag": 1048577, "mass": 2 * SOLAR_MASS, "creation_time": 5e12, "velx": 1e5,
        "posx": 0.1 * PARSEC, "posy": 0.2 * PARSEC, "posz": 0.3 * PARSEC,
    }  # fmt: skip
    cells = write_flash(tmp_path / "sf_hdf5_plt_cnt_0001", particles=[star, {**star, "type": 1}])
    column, mean, spread, _ = deposit_by_hand(*cells, np.array([0.1, 0.2, 0.3]), 0.5, 8)
    with make(examples[1]["flash_run"], tmp_path) as file:
        assert file["sink_id"][:].tolist() == [1048577]
        assert file["mass"][0] == pytest.approx(2.0, rel=1e-4)
        assert file["age"][0] == pytest.approx(5e12 / 3.15576e7, rel=1e-4)
        maps = file["maps"][0]
    np.testing.assert_allclose(maps[:, 0], column * PARSEC / NUCLEUS, rtol=1e-6)
    np.testing.assert_allclose(maps[:, 1], mean, atol=1e-6)
    np.testing.assert_allclose(maps[:, 2], spread, atol=1e-6)
    write_flash(tmp_path / "sf_hdf5_plt_cnt_0002")
    with make(examples[1]["flash_run"], tmp_path) as file:
        assert len(file["mass"]) == 0  # no particles yet


def test_athena(examples, tmp_path):
    write_athena(tmp_path / "cloud.out2.00042.athdf", np.ones((8, 8, 8)), (4, 4, 4))
    write_sinks(tmp_path / "cloud.sinks.00042.csv", (5, 0.5, 3, 2, 1, 0, 0, 0, 0))
    units = {"load": {"units_override": UNITS}}
    entry = examples[1]["athena_run"]
    assert entry["load"]["units_override"].keys() == UNITS.keys()
    with make(entry, tmp_path, **units) as file:
        assert file["sink_id"][:].tolist() == [5]
        assert file.attrs["snapshot"] == "00042"


def test_the_descriptor(examples, tmp_path):
    """Every key of it is on the page, and the page's is valid."""
    block = next(block for block in examples[0] if block.get("format") == "sfumato")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(block))
    descriptor = load_descriptor(tmp_path / "run.yaml")
    assert descriptor.facts == {"accretion_radius_pc": 5e-4}


def test_every_entry_is_held_by_a_test(examples):
    """A new example needs a test: toy clouds in the demo, RAMSES on real dumps, particles apart."""
    here = {"toycloud_a", "mine", "ramses_a", "flash_run", "athena_run"}
    assert set(examples[1]) == here | {"gizmo_run", "arepo_run"}
