"""Encoders that come with starmass: safetensors files, a card for each, and their checksums.

``sha256sum -c SHA256SUMS`` in this folder checks the files too.
"""

import hashlib
from functools import cache
from pathlib import Path

from starmass.errors import InputError, closest

FOLDER = Path(__file__).resolve().parent
ENDING = ".safetensors"


def shipped_encoders() -> dict[str, str]:
    """Return the name of each encoder with the SHA-256 of its file."""
    lines = (line.split() for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    return {name.removesuffix(ENDING): checksum for checksum, name in lines}


def unknown_encoder(name: str) -> str | None:
    """Return a sentence's words where no encoder of this name comes with starmass, or None."""
    known = shipped_encoders()
    if name in known:
        return None
    listed = ", ".join(known)
    return f"no encoder {name!r} comes with starmass{closest(name, known)}; choose from {listed}"


@cache  # of a file that does not change, which is read several times in a run
def shipped_file(name: str) -> Path:
    """Return the file of an encoder that comes with starmass.

    Raises
    ------
    InputError
        where there is no such encoder, or the file is not the one that was shipped
    """
    if problem := unknown_encoder(name):
        raise InputError(f"{problem}.")
    path = FOLDER / f"{name}{ENDING}"
    if (
        not path.is_file()
        or hashlib.sha256(path.read_bytes()).hexdigest() != shipped_encoders()[name]
    ):
        raise InputError(
            f"{path}: is missing, or not the file that came with starmass; install starmass again."
        )
    return path
