"""Extra channels against sums over voxels by hand: means, parts of vectors, spectra, peaks."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
from scipy.signal import find_peaks
from scipy.stats import norm

from starmass.errors import InputError
from starmass.maps.channels import extra_channels
from starmass.maps.deposits import project_means, project_spectra
from starmass.maps.kernels import count_peaks
from starmass.maps.mapping import make_maps
from starmass.maps.projection import Blocks, Cube, project_cube
from starmass.maps.sfumato import Dump

PARSEC = 3.0856775814913673e18
ENTRIES = {
    "b_los": {"kind": "vector", "field": "gas magnetic_field", "unit": "uG"},
    "b_columns": {"kind": "vector", "field": "gas magnetic_field", "unit": "uG", "part": "columns"},
    "b_rows": {"kind": "vector", "field": "gas magnetic_field", "unit": "uG", "part": "rows"},
    "b_sky": {"kind": "vector", "field": "gas magnetic_field", "unit": "uG", "part": "sky"},
    "temperature": {"kind": "mean", "field": "gas temperature", "unit": "K"},
    "ppv": {"kind": "spectrum", "lowest": -6, "highest": 6, "count": 8},
    "peaks": {"kind": "components", "line_width": 0.3},
}


def test_the_package_can_be_imported_before_the_config():
    subprocess.run([sys.executable, "-c", "import starmass.maps.channels"], check=True)


@pytest.fixture
def blocks():
    """A box of 4 x 4 x 4 blocks of 2 x 2 x 2 cells, and one field."""
    random = np.random.default_rng(0)
    left = np.stack(np.meshgrid(*[np.arange(4.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    shape = (64, 2, 2, 2)
    fields = {"gas temperature": random.uniform(5, 50, shape)}
    return Blocks(
        left,
        np.full((64, 3), 0.5),
        np.exp(random.normal(0, 2, shape)),
        random.normal(0, 3, (3, *shape)),
        fields,
    )


def as_grid(values):
    """(64, 2, 2, 2) of blocks -> (8, 8, 8) of cells."""
    return values.reshape(4, 4, 4, 2, 2, 2).transpose(0, 3, 1, 4, 2, 5).reshape(8, 8, 8)


def seen(grid, axis):
    """Bring the line of sight to the end: [row, column, depth]."""
    return np.transpose(grid, ((axis + 2) % 3, (axis + 1) % 3, axis))


def test_a_mean_is_the_mean_by_mass(blocks):
    cube = Cube(np.full(3, 2.0), 4.0, 8)
    temperature = blocks.fields["gas temperature"]
    means = project_means(blocks, cube, [[temperature] * 3])
    for axis in range(3):
        rho, value = seen(as_grid(blocks.density), axis), seen(as_grid(temperature), axis)
        np.testing.assert_allclose(
            means[axis, 0], (rho * value).sum(axis=2) / rho.sum(axis=2), rtol=1e-12
        )


@pytest.mark.parametrize("line_width", [0.0, 0.7])
def test_a_spectrum_is_the_mass_in_each_velocity_channel(blocks, line_width):
    cube, frame = Cube(np.full(3, 2.0), 4.0, 8), np.array([0.5, -1.0, 0.0])
    spectra = project_spectra(blocks, cube, frame, -4.0, 5.0, 6, line_width)
    edges = np.linspace(-4, 5, 7)
    for axis in range(3):
        rho, speed = (
            seen(as_grid(blocks.density), axis),
            seen(as_grid(blocks.velocity[axis]), axis) - frame[axis],
        )
        for channel in range(6):
            low, high = edges[channel : channel + 2]
            share = (
                (low <= speed) & (speed < high)
                if line_width == 0
                else norm.cdf(high, speed, 0.7) - norm.cdf(low, speed, 0.7)
            )
            # What is beyond six widths of a line is left out.
            np.testing.assert_allclose(
                spectra[axis, channel] / PARSEC,
                (rho * share).sum(axis=2) * 0.5,
                rtol=1e-6,
                atol=1e-7 * rho.max(),
            )


@pytest.mark.parametrize("line_width", [0.0, 0.4])
def test_all_velocity_channels_together_are_the_column_density(blocks, line_width):
    """For a cube anywhere, through the faces of the box too.

    Their mean velocity is v_los, to the width of a channel.
    """
    cube = Cube(np.array([0.3, 3.1, 1.9]), 1.7, 11, np.full(3, 4.0))
    spectra = project_spectra(blocks, cube, np.zeros(3), -20, 20, 400, line_width)
    whole = project_cube(blocks, cube)
    np.testing.assert_allclose(spectra.sum(axis=1), whole.surface_density, rtol=1e-6)
    middles = (np.linspace(-20, 20, 401)[:-1] + 0.05)[None, :, None, None]
    np.testing.assert_allclose(
        (spectra * middles).sum(axis=1) / spectra.sum(axis=1), whole.velocity, atol=0.051
    )


@pytest.mark.parametrize("prominence", [0.05, 0.3])
def test_peaks_are_those_that_scipy_finds(prominence):
    random = np.random.default_rng(1)
    spectra = random.random((3, 40, 20, 5))
    counted = count_peaks(spectra, prominence)
    for axis, row, column in np.ndindex(counted.shape):
        padded = np.concatenate([[0], spectra[axis, :, row, column], [0]])
        found, _ = find_peaks(padded, prominence=prominence * padded.max())
        assert counted[axis, row, column] == len(found)
    assert np.isnan(count_peaks(np.zeros((1, 5, 1, 1)), 0.1)).all()


@pytest.mark.parametrize(("apart", "expected"), [(0.2, 1), (3.0, 2)])
def test_two_streams_are_two_components_where_they_are_apart(apart, expected):
    shape = (1, 2, 2, 2)
    speed = np.zeros((3, *shape))
    speed[:, :, 0] = speed[:, :, :, 0] = speed[:, :, :, :, 0] = (
        apart  # seven cells of eight: on some lines of sight all
    )
    gas = Blocks(np.zeros((1, 3)), np.full((1, 3), 0.5), np.ones(shape), speed)
    (peaks,) = extra_channels(["peaks"], ENTRIES)
    maps = peaks.project(gas, Cube(np.full(3, 0.5), 1.0, 2), np.zeros(3), 1.0)
    assert maps.shape == (3, 1, 2, 2)
    assert maps[:, 0, 1, 1].tolist() == [expected] * 3
    assert maps[:, 0, 0, 0].tolist() == [1] * 3


@pytest.fixture
def magnetised(write_run):
    warmth = {"label": "MT", "name": "temperature", "cgs": 2.0, "unit": "K"}
    variables = ["MRHO", "MVX", "MVY", "MVZ", "MBX", "MBY", "MBZ", warmth]
    return write_run(seed=4, stars=[[0.2, 3.8, 2.0]], variables=variables, ghost_layers=1)


def make(run, output, names, entry=None, **projection):
    settings = {
        "side": 1.1,
        "pixels": 8,
        "velocity_frame": "box",
        "hydrogen_mass": 1.4,
        "channels": names,
        **projection,
    }
    make_maps(
        output=output, simulation="mine", snapshot="snap1", dump=[run / "snap1", run / "run.yaml"],
        entry=entry or {"format": "sfumato", "folder": str(run)},
        projection=settings, channels=ENTRIES,
    )  # fmt: skip
    with h5py.File(output) as file:
        return file["maps"][:], {
            key: list(value)
            for key, value in file["maps"].attrs.items()
            if key.startswith("channel")
        }


def test_they_stand_behind_the_default_three(magnetised, tmp_path):
    run, _ = magnetised
    maps, facts = make(run, tmp_path / "m.h5", list(ENTRIES))
    default, _ = make(run, tmp_path / "d.h5", [])
    assert facts["channels"][:9] == [
        "column_density",
        "v_los",
        "sigma_v",
        "b_los",
        "b_columns",
        "b_rows",
        "b_sky",
        "temperature",
        "ppv_000",
    ]
    assert facts["channel_units"] == [
        "cm**-2",
        "km/s",
        "km/s",
        *["uG"] * 4,
        "K",
        *["cm**-2"] * 8,
        "",
    ]
    assert len(facts["channel_definitions"]) == maps.shape[2] == 17
    assert facts["channel_from_behind"] == [1, -1, 1, -1, 0, 0, 1, 1, *[0] * 8, 1]
    assert facts["channel_turns"] == [*[True] * 4, False, False, *[True] * 11]
    np.testing.assert_array_equal(maps[:, :, :3], default)
    np.testing.assert_allclose(maps[:, :, 6], np.hypot(maps[:, :, 4], maps[:, :, 5]), rtol=1e-5)
    np.testing.assert_allclose(maps[:, :, 8:16].sum(axis=2), maps[:, :, 0], rtol=1e-5)


def test_fields_of_a_dump_in_their_units_and_directions(magnetised, tmp_path, deposit_by_hand):
    run, written = magnetised
    dump = Dump(run, "snap1")
    leaves = np.flatnonzero(dump.is_leaf)
    names = ["MRHO", "MBX", "MBY", "MBZ", "temperature"]
    density, *others = dump.read(leaves, names)
    inner = np.stack(np.meshgrid(*[np.arange(4) + 0.5] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    centre = (dump.block_left[leaves][:, None] + inner * dump.cell_width[leaves][:, None]).reshape(
        -1, 3
    )
    width = np.repeat(dump.cell_width[leaves], 64, axis=0)
    cube = (centre, width, density.ravel())
    place = (np.array([0.2, 3.8, 2.0]), 1.1, 8, 4.0)
    field = np.stack([v.ravel() for v in others[:3]], axis=1) * 1e6
    maps, _ = make(run, tmp_path / "m.h5", ["b_los", "b_columns", "b_rows", "temperature"])
    for channel, turned in enumerate(
        (field, np.roll(field, -1, axis=1), np.roll(field, -2, axis=1))
    ):
        _, mean, *_ = deposit_by_hand(*cube, turned, *place)
        np.testing.assert_allclose(
            maps[0, :, 3 + channel], mean, rtol=1e-4, atol=1e-5 * np.abs(mean).max()
        )
    _, mean, *_ = deposit_by_hand(*cube, np.repeat(others[3].reshape(-1, 1), 3, axis=1), *place)
    np.testing.assert_allclose(maps[0, :, 6], mean, rtol=1e-5, atol=1e-5)
    assert others[3].max() == pytest.approx(2.0 * written["cells"]["MT"][leaves].max(), rel=0.5)


def test_the_same_through_yt_fields(magnetised, tmp_path):
    """``format: yt`` finds the same fields under yt's names."""
    run, _ = magnetised
    names = ["b_los", "b_sky", "peaks"]
    entry = {"format": "yt", "folder": str(run), "sinks": {"particles": "sink"}}
    through_yt, facts = make(run, tmp_path / "y.h5", names, entry)
    straight, same_facts = make(run, tmp_path / "s.h5", names)
    assert facts == same_facts
    np.testing.assert_allclose(through_yt, straight, rtol=1e-4, atol=1e-4)


