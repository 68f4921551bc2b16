"""Lines whose shape says little of the velocities of the gas."""

import re
from collections.abc import Mapping
from typing import Any

from starmass.maps.objects.findings import Findings
from starmass.maps.objects.images import Image

HYPERFINE = ("NH3", "N2H+", "N2D+", "HCN", "H13CN", "DCN", "CN", "C2H", "CCH", "C17O", "NH2D")
"""Molecules whose lines are several."""
THICK = ("CO", "12CO", "12C16O")
OFTEN_THICK = ("13CO", "HCO+", "HNC", "CS")


def check_line(findings: Findings, image: Image, entry: Mapping[str, Any]) -> None:
    """Refuse lines whose shape says little of the velocities of the gas."""
    line = str(entry["line"])
    molecule = re.split(r"[\s(_,]", line.strip())[0].upper()
    key, rest = f"{image.key}.line", image.header.get("RESTFRQ", image.header.get("RESTFREQ"))
    if molecule in THICK:
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
