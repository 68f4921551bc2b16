"""The map file: shape, labels, units and frames, and that it does not depend on how the dump was
laid out.
"""

import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.maps.mapping import make_maps, map_sink
from starmass.maps.sfumato import Dump
from starmass.maps.simulations import open_simulation

PROJECTION = {"side": 1.1, "pixels": 16, "velocity_frame": "box", "hydrogen_mass": 1.4}
PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33


def make(run, output, dump=None, **projection):
    files = [run / "snap1", run / "run.yaml"] if dump is None else dump
    entry = {"format": "sfumato", "folder": str(run)}
    make_maps(
        output=output,
        simulation="mine",
        snapshot="snap1",
        dump=files,
        entry=entry,
        projection={**PROJECTION, **projection},
    )
    return output


@pytest.fixture
def stars():
    return [[0.05, 3.9, 2.0], [2.0, 1.3, 0.0], [1.1, 1.2, 1.3]]


def test_file_contract(write_run, tmp_path, stars):
    run, written = write_run(
        seed=1, stars=stars, description="made up", facts={"accretion_radius_pc": 0.1}
    )
    with h5py.File(make(run, tmp_path / "m.h5")) as file:
        maps = file["maps"]
        assert maps.shape == (3, 3, 3, 16, 16)
        assert maps.dtype == np.float32
        assert list(maps.attrs["axes"]) == ["x", "y", "z"]
        assert list(maps.attrs["channels"]) == ["column_density", "v_los", "sigma_v"]
        assert list(maps.attrs["channel_units"]) == ["cm**-2", "km/s", "km/s"]
        assert list(maps.attrs["channel_kinds"]) == ["column", "mean", "dispersion"]
        assert "1.4 hydrogen atoms of gas for each" in maps.attrs["channel_definitions"][0]
        assert "columns run along +y" in maps.attrs["orientation"]
        assert file["sink_id"][:].tolist() == [7, 8, 9]
        assert file["sink_id"].dtype == np.int64
        np.testing.assert_allclose(file["mass"][:], written["sinks"]["mass"])
        np.testing.assert_allclose(file["age"][:], 0.4 * PARSEC / 1e5 / 3.15576e7)
        np.testing.assert_allclose(file["position"][:], stars)
        np.testing.assert_allclose(file["velocity"][:, 0], written["sinks"]["vx"])
        for name, unit in {
            "mass": "Msun",
            "age": "yr",
            "position": "pc",
            "velocity": "km/s",
            "gas_mass": "Msun",
        }.items():
            assert file[name].attrs["unit"] == unit
        facts = dict(file.attrs)
        assert facts["simulation"] == "mine"
        assert facts["snapshot"] == "snap1"
        assert facts["side_pc"] == 1.1
        assert facts["pixels"] == 16
        assert facts["velocity_frame"] == "box"
        assert facts["description"] == "made up"
        assert facts["accretion_radius_pc"] == 0.1
        assert facts["finest_cell_pc"] == pytest.approx(0.125)
        assert facts["hydrogen_mass_g"] == pytest.approx(1.4 * 1.6735e-24, rel=1e-4)
        assert '"commit"' in facts["provenance"]
        assert file["refined_fraction"].shape == (3,)
        assert (
            (file["refined_fraction"][:] >= 0) & (file["refined_fraction"][:] <= 1 + 1e-12)
        ).all()
        pixel = (1.1 / 16 * PARSEC) ** 2
        mass = (
            maps[:, :, 0].sum(axis=(2, 3), dtype=float)
            * pixel
            * facts["hydrogen_mass_g"]
            / SOLAR_MASS
        )
        np.testing.assert_allclose(
            mass, np.repeat(file["gas_mass"][:][:, None], 3, axis=1), rtol=1e-6
        )


