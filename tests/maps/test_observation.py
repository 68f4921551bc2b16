"""Observed maps against a beam laid on by hand, cell moments that are mixed by hand, and noise that
depends on nothing but its names.
"""

import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.maps import observation
from starmass.maps.mapping import make_maps
from starmass.maps.observation import beam_pixels, observe_maps, smooth

KINDS = ["column", "mean", "dispersion"]
TAURUS = {
    "distance": 140, "beam": 120, "seed": 3, "noise": {"column_density": 1e20, "v_los": 0.05},
    "relative_noise": {"column_density": 0.1},
    "missing_fraction": 0.1, "missing_patch": 2,
}  # fmt: skip


def maps_of(random, size=14):
    return np.array(
        [
            np.exp(random.normal(0, 1, (size, size))),
            random.normal(0, 2, (size, size)),
            random.uniform(0.1, 1, (size, size)),
        ]
    )


def beam_by_hand(size, sigma):
    """Weights [row, column, row of the source, column of the source] of a Gaussian beam, normalised
    to what is in the map.
    """
    place = np.arange(size)
    line = np.exp(-((place[:, None] - place) ** 2) / (2 * sigma**2))
    line[np.abs(place[:, None] - place) > np.ceil(6 * sigma)] = 0
    weights = np.einsum("ik,jl->ijkl", line, line)
    return weights / weights.sum(axis=(2, 3), keepdims=True)


@pytest.mark.parametrize("sigma", [0.4, 1.3, 5.0])
def test_the_beam_mixes_gas_and_not_maps(sigma):
    """Every pixel is gas of two velocities, v - s and v + s: the moments of all gas under the beam,
    weighted by hand.
    """
    density, velocity, spread = maps = maps_of(np.random.default_rng(0))
    weights = beam_by_hand(14, sigma) * density
    total = weights.sum(axis=(2, 3))
    streams = [velocity - spread, velocity + spread]
    mean = sum((weights * v).sum(axis=(2, 3)) for v in streams) / (2 * total)
    square = sum(
        (weights * (v - mean[:, :, None, None]) ** 2).sum(axis=(2, 3)) for v in streams
    ) / (2 * total)
    column, speed, dispersion = smooth(maps, KINDS, sigma)
    np.testing.assert_allclose(column, total, rtol=1e-10)
    np.testing.assert_allclose(speed, mean, rtol=0, atol=1e-10)
    np.testing.assert_allclose(dispersion, np.sqrt(square), rtol=1e-9)


def test_a_uniform_map_stays_as_it_is():
    maps = np.ones((3, 20, 20)) * np.array([3e21, 100.0, 0.01])[:, None, None]
    np.testing.assert_allclose(smooth(maps, KINDS, 3.0), maps, rtol=1e-9)


def test_a_gradient_under_the_beam_becomes_dispersion():
    """v = g x through a beam of dispersion s: sigma_v^2 grows by (g s)^2; a cold fast stream keeps
    its digits.
    """
    maps = np.array(
        [
            np.ones((81, 81)),
            100 + np.tile(0.001 * np.arange(81.0), (81, 1)),
            np.full((81, 81), 0.01),
        ]
    )
    dispersion = smooth(maps, KINDS, 4.0)[2]
    assert dispersion[40, 40] == pytest.approx(np.hypot(0.01, 0.004), rel=1e-6)


def test_no_beam_changes_nothing_and_pixels_without_gas_weigh_nothing():
    maps = maps_of(np.random.default_rng(1))
    np.testing.assert_array_equal(smooth(maps, KINDS, 0.0), maps)
    maps[0, 3:6, 3:6], maps[1:, 3:6, 3:6] = 0.0, np.nan
    other = maps.copy()
    other[1:, 3:6, 3:6] = 77.0
    np.testing.assert_allclose(smooth(maps, KINDS, 1.0), smooth(other, KINDS, 1.0), atol=1e-9)


def test_extra_channels_add_up_as_they_should():
    maps = maps_of(np.random.default_rng(2))
    field, slice_of_cube = np.random.default_rng(3).normal(size=(2, 14, 14))
    seen = smooth(np.concatenate([maps, [field, slice_of_cube]]), [*KINDS, "mean", "column"], 1.5)
    weights = beam_by_hand(14, 1.5)
    np.testing.assert_allclose(
        seen[3],
        (weights * maps[0] * field).sum(axis=(2, 3)) / (weights * maps[0]).sum(axis=(2, 3)),
        atol=1e-10,
    )
    np.testing.assert_allclose(seen[4], (weights * slice_of_cube).sum(axis=(2, 3)), atol=1e-10)


def test_size_of_the_beam():
    """One arcsecond at one parsec is one astronomical unit: 18 arcsec at 140 pc are 2520 au."""
    assert beam_pixels(18, 140, 0.5 / 64) * 2.3548200 * 0.5 / 64 * 206264.806 == pytest.approx(
        2520, rel=1e-6
    )


@pytest.fixture
def map_file(write_run, tmp_path):
    run, _ = write_run(seed=1, stars=[[0.05, 3.9, 2.0], [2.0, 1.3, 0.0]])
    projection = {"side": 1.1, "pixels": 24, "velocity_frame": "box", "hydrogen_mass": 1.4}
    entry, dump = {"format": "sfumato", "folder": str(run)}, [run / "snap1", run / "run.yaml"]
    make_maps(
        output=tmp_path / "m.h5",
        simulation="mine",
        snapshot="snap1",
        dump=dump,
        entry=entry,
        projection=projection,
    )
    return tmp_path / "m.h5"


