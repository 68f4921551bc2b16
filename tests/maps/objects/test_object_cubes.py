"""Cubes of a line: known lines come back, and lines that say nothing of the gas are refused."""

from importlib import resources

import numpy as np
import pytest
from astropy.io import fits
from object_files import SYSTEMIC, entry_of, make, simulated, sky, write_images

from starmass.errors import InputError
from starmass.maps.objects.line_fit import fit_lines

LIGHT = 299792.458
REST = 2.19560354e11
STEP = 0.1
CHANNELS = np.arange(-2.0, 9.0, STEP)
X_FACTOR = 2e21


def cube_of(maps: np.ndarray, noise: float, seed: int = 0, response: float = STEP) -> np.ndarray:
    """Return a cube [velocity, row, column] of Gaussian lines, east at the left [K]."""
    column, velocity, width = maps[:, :, ::-1]
    total = np.hypot(width, response / np.sqrt(8 * np.log(2)))
    off = (CHANNELS[:, None, None] - velocity - SYSTEMIC) / total
    line = column / X_FACTOR / (np.sqrt(2 * np.pi) * total) * np.exp(-0.5 * off**2)
    return line + noise * np.random.default_rng(seed).standard_normal(line.shape)


def write_cube(folder, values, **cards) -> None:
    header = sky(values.shape[-1])
    header.update(
        {
            "CTYPE3": "VRAD", "CUNIT3": "km/s", "CRVAL3": CHANNELS[0], "CRPIX3": 1.0,
            "CD3_3": STEP, "SPECSYS": "LSRK", "RESTFRQ": REST, "BUNIT": "K",
        }
    )  # fmt: skip
    for key, value in cards.items():
        if value is None:
            header.pop(key)
        else:
            header[key] = value
    fits.writeto(folder / "cube.fits", values, header, overwrite=True)


def cube_entry(folder, maps=(), **changes):
    cube = {
        "file": str(folder / "cube.fits"),
        "beam": 0,
        "line": "C18O 2-1",
        "window": [1, 6.5],
        "clip": 3,
        "x_factor": X_FACTOR,
        "counts": "H",
        "temperature": 0,
    } | changes
    entry = entry_of(folder, cube={k: v for k, v in cube.items() if v is not None})
    return {key: one for key, one in entry.items() if key in maps or key not in UNMAPPED}


UNMAPPED = ("column_density", "v_los", "sigma_v")


@pytest.fixture(scope="module")
def lines():
    """Maps whose lines peak at 2 to 20 K, at least 10 times the noise."""
    return simulated(3, smooth=3.0)


def test_known_lines_come_back(tmp_path, lines):
    cube = cube_of(lines, 0.15)
    write_cube(tmp_path, cube)
    made = make(tmp_path, cube_entry(tmp_path))
    peak = lines[0] / X_FACTOR / (np.sqrt(2 * np.pi) * lines[2])
    strong = (peak > 1.5) & ~made.missing.any(0)
    assert strong.mean() > 0.8
    column, velocity, width = (one[strong] for one in made.maps)
    for found, known in ((column, lines[0]), (width, lines[2])):
        ratio = found / known[strong]
        assert ratio.mean() == pytest.approx(1, abs=0.01) and ratio.std() < 0.05
    off = velocity - lines[1][strong]
    assert abs(off.mean()) < 0.002 and off.std() < 0.02
    # Noise that is stated is noise that is there.
    for place, known in enumerate(lines):
        pull = (made.maps[place] - known)[strong] / made.noise[place][strong]
        assert pull.std() == pytest.approx(1, abs=0.1), place
    assert made.noise.any(axis=(1, 2)).all() and "whatever its excitation" in made.said(
        "assumption"
    )


@pytest.mark.parametrize("window", [[1, 6.5], None])
@pytest.mark.parametrize("signal", [10, 40])
def test_widths_are_not_biased_by_noise(tmp_path, window, signal):
    maps = np.ones((3, 64, 64)) * np.array([1e22, 0.2, 0.3])[:, None, None]
    peak = 1e22 / X_FACTOR / np.sqrt(2 * np.pi) / 0.3
    write_cube(tmp_path, cube_of(maps, peak / signal))
    made = make(tmp_path, cube_entry(tmp_path, window=window))
    assert not made.missing.any()
    assert made.maps[2].mean() == pytest.approx(0.3, rel=0.02)
    assert made.maps[2].std() < 0.5 / signal * 0.3 * 3 and made.maps[1].std() < 0.02 * 40 / signal
    assert made.maps[0].mean() == pytest.approx(1e22, rel=0.01)


