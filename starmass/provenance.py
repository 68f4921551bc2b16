"""Where a result came from: commit, config, seed, versions, input digests, and the stage's code.

Imports the standard library alone, because the Snakefile reads it at every parse.
"""

import hashlib
import json
import logging
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from starmass import __version__
from starmass.syntax import read_syntax

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the package: a checkout, or the environment's ``site-packages``."""
PACKAGES = (
    "numpy",
    "scipy",
    "h5py",
    "yt",
    "numba",
    "torch",
    "timm",
    "scikit-learn",
    "skops",
    "pandas",
    "matplotlib",
    "snakemake",
)
ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
)
"""Variables that bind git to one repository, as it sets them for its hooks."""

SILENT = (
    "starmass.caches",
    "starmass.config",
    "starmass.configuration",
    "starmass.console",
    "starmass.errors",
    "starmass.files",
    "starmass.provenance",
    "starmass.registry",
    "starmass.syntax",
)
"""Modules and packages that shape no result, so that a change of them makes none out of date.

They write messages, check the config (whose values reach a job as parameters), find what
is named in it, or say where a result came from. ``starmass.storage`` is none of them: it lays out
the files that other stages read. Its messages do not count, as nowhere.
"""


def provenance(
    *, config: Mapping[str, Any], seed: int | None = None, inputs: Iterable[str | Path] = ()
) -> dict[str, Any]:
    """Return what a result file has to say about its origin, ready for JSON.

    Parameters
    ----------
    config : the section of the config that shaped the result
    seed : the seed that its random draws derive from, if it has any
    inputs : files whose SHA-256 digests are recorded
    """
    return {
        "starmass": __version__,
        "commit": git_commit(),
        "config": config,
        "seed": seed,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES if _version(name)},
        "inputs": {str(path): file_digest(path) for path in inputs},
    }


def provenance_json(**facts: Any) -> str:
    """The same as one line of JSON, for an HDF5 attribute or a file beside the result."""
    return json.dumps(provenance(**facts), sort_keys=True, default=str)


@cache
def git_commit() -> str:
    """Return the commit of this package, with ``-dirty`` where tracked files differ.

    It is that of the checkout whose root holds the package, or the one that ``pip`` noted when it
    installed the package from a repository. A repository around them is another one: then, and
    outside git, the commit is ``unknown``.
    """
    try:
        top = _git("rev-parse", "--show-toplevel")
        if ROOT.samefile(top):
            _git(
                "ls-files", "--error-unmatch", "--", "starmass/__init__.py"
            )  # tracked by git, not only present
            return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError) as error:
        if (ROOT / ".git").exists():
            said = getattr(error, "stderr", b"") or str(error).encode()
            reason = " ".join(os.fsdecode(said).split())
            logging.getLogger("starmass").warning(
                "starmass: git does not give the commit of %s, so results say unknown. It says: %s",
                ROOT,
                reason,
            )
    return _installed_commit() or "unknown"


def _git(*arguments: str) -> str:
    """Return what git says of ROOT, whichever repository the environment points to."""
    clean = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, env=clean, capture_output=True, timeout=30, check=True
    )
    return os.fsdecode(done.stdout).rstrip("\n")


def _installed_commit() -> str | None:
    """Return the commit of ``pip install git+https://...`` (PEP 610), if that is this package."""
    try:
        found = metadata.distribution("starmass")
        if not ROOT.samefile(str(found.locate_file(""))):
            return None
        origin = json.loads(found.read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return None
    commit = origin.get("vcs_info", {}).get("commit_id")
    return commit if isinstance(commit, str) else None


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes; of names and bytes in order for a folder."""
    path = Path(path)
    if path.is_dir():
        parts = [
            f"{p.relative_to(path)} {file_digest(p)}"
            for p in sorted(path.rglob("*"))
            if p.is_file()
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def code_digest(script: str | Path, *entries: str) -> str:
    """Digest of a script and of every ``starmass`` module that it reaches by import.

    It is blind to comments, docstrings and messages (:mod:`starmass.syntax`). Given to a rule as a
    parameter, it makes the rule's targets out of date when code that shapes them changes, and only
    then: Snakemake watches the script file's time stamp and never what the script imports.

    Parameters
    ----------
    script : a relative path starts at the root of the checkout, not at the working folder
    entries : dotted names of modules that are loaded by name (:mod:`starmass.registry`), so that
        no import mentions them

    Raises
    ------
    ModuleNotFoundError
        when there is no file of an entry
    """
    found: dict[str, str] = {}
    _follow_imports(ROOT / script, found)
    for entry in entries:
        files = _module_files(entry)
        place = ROOT.joinpath(*entry.split("."))
        if not {place.with_suffix(".py"), place / "__init__.py"} & set(files):
            raise ModuleNotFoundError(f"{entry}: there is no such module below {ROOT}.")
        for file in files:
            _follow_imports(file, found)
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(found.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _follow_imports(path: Path, found: dict[str, str]) -> None:
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    if name in found:
        return
    found[name], modules = _read_module(path)
    for module in modules:
        for target in _module_files(module):
            _follow_imports(target, found)


@cache
def _read_module(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the digest of what counts in a module, and the modules whose code counts with it."""
    digest, modules = read_syntax(path.read_text(encoding="utf-8"), str(path), _is_silent)
    return digest, tuple(
        sorted(m for m in modules if m.split(".")[0] == "starmass" and not _is_silent(m))
    )


def _is_silent(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in SILENT)


def _module_files(module: str) -> list[Path]:
    """Files behind a dotted name: the module itself and the packages above it."""
    parts = module.split(".")
    files = [ROOT.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    files.append(ROOT.joinpath(*parts).with_suffix(".py"))
    return [file for file in files if file.is_file()]
