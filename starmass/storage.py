"""Files: HDF5 and text with units, written aside and renamed, so that a file is whole or absent."""

import errno
import json
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

from starmass import __version__
from starmass.errors import InputError
from starmass.files import (
    FULL,
    HDF5,
    WRITING,
    check_readable,
    remedy,
    system_number,
    unreadable,
    unwritable,
)

READING = re.compile(r"synchronously read|file read failed")
"""What HDF5 says of a file that it reads, and never of one that it writes."""


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    The temporary name keeps the suffix (writers that look at it still work) and starts with a dot
    (globs for results ignore it). When the block raises, the temporary file or folder is removed
    and ``path`` is left as it was. A folder that is written this way replaces an older one of that
    name. Temporary files of killed processes of this machine for the same path are removed.

    Raises
    ------
    InputError
        when the folder or the file can't be written to, or the disk is full
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        aside = Path(tempfile.mkdtemp(prefix=f"{_mark(target)}{os.getpid()}.", dir=target.parent))
    except OSError as error:
        raise unwritable(target.parent, error.errno or errno.EIO) from error
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
        # Not all writers pass the system's error number on; a disk is full until what was written
        # is removed.
        number = system_number(error)
        if shutil.disk_usage(target.parent).free < 2**16:
            raise InputError(f"{target}: {FULL}.") from error
        if number is not None and _is_about(error, number, aside):
            raise unwritable(target, number) from error
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_about(error: BaseException, number: int, folder: Path) -> bool:
    """Whether a system's error is one of writing below ``folder``, and not of another file."""
    words = str(error)
    named = re.findall(r"name = '([^']+)'", words)  # by HDF5
    if isinstance(name := getattr(error, "filename", None), str):
        named.append(name)
    if named:
        return all(Path(name).is_relative_to(folder) for name in named)
    return number in WRITING and not READING.search(words)


def _mark(target: Path) -> str:
    """Return how the names of temporary files for ``target`` on this machine begin.

    The process number follows.
    """
    return f".{target.name}.{socket.gethostname()}."


def _clear_leftovers(target: Path) -> None:
    """Remove temporary files for ``target`` of processes that are no longer alive.

    A killed process can't remove its own.
    """
    mark = _mark(target)
    for leftover in target.parent.iterdir():
        process = (
            leftover.name.removeprefix(mark).split(".")[0] if leftover.name.startswith(mark) else ""
        )
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(leftover, ignore_errors=True)


def leftovers(folder: str | Path) -> Iterator[Path]:
    """Yield temporary files below ``folder`` of killed processes, on any machine.

    Those of a process that is still writing there are among them.
    """
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
    """Write an array with its ``unit`` (empty for none) and ``description`` as attributes."""
    dataset = group.create_dataset(name, data=np.asarray(values), **options)
    dataset.attrs["unit"] = unit
    dataset.attrs["description"] = description
    return dataset


@contextmanager
def create_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Write an HDF5 file aside and rename it when the block ends well.

    No other process sees the file before, so it needs no lock; some file systems have none.
    """
    with written_aside(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        yield file


def read_hdf5(path: str | Path) -> h5py.File:
    """Open a finished HDF5 file for reading; the caller closes it.

    Results are renamed into place and never change, so they are read without a lock. A viewer that
    locks the file, or a file system without locks, does no harm.

    Raises
    ------
    InputError
        names the file, the cause (absent, forbidden, locked, damaged, ...) and the way out
    """
    check_readable(path, HDF5)
    try:
        try:
            return h5py.File(path, "r")
        except OSError as error:
            if "unable to lock" not in str(error):
                raise
        # Not at once, because one process can't open a file both ways.
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        raise unreadable(path, error, HDF5) from error


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """The same for a block, in which what the file lacks or can't give is an InputError as well."""
    with read_hdf5(path) as file:
        try:
            yield file
        except KeyError as error:
            if not re.match(r"['\"](Unable to|Can't) ", str(error)):  # not h5py's own
                raise
            raise InputError(f"{path}: {_lacking(file, error)}; {remedy(path)}.") from error
        except OSError as error:
            if not READING.search(str(error)):
                raise
            raise unreadable(path, error, HDF5) from error


def _lacking(file: h5py.File, error: KeyError) -> str:
    """Say why a file lacks what a reader looks for: another version wrote it, or another rule."""
    try:
        version = json.loads(file.attrs["provenance"])["starmass"]
    except (KeyError, TypeError, ValueError):
        version = __version__
    if version != __version__:
        return (
            f"starmass {version} wrote it, and this is {__version__}, which looks for more"
            f" ({error.args[0]})"
        )
    return f"not a file of its kind ({error.args[0]})"
