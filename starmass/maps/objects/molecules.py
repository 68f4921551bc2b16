"""Lines whose shape says little of the velocities of the gas."""

import re
from collections.abc import Mapping
from typing import Any

from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image

HYPERFINE = ("NH3", "N2H+", "N2D+", "HCN", "H13CN", "DCN", "CN", "C2H", "CCH", "C17O", "NH2D")
"""Molecules whose lines are several."""
THICK = ("CO", "12CO", "12C16O")
CO_HZ = (115.2712018e9, 230.538e9, 345.7959899e9, 461.0407682e9, 576.2679305e9, 691.4730763e9)
"""Rest frequencies of 12CO, J = 1-0 to 6-5 (CDMS)."""
OFTEN_THICK = ("13CO", "HCO+", "HNC", "CS")


def check_line(findings: Findings, image: Image, entry: Mapping[str, Any]) -> None:
    """Refuse lines whose shape says little of the velocities of the gas."""
    line = str(entry["line"])
    molecule = _molecule(line)
    key, rest = f"{image.key}.line", image.header.get("RESTFRQ", image.header.get("RESTFREQ"))
    frequency = entry.get("rest_frequency") or rest
    if molecule in THICK or _is_co(frequency):
        findings.refuse(
            f"{image.path}: {key}: {line} (RESTFRQ = {rest}) is optically thick, so that its width"
            " is none of the gas; give a cube of a rarer molecule, as C18O."
        )
    if molecule in HYPERFINE and not (entry.get("isolated") and entry.get("window")):
        findings.refuse(
            f"{image.path}: {key}: {line} (RESTFRQ = {rest}) has hyperfine structure, whose moments"
            " are none of the gas; give fitted maps as v_los and sigma_v, or"
            f" {image.key}.isolated: true with the window of a single component."
        )
    if molecule in OFTEN_THICK:
        findings.warn("cube", f"{line} may be optically thick, which makes lines wider.")


def _molecule(line: str) -> str:
    """Return the molecule of a line, however its transition is written behind it."""
    text = re.sub(r"[\s_,]", "", line).upper()
    known = sorted((*HYPERFINE, *THICK, *OFTEN_THICK), key=len, reverse=True)
    # A transition begins with a digit, a bracket or a letter as J: C18O21 is no line of C.
    for molecule in known:
        if re.match(rf"{re.escape(molecule)}(?:$|[-(J=]|\d)", text):
            return molecule
    return text


def _is_co(frequency: object) -> bool:
    """Whether a rest frequency [Hz] is that of 12CO."""
    try:
        number = float(frequency)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return any(abs(number / one - 1) < 1e-4 for one in CO_HZ)
