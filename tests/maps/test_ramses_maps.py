"""A real simulation's dump against maps of it that were made elsewhere (see ``ramses_data`` in
tests/conftest.py).
"""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from starmass.maps.discovery import find_snapshots
from starmass.maps.mapping import make_maps

SNAPSHOT = "output_00009"


@pytest.fixture(scope="module")
def entry(root):
    return yaml.safe_load((root / "config/library.yaml").read_text())["maps"]["simulations"][
        "ramses_a"
    ]


@pytest.fixture(scope="module")
def reference(root):
    archives = Path(
        os.environ.get("STARMASS_RAMSES_DATA", root.parent / "shared" / "data" / "ramses_a")
    )
    if not (archives / "reference_maps.h5").is_file():
        pytest.skip(
            f"no reference_maps.h5 in {archives}: set STARMASS_RAMSES_DATA to the folder that"
            " holds it"
        )
    with h5py.File(archives / "reference_maps.h5") as file:
        rows = np.flatnonzero(file["samples"]["snapshot"] == SNAPSHOT.encode())
        return file["samples"][rows], file["maps"][rows]


@pytest.mark.parametrize("sinks", ["table", "particles"])
def test_maps_of_a_real_dump(ramses_data, entry, reference, tmp_path, sinks):
    """Sinks from RAMSES's table as the preset reads it, and from yt's own particle fields of the
    same.
    """
    if sinks == "particles":
        columns = {"id": "particle_identifier", "creation_time": "particle_formation_time"}
        entry = {
            **entry,
            "sinks": {"particles": "sink_csv", "columns": columns, "units": {"time": "code_time"}},
        }
    files = find_snapshots(entry, str(ramses_data), name="ramses_a")[SNAPSHOT]
    projection = {"side": 0.5, "pixels": 64, "velocity_frame": "box", "hydrogen_mass": 1.4}
    make_maps(
        output=tmp_path / "m.h5",
        simulation="ramses_a",
        snapshot=SNAPSHOT,
        dump=files,
        entry=entry,
        projection=projection,
    )
    samples, maps = reference
    with h5py.File(tmp_path / "m.h5") as file:
        rows = [file["sink_id"][:].tolist().index(identity) for identity in samples["sink_id"]]
        ours = file["maps"][:][rows]
        np.testing.assert_allclose(file["mass"][:][rows], samples["mass_msun"], rtol=1e-9)
        np.testing.assert_allclose(file["age"][:][rows], samples["age_yr"], rtol=1e-6)
        np.testing.assert_allclose(
            file["gas_mass"][:][rows], samples["cube_gas_mass_msun"], rtol=1e-6
        )
    np.testing.assert_allclose(ours[:, :, 0], maps[:, :, 0], rtol=5e-5)
    np.testing.assert_allclose(ours[:, :, 1], maps[:, :, 1], rtol=2e-5, atol=5e-5)
    np.testing.assert_allclose(ours[:, :, 2], maps[:, :, 2], rtol=5e-5)
