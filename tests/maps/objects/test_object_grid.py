"""Round trips of a simulated map through FITS, and what becomes of missing pixels."""

import numpy as np
import pytest
from object_files import (
    DISTANCE,
    PIXELS,
    SIDE,
    entry_of,
    make,
    simulated,
    sky,
    write_images,
)
from reproject import reproject_interp

from starmass.maps.objects.object_maps import make_object_maps
from starmass.maps.observation import beam_pixels, smooth

KINDS = ("column", "mean", "dispersion")


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found / expected - 1).max())


@pytest.mark.parametrize("finer", [1, 2, 3])
def test_a_simulated_map_comes_back_from_fits(tmp_path, finer):
    maps = simulated()
    fine = np.kron(maps, np.ones((finer, finer)))
    write_images(tmp_path, fine, sky(PIXELS * finer, finer))
    made = make(tmp_path, entry_of(tmp_path))
    assert made.channels == ["column_density", "v_los", "sigma_v"]
    assert error(made.maps[0], maps[0]) < 1e-6 and error(made.maps[2], maps[2]) < 1e-6
    assert np.abs(made.maps[1] - maps[1]).max() < 1e-6
    assert not made.missing.any() and made.facts["missing_field"] == 0
    assert made.facts["coarse_grid"].size == 0 and made.facts["beam_pixels"] == 0


def test_a_star_half_a_pixel_off_is_another_map(tmp_path):
    maps, header = simulated(), sky()
    header["CRPIX1"] += 1.0
    write_images(tmp_path, maps, header)
    made = make(tmp_path, entry_of(tmp_path))
    assert error(made.maps[0], maps[0]) > 0.1
    assert made.missing[:, :, -1].all() or made.missing[:, :, 0].all()


@pytest.mark.parametrize(("frame", "turned"), [("icrs", 33.0), ("galactic", 0.0)])
@pytest.mark.parametrize(("beam", "bound"), [(0.0, 0.15), (18.0, 0.05)])
def test_other_pixels_and_frames_cost_little(tmp_path, frame, turned, beam, bound):
    maps = simulated(smooth=1.0)
    sigma = beam_pixels(beam, DISTANCE, SIDE / PIXELS)
    expected = smooth(maps, KINDS, sigma)
    count = 130
    header = sky(count, 1 / 0.75, turned, frame)
    given = sky()
    images = []
    for one in expected:
        image, _ = reproject_interp((one[:, ::-1], given), header, shape_out=(count, count))
        images.append(image[:, ::-1])
    write_images(tmp_path, np.array(images), header)
    made = make(
        tmp_path,
        entry_of(
            tmp_path, **{name: {"beam": beam} for name in ("column_density", "v_los", "sigma_v")}
        ),
    )
    inner = (slice(3, -3), slice(3, -3))
    rms = np.sqrt(np.mean(np.log10(made.maps[0] / expected[0])[inner] ** 2))
    assert rms < bound
    for place, least in ((1, 0.9), (2, 0.9)):
        pair = made.maps[place][inner].ravel(), expected[place][inner].ravel()
        assert np.corrcoef(*pair)[0, 1] > (0.97 if beam else least)
    assert made.facts["beam_arcsec"] == beam
    assert made.facts["pixel_arcsec"] == pytest.approx(
        0.75 * 3600 * np.degrees(SIDE / PIXELS / DISTANCE), rel=1e-3
    )


def test_moments_are_conserved_when_finer_pixels_are_averaged(tmp_path):
    maps = simulated(pixels=4 * PIXELS, smooth=3.0)
    write_images(tmp_path, maps, sky(4 * PIXELS, 4))
    made = make(tmp_path, entry_of(tmp_path))
    column, velocity, width = (
        one.reshape(PIXELS, 4, PIXELS, 4).mean((1, 3))
        for one in (maps[0], maps[0] * maps[1], maps[0] * (maps[1] ** 2 + maps[2] ** 2))
    )
    assert error(made.maps[0], column) < 1e-6
    assert np.abs(made.maps[0] * made.maps[1] / column - velocity / column).max() < 1e-5
    assert error(made.maps[1] ** 2 + made.maps[2] ** 2, width / column) < 1e-4


