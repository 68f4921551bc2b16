"""Units as files spell them."""

import math

from astropy import units
from astropy.units import Unit


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


def same_unit(one: Unit, other: Unit) -> bool:
    """Return whether numbers in two units are the same."""
    return bool(one.is_equivalent(other)) and math.isclose(one.to(other), 1.0, rel_tol=1e-6)
