"""Files: HDF5 and text with units, written aside and renamed, so that a file is whole or absent."""

import errno
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from starmass.errors import InputError


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; rename it to ``path`` when the block ends well.

    The temporary name keeps the suffix (writers that look at it still work) and starts with a dot (globs for results
    pass it over). When the block raises, the temporary file or folder is removed and ``path`` is left as it was.
    A folder that is written this way replaces an older one of that name. What a killed process of this machine left aside for
    the same path is cleared away.

    Raises
    ------
    InputError
        when the folder can't be written to, or the disk is full
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        aside = Path(tempfile.mkdtemp(prefix=f"{_mark(target)}{os.getpid()}.", dir=target.parent))
    except OSError as error:
        raise InputError(
            f"{target.parent}: can't be written to ({error.strerror}); choose another folder."
        ) from error
    temporary = aside / target.name
    try:
        yield temporary
        if temporary.is_dir():
            if target.exists():
                target.rename(aside / "replaced")
        else:
            _flush_to_disk(temporary)
        temporary.replace(target)
    except (OSError, RuntimeError) as error:
        # Not all writers pass the system's error number on, but a full disk is full until what was written is removed.
        full = (
            getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
            or shutil.disk_usage(target.parent).free < 2**16
        )
        if not full:
            raise
        raise InputError(
            f"{target}: no room is left on its disk; make room and run Snakemake again."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _mark(target: Path) -> str:
    """Return how the names of what is written aside for ``target`` on this machine begin; the process number follows."""
    return f".{target.name}.{socket.gethostname()}."


def _clear_leftovers(target: Path) -> None:
    """Remove what processes that are no longer alive left aside for ``target``; a killed one can't."""
    mark = _mark(target)
    for leftover in target.parent.iterdir():
        process = (
            leftover.name.removeprefix(mark).split(".")[0] if leftover.name.startswith(mark) else ""
        )
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(leftover, ignore_errors=True)


def leftovers(folder: str | Path) -> Iterator[Path]:
    """Yield what processes that were killed, on any machine, left aside below ``folder``; while somebody writes there, his too."""
    for path in Path(folder).rglob(".*"):
        if path.is_dir() and re.fullmatch(r"\..+\.\d+\.\w{8}", path.name):
            yield path


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _flush_to_disk(path: Path) -> None:
    """Rename after a crash must not leave an empty file: the bytes go to disk first."""
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` as a whole or not at all."""
    with written_aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_dataset(
    group: h5py.Group, name: str, values: Any, *, unit: str, description: str, **options: Any
) -> h5py.Dataset:
    """Write an array with its ``unit`` (an empty string for none) and ``description`` as attributes."""
    dataset = group.create_dataset(name, data=np.asarray(values), **options)
    dataset.attrs["unit"] = unit
    dataset.attrs["description"] = description
    return dataset


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; a missing, truncated or foreign file is an :class:`InputError` that names it.

    So is one that lacks what the block looks for, as one that an older version wrote.
    """
    if not Path(path).is_file():
        raise InputError(
            f"{path}: there is no such file; ask Snakemake for it by this path, or check the config that names it."
        )
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"{path}: not a readable HDF5 file ({error}); delete it and run Snakemake again to remake it."
        ) from error
    with file:
        try:
            yield file
        except KeyError as error:
            if "Unable to" not in str(error):  # not h5py's own
                raise
            raise InputError(
                f"{path}: not a file of its kind ({error.args[0]}); delete it and run Snakemake again."
            ) from error
