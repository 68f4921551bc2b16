"""Small sets of images for the tests."""

import csv
from pathlib import Path

import h5py
import numpy as np
from PIL import Image


def write_labels(path, rows, names=("file", "mass_msun")):
    """Write a CSV file; return its path."""
    with open(path, "w", newline="") as stream:
        csv.writer(stream).writerows([names, *rows])
    return Path(path)


def write_png(path, values):
    """Write uint8 [row, column] or [row, column, colour] as PNG; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values)).save(path)
    return path


def write_array(path, values, name="maps"):
    """Write one HDF5 file of all images."""
    with h5py.File(path, "w") as file:
        file[name] = values
    return path


def noise(*shape, seed=0):
    """Return random uint8 pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
