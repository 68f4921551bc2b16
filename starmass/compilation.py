"""Compile loops with numba, and keep their machine code where jobs of a cluster can share it."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba

from starmass.caches import kernel_folder
from starmass.provenance import code_digest


@cache
def cache_folder(file: str) -> Path:
    """Folder of a file's compiled functions, one for each code and processor.

    It is in ``NUMBA_CACHE_DIR`` or ``~/.cache/starmass/numba``.

    numba notices a change in the file of a function, and not one in a file whose functions it
    calls: the name carries a digest of all code that the file reaches. It also carries the
    processor, because numba numbers its files without it and two kinds of node that write at once
    into one folder could run each other's machine code.
    """
    code = hashlib.sha256(f"{numba.__version__} {code_digest(file)}".encode())
    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    target = (
        f"{name or llvm.get_host_cpu_name()}"
        f" {llvm.get_host_cpu_features().flatten() if features is None else features}"
    )
    processor = hashlib.sha256(target.encode())
    return (
        kernel_folder() / f"{Path(file).stem}-{code.hexdigest()[:12]}-{processor.hexdigest()[:12]}"
    )


def compiled(
    *arguments: tuple[Any, ...], kept: bool = True, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a function that numba compiles when it is first called.

    Parameters
    ----------
    arguments : types of its arguments, if it is compiled for these at its definition; the order is
        then the same in all processes. numba numbers the files of a function's types in the order
        in which they were first asked for: two processes that begin with different ones at the
        same moment would name two codes by one number
    kept : whether its machine code has files of its own. A function that takes compiled functions
        must not: numba would list its types by functions of one process, and fails with
        "underlying object has vanished" when another process writes that list. Its code is within
        that of its callers
    options : of ``numba.njit``
    """

    def decorate(function: Callable[..., Any]) -> Any:
        settings: Any = numba.config
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(cache_folder(function.__code__.co_filename))
        try:
            return numba.njit(list(arguments) or None, cache=kept, **options)(function)
        finally:
            settings.CACHE_DIR = before

    return decorate