def test_a_simulation_may_name_its_own(magnetised, tmp_path):
    run, _ = magnetised
    entry = {"format": "sfumato", "folder": str(run), "channels": ["temperature"]}
    maps, facts = make(run, tmp_path / "m.h5", ["b_los"], entry)
    assert facts["channels"][3:] == ["temperature"]
    assert maps.shape[2] == 4


def test_mistakes_name_the_entry(write_run, magnetised, tmp_path):
    run, _ = write_run(seed=4, stars=[[1, 1, 1]], folder=tmp_path / "plain")
    with pytest.raises(
        InputError, match=r"run\.yaml: variable 'temperature' is not among `variables`"
    ):
        make(run, tmp_path / "m.h5", ["temperature"])
    with pytest.raises(
        InputError,
        match=r"channel 'temprature' is no entry of maps.channels .did you mean 'temperature'",
    ):
        make(run, tmp_path / "m.h5", ["temprature"])
    for wrong, words in (
        ({"sigma_v": {"kind": "components"}}, "name of a default channel"),
        (
            {
                "p": {"kind": "spectrum", "lowest": -1, "highest": 1, "count": 3},
                "p_000": {"kind": "components"},
            },
            "makes a map 'p_000', and so does p",
        ),
        (
            {"cube": {"kind": "spectrum", "lowest": 3, "highest": 3, "count": 2}},
            r"lowest': 3 has to be below highest",
        ),
    ):
        with pytest.raises(InputError, match=words):
            extra_channels(list(wrong), wrong)
    unit = {"t": {"kind": "mean", "field": "temperature", "unit": "km/s"}}
    with pytest.raises(
        InputError, match=r"maps.channels: 'temperature': 'K' can't be given in 'km/s'"
    ):
        make_maps(
            output=tmp_path / "m.h5", simulation="mine", snapshot="snap1",
            dump=[magnetised[0] / "run.yaml"], channels=unit,
            entry={"format": "sfumato", "channels": ["t"]},
            projection={"side": 1, "pixels": 8, "velocity_frame": "box", "hydrogen_mass": 1},
        )  # fmt: skip
