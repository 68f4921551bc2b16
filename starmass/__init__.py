"""starmass: what a gas map says about the star inside it."""

from starmass.caches import prepare_caches

__version__ = "0.1.0"

prepare_caches()  # before numba or matplotlib are imported
