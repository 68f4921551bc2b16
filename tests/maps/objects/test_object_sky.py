"""The same gas in files of other kinds: distorted, compressed, broken."""

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from object_files import DEGREE, PIXELS, STAR, entry_of, make, simulated, sky, write_images

from starmass.maps.objects.field import Field


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A velocity that grows towards the south-east, by offsets in pixels of the grid [km/s]."""
    return 0.01 * x - 0.02 * y


@pytest.mark.parametrize("distorted", [False, True])
@pytest.mark.parametrize("finer", [0.6, 2.4])
def test_distorted_images_are_read_through_their_coordinates(tmp_path, distorted, finer):
    """A plane is a plane, however it is sampled: an error of place would show."""
    count = int(130 * finer)
    header = sky(count, finer, 40.0)
    if distorted:
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
        header.update({"A_ORDER": 2, "B_ORDER": 2})
        header.update({"A_2_0": 3e-4 / finer, "B_0_2": -2e-4 / finer})
    wcs = WCS(header)
    there = wcs.pixel_to_world(*np.meshgrid(np.arange(count), np.arange(count)))
    grid = WCS(sky())
    x, y = grid.world_to_pixel(there)
    east, north = 31.5 - x, y - 31.5
    maps = np.array([np.full_like(x, 1e22), plane(east, north), np.full_like(x, 0.3)])
    write_images(tmp_path, maps[:, :, ::-1], header)
    made = make(tmp_path, entry_of(tmp_path))
    column, row = np.meshgrid(np.arange(PIXELS) - 31.5, np.arange(PIXELS) - 31.5)
    assert not made.missing.any()
    # Within a pixel the plane has a spread of its own, and the mean of its 0.75 pixels is in place.
    assert np.abs(made.maps[1] - plane(column, row)).max() < (2e-3 if finer < 1 else 4e-3)
    assert (made.facts["coarse_grid"].size > 0) == (finer < 1)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_compressed_files_are_read(tmp_path, suffix):
    write_images(tmp_path, simulated(), sky())
    whole = make(tmp_path, entry_of(tmp_path))
    path = tmp_path / f"N.fits{suffix}"
    pack = {".gz": gzip.compress, ".xz": lzma.compress}[suffix]
    path.write_bytes(pack((tmp_path / "N.fits").read_bytes()))
    made = make(tmp_path, entry_of(tmp_path, column_density={"file": str(path)}))
    assert np.array_equal(made.maps, whole.maps)


def test_images_of_the_three_channels_may_differ_in_grid_and_beam(tmp_path):
    """Weights come from a column density on other pixels, where it is as fine."""
    maps = simulated()
    write_images(tmp_path, maps, sky())
    fine = np.kron(maps, np.ones((2, 2)))
    write_images(tmp_path, fine[1:2], sky(2 * PIXELS, 2), channels=["v_los"])
    galactic = entry_of(tmp_path, sigma_v={"beam": 1.0})
    made = make(tmp_path, galactic)
    assert np.abs(made.maps[1] - maps[1]).max() < 0.01
    assert np.abs(made.maps[2] / maps[2] - 1).max() < 0.02


def test_the_grid_runs_east_and_north_about_the_star():
    field = Field(*STAR, 140.0, 0.0, 0.5, 64)
    star, corners = field.star, field.corners(140.0)
    east, north = star.spherical_offsets_to(corners)
    assert east.deg[0, -1] > 0 > east.deg[0, 0] and north.deg[-1, 0] > 0 > north.deg[0, 0]
    assert east.deg[32, -1] == pytest.approx(32 * DEGREE, rel=1e-4)
    assert abs(east.deg[32, 32]) < 1e-12 and abs(north.deg[32, 32]) < 1e-12


def test_at_the_pole_the_grid_is_whole(tmp_path):
    field = Field(10.0, 89.99, 140.0, 0.0, 0.5, 64)
    centres = field.centres(140.0)
    assert field.star.separation(centres[0, 0]).deg == pytest.approx(
        np.hypot(31.5, 31.5) * DEGREE, rel=1e-4
    )


def test_a_file_that_breaks_off_is_one_sentence(tmp_path):
    from starmass.errors import InputError

    write_images(tmp_path, simulated(), sky())
    path = Path(tmp_path / "N.fits")
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"N\.fits: .* can't be read .*density\.file"):
        make(tmp_path, entry_of(tmp_path))
    assert fits.getheader(path)["NAXIS"] == 2
