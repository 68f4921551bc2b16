"""Why a file can't be read or written: one sentence for each cause, with the way out of it.

"Delete it" helps against damage alone. A file that is locked, or not permitted, is whole.
"""

import errno
import os
import re
from pathlib import Path

from starmass.errors import InputError

HDF5, SAFETENSORS, TORCH = "HDF5 file", "safetensors file", "file of torch.save"
SIGNATURES = {
    HDF5: rb"\x89HDF\r\n\x1a\n",
    SAFETENSORS: rb".{7}\x00\s*\{",  # the length of a header in JSON, which is below 2**56 bytes
    TORCH: rb"PK\x03\x04|\x80[\x02-\x05]",  # a zip file, or a pickle before torch 1.6
}
"""How the bytes of each kind of file begin, as regular expressions."""

ABSENT = (
    "there is no such file; ask Snakemake for it by this path, or check the config that names it"
)
FAILING = "its disk or network file system fails ({words}); try again, for the file may be whole"
TOO_MANY = "too many files are open at once; raise the limit, as by: ulimit -n 4096"
READING = {
    errno.ENOENT: ABSENT,
    errno.ENOTDIR: ABSENT,
    errno.EACCES: "you have no permission to read it; ask its owner",
    errno.EPERM: "you have no permission to read it; ask its owner",
    errno.EISDIR: "it is a folder; name a file",
    errno.ELOOP: "it is a link that leads to itself; mend the link",
    errno.EMFILE: TOO_MANY,
    errno.ENFILE: TOO_MANY,
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.ENOTCONN),
        FAILING,
    ),
}
FULL = "no room is left on its disk; make room and run Snakemake again"
ELSEWHERE = "write elsewhere, as by: snakemake --directory DIR"
WRITING = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: "your quota of its disk is used up; make room and run Snakemake again",
    errno.EFBIG: "it is larger than its file system, or your limit (ulimit -f), allows; raise that",
    errno.EROFS: f"its file system can only be read; {ELSEWHERE}",
    errno.EACCES: f"you have no permission to write there; {ELSEWHERE}",
    errno.EPERM: f"you have no permission to write there; {ELSEWHERE}",
    errno.EMFILE: TOO_MANY,
    errno.ENFILE: TOO_MANY,
    errno.EIO: "its disk or network file system fails ({words}); " + ELSEWHERE,
    errno.ESTALE: "its disk or network file system fails ({words}); " + ELSEWHERE,
}
LOCKED = (
    "it is locked, not damaged: another program has it open, or its file system has no locks;"
    " close that program, or set HDF5_USE_FILE_LOCKING=FALSE"
)
SAID_BY_HDF5 = {
    r"unable to lock file": LOCKED,
    r"already open for (write|read)": (
        "a program writes it now, or was killed while it did; wait for its end, or run h5clear -s"
    ),
    r"bad superblock version": (
        "a newer HDF5 library wrote it than can be read here; upgrade h5py (pip install -U h5py)"
    ),
    r"can't open directory|required filter|filter plugin": (
        "it is compressed in a way that HDF5 lacks here; pip install hdf5plugin"
    ),
}
"""Causes by what the HDF5 library says; whatever else it says is damage."""


def system_number(error: BaseException) -> int | None:
    """Return the operating system's number of an error, which HDF5 may have in its text alone."""
    number = getattr(error, "errno", None)
    found = re.search(r"errno = (\d+)", str(error))
    return number if isinstance(number, int) else int(found[1]) if found else None


def check_readable(path: str | Path, kind: str | None = None) -> None:
    """Make sure that a file can be opened and begins as its ``kind`` (of SIGNATURES) does.

    Libraries are asked after this, because some call a file absent that may not be read.

    Raises
    ------
    InputError
        says whether the file is absent, forbidden, empty, on a failing disk, or of another kind
    """
    try:
        with open(path, "rb") as stream:
            start = stream.read(4096)
    except OSError as error:
        raise unreadable(path, error) from error
    if kind and not start:
        raise InputError(f"{path}: it is empty; {remedy(path)}.")
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path}: it is a pointer of Git LFS to the file; run: git lfs pull.")
    if kind and not re.match(SIGNATURES[kind], start, flags=re.DOTALL):
        others = (name for name, mark in SIGNATURES.items() if re.match(mark, start, re.DOTALL))
        found = next(others, "")
        raise InputError(
            f"{path}: it is no {kind}{f' but a {found}' if found else ''};"
            " check the path, or whether a download of it failed; a result is made again when it is"
            " deleted."
        )


def unreadable(path: str | Path, error: BaseException, kind: str = "file") -> InputError:
    """Return the sentence for a ``kind`` of file that can't be read, by what the system said."""
    number, words = system_number(error), " ".join(str(error).split())
    for pattern, reason in SAID_BY_HDF5.items():
        if re.search(pattern, words):
            return InputError(f"{path}: {reason}.")
    if number == errno.ENOENT and Path(path).is_symlink():
        target = Path(path).readlink()
        return InputError(f"{path}: it is a link to {target}, which is not there; mend the link.")
    if number in READING:
        reason = READING[number].format(words=os.strerror(number))
        return InputError(f"{path}: {reason}.")
    if number is not None:
        return InputError(f"{path}: it can't be read ({os.strerror(number)}); try again.")
    return InputError(f"{path}: this {kind} is cut short or damaged ({words}); {remedy(path)}.")


def unwritable(path: str | Path, number: int) -> InputError:
    """Return the sentence for a file that can't be written, by the system's number of the error."""
    words = os.strerror(number)
    reason = WRITING.get(number, "it can't be written to ({words}); " + ELSEWHERE)
    return InputError(f"{path}: {reason.format(words=words)}.")


def remedy(path: str | Path, own: str = "get it again from where it came from") -> str:
    """Return what helps against damage: results are made again, and a user's ``own`` files not."""
    if "results" in Path(path).parts:
        return "delete it and run Snakemake again to remake it"
    return own
