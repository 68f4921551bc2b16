"""What ``starmass fits`` writes is read as an observed object's, and is the map it was made of."""

import h5py
import numpy as np
import pytest

from starmass.maps.fits import export_fits
from starmass.maps.mapping import make_maps
from starmass.maps.objects.object_maps import make_object_maps


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_what_starmass_fits_writes_comes_back(write_run, tmp_path, axis):
    run, _ = write_run(seed=4, stars=[[0.2, 3.8, 2.0], [2.0, 1.3, 0.4]], snapshot="snap_1")
    projection = {"side": 1.1, "pixels": 12, "velocity_frame": "sink", "hydrogen_mass": 1.4}
    make_maps(
        output=tmp_path / "m.h5", simulation="mine", snapshot="snap_1", dump=[run / "run.yaml"],
        entry={"format": "sfumato", "folder": str(run)}, projection=projection,
    )  # fmt: skip
    path = tmp_path / "star.fits"
    thermal = {"temperature": 10, "molecule_mass": 28}
    place = {"distance": 140, "position": "16h20m -60d"}
    options = {**place, "counts": "H2", "thermal": thermal}
    export_fits(output=path, maps=tmp_path / "m.h5", sink=8, axis=axis, options=options)
    entry = {
        "position": "16h20m -60d",
        "distance": [140, 10],
        "velocity": 0.0,
        "column_density": {"hdu": "COLUMN_DENSITY", "counts": "H2"},
        "v_los": {"hdu": "V_LOS"},
        "sigma_v": {"hdu": "SIGMA_V", "kind": "sigma", **thermal},
    }
    for channel in ("column_density", "v_los", "sigma_v"):
        entry[channel] |= {"file": str(path), "beam": 0}
    make_object_maps(
        output=tmp_path / "o.h5", name="mine", entry=entry, projection=projection, files={}
    )
    with h5py.File(tmp_path / "m.h5") as file, h5py.File(tmp_path / "o.h5") as own:
        known = file["maps"][1, "xyz".index(axis), :3].astype(float)
        made, missing = own["maps"][0, 0].astype(float), own["missing_channels"][0, 0]
        for key in ("hydrogen_mass_g", "side_pc", "pixels"):
            assert own.attrs[key] == file.attrs[key]
        for key in ("channels", "channel_units", "channel_kinds", "channel_turns"):
            assert list(own["maps"].attrs[key]) == list(file["maps"].attrs[key])
        assert own["maps"].attrs["orientation"] == file["maps"].attrs["orientation"]
    there = ~missing & np.isfinite(known)
    assert there.mean() > 0.9
    assert np.abs(made[0] / known[0] - 1)[there[0]].max() < 1e-6
    # The thermal part that was added comes off again, to the digits of single precision.
    assert np.abs(made - known)[1:][there[1:]].max() < 1e-6 * np.abs(known[1:][there[1:]]).max()
