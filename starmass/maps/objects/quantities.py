"""What the values of an image are, and how they become those of a simulation's map.

Everything that is not certain from header and config is asked for: a unit or a factor of two that
is guessed is an error of the mass that no later step shows.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from astropy import units
from astropy.units import Unit

from starmass.maps.objects.dust import column_of_dust, is_emission
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image
from starmass.maps.observation import FWHM
from starmass.maps.units import BOLTZMANN, HYDROGEN_ATOM_G, KM_CM

MEAN_MASS = {"H": 1.4, "H2": 2.8}
"""Mean mass of gas for each hydrogen nucleus or molecule [hydrogen atoms]."""
COLUMNS = (1e18, 1e26)
"""Bounds of the median column density [cm-2]: beyond, a unit or factor is wrong."""
LOGARITHM = 100.0
"""Median below which values in cm-2 are logarithms."""
FASTEST = 1000.0
"""Velocity that no cloud of the Galaxy has [km/s]."""
WIDEST = 100.0
"""Median width that no cloud has [km/s]."""
BELOW_THERMAL = 0.2
"""Share of pixels below the thermal width above which the temperature is doubtful."""

Convert = Callable[[np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray | None]]
"""From values and noise of the file, NaN where missing, to those of a map."""


def read_unit(findings: Findings, image: Image, given: str | None, example: str) -> Unit | None:
    """Return the unit: the config's, else BUNIT; None with a problem where neither is one."""
    written = str(image.header.get("BUNIT", "") or "").strip()
    in_header = parse_unit(written)
    if given is None:
        if in_header is None:
            words = f"BUNIT = {written!r} is no unit" if written else "BUNIT is missing"
            findings.refuse(f"{image.path}: {words}; give {image.key}.unit, as {example}.")
        return in_header
    said = parse_unit(given)
    if said is None:
        findings.refuse(f"{image.key}.unit: {given!r} is no unit; write it as {example}.")
    elif written and (in_header is None or not _same(said, in_header)):
        findings.warn(
            image.channel,
            f"{image.path}: BUNIT = {written!r}, and the unit of the config, {given}, is taken"
            " instead.",
        )
    return said


def parse_unit(text: str) -> Unit | None:
    """Return a unit in any usual spelling, or None."""
    if not text:
        return None
    for spelling in (text, text.replace("JY", "Jy").replace("BEAM", "beam"), text.lower()):
        try:
            unit = Unit(spelling.replace("**", "^"))
        except (ValueError, TypeError):
            continue
        return None if unit.is_equivalent(units.dimensionless_unscaled) else unit
    return None


def _same(one: Unit, other: Unit) -> bool:
    return bool(one.is_equivalent(other)) and math.isclose(one.to(other), 1.0, rel_tol=1e-6)


