"""From the emission of dust to a mass per area, where it is optically thin."""

import math
from collections.abc import Mapping
from typing import Any

from astropy import constants, units
from astropy.units import Unit

from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image

FREQUENCIES = ("RESTFRQ", "RESTFREQ", "FREQ")


def is_emission(unit: Unit) -> bool:
    """Whether it is a flux density for each beam, pixel or solid angle."""
    return any(unit.is_equivalent(units.Jy / one) for one in (units.beam, units.pixel, units.sr))


def column_of_dust(
    findings: Findings, image: Image, unit: Unit, dust: Mapping[str, Any] | None
) -> float:
    """Return the mass per area for a value of 1 in a unit of emission [g cm-2].

    It is I / (B(T) kappa), with I the intensity. It is NaN where something is lacking.
    """
    if not dust:
        findings.refuse(
            f"{image.path}: {unit} (BUNIT) is emission, and no column density; give"
            f" {image.key}.dust: {{temperature: ..., opacity: ...}}, or a map in cm-2."
        )
        return math.nan
    frequency = dust.get("frequency") or next(
        (float(image.header[key]) for key in FREQUENCIES if image.header.get(key)), None
    )
    if not frequency:
        findings.refuse(
            f"{image.path}: RESTFRQ is missing, so the frequency of the map is not known; give"
            f" {image.key}.dust.frequency [Hz]."
        )
        return math.nan
    area = _solid_angle(findings, image, unit)
    energy = (constants.h * frequency * units.Hz / constants.k_B / units.K).to_value("")
    planck = (
        2 * constants.h * (frequency * units.Hz) ** 3 / constants.c**2 / units.sr
    ) / math.expm1(energy / dust["temperature"])
    brightness = planck.to_value("Jy sr-1")
    findings.assume(
        image.channel,
        f"Emission of dust at {dust['temperature']:g} K with {dust['opacity']:g} cm2 per g of gas"
        f" at {frequency:.4g} Hz, optically thin, becomes a column density.",
    )
    return float(unit.to(_per(unit)) / area / (brightness * dust["opacity"]))


def _per(unit: Unit) -> Unit:
    """Return Jy for what a value is of."""
    every = (units.beam, units.pixel, units.sr)
    return next(units.Jy / one for one in every if unit.is_equivalent(units.Jy / one))


def _solid_angle(findings: Findings, image: Image, unit: Unit) -> float:
    """Return the solid angle that a value is of [sr]."""
    arcsec = units.arcsec.to(units.rad) ** 2
    per = _per(unit)
    if per == units.Jy / units.sr:
        return 1.0
    if per == units.Jy / units.beam:
        if image.beam is None or image.beam.minor == 0:
            findings.refuse(
                f"{image.path}: {unit} is for each beam, and BMAJ is missing; give"
                f" {image.key}.beam: its full width at half maximum [arcsec]."
            )
            return math.nan
        return image.beam.solid_angle * arcsec
    return image.pixel_arcsec**2 * arcsec
