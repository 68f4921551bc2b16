"""Units as FITS files and the config spell them.

A unit that is guessed is an error of the mass that no later step shows: it is asked for.
"""

from collections.abc import Callable

import numpy as np
from astropy.units import Unit

from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image
from starmass.unit_names import parse_unit, same_unit

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
    elif written and (in_header is None or not same_unit(said, in_header)):
        findings.warn(
            image.channel,
            f"{image.path}: BUNIT = {written!r}, and the unit of the config, {given}, is taken"
            " instead.",
        )
    return said
