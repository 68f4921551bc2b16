"""The files that are always read, and how one config is laid over another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ALWAYS_READ = ("config/library.yaml", "config/config.yaml")
"""Below the checkout, in the order in which they are laid over each other."""


def read_default(checkout: Path) -> dict[str, Any]:
    """Return the config that is there before any file of the user's."""
    values: dict[str, Any] = {}
    for name in ALWAYS_READ:
        values = lay_over(values, yaml.safe_load((checkout / name).read_text(encoding="utf-8")))
    return values


def lay_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with another one laid over it, key by key; lists are replaced."""
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[name] = lay_over(below, value) if both else value  # type: ignore[arg-type]
    return merged
