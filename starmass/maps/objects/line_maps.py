"""How the values of an image become velocities, or widths without thermal part."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from starmass import units
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image
from starmass.maps.objects.unit_reading import Convert, read_unit
from starmass.maps.observation import FWHM

FASTEST = 1000.0
"""Velocity that no cloud of the Galaxy has [km/s]."""
APART = 50.0
"""Difference from the median velocity that no gas about a protostar has [km/s]."""
WIDEST = 30.0
"""Width that no cloud has [km/s]."""
BELOW_THERMAL = 0.2
"""Share of pixels below the thermal width above which the temperature is doubtful."""


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
        there = np.isfinite(values) & (np.abs(values) < 1e30)
        speeds = factor * values[there]
        apart = np.abs(speeds - np.median(speeds)) if speeds.size else np.zeros(1)
        fastest = np.abs(speeds).max(initial=0.0)
        if apart.max() > APART or fastest > FASTEST:
            most = speeds[np.argmax(np.where(apart > APART, apart, np.abs(speeds)))]
            findings.refuse(
                f"{image.path}: a velocity of {most:.4g} km/s (BUNIT ="
                f" {image.header.get('BUNIT')!r}) is none of a cloud whose median is"
                f" {np.median(speeds):.4g}; list the values of missing pixels in"
                f" {image.key}.blank, mask pixels without a line, or give {image.key}.unit."
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
        widest = np.nanmax(np.where(width < 1e30, width, np.nan), initial=0.0)
        if widest > WIDEST:
            findings.refuse(
                f"{image.path}: a width of {widest:.4g} km/s (BUNIT ="
                f" {image.header.get('BUNIT')!r}) is that of no cloud; give {image.key}.unit, as"
                f" m/s, or list the values of missing pixels in {image.key}.blank."
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
    width = units.thermal_width(temperature, mass)
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
