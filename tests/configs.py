"""Configs for tests: the default one, and one laid over another as Snakemake does."""

import copy
from pathlib import Path

import yaml

from starmass.config.files import lay_over, read_default

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("maps", "fractals", "pretraining", "evaluation", "reporting")


def default_config() -> dict:
    """Return the config that is always read: the library of entries, and the demo over it."""
    return read_default(ROOT)


def toyclouds_config() -> dict:
    """Return the same with config/toyclouds.yaml over it, whose study of simulations is alone."""
    preset = yaml.safe_load((ROOT / "config/toyclouds.yaml").read_text(encoding="utf-8"))
    without = lay_over(default_config(), {"evaluation": {"studies": {"demo": None}}})
    return lay_over(without, preset)


def merge(base: dict, over: dict) -> dict:
    """Lay one config over another; both stay as they are."""
    return copy.deepcopy(lay_over(base, over))
