"""starmass: what a gas map says about the star inside it."""

from typing import Any

from starmass.caches import prepare_caches

__version__ = "0.1.0"

prepare_caches()  # before numba or matplotlib are imported


def __getattr__(name: str) -> Any:
    """Return ``load_encoder``, which imports torch, when it is asked for."""
    if name == "load_encoder":
        from starmass.encoders import load_encoder

        return load_encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
