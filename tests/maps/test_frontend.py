"""yt opens SFUMATO dumps by itself: fields, units, sinks, periodicity, and only leaves
carry mass.
"""

import subprocess
import sys

import numpy as np
import pytest
import yt

from starmass.errors import InputError
from starmass.maps.sfumato import Dump

SOLAR_MASS = 1.988409870698051e33
STARS = [
    [0.5, 1.0, 3.5],
    [2.0, 2.0, 2.0],
    [4.0, 0.0, 1.0],
]  # the last on the upper face, which is the lower one


@pytest.fixture
def dataset(write_run):
    yt.set_log_level("error")
    run, written = write_run(seed=1, ranks=2, stars=STARS, ghost_layers=1)
    return yt.load(str(run / "snap1")), Dump(run, "snap1"), written


def test_any_session_can_load(write_run):
    """No import of starmass, no hint: the entry point is enough."""
    run, _ = write_run(seed=1)
    script = (
        "import sys, yt; d = yt.load(sys.argv[1]); "
        "print(type(d).__name__, len(d.r['gas', 'density']), float(d.current_time.to('Myr')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, run / "snap1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    name, cells, time = done.stdout.split()
    assert name == "SfumatoDataset"
    assert int(cells) == Dump(run, "snap1").is_leaf.sum() * 64
    assert float(time) == pytest.approx(0.5 * 0.9777922, rel=1e-6)


def test_a_cell_file_is_as_good_as_its_folder(write_run):
    run, _ = write_run(
        seed=1, ranks=2, cells="out/{snapshot}.{rank}.d", sinks="out/{snapshot}.sink"
    )
    dataset = yt.load(str(run / "out" / "snap1.1.d"))
    assert dataset.dump.snapshot == "snap1"
    assert dataset.index.num_grids == len(dataset.dump.levels)


def test_mass_is_in_the_leaves_alone(dataset):
    ds, dump, _ = dataset
    (density,) = dump.read(np.flatnonzero(dump.is_leaf), ["MRHO"])
    volume = dump.cell_width[dump.is_leaf].prod(axis=1) * dump.descriptor.length_cm**3
    total = (density.sum(axis=(1, 2, 3)) * volume).sum()
    assert float(ds.all_data().sum(("gas", "cell_mass")).to("g")) == pytest.approx(total, rel=1e-12)
    frb = ds.proj(("gas", "density"), "x").to_frb((4, "pc"), 64)
    assert float(frb["gas", "density"].sum().to_value("g/cm**2")) * (
        4 * 3.0856775814913673e18 / 64
    ) ** 2 == pytest.approx(total, rel=1e-6)


def test_cells_sit_where_they_should(dataset):
    """A value looked up at a point is the value of the finest block there."""
    ds, dump, _ = dataset
    random = np.random.default_rng(0)
    for point in random.uniform(0, 4, (10, 3)):
        inside = (
            np.all(
                (dump.block_left <= point) & (point < dump.block_left + dump.block_width), axis=1
            )
            & dump.is_leaf
        )
        (block,) = np.flatnonzero(inside)
        i, j, k = ((point - dump.block_left[block]) / dump.cell_width[block]).astype(int)
        values = dump.read([block], ["MRHO", "MVX", "MVY", "MVZ"])[:, 0, i, j, k]
        at = ds.point(ds.arr(point, "code_length"))
        assert at["gas", "density"].to_value("g/cm**3")[0] == pytest.approx(values[0])
        for axis, value in zip("xyz", values[1:], strict=True):
            assert at["gas", f"velocity_{axis}"].to_value("cm/s")[0] == pytest.approx(value)


def test_regions_reach_through_periodic_faces(dataset):
    ds, _, _ = dataset
    assert ds.periodicity == (True, True, True)
    corner = ds.region(ds.arr([0, 0, 0], "pc"), ds.arr([-0.5] * 3, "pc"), ds.arr([0.5] * 3, "pc"))
    assert float(corner.sum(("index", "cell_volume")).to("pc**3")) == pytest.approx(1.0)


def test_sinks_are_particles(dataset):
    ds, _, written = dataset
    everything = ds.all_data()
    order = np.argsort(everything["sink", "particle_index"])
    np.testing.assert_allclose(
        everything["sink", "particle_mass"][order].to_value("Msun"),
        written["sinks"]["mass"],
        rtol=1e-4,
    )
    np.testing.assert_allclose(
        everything["sink", "particle_position"][order].to_value("pc"), np.mod(STARS, 4.0)
    )
    np.testing.assert_allclose(
        everything["sink", "particle_velocity_x"][order].to_value("km/s"), written["sinks"]["vx"]
    )
    np.testing.assert_allclose(everything["sink", "age"].to_value("code_time"), 0.4)
    near = ds.sphere([2.0, 2.0, 2.1], (0.2, "pc"))
    assert near["sink", "particle_index"].tolist() == [8]
    assert ds.sphere([2.0, 2.0, 2.5], (0.2, "pc"))["sink", "particle_index"].size == 0


def test_what_yt_does_with_neighbours_works(dataset):
    """Ghost zones, gradients, smoothed grids and off-axis projections need parents and children."""
    ds, _, _ = dataset
    ds.add_gradient_fields(("gas", "density"))
    assert np.isfinite(ds.all_data()["gas", "density_gradient_x"]).all()
    smooth = ds.smoothed_covering_grid(
        1, left_edge=ds.domain_left_edge, dims=ds.domain_dimensions * 2
    )
    assert (smooth["gas", "density"] > 0).all()
    grid = ds.covering_grid(2, left_edge=ds.domain_left_edge, dims=ds.domain_dimensions * 4)
    total = ds.all_data().sum(("gas", "cell_mass"))
    assert float(grid["gas", "cell_mass"].sum() / total) == pytest.approx(1.0)
    assert (
        float(
            yt.off_axis_projection(
                ds, ds.domain_center, [1, 1, 0.5], ds.domain_width[0], 16, ("gas", "density")
            ).max()
        )
        > 0
    )


def test_magnetic_field_and_chemistry(write_run):
    carbon = {"label": "XCO", "name": "co_abundance", "cgs": 2.0, "unit": ""}
    run, written = write_run(
        seed=1, variables=["MRHO", "MVX", "MVY", "MVZ", "MBX", "MBY", "MBZ", "MP", carbon]
    )
    ds = yt.load(str(run / "snap1"))
    everything = ds.all_data()
    squares = sum(everything["gas", f"magnetic_field_{axis}"] ** 2 for axis in "xyz") ** 0.5
    np.testing.assert_allclose(
        everything["gas", "magnetic_field_strength"].to_value("gauss"),
        squares.to_value("gauss"),
        rtol=1e-12,
    )
    assert (
        everything["gas", "pressure"].units.dimensions
        == ds.unit_system["pressure"].units.dimensions
    )
    assert everything["gas", "co_abundance"].max() <= 2 * written["cells"]["XCO"].max()


def test_no_sinks(write_run):
    run, _ = write_run(seed=1)
    ds = yt.load(str(run / "snap1"))
    assert ds.all_data()["sink", "particle_mass"].size == 0


def test_other_files_are_left_to_others(write_run, tmp_path):
    run, _ = write_run(seed=1)
    (run / "notes.txt").write_text("nothing")
    for path in (run / "notes.txt", run):
        with pytest.raises(yt.utilities.exceptions.YTUnidentifiedDataType):
            yt.load(str(path))
    (tmp_path / "other").mkdir()
    with pytest.raises(yt.utilities.exceptions.YTUnidentifiedDataType):
        yt.load(str(tmp_path / "other"))


def test_a_damaged_dump_speaks_through_yt(write_run):
    run, _ = write_run(seed=1)
    path = run / "snap1" / "cells.00000.bin"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"cells\.00000\.bin: ends at byte"):
        yt.load(str(run / "snap1"))
