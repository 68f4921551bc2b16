"""Folders for what libraries keep between runs, where the user's home can't be written to.

numba refuses to import a compiled function, and matplotlib warns and looks for fonts in each
process, when neither has a folder to write to: with a home of another machine, a full quota, or a
container whose files can only be read. They get a folder of the run's own.
Imports the standard library alone, because every process asks before it imports others.
"""

import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path


def prepare_caches(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set ``NUMBA_CACHE_DIR`` and ``MPLCONFIGDIR`` where their folders can't be written to.

    A user whom the machine does not know, as in some containers, gets a ``HOME`` as well.
    Processes that this one starts inherit all three. A folder that can be written to is left
    alone, whether the user named it or it is the library's own choice.
    """
    known = os.path.expanduser("~")  # noqa: PTH111 (Path raises for a user without a home)
    if "HOME" not in environment and not Path(known).is_absolute():
        home = _own_folder() / "home"
        home.mkdir(parents=True, exist_ok=True)
        environment["HOME"] = str(home)
    kept = {
        ("NUMBA_CACHE_DIR", "numba"): [kernel_folder(environment)],
        ("MPLCONFIGDIR", "matplotlib"): _matplotlib_folders(environment),
    }
    for (name, library), folders in kept.items():
        if not all(map(_takes_files, folders)):
            environment[name] = str(_own_folder() / library)


def kernel_folder(environment: MutableMapping[str, str] = os.environ) -> Path:
    """Return the folder of compiled kernels: ``NUMBA_CACHE_DIR`` or one below the user's cache."""
    if given := environment.get("NUMBA_CACHE_DIR"):
        return Path(given)
    return _user_folder(environment, "XDG_CACHE_HOME", ".cache") / "starmass" / "numba"


def _matplotlib_folders(environment: MutableMapping[str, str]) -> list[Path]:
    if given := environment.get("MPLCONFIGDIR"):
        return [Path(given)]
    config = _user_folder(environment, "XDG_CONFIG_HOME", ".config")
    cache = _user_folder(environment, "XDG_CACHE_HOME", ".cache")
    return [config / "matplotlib", cache / "matplotlib"]


def _user_folder(environment: MutableMapping[str, str], name: str, below: str) -> Path:
    """Return a folder of the XDG Base Directory Specification."""
    home = environment.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    return Path(environment.get(name) or Path(home) / below)


def _takes_files(folder: Path) -> bool:
    """Whether a file can be written where ``folder`` is, or will be; a full quota takes none."""
    try:
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        with tempfile.NamedTemporaryFile(dir=there, prefix=".starmass-") as file:
            file.write(bytes(4096))
            file.flush()
    except OSError:
        return False
    return True


def _own_folder() -> Path:
    """Return a folder of the run's own: below Snakemake's, or else of this user's for all runs."""
    run = Path.cwd() / ".snakemake"
    if run.is_dir() and _takes_files(run):
        return run / "starmass-caches"
    shared = Path(tempfile.gettempdir()) / f"starmass-{os.getuid()}"
    try:
        shared.mkdir(mode=0o700, exist_ok=True)
        facts = shared.lstat()
        if facts.st_uid == os.getuid() and not facts.st_mode & 0o022 and not shared.is_symlink():
            return shared
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="starmass-"))  # numba runs what it finds: own files
