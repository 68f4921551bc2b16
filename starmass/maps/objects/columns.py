"""How the values of an image become column densities of hydrogen nuclei."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from starmass.maps.objects.dust import column_of_dust, is_emission
from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image
from starmass.maps.objects.unit_reading import Convert, read_unit
from starmass.units import HYDROGEN_ATOM_G

MEAN_MASS = {"H": 1.4, "H2": 2.8}
"""Mean mass of gas for each hydrogen nucleus or molecule [hydrogen atoms]."""
COLUMNS = (1e18, 1e26)
"""Bounds of the median column density [cm-2]: beyond, a unit or factor is wrong."""
NOISES = 6.0
"""Standard deviations below 0 that noise does not reach."""
LOGARITHM = 100.0
"""Median below which values in cm-2 are logarithms."""


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
        findings.assume(image.channel, f"Values are multiplied by {entry['scale']:g} (scale).")

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
            values = 10.0**values  # the noise of a logarithm is a factor, and stays in dex
        columns = factor * values
        known = columns[np.isfinite(columns)]
        lowest = known.min(initial=0.0)
        least = 0.0
        if known.size:
            least = (
                np.median(known)
                if noise is None or log
                else NOISES * np.nanmax(factor * noise, initial=0.0)
            )
        if 0 < least < -lowest:
            findings.warn(
                image.channel,
                f"{image.path}: values down to {lowest:.3g} cm-2 are further below 0 than noise"
                f" is; list them in {image.key}.blank if they stand for missing pixels.",
            )
        _check_columns(findings, image, values, columns, log)
        return columns, noise if noise is None or log else factor * noise

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
            f" nuclei or molecules; give {image.key}.counts: H2 or H (of a tracer as NH3: what its"
            f" abundance is relative to, and {image.key}.scale: 1 / abundance)."
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
    if not log and 0 < raw < LOGARITHM and median < COLUMNS[0]:
        findings.refuse(
            f"{image.path}: the median of the values is {raw:.3g} under BUNIT ="
            f" {image.header.get('BUNIT')!r}, so they seem to be logarithms; add {image.key}.log:"
            " true."
        )
    elif median != 0:  # zeros are a problem of their own
        check_median(
            findings,
            image,
            median,
            f"give {image.key}.unit, or {image.key}.scale where a tracer is counted",
        )


def check_median(findings: Findings, image: Image, median: float, way_out: str) -> None:
    """Refuse a median column density [cm-2] that no cloud has."""
    low, high = COLUMNS
    if not low <= median <= high:
        findings.refuse(
            f"{image.path}: the median is {median:.3g} hydrogen nuclei per cm2 (BUNIT ="
            f" {image.header.get('BUNIT')!r}), beyond {low:g} ... {high:g}; {way_out}."
        )
