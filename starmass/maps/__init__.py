"""Dumps to maps: simulation output to column density, velocity and dispersion about each sink."""
