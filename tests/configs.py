"""Configs for tests: the default one, and one laid over another as Snakemake does."""

import copy
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("maps", "fractals", "pretraining", "evaluation", "reporting")


def default_config() -> dict:
    """Return the config that is always read first."""
    return yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def merge(base: dict, over: dict) -> dict:
    """Lay one config over another as Snakemake does."""
    merged = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
