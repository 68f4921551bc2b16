"""starmass: what a gas map says about the star inside it."""

__version__ = "0.1.0"