def observe(map_file, output, **change):
    observe_maps(output=output, maps=map_file, name="taurus", observation={**TAURUS, **change})
    with h5py.File(output) as file:
        return file["maps"][:], file["missing"][:]


def test_the_file_is_a_file_of_maps(map_file, tmp_path):
    observe(map_file, tmp_path / "o.h5")
    with h5py.File(map_file) as source, h5py.File(tmp_path / "o.h5") as file:
        assert set(file) == {*source, "missing"}
        for key in set(source) - {"maps"}:
            np.testing.assert_array_equal(source[key][:], file[key][:])
            assert dict(source[key].attrs) == dict(file[key].attrs)
        assert list(file["maps"].attrs["channels"]) == ["column_density", "v_los", "sigma_v"]
        assert file["maps"].dtype == np.float32
        kept = {key: str(value) for key, value in source.attrs.items() if key != "provenance"}
        assert kept == {key: str(file.attrs[key]) for key in kept}
        assert (
            file.attrs["observation"],
            file.attrs["beam_arcsec"],
            file.attrs["distance_pc"],
        ) == ("taurus", 120, 140)
        assert file.attrs["beam_pixels"] * 1.1 / 24 == pytest.approx(
            120 * 140 / 206264.806, rel=1e-6
        )
        assert '"missing_patch"' in file.attrs["provenance"]


def test_the_same_bytes_twice_and_other_noise_for_another_seed(map_file, tmp_path):
    observe(map_file, tmp_path / "1.h5")
    observe(map_file, tmp_path / "2.h5")
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()
    first, _ = observe(map_file, tmp_path / "1.h5")
    other, _ = observe(map_file, tmp_path / "2.h5", seed=4)
    assert not np.isclose(first[:, :, 1], other[:, :, 1]).any(axis=(2, 3)).all()


def test_noise_has_its_level_and_differs_by_map(map_file, tmp_path):
    clean, _ = observe(map_file, tmp_path / "c.h5", noise={}, relative_noise={}, missing_fraction=0)
    noisy, _ = observe(map_file, tmp_path / "n.h5", missing_fraction=0)
    np.testing.assert_array_equal(noisy[:, :, 2], clean[:, :, 2])
    velocity = (noisy - clean)[:, :, 1]
    assert velocity.std() == pytest.approx(0.05, rel=0.05)
    correlation = np.corrcoef(velocity.reshape(6, -1)) - np.eye(6)
    assert np.abs(correlation).max() < 0.2
    column = (noisy - clean)[:, :, 0] / np.hypot(1e20, 0.1 * clean[:, :, 0])
    assert column.std() == pytest.approx(1.0, rel=0.05)


def test_noise_of_a_sink_does_not_depend_on_the_other_sinks(map_file, tmp_path):
    whole, missing = observe(map_file, tmp_path / "w.h5")
    with h5py.File(map_file, "r+") as file:
        for key in list(file):
            values, facts = file[key][1:], dict(file[key].attrs)
            del file[key]
            file.create_dataset(key, data=values).attrs.update(facts)
    part, part_missing = observe(map_file, tmp_path / "p.h5")
    np.testing.assert_array_equal(part, whole[1:])
    np.testing.assert_array_equal(part_missing, missing[1:])


def test_missing_pixels(map_file, tmp_path):
    seen, missing = observe(map_file, tmp_path / "n.h5", missing_fill="nan")
    assert (missing.sum(axis=(2, 3)) == round(0.1 * 24 * 24)).all()
    np.testing.assert_array_equal(np.isnan(seen), np.broadcast_to(missing[:, :, None], seen.shape))
    filled, _ = observe(map_file, tmp_path / "f.h5")
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~np.isnan(seen)], seen[~np.isnan(seen)])
    single = observation.draw_missing((64, 64), {"missing_fraction": 0.1}, ("a",))
    patches = observation.draw_missing(
        (64, 64), {"missing_fraction": 0.1, "missing_patch": 4}, ("a",)
    )
    neighbours = [(mask[1:] & mask[:-1]).sum() / mask.sum() for mask in (single, patches)]
    assert neighbours[0] < 0.2 < 0.6 < neighbours[1]


def test_a_dispersion_stays_positive(map_file, tmp_path):
    seen, _ = observe(map_file, tmp_path / "o.h5", noise={"sigma_v": 50.0})
    assert (seen[:, :, 2] >= 0).all()


def test_mistakes_name_the_entry(map_file, tmp_path):
    with pytest.raises(
        InputError,
        match=r"maps\.observations\.taurus\.noise: the maps have no channel 'v_lso'"
        r" .did you mean 'v_los'",
    ):
        observe(map_file, tmp_path / "o.h5", noise={"v_lso": 1})
    with h5py.File(map_file, "r+") as file:
        file["maps"].attrs["channel_kinds"] = ["column", "mean", "other"]
    with pytest.raises(InputError, match="'sigma_v' can't be seen through a beam"):
        observe(map_file, tmp_path / "o.h5")
    assert not (tmp_path / "o.h5").exists()