def test_noise_alone_is_missing(tmp_path, lines):
    maps = lines.copy()
    maps[0, :, :32] = 0
    write_cube(tmp_path, cube_of(maps, 0.2))
    made = make(tmp_path, cube_entry(tmp_path))
    assert made.missing[:, :, :31].mean() > 0.99 and made.missing[:, :, 33:].mean() < 0.02
    assert made.facts["star_missing"]


def test_a_cube_of_noise_alone_is_refused(tmp_path):
    maps = simulated() * np.array([0, 1, 1])[:, None, None]
    write_cube(tmp_path, cube_of(maps, 0.2)[:, 16:48, 16:48])
    with pytest.raises(InputError, match=r"no spectrum .*BUNIT.*cube\.window"):
        make(tmp_path, cube_entry(tmp_path, clip=6))


def test_spectra_that_are_no_gaussian_are_warned_of(tmp_path, lines):
    other = lines.copy()
    other[1] += 1.5
    write_cube(tmp_path, cube_of(lines, 0.05) + cube_of(other, 0.05, seed=1))
    assert "no single Gaussian" in make(tmp_path, cube_entry(tmp_path)).said("warning")


def test_maps_that_are_given_are_not_measured(tmp_path, lines):
    write_images(tmp_path, lines, sky())
    write_cube(tmp_path, cube_of(lines, 0.05))
    entry = cube_entry(tmp_path, ["column_density"], x_factor=None, counts=None)
    made = make(tmp_path, entry)
    assert np.allclose(made.maps[0], lines[0], rtol=1e-6)
    assert np.median(np.abs(made.maps[2] / lines[2] - 1)) < 0.02
    made = make(tmp_path, cube_entry(tmp_path, UNMAPPED))
    assert "not used" in made.said("note") and np.allclose(made.maps[2], lines[2], rtol=1e-6)


def axis(kind: str) -> dict:
    """Cards of the same channels, in another quantity."""
    first, last = CHANNELS[0], CHANNELS[1]
    if kind == "FREQ":
        first, last = (REST * (1 - one / LIGHT) for one in (first, last))
        return {"CTYPE3": "FREQ", "CUNIT3": "Hz", "CRVAL3": first, "CD3_3": last - first}
    if kind == "VOPT":
        first, last = (LIGHT * (1 / (1 - one / LIGHT) - 1) for one in (first, last))
    return {"CTYPE3": kind, "CUNIT3": "m/s", "CRVAL3": 1e3 * first, "CD3_3": 1e3 * (last - first)}


@pytest.mark.parametrize("kind", ["FREQ", "VOPT", "VRAD", "VELO"])
def test_velocities_in_any_axis(tmp_path, lines, kind):
    # Without a unit the axis is in that of FITS: Hz, or m/s.
    cards = axis(kind) | ({"CUNIT3": None} if kind in ("FREQ", "VELO") else {})
    write_cube(tmp_path, cube_of(lines, 0.05), **cards)
    made = make(tmp_path, cube_entry(tmp_path))
    assert ("CUNIT3 is missing" in made.said("assumption")) == (cards["CUNIT3"] is None)
    assert np.median(made.maps[1] - lines[1]) == pytest.approx(0, abs=0.002)
    assert np.median(made.maps[2] / lines[2]) == pytest.approx(1, abs=0.01)
    assert ("'VOPT' was turned" in made.said("note")) == (kind == "VOPT")


