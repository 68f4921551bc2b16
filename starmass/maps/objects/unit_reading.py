"""Units as FITS files and the config spell them.

A unit that is guessed is an error of the mass that no later step shows: it is asked for.
"""

import math
from collections.abc import Callable

import numpy as np
from astropy import units
from astropy.units import Unit

from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image

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
        if isinstance(unit, units.function.FunctionUnitBase):  # dex(cm-2): said by the key log
            return None
        return None if unit.is_equivalent(units.dimensionless_unscaled) else unit
    return None


def _same(one: Unit, other: Unit) -> bool:
    return bool(one.is_equivalent(other)) and math.isclose(one.to(other), 1.0, rel_tol=1e-6)
