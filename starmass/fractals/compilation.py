"""How the generator's kernels are compiled: by numba, with strict arithmetic.

Their cache can be shared by the jobs of a cluster.
"""

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
    """Folder of a file's compiled kernels, one for each code and processor.

    It is in ``NUMBA_CACHE_DIR`` or ``~/.cache/starmass/numba``.

    numba notices a change in the file of a kernel, and not one in a file whose kernels it calls:
    the name carries a digest of all code that the file reaches. It also carries the processor,
    because numba numbers its files without it and two kinds of node that write at once into one
    folder could run each other's machine code.
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


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` when it is first called.

    It runs without the GIL, with IEEE arithmetic in the order written and divisions that never
    raise.

    Strict arithmetic is what makes an image the same bytes on every x86-64 processor; reassociation
    and fused multiply-adds (``fastmath``) differ between them and gain nothing here.
    """
    return _compile(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function that is inlined in every loop that uses it.

    A call inside would keep a loop scalar.
    """
    return _compile(function, forceinline=True)


def inlined_for(*arguments: tuple[Any, ...]) -> Callable[[Callable[..., Any]], Any]:
    """Compile an inlined function for several types of arguments, at its definition.

    The order is then the same in all processes. numba numbers the files of a function's types in
    the order in which they were first asked for: two processes that begin with different ones at
    the same moment would name two codes by one number.
    """
    return lambda function: _compile(function, arguments, forceinline=True)


def taking_kernels(function: Callable[..., Any]) -> Any:
    """Compile a function that takes kernels as arguments, once for each, as a part of its callers.

    The code of a caller on the disk has it inside. It has no file of its own: numba would name its
    entries by kernels, and fails with "underlying object has vanished" when it lists those that
    another process made.
    """
    return _compile(function, cache=False)


def _compile(
    function: Callable[..., Any], arguments: tuple[tuple[Any, ...], ...] = (), **options: Any
) -> Any:
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(cache_folder(function.__code__.co_filename))
    try:
        arithmetic: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}
        options = {"cache": True} | arithmetic | options
        return numba.njit(list(arguments) or None, **options)(function)
    finally:
        settings.CACHE_DIR = before