def plan_column(
    findings: Findings, image: Image, entry: Mapping[str, Any], hydrogen_mass: float
) -> Convert | None:
    """Say how values become column densities of hydrogen nuclei [cm-2].

    Parameters
    ----------
    entry : ``column_density`` of the object
    hydrogen_mass : of gas for each nucleus in the simulations' maps [hydrogen atoms]
    """
    unit = read_unit(findings, image, entry.get("unit"), "cm-2")
    if unit is None:
        return None
    log, dust = bool(entry.get("log")), entry.get("dust")
    nucleus = hydrogen_mass * HYDROGEN_ATOM_G
    if unit.is_equivalent("cm-2"):
        factor = unit.to("cm-2") * nuclei_counted(findings, image, entry, hydrogen_mass)
    elif unit.is_equivalent("g cm-2"):
        factor = unit.to("g cm-2") / nucleus
    elif is_emission(unit):
        factor = column_of_dust(findings, image, unit, dust) / nucleus
    else:
        findings.refuse(
            f"{image.path}: a column density in {unit} (BUNIT ="
            f" {image.header.get('BUNIT')!r}) can't be; give {image.key}.unit, as cm-2 or g cm-2."
        )
        return None
    if dust and not is_emission(unit):
        findings.refuse(
            f"{image.path}: {image.key}.dust is for emission, as in Jy/beam (BUNIT), and this is a"
            f" map in {unit}; leave it out, or give {image.key}.unit."
        )
    if entry.get("scale", 1.0) != 1.0:
        factor *= float(entry["scale"])
        findings.assume(
            image.channel, f"Values are multiplied by {entry['scale']:g}, as an abundance would."
        )

    def convert(
        values: np.ndarray, noise: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        if log:
            if np.nanmax(values, initial=-np.inf) > 60:
                findings.refuse(
                    f"{image.path}: values up to {np.nanmax(values):.3g} (BUNIT ="
                    f" {image.header.get('BUNIT')!r}) are no logarithms; leave out {image.key}.log."
                )
                return values, noise
            values = 10.0**values
            noise = None if noise is None else values * math.log(10) * noise
        columns = factor * values
        _check_columns(findings, image, values, columns, log)
        return columns, None if noise is None else factor * noise

    return convert


def nuclei_counted(
    findings: Findings, image: Image, entry: Mapping[str, Any], hydrogen_mass: float
) -> float:
    """Return the hydrogen nuclei of the simulations' maps in what is counted.

    Gas has the same mass either way: it is the ratio of the mean masses.
    """
    counts = entry.get("counts")
    if counts is None:
        findings.refuse(
            f"{image.path}: what is counted (BUNIT = {image.header.get('BUNIT')!r}) may be hydrogen"
            f" nuclei or molecules; give {image.key}.counts: H2 or H."
        )
        return math.nan
    mean = float(entry.get("mean_mass") or MEAN_MASS[counts])
    findings.note(
        "column_density",
        f"{counts} was counted, with {mean:g} hydrogen atoms of gas for each: times"
        f" {mean / hydrogen_mass:.4g} for hydrogen nuclei.",
    )
    return mean / hydrogen_mass


def _check_columns(
    findings: Findings, image: Image, values: np.ndarray, columns: np.ndarray, log: bool
) -> None:
    there = np.isfinite(columns)
    if not there.any():
        return
    median, raw = float(np.median(columns[there])), float(np.median(values[there]))
    low, high = COLUMNS
    if not log and 0 < raw < LOGARITHM and median < low:
        findings.refuse(
            f"{image.path}: the median of the values is {raw:.3g} under BUNIT ="
            f" {image.header.get('BUNIT')!r}, so they seem to be logarithms; add {image.key}.log:"
            " true."
        )
    elif not low <= median <= high:
        findings.refuse(
            f"{image.path}: the median is {median:.3g} hydrogen nuclei per cm2 (BUNIT ="
            f" {image.header.get('BUNIT')!r}), beyond {low:g} ... {high:g}; give {image.key}.unit,"
            f" or {image.key}.scale where a tracer is counted."
        )


def plan_velocity(findings: Findings, image: Image, entry: Mapping[str, Any]) -> Convert | None:
    """Say how values become velocities [km/s]."""
    unit = read_unit(findings, image, entry.get("unit"), "km/s")
    if unit is None:
        return None
    if not unit.is_equivalent("km/s"):
        findings.refuse(
            f"{image.path}: a velocity in {unit} (BUNIT = {image.header.get('BUNIT')!r}) can't be;"
            f" give {image.key}.unit, as km/s."
        )
        return None
    factor = unit.to("km/s")

    def convert(
        values: np.ndarray, noise: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        most = np.nanmax(np.abs(factor * values), initial=0.0)
        if FASTEST < most < 1e30:
            findings.refuse(
                f"{image.path}: a velocity of {most:.4g} km/s (BUNIT ="
                f" {image.header.get('BUNIT')!r}) is none of a cloud; list what stands for missing"
                f" pixels in {image.key}.blank, mask pixels without a line, or give"
                f" {image.key}.unit."
            )
        return factor * values, None if noise is None else factor * noise

    return convert


def plan_width(findings: Findings, image: Image, entry: Mapping[str, Any]) -> Convert | None:
    """Say how values become dispersions without thermal part and channel width [km/s]."""
    unit = read_unit(findings, image, entry.get("unit"), "km/s")
    kind = entry.get("kind")
    thermal = thermal_width(findings, image, entry)
    if unit is None:
        return None
    squared = bool(unit.is_equivalent("km2 s-2"))
    if not (squared or unit.is_equivalent("km/s")):
        findings.refuse(
            f"{image.path}: a line width in {unit} (BUNIT ="
            f" {image.header.get('BUNIT')!r}) can't be; give {image.key}.unit, as km/s or km2 s-2."
        )
        return None
    if (squared and kind in ("sigma", "fwhm")) or (not squared and kind == "variance"):
        findings.refuse(
            f"{image.path}: a unit of {unit} (BUNIT = {image.header.get('BUNIT')!r}) contradicts"
            f" {image.key}.kind: {kind}; give {image.key}.unit, or another kind."
        )
        return None
    if not squared and kind is None:
        findings.refuse(
            f"{image.path}: a width in {unit} (BUNIT) may be a dispersion or a full width; give"
            f" {image.key}.kind: sigma or fwhm."
        )
        return None
    factor = unit.to("km2 s-2") if squared else unit.to("km/s") / (FWHM if kind == "fwhm" else 1)
    taken_off = math.hypot(thermal or 0.0, float(entry.get("channel") or 0.0) / FWHM)

    def convert(
        values: np.ndarray, noise: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        width = factor * np.where(values >= 0, values, np.nan)
        error = None if noise is None else factor * noise
        if squared:
            width = np.sqrt(width)
            error = None if error is None else error / np.maximum(2 * width, 1e-9)
        if np.nanmedian(width) > WIDEST if np.isfinite(width).any() else False:
            findings.refuse(
                f"{image.path}: the median width is {np.nanmedian(width):.4g} km/s (BUNIT ="
                f" {image.header.get('BUNIT')!r}), that of no cloud; give {image.key}.unit, as m/s."
            )
        return take_off(findings, image, width, error, taken_off)

    return convert


def thermal_width(findings: Findings, image: Image, entry: Mapping[str, Any]) -> float | None:
    """Return the thermal dispersion of the molecule, sqrt(kT / m) [km/s]."""
    temperature, mass = entry.get("temperature"), entry.get("molecule_mass")
    if temperature == 0:
        return 0.0
    lacking = [
        f"{image.key}.{key}{example}"
        for key, value, example in (
            ("temperature", temperature, ": that of the gas [K], or 0 for none"),
            ("molecule_mass", mass, " [hydrogen atoms], as 17 for NH3"),
        )
        if value is None
    ]
    if lacking:
        findings.refuse(
            f"{image.path}: simulated widths have no thermal part, and that of the line (BUNIT ="
            f" {image.header.get('BUNIT')!r}) is taken off; give {' and '.join(lacking)}."
        )
        return None
    assert temperature is not None and mass is not None
    width = math.sqrt(BOLTZMANN * temperature / (mass * HYDROGEN_ATOM_G)) / KM_CM
    findings.assume(
        "sigma_v",
        f"A thermal width of {width:.3g} km/s, that of {mass:g} hydrogen atoms at"
        f" {temperature:g} K, is taken off in quadrature.",
    )
    return width


def take_off(
    findings: Findings, image: Image, width: np.ndarray, noise: np.ndarray | None, less: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """Take a width off in quadrature; what is narrower becomes 0.

    The noise grows as the remaining width shrinks, up to that of a width of 0.
    """
    rest = np.sqrt(np.maximum(width**2 - less**2, 0.0))
    below = float(np.mean(width[np.isfinite(width)] < less)) if np.isfinite(width).any() else 0.0
    if below > BELOW_THERMAL:
        findings.warn(
            "sigma_v",
            f"{below:.0%} of the line widths are below the {less:.3g} km/s that are taken off; the"
            f" gas may be colder than {image.key}.temperature.",
        )
    if noise is not None and less:
        grown = noise * width / np.maximum(rest, 1e-9)
        noise = np.minimum(grown, np.sqrt(2 * width * noise))
        noise = np.where(np.isfinite(width), noise, np.nan)
    return rest, noise
