"""A cube of a line becomes maps of its velocity, its width and, with a factor, column density."""

import warnings
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from astropy import units
from astropy.io import fits

from starmass.errors import InputError
from starmass.maps.objects.columns import check_median, nuclei_counted
from starmass.maps.objects.field import Field
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image, read_image
from starmass.maps.objects.line_fit import Lines, fit_lines
from starmass.maps.objects.line_maps import take_off, thermal_width
from starmass.maps.objects.molecules import check_line
from starmass.maps.objects.reading import CHANNELS, Measured, check_pixels, find_box, gather
from starmass.maps.objects.spectra import Spectrum, read_spectrum
from starmass.maps.objects.values import NO_DATA, read_fits
from starmass.maps.objects.velocity_frames import shift_to_lsrk
from starmass.maps.observation import FWHM
from starmass.unit_names import parse_unit

QUIET = 5
"""Fewest channels that noise can be measured in."""
DETECTED = 5.0
"""Signal to noise of a whole line below which it may be a spike of noise."""
BASELINE = 0.5
"""Level of channels without the line, in standard deviations, above which it is a baseline."""
POOR = 2.0
"""Squared residuals, in those of noise alone, of a line that is no Gaussian."""


@dataclass(frozen=True)
class CubePlan:
    """A cube whose header is understood.

    Attributes
    ----------
    image : of the sky
    entry : ``cube`` of the object
    spectrum : of the third axis
    wanted : channels that are measured from it
    factor : column density of hydrogen nuclei for each unit of the cube and km/s [cm-2]
    thermal : dispersion that is taken off [km/s]
    """

    image: Image
    entry: Mapping[str, Any]
    spectrum: Spectrum
    wanted: tuple[str, ...]
    factor: float
    thermal: float


def plan_cube(
    findings: Findings, image: Image, entry: Mapping[str, Any], given: list[str],
    hydrogen_mass: float,
) -> CubePlan | None:  # fmt: skip
    """Say what is measured from a cube.

    Parameters
    ----------
    entry : ``cube`` of the object
    given : channels that the object has maps of
    hydrogen_mass : of gas for each nucleus in the simulations' maps [hydrogen atoms]
    """
    wanted = tuple(one for one in CHANNELS if one not in given)
    check_line(findings, image, entry)
    thermal = thermal_width(findings, image, entry) if "sigma_v" in wanted else 0.0
    factor = np.nan
    if "column_density" in wanted:
        factor = _column_factor(findings, image, entry, hydrogen_mass)
    spectrum = read_spectrum(findings, image, entry)
    if spectrum is None:
        return None
    return CubePlan(image, entry, spectrum, wanted, factor, thermal or 0.0)


def read_cube_plan(
    findings: Findings, entry: Mapping[str, Any], files: Mapping[str, str], field: Field,
    hydrogen_mass: float,
) -> tuple[Image | None, CubePlan | None]:  # fmt: skip
    """Read the header of an object's cube; None where there is none, or it can't be used."""
    cube = entry.get("cube")
    given = [name for name in CHANNELS if entry.get(name)]
    if not cube or len(given) == len(CHANNELS):
        if cube:
            findings.note("cube", "The cube is not used, for there is a map of each quantity.")
        return None, None
    image = read_image(findings, "cube", cube, files.get("cube", cube["file"]), field.star)
    if image is None:
        return None, None
    check_pixels(findings, image, field)
    return image, plan_cube(findings, image, cube, given, hydrogen_mass)


def _column_factor(
    findings: Findings, image: Image, entry: Mapping[str, Any], hydrogen_mass: float
) -> float:
    """Return the column density for each unit of the cube and km/s [cm-2]."""
    if entry.get("x_factor") is None:
        findings.refuse(
            f"{image.path}: a line (BUNIT = {image.header.get('BUNIT')!r}) is no column density;"
            f" give {findings.key('column_density')} as a map, as of dust, or {image.key}.x_factor."
        )
        return np.nan
    kelvin = _kelvin(findings, image, entry)
    nuclei = nuclei_counted(findings, image, entry, hydrogen_mass)
    findings.assume(
        "column_density",
        f"{entry['x_factor']:g} cm-2 for each K km/s of {entry['line']}, whatever its excitation.",
    )
    return float(entry["x_factor"]) * kelvin * nuclei