def test_against_all_cells_of_the_dump(write_run, tmp_path, stars, deposit_by_hand):
    """Touched blocks give what every leaf cell of the box gives, through the corners of the box
    too.
    """
    run, _ = write_run(seed=2, stars=stars)
    dump = Dump(run, "snap1")
    leaves = np.flatnonzero(dump.is_leaf)
    density, *velocity = dump.read(leaves, ["MRHO", "MVX", "MVY", "MVZ"])
    inner = np.stack(np.meshgrid(*[np.arange(4) + 0.5] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    centre = (dump.block_left[leaves][:, None] + inner * dump.cell_width[leaves][:, None]).reshape(
        -1, 3
    )
    width = np.repeat(dump.cell_width[leaves], 64, axis=0)
    speed = np.stack([v.ravel() for v in velocity], axis=1) / 1e5
    with h5py.File(make(run, tmp_path / "m.h5", pixels=8)) as file:
        for row, star in enumerate(stars):
            column, mean, spread, _ = deposit_by_hand(
                centre, width, density.ravel(), speed, np.array(star), 1.1, 8, 4.0
            )
            np.testing.assert_allclose(
                file["maps"][row, :, 0], column * PARSEC / file.attrs["hydrogen_mass_g"], rtol=1e-6
            )
            np.testing.assert_allclose(file["maps"][row, :, 1], mean, atol=1e-6)
            np.testing.assert_allclose(file["maps"][row, :, 2], spread, rtol=1e-6)


def test_ranks_and_layout_change_no_number(write_run, tmp_path, stars):
    one, _ = write_run(seed=3, stars=stars, folder=tmp_path / "one")
    other, _ = write_run(
        seed=3,
        stars=stars,
        folder=tmp_path / "other",
        ranks=4,
        byte_order="big",
        ghost_layers=2,
        record="variable",
    )
    with (
        h5py.File(make(one, tmp_path / "1.h5")) as first,
        h5py.File(make(other, tmp_path / "2.h5")) as second,
    ):
        np.testing.assert_allclose(first["maps"][:], second["maps"][:], rtol=1e-6, atol=1e-6)


def test_the_same_file_twice(write_run, tmp_path, stars):
    run, _ = write_run(seed=3, stars=stars)
    assert make(run, tmp_path / "1.h5").read_bytes() == make(run, tmp_path / "2.h5").read_bytes()


def test_velocities_relative_to_the_sink(write_run, tmp_path, stars):
    run, written = write_run(seed=4, stars=stars)
    with (
        h5py.File(make(run, tmp_path / "b.h5")) as box,
        h5py.File(make(run, tmp_path / "s.h5", velocity_frame="sink")) as sink,
    ):
        difference = box["maps"][:, 0, 1] - sink["maps"][:, 0, 1]
        np.testing.assert_allclose(
            difference,
            np.broadcast_to(written["sinks"]["vx"][:, None, None], difference.shape),
            atol=1e-6,
        )
        np.testing.assert_array_equal(box["maps"][:, :, 2], sink["maps"][:, :, 2])
        assert sink.attrs["velocity_frame"] == "sink"


def test_no_sinks_is_a_valid_file(write_run, tmp_path):
    run, _ = write_run(seed=5)
    with h5py.File(make(run, tmp_path / "m.h5")) as file:
        assert file["maps"].shape == (0, 3, 3, 16, 16)
        assert file["position"].shape == (0, 3)
        assert list(file["maps"].attrs["axes"]) == ["x", "y", "z"]


def test_cubes_that_leave_a_bounded_box_are_left_out(write_run, tmp_path, stars, caplog):
    run, _ = write_run(seed=6, stars=stars, periodic=[True, True, False])
    with caplog.at_level("INFO"), h5py.File(make(run, tmp_path / "m.h5")) as file:
        assert file["sink_id"][:].tolist() == [7, 9]
    assert "1 of 3 sinks left out" in caplog.text


def test_a_cube_wider_than_the_box_is_refused(write_run, tmp_path, stars):
    run, _ = write_run(seed=6, stars=stars)
    with pytest.raises(
        InputError, match=r"side: 5 pc is wider than the box of 4 x 4 x 4 .*length_cm"
    ):
        make(run, tmp_path / "m.h5", side=5.0)
    assert not (tmp_path / "m.h5").exists()


def test_a_truncated_dump_leaves_nothing_behind(write_run, tmp_path, stars):
    run, _ = write_run(seed=6, stars=stars)
    path = run / "snap1" / "cells.00000.bin"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="truncated"):
        make(run, tmp_path / "out" / "m.h5")
    assert not (tmp_path / "out").exists()


def test_a_cube_that_is_not_filled_once_is_refused(write_run, stars, monkeypatch):
    """Whatever a reader loses or reads twice, the cube's volume shows it."""
    run, _ = write_run(seed=6, stars=stars)
    opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
    whole = opened.dump.leaves_touching
    settings = {"side": 1.1, "pixels": 8, "nucleus_mass": 2e-24}
    for wrong in (lambda rows: rows[1:], lambda rows: np.append(rows, rows[0])):
        monkeypatch.setattr(
            opened.dump, "leaves_touching", lambda *place, wrong=wrong: wrong(whole(*place))
        )
        with pytest.raises(InputError, match=r"its cells fill \d+\.\d% of the cube of 1\.1 pc"):
            map_sink(opened, np.array(stars[1]), np.zeros(3), **settings)
