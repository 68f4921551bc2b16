"""Training maps as images to learn from.

They are in one file (``images`` float [map, channel, row, column] in 0..1, ``log10_mass`` or
``label``, ``protostar``) that holds the training maps of a split and no others; or the images of a
set, in one file of ``images`` alone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from starmass.errors import InputError
from starmass.storage import open_hdf5, read_hdf5


class MapImages:
    """Maps as images to learn from, without labels.

    ``len()`` and ``[index] -> uint8 (H, W, C)``.

    Parameters
    ----------
    path : HDF5 file with ``images`` float [map, channel, row, column] in 0..1
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        opened = open_hdf5 if is_image_set(self.path) else training_maps_opened
        with opened(self.path) as file:
            count, channels, rows, columns = file["images"].shape
        self.shape: tuple[int, ...] = (rows, columns, channels)
        self._count = count
        self._file: h5py.File | None = None
        self._process = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:
        # An HDF5 handle must not cross a fork.
        if self._file is None or self._process != os.getpid():
            self._file, self._process = read_hdf5(self.path), os.getpid()
        image = self._file["images"][index].transpose(1, 2, 0)
        return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def is_image_set(path: str | Path) -> bool:
    """Whether a file holds the images of a set, which have no labels."""
    with open_hdf5(path) as file:
        return "labels" in file.attrs and "images" in file


@contextmanager
def training_maps_opened(path: str | Path) -> Iterator[h5py.File]:
    """Open a file of training maps, or raise InputError where it is another one."""
    with open_hdf5(path) as file:
        labelled = "log10_mass" in file or "label" in file
        if "images" not in file or "protostar" not in file or not labelled:
            raise InputError(
                f"{path}: holds no training maps (images, log10_mass or label, protostar), which"
                " the rule gather_training_maps writes."
            )
        yield file
