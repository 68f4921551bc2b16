"""Whether a config is right, without Snakemake: files and keys laid over the default."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from starmass.config.files import ALWAYS_READ, lay_over, read_default
from starmass.errors import InputError
from starmass.files import unreadable
from starmass.plan import Plan
from starmass.provenance import ROOT


def check_config(folder: Path, files: Sequence[Path] = (), pairs: Sequence[str] = ()) -> str:
    """Return a sentence that names what a config runs.

    Parameters
    ----------
    folder : with the default config in it; else that of the checkout is the default
    files : YAML files, laid over the default in this order
    pairs : ``KEY=VALUE``, laid over the files

    Raises
    ------
    InputError
        names the first key that is wrong, or the file that is no YAML
    """
    plan = read_plan(folder, files, pairs)
    study = plan.study_entry(plan.study)
    plan.drawn_files(plan.study)
    if study.images:
        return f"The config is right: study {plan.study}, images {study.images}."
    simulations = ", ".join(study.simulations)
    return f"The config is right: study {plan.study}, simulations {simulations}."


def read_plan(folder: Path, files: Sequence[Path] = (), pairs: Sequence[str] = ()) -> Plan:
    """Return the plan of a config.

    Parameters
    ----------
    folder, files, pairs : see :func:`check_config`

    Raises
    ------
    InputError
        names the first key that is wrong, or the file that is no YAML
    """
    checkout = _checkout(folder)
    values = read_default(checkout)
    for path in files:
        values = lay_over(values, read_yaml(path))
    for pair in pairs:
        values = lay_over(values, read_pair(pair))
    return Plan(values, checkout)


def _checkout(folder: Path) -> Path:
    for place in (folder, ROOT):
        if all((place / name).is_file() for name in ALWAYS_READ):
            return place
    raise InputError(
        f"{folder} has no {' and '.join(ALWAYS_READ)}, which are always read first; start this in a"
        " checkout of starmass."
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises
    ------
    InputError
        when it can't be read, or holds no mapping
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
        raise InputError(f"{path}: this is no YAML ({words}); mend it there.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: it holds no keys; a config is lines of KEY: VALUE.")
    return values


def read_pair(pair: str) -> dict[str, Any]:
    """Return ``KEY=VALUE`` as Snakemake's ``--config`` reads it."""
    name, equals, text = pair.partition("=")
    if not equals or not re.fullmatch(r"[a-zA-Z_][\w-]*\w", name):
        raise InputError(f"--config {pair}: it is no KEY=VALUE, as study=demo.")
    if not text:
        return {name: None}
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return {name: number(text)}
    if text in ("True", "False"):
        return {name: text == "True"}
    with contextlib.suppress(yaml.YAMLError):
        return {name: yaml.load(text, Loader=yaml.BaseLoader)}
    return {name: text}
