"""Smoothing and regridding against sums over all pixels, and against other programs."""

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from object_files import (
    DEGREE,
    DISTANCE,
    PIXELS,
    SIDE,
    entry_of,
    make,
    simulated,
    sky,
    write_images,
)
from radio_beam import Beam as RadioBeam
from reproject import reproject_exact

from starmass.maps.objects.beams import Beam, convolve, kernel_between
from starmass.maps.objects.common import noise_factor
from starmass.maps.objects.regrid import average, regrid_onto
from starmass.maps.observation import beam_pixels, smooth

KINDS = ("column", "mean", "dispersion")
ARCSEC = 3600 * DEGREE


@settings(max_examples=20, deadline=None)
@given(st.floats(1.2, 3), st.floats(1.2, 3), st.floats(0, 180), st.integers(0, 99))
def test_a_convolution_is_the_sum_over_all_pixels(major, minor, angle, seed):
    values = np.random.default_rng(seed).standard_normal((12, 15))
    covariance = Beam(2.3548 * major, 2.3548 * minor, angle).covariance
    row, column = np.indices(values.shape).reshape(2, -1)
    steps = np.stack([column[:, None] - column, row[:, None] - row], -1)
    inverse = np.linalg.inv(covariance)
    weights = np.exp(-0.5 * np.einsum("abi,ij,abj->ab", steps, inverse, steps))
    weights /= 2 * np.pi * np.sqrt(np.linalg.det(covariance))
    expected = (weights @ values.ravel()).reshape(values.shape)
    assert np.abs(convolve(values, covariance) - expected).max() < 2e-3


@pytest.mark.parametrize(("major", "minor", "angle"), [(20, 10, 30), (31.8, 31.8, 0), (15, 6, 120)])
def test_kernels_are_those_of_radio_beam(major, minor, angle):
    from astropy import units

    parts = (one * units.arcsec for one in (major, minor))
    given_beam = RadioBeam(*parts, angle * units.deg)
    wanted = RadioBeam(40 * units.arcsec)
    theirs = wanted.deconvolve(given_beam)
    ours = kernel_between(Beam(40, 40).covariance, Beam(major, minor, angle).covariance)
    widths, directions = np.linalg.eigh(ours)
    fwhm = 2.354820045 * np.sqrt(widths)
    assert fwhm[::-1] == pytest.approx(
        [theirs.major.to_value("arcsec"), theirs.minor.to_value("arcsec")], rel=1e-3
    )
    if major != minor:
        # The kernel is widest where the beam is narrowest.
        along = np.degrees(np.arctan2(*directions[:, 1])) % 180
        assert along == pytest.approx((angle + 90) % 180, abs=0.01)
    assert Beam(major, minor, angle).solid_angle == pytest.approx(given_beam.sr.to_value("arcsec2"))


def test_nothing_is_deconvolved():
    kernel = kernel_between(Beam(20, 20).covariance, Beam(20, 10, 0).covariance)
    assert np.linalg.eigvalsh(kernel).min() == 0
    assert not kernel_between(Beam(20, 20).covariance, Beam(20.001, 20).covariance).any()
    assert not kernel_between(Beam(10, 10).covariance, Beam(20, 20).covariance).any()


def test_all_channels_get_the_coarsest_beam(tmp_path):
    """N of 10 arcsec and v, sigma of none become what the simulation is through 25 arcsec."""
    maps = simulated()
    pixel = SIDE / PIXELS
    fine = smooth(maps, KINDS, beam_pixels(10, DISTANCE, pixel))
    write_images(tmp_path, np.array([fine[0], maps[1], maps[2]]), sky())
    entry = entry_of(
        tmp_path, column_density={"beam": 10}, v_los={"beam": 10}, sigma_v={"beam": [25, 25, 0]}
    )
    mixed = maps.copy()
    mixed[0] = fine[0]
    coarse = smooth(mixed, KINDS, np.sqrt(25**2 - 10**2) * beam_pixels(1, DISTANCE, pixel))
    made = make(tmp_path, entry)
    inner = (slice(8, -8), slice(8, -8))
    assert made.facts["beam_arcsec"] == 25
    assert made.facts["beam_pixels"] == pytest.approx(25 / ARCSEC)
    assert np.abs(made.maps[0] / coarse[0] - 1)[inner].max() < 0.01
    assert np.abs(made.maps[1] - coarse[1])[inner].max() < 0.01
    assert np.allclose(made.maps[2], maps[2], rtol=1e-5)  # it has the coarsest beam already


def test_moments_through_a_beam_are_those_of_the_simulation(tmp_path, monkeypatch):
    """Widths grow by the velocities within the beam, as :func:`observation.smooth` has it."""
    maps = simulated()
    write_images(tmp_path, maps, sky())
    monkeypatch.setattr("starmass.maps.objects.object_maps.common_beam", lambda images: 30.0)
    made = make(tmp_path, entry_of(tmp_path))
    expected = smooth(maps, KINDS, beam_pixels(30, DISTANCE, SIDE / PIXELS))
    for place in range(3):
        assert np.abs(made.maps[place] - expected[place]).max() < 0.02 * expected[place].std()