def test_janskys_a_beam_and_a_stokes_axis(tmp_path, lines):
    cube = cube_of(lines, 0.05)
    kelvin = 1.222e6 / (REST / 1e9) ** 2 / 20**2  # for Jy/beam, the usual formula, 20 arcsec
    write_cube(tmp_path, (cube / kelvin)[None], BUNIT="Jy/beam", CTYPE4="STOKES", CRVAL4=1.0)
    made = make(tmp_path, cube_entry(tmp_path, beam=20))
    assert np.median(made.maps[0] / lines[0]) == pytest.approx(1, abs=0.01)
    write_cube(tmp_path, np.stack([cube] * 2), CTYPE4="STOKES", CRVAL4=1.0)
    with pytest.raises(
        InputError, match=r"Stokes axis \(NAXIS4\) has 2.*objects\.star\.cube\.file"
    ):
        make(tmp_path, cube_entry(tmp_path))


def test_a_cube_whose_first_axis_is_velocity(tmp_path, lines):
    write_cube(tmp_path, cube_of(lines, 0.05))
    expected = make(tmp_path, cube_entry(tmp_path))
    values, header = fits.getdata(tmp_path / "cube.fits", header=True)
    turned = header.copy()
    for new, old in ((1, 3), (2, 1), (3, 2)):
        for key in ("CTYPE", "CRVAL", "CRPIX", "CUNIT"):
            turned[f"{key}{new}"] = header.get(f"{key}{old}", "deg")
        for other, before in ((1, 3), (2, 1), (3, 2)):
            turned[f"CD{new}_{other}"] = header.get(f"CD{old}_{before}", 0.0)
    fits.writeto(tmp_path / "cube.fits", values.transpose(1, 2, 0), turned, overwrite=True)
    made = make(tmp_path, cube_entry(tmp_path))
    assert np.allclose(made.maps, expected.maps, rtol=1e-5, atol=1e-6)


REFUSED = {
    "12CO": ({}, {"line": "CO 2-1"}, "RESTFRQ", "cube.line"),
    "12CO by its other name": ({}, {"line": "12CO(3-2)"}, "RESTFRQ", "cube.line"),
    "hyperfine": ({}, {"line": "NH3 (1,1)"}, "hyperfine", "cube.isolated: true"),
    "hyperfine without window": (
        {}, {"line": "N2H+ 1-0", "isolated": True, "window": None}, "RESTFRQ", "cube.isolated",
    ),
    "no rest frequency": (
        axis("FREQ") | {"RESTFRQ": None}, {}, "RESTFRQ is missing", "cube.rest_frequency",
    ),
    "optical and far": (
        {"CTYPE3": "VOPT", "CRVAL3": 5000.0}, {"window": None}, "CTYPE3 = 'VOPT'", "cube.file",
    ),
    "no axis of velocity": ({"CTYPE3": "DEPTH", "CUNIT3": "m"}, {}, "CTYPE3", "cube.file"),
    "km/s without a unit": (
        {"CUNIT3": None}, {"window": None}, "0.0001 km/s wide", "CUNIT3 is missing", "cube.file",
    ),
    "km/s that are said to be m/s": (
        {"CUNIT3": "m/s"}, {"window": None}, "0.0001 km/s wide", "CUNIT3 says m/s",
    ),
    "mJy/beam in capitals": (
        {"BUNIT": "MJY/BEAM"}, {"beam": 20}, "BUNIT = 'MJY/BEAM'", "cube.x_factor",
    ),
    "no column density": ({}, {"x_factor": None}, "BUNIT", "star.column_density"),
    "x factor of what": ({}, {"counts": None}, "BUNIT", "cube.counts"),
    "unit of no temperature": ({"BUNIT": "count"}, {}, "BUNIT = 'count'", "cube.x_factor"),
    "no unit": ({"BUNIT": None}, {}, "BUNIT = None", "cube.x_factor"),
    "window beside the line": ({}, {"window": [30, 40]}, "CRVAL3", "cube.window"),
    "window of everything": ({}, {"window": [-30, 40]}, "CRVAL3", "cube.window"),
    "thermal width": ({}, {"temperature": None}, "BUNIT", "cube.temperature"),
    "no beam": ({}, {"beam": None}, "BMAJ", "cube.beam"),
    "beams": ({"CASAMBM": True}, {"beam": None}, "CASAMBM", "cube.beam"),
    "3.4e38": ("huge", {}, "BUNIT", "cube.blank"),
}  # fmt: skip


