"""Shards: fractal images in HDF5 files, one image a chunk, each with a checksum.

They are written whole and read in any order.

Reading needs h5py, hdf5plugin (for the compression) and numpy alone, so that a machine for training
can do it.
"""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from starmass.errors import InputError, closest
from starmass.files import remedy, system_number, unreadable
from starmass.fractals.colours import paint_batch, paint_colour
from starmass.storage import create_hdf5, read_hdf5, write_dataset

PLANES = {
    "images": "brightness, 0 to 255",
    "shades": "place of each pixel along the image's palette, 0 to 31",
}
COMPRESSIONS = ("zstd", "gzip", "none")
FORMAT = "starmass fractals 1"
FACTS_A_CHUNK = 256
BLOSC = 32001  # HDF5's registered number of the filter that hdf5plugin brings
MOST_OPEN = 200  # files that one process keeps open


class Generator(Protocol):
    """What makes images: ``facts`` maps the name of each kept fact to its (unit, description)."""

    facts: Mapping[str, tuple[str, str]]
    options: Any
    """A model of :mod:`starmass.config.fractals`."""

    def render(self, seed: int, index: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the planes (see PLANES) and the facts of image ``index`` of ``seed``."""


def import_hdf5plugin() -> Any:
    """Return hdf5plugin, which registers zstd with HDF5.

    An :class:`InputError` is raised where it isn't installed.
    """
    try:
        import hdf5plugin
    except ImportError as error:
        raise InputError(
            "hdf5plugin is not installed here and the fractal shards are compressed with zstd; "
            "pip install hdf5plugin, or render them with compression: gzip."
        ) from error
    return hdf5plugin


def _filters(compression: str) -> Mapping[str, Any]:
    """Options of h5py's create_dataset: level 1, without shuffling, which does not help images."""
    if compression not in COMPRESSIONS:
        raise InputError(
            f"compression: there is no {compression!r}{closest(compression, COMPRESSIONS)}; choose"
            f" {', '.join(COMPRESSIONS)}."
        )
    if compression == "zstd":
        plugin = import_hdf5plugin()
        return plugin.Blosc(cname="zstd", clevel=1, shuffle=plugin.Blosc.NOSHUFFLE)
    return {"compression": "gzip", "compression_opts": 1} if compression == "gzip" else {}


def write_shard(
    path: str | Path,
    rendered: Iterable[tuple[dict[str, np.ndarray], dict[str, Any]]],
    *,
    indices: range,
    facts: Mapping[str, tuple[str, str]],
    attributes: Mapping[str, Any],
    compression: str = "zstd",
    sums: Callable[[Mapping[str, np.ndarray]], Mapping[str, int]] = lambda facts: {},
) -> dict[str, np.ndarray]:
    """Write images and their facts, in order, to a new shard.

    Parameters
    ----------
    path : HDF5 file; there only when it is whole
    rendered : planes and facts of each image, in the order of ``indices``
    indices : index of each image in the whole set
    facts : (unit, description) of each fact
    attributes : attributes of the file (provenance, generator, ...)
    compression : ``zstd``, ``gzip`` or ``none``
    sums : what to keep of all facts together, as further attributes

    Returns
    -------
    The facts, one array each, first axis the image.
    """
    filters = _filters(compression)
    with create_hdf5(path) as file:
        kept: dict[str, list[Any]] = {name: [] for name in facts}
        checksums = np.zeros(len(indices), np.uint32)
        for row, (planes, values) in enumerate(rendered):
            if row == 0:
                for name, plane in planes.items():
                    dataset = file.create_dataset(
                        name,
                        (len(indices), *plane.shape),
                        np.uint8,
                        chunks=(1, *plane.shape),
                        **filters,
                    )
                    dataset.attrs["unit"], dataset.attrs["description"] = "", PLANES[name]
            for name, plane in planes.items():
                file[name][row] = plane
            checksums[row] = _checksum(planes)
            for name in facts:
                kept[name].append(values[name])
        arrays = {
            name: np.stack([np.asarray(value) for value in values]) for name, values in kept.items()
        }
        write_dataset(
            file,
            "index",
            np.arange(indices.start, indices.stop, dtype=np.int64),
            unit="",
            description="index in the set",
        )
        write_dataset(
            file,
            "checksum",
            checksums,
            unit="",
            description="CRC-32 of the planes' bytes, images then shades",
        )
        for name, (unit, description) in facts.items():
            shape = arrays[name].shape
            chunks = (min(FACTS_A_CHUNK, shape[0]), *shape[1:])
            write_dataset(
                file,
                name,
                arrays[name],
                unit=unit,
                description=description,
                chunks=chunks,
                **filters,
            )
        file.attrs["format"] = FORMAT
        for name, value in {**attributes, **sums(arrays)}.items():
            file.attrs[name] = value
        file.attrs["digest"] = _digest(file)
    return arrays


def _checksum(planes: Mapping[str, np.ndarray]) -> int:
    total = 0
    for plane in planes.values():
        total = zlib.crc32(np.ascontiguousarray(plane).data, total)
    return total


def _digest(file: h5py.File) -> str:
    """SHA-256 of everything about the images but their pixels.

    Pixels are covered by the checksums in it.
    """
    digest = hashlib.sha256()
    for name in sorted(file):
        if name not in PLANES:
            digest.update(f"{name} {file[name].dtype.str} {file[name].shape}".encode())
            digest.update(np.ascontiguousarray(file[name][()]).data)
    return digest.hexdigest()


class Shard:
    """An open shard.

    Parameters
    ----------
    path : HDF5 file
    check : compare the digest of all facts with the one written with them; each image's checksum is
        checked at each reading

    Raises
    ------
    InputError : the file is missing, forbidden, locked, truncated, altered, of another version or
        no shard; the message names it
    """

    def __init__(self, path: str | Path, *, check: bool = True):
        self.path = Path(path)
        self.file = read_hdf5(self.path)
        found = str(self.file.attrs.get("format", ""))
        if found != FORMAT or "images" not in self.file:
            self.file.close()
            if found != FORMAT and found.startswith(FORMAT.rstrip("0123456789")):
                raise InputError(
                    f"{path}: another version of starmass wrote it ({found!r}, and this one reads"
                    f" {FORMAT!r}); {remedy(path)}."
                )
            raise InputError(
                f"{path}: this is no shard of fractal images; give the shards that the rule"
                " render_fractals wrote."
            )
        self._planes = {name: self.file[name] for name in PLANES if name in self.file}
        if self._planes["images"].id.get_create_plist().get_filter_by_id(BLOSC):
            import_hdf5plugin()
        try:
            intact = not check or _digest(self.file) == self.file.attrs["digest"]
            self.checksums = self.file["checksum"][()]
            self.palettes = self.file["palette"][()] if "shades" in self.file else None
            self.index = self.file["index"][()]
        except OSError as error:
            raise self._unread("its facts", error) from error
        except KeyError as error:
            raise self._broken(str(error)) from error
        if not intact:
            raise self._broken("its digest differs from the one written with it")

    def __len__(self) -> int:
        return len(self.checksums)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an image: rows, columns, channels."""
        return (*self._planes["images"].shape[1:], 1 if self.palettes is None else 3)

    def planes(self, row: int) -> dict[str, np.ndarray]:
        """Return the planes of an image; its checksum is compared with the one written with it."""
        try:
            planes = {name: dataset[row] for name, dataset in self._planes.items()}
        except OSError as error:
            raise self._unread(f"image {self.index[row]}", error) from error
        if _checksum(planes) != self.checksums[row]:
            raise self._broken(f"image {self.index[row]} differs from its checksum")
        return planes

    def image(self, row: int) -> np.ndarray:
        """Return an image, uint8 [row, column, channel]: 3 channels in colour, 1 in grey."""
        planes = self.planes(row)
        if self.palettes is None:
            return planes["images"][:, :, None]
        return paint_colour(planes["images"], planes["shades"], self.palettes[row])

    def _unread(self, what: str, error: OSError) -> InputError:
        if system_number(error) is None:
            return self._broken(f"{what} can't be read ({error})")
        return unreadable(self.path, error)

    def _broken(self, what: str) -> InputError:
        return InputError(
            f"{self.path}: {what}; the shard was truncated or altered, delete it and render it"
            " again."
        )


class FractalImages:
    """All images of some shards, in the order of their index.

    It is a map-style dataset for torch's DataLoader, without torch.

    Shards are opened when first read, in each worker process anew: an HDF5 handle must not cross a
    fork.

    Parameters
    ----------
    paths : shards of one set, in any order

    Raises
    ------
    InputError : no shards, a broken shard, an image in two shards, or shards of different sizes;
        the message names the file
    """

    def __init__(self, paths: Iterable[str | Path]):
        self.paths = [Path(path) for path in paths]
        if not self.paths:
            raise InputError(
                "fractal images: no shards are given; name at least one file"
                " results/fractals/<images>/shard-*.h5."
            )
        self._open: dict[int, Shard] = {}
        self._process = os.getpid()
        indices, shapes = [], []
        for path in self.paths:
            shard = Shard(path)
            indices.append(shard.index)
            shapes.append(shard.shape)
            shard.file.close()
            if shapes[-1] != shapes[0]:
                raise InputError(
                    f"{path}: images of {shapes[-1]} beside others of {shapes[0]}; give the shards"
                    " of one set."
                )
        self.shape: tuple[int, ...] = shapes[0]
        everything = np.concatenate(indices)
        order = np.argsort(everything, kind="stable")
        self.indices = everything[order]
        shards = np.repeat(np.arange(len(indices)), [len(index) for index in indices])[order]
        rows = np.concatenate([np.arange(len(index)) for index in indices])[order]
        twice = np.flatnonzero(self.indices[1:] == self.indices[:-1])
        if len(twice):
            first, second = (self.paths[number] for number in shards[twice[0] : twice[0] + 2])
            raise InputError(
                f"{second}: image {self.indices[twice[0]]} is in {first} too; give each shard of"
                " one set once."
            )
        self._where = np.stack([shards, rows], axis=1)

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, item: int) -> np.ndarray:
        """Return image number ``item`` in the order of indices, uint8 [row, column, channel].

        It has 3 channels or 1.
        """
        shard, row = self._find(item)
        return shard.image(row)

    def planes(self, item: int) -> dict[str, np.ndarray]:
        """Return the same image unpainted: its planes and, in colour, its ``palette``."""
        shard, row = self._find(item)
        planes = shard.planes(row)
        return planes if shard.palettes is None else {**planes, "palette": shard.palettes[row]}

    def _find(self, item: int) -> tuple[Shard, int]:
        number, row = self._where[item]
        return self._shard(int(number)), int(row)

    def _shard(self, number: int) -> Shard:
        if self._process != os.getpid():
            self._open, self._process = {}, os.getpid()
        if number not in self._open:
            if len(self._open) == MOST_OPEN:
                self._open.pop(next(iter(self._open))).file.close()
            self._open[number] = Shard(self.paths[number], check=False)
        return self._open[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}


class FractalPlanes:
    """The images of a set unpainted, for a loader that paints whole batches at once.

    That is efficient on the training device.

    A third less passes from worker to trainer, and no worker paints. ``DataLoader`` stacks the
    dictionaries, and :meth:`paint` makes of each batch what :class:`FractalImages` would have
    given.
    """

    def __init__(self, images: FractalImages):
        self.images, self.shape = images, images.shape

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, item: int) -> dict[str, np.ndarray]:
        """Return the planes and the palette of image number ``item``."""
        return self.images.planes(item)

    @staticmethod
    def paint(images: Any, shades: Any = None, palette: Any = None) -> Any:
        """Return the images, uint8 tensor [image, row, column, channel], of a batch of planes.

        They are painted on the device that holds the planes.
        """
        return images[..., None] if shades is None else paint_batch(images, shades, palette)


class SeededOrder:
    """Numbers from 0 to ``count`` - 1 in an order that ``seed`` and ``epoch`` alone decide.

    It is a sampler for torch's DataLoader.

    The order is drawn where batches are put together, so it's the same for any number of workers.
    Each of ``ranks`` takes every ``ranks``-th number, from its own ``rank`` on.
    """

    def __init__(self, count: int, *, seed: int, epoch: int = 0, rank: int = 0, ranks: int = 1):
        # Raw bits, sorted: no library's change of its shuffling changes the order.
        bits = np.random.PCG64(np.random.SeedSequence([seed, epoch])).random_raw(count)
        self.numbers = np.argsort(bits, kind="stable")[rank::ranks]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers.tolist())


def iterate_images(paths: Iterable[str | Path]) -> Iterator[np.ndarray]:
    """Yield all images of some shards in the order of their index."""
    images = FractalImages(paths)
    for number in range(len(images)):
        yield images[number]