def test_an_elliptical_beam_becomes_round(tmp_path):
    """A point source seen through an ellipse is, through the common beam, a circle."""
    count, step = 129, 0.25
    row, column = np.indices((count, count)) - count // 2
    offsets = np.stack([-column * ARCSEC * step, row * ARCSEC * step], -1)  # east is to the left
    inverse = np.linalg.inv(Beam(40, 20, 30).covariance)
    point = np.exp(-0.5 * np.einsum("abi,ij,abj->ab", offsets, inverse, offsets))
    maps = np.ones((3, count, count)) * np.array([0, 0.1, 0.3])[:, None, None]
    maps[0] = 1e22 * point[:, ::-1] + 1e19
    write_images(tmp_path, maps, sky(count, 4))
    beams = {name: {"beam": [40, 20, 30]} for name in ("column_density", "v_los", "sigma_v")}
    made = make(tmp_path, entry_of(tmp_path, **beams))
    assert made.facts["beam_arcsec"] == 40
    column = made.maps[0] - 1e19
    row, across = np.indices(column.shape) - 31.5
    total = column.sum()
    second = [(column * one).sum() / total for one in (across**2, row**2, across * row)]
    width = (40 / ARCSEC / 2.3548) ** 2
    assert second[:2] == pytest.approx([width, width], rel=0.06)
    assert abs(second[2]) < 0.02 * width


@pytest.mark.parametrize(("finer", "turned", "frame"), [(1.3, 20, "icrs"), (3, 75, "galactic")])
def test_averages_by_area_are_those_of_reproject(finer, turned, frame):
    count = int(100 * finer)
    header, target = sky(count, finer, turned, frame), sky()
    values = simulated(pixels=count)[0]
    theirs, _ = reproject_exact((values, header), target, shape_out=(PIXELS, PIXELS))
    edges = np.arange(PIXELS + 1) - 0.5
    places = np.meshgrid(edges, edges)
    x, y = WCS(header).world_to_pixel(WCS(target).pixel_to_world(*places))
    grid = regrid_onto(x, y, values.shape)
    ours = grid.apply(values) / grid.apply(np.ones_like(values))
    assert np.abs(ours / theirs - 1).max() < 1e-3


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0, 360),
    st.floats(0.3, 0.98),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.sampled_from([1, -1]),
)
def test_areas_add_up_and_moments_are_conserved(turned, width, left, low, mirrored):
    """A grid that covers an image holds all of it, whichever way it lies."""
    angle = np.radians(turned)
    edges = np.linspace(-0.5, 0.5, 9) * 8 / width
    column, row = np.meshgrid(edges * mirrored, edges)
    x = left + 4 + np.cos(angle) * column - np.sin(angle) * row
    y = low + 4 + np.sin(angle) * column + np.cos(angle) * row
    rng = np.random.default_rng(0)
    values = np.zeros((9, 9))
    values[3:6, 3:6] = rng.uniform(1, 2, (3, 3))
    grid = regrid_onto(x - left, y - low, values.shape)
    assert grid.apply(values).sum() == pytest.approx(values.sum(), rel=1e-6)
    speed, spread = rng.standard_normal((9, 9)), rng.uniform(0.1, 1, (9, 9))
    gas, mean, sigma = average(grid.apply, values > 0, values, speed, spread)
    assert mean is not None and sigma is not None
    known = np.isfinite(gas)
    momentum = (gas * mean)[known].sum()
    energy = (gas * (mean**2 + sigma**2))[known].sum()
    assert momentum == pytest.approx((values * speed).sum(), abs=1e-6)
    assert energy == pytest.approx((values * (speed**2 + spread**2)).sum(), rel=1e-6)


@pytest.mark.parametrize("beam", [0.0, 3.0, 6.0])
@pytest.mark.parametrize(("kernel", "block"), [(4.0, 1), (0.0, 4), (4.0, 4)])
def test_noise_shrinks_as_it_does(beam, kernel, block):
    """White noise through a beam, then smoothed, then averaged: in units of a pixel."""
    rng = np.random.default_rng(2)

    def round_beam(fwhm):
        return Beam(fwhm, fwhm).covariance

    noise = convolve(rng.standard_normal((400, 400)), round_beam(beam))
    seen = convolve(noise, round_beam(kernel))
    seen = seen.reshape(400 // block, block, 400 // block, block).mean((1, 3))
    expected = noise_factor(round_beam(beam), round_beam(kernel), 1.0, float(block))
    assert seen[10:-10, 10:-10].std() / noise[40:-40, 40:-40].std() == pytest.approx(
        expected, rel=0.12
    )
