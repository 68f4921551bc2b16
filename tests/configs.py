"""Configs for tests: the default one, and one laid over another as Snakemake does."""

import copy
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("maps", "fractals", "pretraining", "evaluation", "reporting")


def default_config() -> dict:
    """Return the config that is always read: the library of entries, and the demo over it."""
    files = (ROOT / "config" / name for name in ("library.yaml", "config.yaml"))
    library, demo = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in files)
    return merge(library, demo)


def merge(base: dict, over: dict) -> dict:
    """Lay one config over another as Snakemake does."""
    merged = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