def _kelvin(findings: Findings, image: Image, entry: Mapping[str, Any]) -> float:
    """Return the brightness temperature of a value of 1 [K]."""
    unit = parse_unit(str(image.header.get("BUNIT", "") or ""))
    frequency = entry.get("rest_frequency") or image.header.get(
        "RESTFRQ", image.header.get("RESTFREQ")
    )
    if unit is not None and unit.is_equivalent("K"):
        return float(unit.to("K"))
    per_beam = units.Jy / units.beam
    if unit is not None and unit.is_equivalent(per_beam) and frequency:
        if image.beam is not None and image.beam.minor > 0:
            area = image.beam.solid_angle * units.arcsec**2
            equal = units.brightness_temperature(float(frequency) * units.Hz)
            return float((unit.to(per_beam) * units.Jy / area).to_value("K", equal))
        findings.refuse(
            f"{image.path}: {unit} is for each beam, and BMAJ is missing; give {image.key}.beam"
            " [arcsec]."
        )
        return np.nan
    findings.refuse(
        f"{image.path}: BUNIT = {image.header.get('BUNIT')!r} can't be turned into K, which"
        f" {image.key}.x_factor is for; give a cube in K, or in Jy/beam with RESTFRQ"
        f" ({image.key}.rest_frequency)."
    )
    return np.nan


def measure_cube(
    findings: Findings, plan: CubePlan, field: Field, beam: float
) -> dict[str, Measured]:
    """Measure maps about the star; none where the cube can't be used."""
    image, entry, box = plan.image, plan.entry, find_box(plan.image, field, beam)
    try:
        cube = load_cube(plan, box)
    except InputError as error:
        findings.refuse(str(error))
        return {}
    for one in entry.get("blank") or ():
        cube[np.isclose(cube, one, rtol=1e-6, atol=0)] = np.nan
    if np.any(np.abs(cube[np.isfinite(cube)]) > NO_DATA):
        findings.refuse(
            f"{image.path}: values above {NO_DATA:g} (BUNIT = {image.header.get('BUNIT')!r}) can't"
            f" be measured, so they stand for missing ones; list them in {image.key}.blank."
        )
        return {}
    velocities = plan.spectrum.velocities + shift_to_lsrk(findings, image, field.star)
    shape, spectra = cube.shape[1:], cube.reshape(len(cube), -1).T
    # Spectra of zeros alone are outside of the map.
    spectra = np.where(np.any(np.nan_to_num(spectra), 1)[:, None], spectra, np.nan)
    inside = _window(findings, plan, velocities)
    if inside is None:
        return {}
    noise = _noise(spectra, inside, entry.get("window") is not None)
    if entry.get("window") is not None and not _is_flat(findings, plan, spectra[:, ~inside], noise):
        return {}
    lines = _find_lines(spectra, velocities, inside, noise, float(entry["clip"]))
    if not np.isfinite(lines.peak).any():
        findings.refuse(
            f"{image.path}: no spectrum about the star has a line above {entry['clip']:g} standard"
            f" deviations (BUNIT = {image.header.get('BUNIT')!r}); check {image.key}.window, or"
            f" lower {image.key}.clip."
        )
        return {}
    _judge(findings, plan, lines)
    found = {}
    for name, (values, deviation) in _maps(findings, plan, lines).items():
        parts = values.reshape(shape), deviation.reshape(shape)
        found[name] = gather(name, image, box, *parts, field)
    return found


def load_cube(plan: CubePlan, box: tuple[slice, slice]) -> np.ndarray:
    """Read a part of a cube: [velocity, row, column]."""
    image, axes = plan.image, plan.spectrum
    place: list[int | slice] = [0] * axes.count
    place[axes.sky[1]], place[axes.sky[0]] = box[0], box[1]
    place[axes.axis] = slice(None)

    def read(file: fits.HDUList) -> np.ndarray:
        return np.array(file[image.hdu].data[tuple(place[::-1])], dtype=float)

    values = read_fits(image.path, f"{image.key}.file", read)
    left = sorted((axes.sky[0], axes.sky[1], axes.axis), reverse=True)
    values = np.transpose(values, [left.index(one) for one in (axes.axis, *axes.sky[::-1])])
    values[~np.isfinite(values)] = np.nan
    return values