def test_larger_pixels_are_interpolated_and_their_place_is_told(tmp_path):
    count = PIXELS // 2
    maps = simulated(pixels=count, smooth=3.0)
    write_images(tmp_path, maps, sky(count, 0.5))
    made = make(tmp_path, entry_of(tmp_path))
    a, b, c, d, e, f = made.facts["coarse_grid"]
    # The middle of the grid is the middle of the image, whose columns run the other way.
    middle = 0.5 * (PIXELS - 1)
    assert a + b * middle + c * middle == pytest.approx(0.5 * (count - 1), abs=1e-6)
    assert d + e * middle + f * middle == pytest.approx(0.5 * (count - 1), abs=1e-6)
    assert (b, f) == pytest.approx((-0.5, 0.5), abs=1e-6)
    between = 0.25 * maps[0][10, 12] + 0.75 * maps[0][10, 11]
    above = 0.25 * maps[0][11, 12] + 0.75 * maps[0][11, 11]
    assert made.maps[0][21, 23] == pytest.approx(0.75 * between + 0.25 * above, rel=1e-5)
    assert made.facts["pixel_pc"] == pytest.approx(2 * SIDE / PIXELS, rel=1e-4)


def test_missing_pixels_are_filled_counted_and_never_averaged_in(tmp_path):
    maps = simulated()
    maps[1, 30:34, 30:34] = np.nan
    maps[0, :, :8] = np.nan
    write_images(tmp_path, maps, sky())
    made = make(tmp_path, entry_of(tmp_path, column_density={"beam": 18}, v_los={"beam": 18}))
    assert np.isfinite(made.maps).all() and np.isfinite(made.at_distance).all()
    assert made.missing[1, 30:34, 30:34].all() and made.missing[1].sum() == 16
    assert made.missing[0, :, :8].all() and made.missing[0].sum() == 8 * PIXELS
    assert made.facts["star_missing"] and made.facts["missing_centre"] == 16 / 256
    assert made.facts["missing_field"] == (16 + 8 * PIXELS) / PIXELS**2
    assert np.array_equal(made.maps[0, :, 0], made.maps[0, :, 8])


def test_a_map_that_ends_in_the_field_is_missing_beyond(tmp_path):
    # The image's first column is the easternmost, and the last 20 of it are cut off.
    write_images(tmp_path, simulated()[:, :, 20:], sky())
    made = make(tmp_path, entry_of(tmp_path))
    assert made.missing[:, :, :20].all() and not made.missing[:, :, 20:].any()
    assert made.facts["missing_field"] == pytest.approx(20 / 64)


def test_distances_are_quantiles_and_keep_the_centre(tmp_path):
    maps = simulated(pixels=96, smooth=4.0)
    write_images(tmp_path, maps, sky(96))
    exact = make(tmp_path, entry_of(tmp_path))
    bytes_exact = (tmp_path / "maps.h5").read_bytes()
    assert np.all(exact.distances == DISTANCE) and np.all(
        exact.at_distance == np.float32(exact.maps)
    )
    loose = make(tmp_path, entry_of(tmp_path, distance=[DISTANCE, 14.0]))
    assert np.array_equal(loose.maps, exact.maps)
    assert loose.distances.mean() == pytest.approx(DISTANCE) and len(loose.distances) == 20
    assert loose.distances.std() == pytest.approx(14, rel=0.1)
    # Nearer, the field is wider in the sky: its pixels are averages of more of the image.
    width = DISTANCE / loose.distances[0]
    middle = loose.at_distance[0, 0, 30:34, 30:34].mean()
    reach = 48 - round(2 * width), 48 + round(2 * width)
    assert middle == pytest.approx(maps[0][slice(*reach), slice(*reach)].mean(), rel=0.05)
    make(tmp_path, entry_of(tmp_path))
    assert (tmp_path / "maps.h5").read_bytes() == bytes_exact


def test_velocities_without_that_of_the_star_are_about_their_mean(tmp_path):
    maps = simulated()
    write_images(tmp_path, maps, sky())
    made = make(tmp_path, entry_of(tmp_path, velocity=None))
    mean = np.average(maps[1], weights=maps[0])
    assert np.abs(made.maps[1] - (maps[1] - mean)).max() < 1e-5
    assert np.isnan(made.facts["velocity_kms"])


def test_the_files_of_the_workflow_stand_for_those_of_the_entry(tmp_path):
    write_images(tmp_path, simulated(), sky())
    entry = entry_of(tmp_path)
    files = {key: entry[key]["file"] for key in ("column_density", "v_los", "sigma_v")}
    for key in files:
        entry[key] = entry[key] | {"file": "elsewhere.fits"}
    make_object_maps(
        output=tmp_path / "maps.h5",
        name="star",
        entry=entry,
        projection={"side": SIDE, "pixels": PIXELS, "hydrogen_mass": 1.4},
        files=files,
    )
    assert (tmp_path / "maps.h5").is_file()
