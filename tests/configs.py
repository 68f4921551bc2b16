"""Configs for tests: the default one, and one laid over another as Snakemake does."""

import copy
from pathlib import Path

from starmass.config.files import lay_over, read_default

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("maps", "fractals", "pretraining", "evaluation", "reporting")


def default_config() -> dict:
    """Return the config that is always read: the library of entries, and the demo over it."""
    return read_default(ROOT)


def merge(base: dict, over: dict) -> dict:
    """Lay one config over another; both stay as they are."""
    return copy.deepcopy(lay_over(base, over))
