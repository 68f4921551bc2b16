"""What no model sees: names that YAML reads as something else, text that no page can show."""

import math
import re
from collections.abc import Mapping
from typing import Any

from starmass.errors import InputError

CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
CONTROL_OF_NAMES = r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"


def check_names(value: Any, path: str = "") -> None:
    """Refuse names that YAML reads as something else than text."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            below = f"{path}.{_as_written(key)}".lstrip(".")
            if not isinstance(key, str) and not path.endswith(".variants"):
                raise InputError(
                    f"config key {below!r}: YAML reads this name as {read_as(key)}, not as text;"
                    " put it in quotes."
                )
            check_names(child, below)


def _as_written(value: Any) -> str:
    """Return a scalar as one would write it in YAML."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_as(value: Any) -> str:
    """Say what YAML takes a scalar for that looks like a name."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int | float) else "a date"


def check_scalars(value: Any, path: str = "") -> None:
    """Refuse text that no page shows as it is (each format escapes all else), and no-numbers."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            below = f"{path}.{key}" if path else str(key)
            _check_one(str(key), below, CONTROL_OF_NAMES)
            check_scalars(child, below)
    elif isinstance(value, list):
        for child in value:
            check_scalars(child, path)
    elif isinstance(value, str):
        _check_one(value, path, CONTROL)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"config key {path!r}: {value} is not a finite number; give one.")


def _check_one(text: str, path: str, control: str) -> None:
    if found := re.search(control, text):
        raise InputError(
            f"config key {path!r}: the text has a control character (U+{ord(found[0]):04X});"
            " take it away."
        )
    if found := re.search("</script|<!--", text, flags=re.IGNORECASE):
        raise InputError(
            f"config key {path!r}: {found[0]!r} would end the script in which Snakemake's report"
            " keeps its parameters; write it in another way."
        )
