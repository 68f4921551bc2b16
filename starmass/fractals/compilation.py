"""How the generator's kernels are compiled: with strict arithmetic."""

from collections.abc import Callable
from typing import Any

from starmass.compilation import compiled

ARITHMETIC: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` when it is first called.

    It runs without the GIL, with IEEE arithmetic in the order written and divisions that never
    raise.

    Strict arithmetic is what makes an image the same bytes on every x86-64 processor; reassociation
    and fused multiply-adds (``fastmath``) differ between them and gain nothing here.
    """
    return compiled(**ARITHMETIC)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function that is inlined in every loop that uses it.

    A call inside would keep a loop scalar.
    """
    return compiled(forceinline=True, **ARITHMETIC)(function)


def inlined_for(*arguments: tuple[Any, ...]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate an inlined function that is compiled for several types at its definition."""
    return compiled(*arguments, forceinline=True, **ARITHMETIC)


def taking_kernels(function: Callable[..., Any]) -> Any:
    """Compile a function that takes kernels as arguments, once for each."""
    return compiled(kept=False, **ARITHMETIC)(function)