def _window(findings: Findings, plan: CubePlan, velocities: np.ndarray) -> np.ndarray | None:
    """Return channels with the line: bool [channel]."""
    low, high = plan.entry.get("window") or (-np.inf, np.inf)
    inside = (velocities >= min(low, high)) & (velocities <= max(low, high))
    if inside.sum() < QUIET or (plan.entry.get("window") and (~inside).sum() < QUIET):
        findings.refuse(
            f"{plan.image.path}: {inside.sum()} of its {len(inside)} channels, from"
            f" {velocities.min():.4g} to {velocities.max():.4g} km/s (CRVAL3), lie in"
            f" {plan.image.key}.window; {QUIET} are needed inside, and outside for noise."
        )
        return None
    return inside


def _noise(spectra: np.ndarray, inside: np.ndarray, given: bool) -> np.ndarray:
    """Return the standard deviation of noise [spectrum], outside of the line."""
    quiet = spectra[:, ~inside] if given else spectra.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        noise = 1.4826 * np.nanmedian(np.abs(quiet), axis=1)
        if not given:  # without the channels of the line, as they are found
            for _ in range(3):
                quiet[np.abs(quiet) > 3 * noise[:, None]] = np.nan
                # A normal distribution that is cut off at 3 has a median of 0.6719 in place of
                # 0.6745.
                noise = np.nanmedian(np.abs(quiet), axis=1) / 0.6719
    return noise


def _is_flat(findings: Findings, plan: CubePlan, quiet: np.ndarray, noise: np.ndarray) -> bool:
    """Refuse a cube whose spectra have a baseline: it would make lines wider.

    Parameters
    ----------
    quiet : channels without the line [spectrum, channel]
    noise : [spectrum]
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        levels = np.nanmedian(quiet, axis=1)
    known = np.isfinite(levels) & (noise > 0)
    level = float(np.median(levels[known])) if known.any() else 0.0
    # The absolute deviation from zero, from which the noise is, holds the baseline too.
    spread = float(np.median(np.nanstd(quiet[known], axis=1))) if known.any() else 0.0
    if abs(level) <= BASELINE * spread:
        return True
    findings.refuse(
        f"{plan.image.path}: its spectra lie at {level:.3g} (BUNIT ="
        f" {plan.image.header.get('BUNIT')!r}) outside of {plan.image.key}.window, and not about 0;"
        " subtract the baseline or continuum, or widen the window to hold the whole line."
    )
    return False


def _find_lines(
    spectra: np.ndarray, velocities: np.ndarray, inside: np.ndarray, noise: np.ndarray, clip: float
) -> Lines:
    """Return the line of each spectrum, NaN where there is none."""
    part, speeds = spectra[:, inside], velocities[inside]
    peaks = np.max(np.where(np.isfinite(part), part, -np.inf), axis=1)
    seen = np.flatnonzero((peaks > clip * noise) & (noise > 0))
    every = np.full((5, len(spectra)), np.nan)
    if seen.size:
        lines = fit_lines(part[seen], speeds, noise[seen])
        with np.errstate(invalid="ignore"):
            real = (lines.peak > clip * noise[seen]) & (lines.significance > DETECTED)
        every[:, seen] = np.where(real, astuple(lines), np.nan)
    return Lines(*every)


def _judge(findings: Findings, plan: CubePlan, lines: Lines) -> None:
    found = np.isfinite(lines.misfit)
    poor = float(np.mean(lines.misfit[found] > POOR))
    if poor > 0.2:
        findings.warn(
            "cube",
            f"{poor:.0%} of the lines of {plan.entry['line']} are no single Gaussian; their"
            " velocities and widths are those of the Gaussian that is nearest.",
        )


def _maps(
    findings: Findings, plan: CubePlan, lines: Lines
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return values and noise by channel; errors are those of a fit of three parameters."""
    made: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    error = np.sqrt(2) * lines.width / lines.significance
    if "column_density" in plan.wanted:
        column = plan.factor * np.sqrt(2 * np.pi) * lines.peak * lines.width
        known = column[np.isfinite(column)]
        if known.size:  # as of MJY/BEAM that was written for mJy/beam
            mend = f"mend BUNIT, or give another {plan.image.key}.x_factor"
            check_median(findings, plan.image, float(np.median(known)), mend)
        made["column_density"] = column, np.sqrt(1.5) * column / lines.significance
    if "v_los" in plan.wanted:
        made["v_los"] = lines.centre, error
    if "sigma_v" in plan.wanted:
        less = float(np.hypot(plan.thermal, plan.spectrum.step / FWHM))
        width, noise = take_off(findings, plan.image, lines.width, error, less)
        assert noise is not None
        made["sigma_v"] = width, noise
    return made