@pytest.mark.parametrize("trap", REFUSED)
def test_a_trap_is_refused_with_file_keyword_and_key(tmp_path, trap):
    cards, changes, *words = REFUSED[trap]
    cube = cube_of(simulated(), 0.05)[::, 20:44, 20:44]
    if cards == "huge":
        cube[0], cards = 3.4028e38, {}
    write_cube(tmp_path, cube, **cards)
    with pytest.raises(InputError) as refused:
        make(tmp_path, cube_entry(tmp_path, **changes))
    text = str(refused.value)
    for word in ("cube.fits", "objects.star.", *words):
        assert word in text, text


def test_a_line_that_is_often_thick_is_warned_of(tmp_path, lines):
    write_cube(tmp_path, cube_of(lines, 0.05))
    assert "13CO 2-1 may be" in make(tmp_path, cube_entry(tmp_path, line="13CO 2-1")).said(
        "warning"
    )
    isolated = cube_entry(tmp_path, line="N2H+ 1-0", isolated=True)
    assert not make(tmp_path, isolated).said("warning")


def test_a_fit_holds_with_missing_channels_and_either_direction():
    velocities = CHANNELS[::-1]
    spectrum = 2.0 * np.exp(-0.5 * ((velocities - 3.1) / 0.4) ** 2)
    spectrum[50] = np.nan
    lines = fit_lines(spectrum[None], velocities, np.array([0.1]))
    assert (lines.peak[0], lines.centre[0], lines.width[0]) == pytest.approx(
        (2, 3.1, 0.4), rel=1e-6
    )


def test_the_example_of_spectral_cube_is_understood(tmp_path):
    """IRAS 2A: 4 x 3 pixels, 7 channels, a Stokes axis, Jy/beam."""
    path = resources.files("spectral_cube") / "tests" / "data" / "example_cube.fits"
    header = fits.getheader(path)
    from astropy.wcs import WCS
    from spectral_cube import SpectralCube

    from starmass.maps.objects.cubes import CubePlan, load_cube
    from starmass.maps.objects.findings import Findings
    from starmass.maps.objects.images import read_image
    from starmass.maps.objects.spectra import read_spectrum

    star = WCS(header).celestial.pixel_to_world(1, 1)
    findings = Findings("star")
    image = read_image(findings, "cube", {}, str(path), star)
    assert image is not None and not findings.problems
    spectrum = read_spectrum(findings, image, {})
    assert spectrum is not None
    theirs = SpectralCube.read(path)
    speeds = theirs.with_spectral_unit("km/s", velocity_convention="radio").spectral_axis.value
    assert np.allclose(spectrum.velocities, speeds, rtol=1e-9)
    plan = CubePlan(image, {}, spectrum, ("v_los",), 1.0, 0.0)
    everything = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    assert np.array_equal(load_cube(plan, everything), theirs.unmasked_data[:].value)
    assert image.beam is not None
    assert image.beam.major == pytest.approx(theirs.beam.major.to_value("arcsec"))


def test_a_baseline_and_another_rest_frequency_are_refused(tmp_path, lines):
    write_cube(tmp_path, cube_of(lines, 0.05) + 0.3)
    with pytest.raises(InputError, match=r"lie at 0\.3.*BUNIT.*cube\.window.*subtract"):
        make(tmp_path, cube_entry(tmp_path))
    write_cube(tmp_path, cube_of(lines, 0.05), **axis("VRAD"), RESTFRQ=REST)
    with pytest.raises(InputError, match=r"velocities for RESTFRQ.*cube\.rest_frequency"):
        make(tmp_path, cube_entry(tmp_path, rest_frequency=REST + 1e6))


@pytest.mark.parametrize("line", ["CO2-1", "12CO(2-1)", "CO J=2-1", "N2H+1-0", "NH3-(1,1)"])
def test_a_line_is_known_however_it_is_written(tmp_path, lines, line):
    write_cube(tmp_path, cube_of(lines, 0.05))
    with pytest.raises(InputError, match=r"optically thick|hyperfine"):
        make(tmp_path, cube_entry(tmp_path, line=line))
    write_cube(tmp_path, cube_of(lines, 0.05), RESTFRQ=230.538e9)
    with pytest.raises(InputError, match="optically thick"):
        make(tmp_path, cube_entry(tmp_path, line="C18O 2-1", rest_frequency=None))
