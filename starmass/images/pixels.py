"""Pixels of images: PNG, JPEG and FITS files, or one array of all, as float32."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from starmass.errors import InputError
from starmass.files import check_readable, unreadable
from starmass.images.listing import FITS, PICTURES
from starmass.storage import read_hdf5

USUAL = {1: ("grey",), 3: ("red", "green", "blue")}
"""Names of channels by their number, where the config has none."""
MODES = {"1", "L", "P", "RGB", "RGBA", "LA", "I", "I;16", "I;16B", "I;16L", "F"}
DEEP_COLOUR = (2, 4, 6)
"""Colour types of PNG, true colour and those with opacity, of which Pillow keeps 8 bits."""
EXIF_ORIENTATION = 0x0112
"""Tag of a number that is above 1 where viewers turn or mirror a picture."""
PACKED = ("scale_factor", "add_offset")
"""Attributes by which netCDF says that values are to be scaled."""
MOST = 2**24
"""Up to here single precision holds every whole number."""


class Images(Protocol):
    """Images that were opened: ``len()``, and ``[index]`` gives [channel, y, x] as stored."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...

    def where(self, index: int) -> str:
        """Name an image in a sentence."""

    def parts(self, index: int) -> list[str]:
        """Return the names of the images that one file holds; of others than FITS none."""


class ArrayImages:
    """All images in one array.

    Parameters
    ----------
    path : HDF5 file, or ``.npy``
    name : of the set
    dataset : of an HDF5 file; the only array of three or four dimensions when left out

    Raises
    ------
    InputError
        when the file can't be read, lacks the array, or it has another shape or no numbers
    """

    def __init__(self, path: str | Path, name: str, dataset: str | None = None):
        self.path, self.key = str(path), f"images.{name}"
        if self.path.lower().endswith(".npy"):
            self.values: Any = self._open_npy()
            self.array = self.path
        else:
            self.file = read_hdf5(path)
            self.values = self._open_dataset(dataset)
            self.array = f"{self.path}: dataset {self.values.name}"
        if self.values.ndim not in (3, 4):
            raise InputError(
                f"{self.array}: its shape is {self.values.shape}; images are [row, channel, y, x]"
                " or [row, y, x]."
            )
        if self.values.dtype.kind not in "biuf":
            raise InputError(
                f"{self.array}: its values are of type {self.values.dtype}; pixels are numbers."
            )

    def _open_npy(self) -> np.ndarray:
        check_readable(self.path)
        try:
            found = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise unreadable(self.path, error, "array") from error
        return found

    def _open_dataset(self, dataset: str | None) -> h5py.Dataset:
        arrays: list[str] = []
        self.file.visititems(
            lambda name, one: arrays.append(name) if getattr(one, "ndim", 0) in (3, 4) else None
        )
        if dataset is None and len(arrays) != 1:
            listed = f"; choose one of {', '.join(arrays)}" if arrays else ""
            raise InputError(
                f"{self.path}: it holds {len(arrays) or 'no'} arrays of three or four"
                f" dimensions{listed} by {self.key}.dataset."
            )
        wanted = dataset or arrays[0]
        if not isinstance(self.file.get(wanted), h5py.Dataset):
            raise InputError(
                f"{self.path}: there is no dataset {wanted!r}, which {self.key}.dataset names;"
                f" arrays: {', '.join(arrays) or 'none'}."
            )
        found = self.file[wanted]
        packed = [name for name in PACKED if name in found.attrs]
        if packed:
            raise InputError(
                f"{self.path}: dataset {wanted!r} is packed ({packed[0]} ="
                f" {found.attrs[packed[0]]}); write its unpacked values."
            )
        return found

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> np.ndarray:
        try:
            found = np.asarray(self.values[index])
        except OSError as error:
            raise unreadable(self.path, error, "array") from error
        return found if found.ndim == 3 else found[None]

    def where(self, index: int) -> str:
        """Name an image in a sentence."""
        return f"{self.array}, row {index}"

    def parts(self, index: int) -> list[str]:
        """Return no names."""
        return []


class FolderImages:
    """Images in a file each: PNG, JPEG, or FITS.

    Parameters
    ----------
    paths : of the files
    units : of the channels that the config names, by name and in order; empty where not said
    """

    def __init__(self, paths: Sequence[str | Path], units: Mapping[str, str] | None = None):
        self.paths = [str(path) for path in paths]
        self.channels, self.units = list(units or ()), list((units or {}).values())
        self.bits: dict[int, str] = {}
        """A picture of each depth that was read."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        path = self.paths[index]
        check_readable(path)
        name = path.lower()
        if not name.endswith((*PICTURES, *FITS)):
            raise InputError(
                f"{path}: images are PNG, JPEG or FITS files, by the end of their name"
                f" ({', '.join((*PICTURES, *FITS))}); convert it."
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a file is cut short is an error below
                found, written = (
                    (_read_picture(path), []) if name.endswith(PICTURES) else _read_fits(path)
                )
                self._check_units(path, written)
        except InputError:
            raise
        except Exception as error:  # libraries raise what the damage happens to lead to
            raise unreadable(path, error, "image") from error
        if name.endswith(PICTURES):
            self._check_depth(path, 8 * min(found.dtype.itemsize, 2))
        return found

    def _check_units(self, path: str, written: Sequence[str]) -> None:
        """Refuse planes in another unit than the channel's, or than those of the files before.

        Parameters
        ----------
        written : BUNIT of each plane; what is no unit says nothing
        """
        from starmass.unit_names import parse_unit, same_unit  # astropy is slow to import

        self.units += [""] * (len(written) - len(self.units))
        for at, text in enumerate(written):
            known, said = parse_unit(self.units[at]), parse_unit(text)
            if said is None or "H" in map(str, said.bases):  # H2 cm-2 has no henry
                continue
            if known is None:
                self.units[at] = self.units[at] or text
            elif not same_unit(said, known):
                channel = f"channel {self.channels[at]}" if self.channels[at:] else "set"
                raise InputError(
                    f"{path}: it holds values in {text} (BUNIT), and the {channel} is in"
                    f" {self.units[at]}; convert them, or mend BUNIT."
                )

    def _check_depth(self, path: str, bits: int) -> None:
        """Refuse pictures of 8 and of 16 bits in one set: white is 255 in one, 65535 in another."""
        self.bits.setdefault(bits, path)
        for other, first in self.bits.items():
            if other != bits:
                raise InputError(
                    f"{path}: its pixels have {bits} bits, and those of {first} have {other}, so"
                    " that the same grey is another number; write all with as many."
                )

    def where(self, index: int) -> str:
        """Name an image in a sentence."""
        return self.paths[index]

    def parts(self, index: int) -> list[str]:
        """Return the names of the images of a FITS file, and no names for other files."""
        path = self.paths[index]
        return [] if path.lower().endswith(PICTURES) else [hdu.name for hdu in _image_hdus(path)]


def _read_picture(path: str) -> np.ndarray:
    """Return a PNG or JPEG file as [channel, y, x]; colour that is grey is one channel."""
    from PIL import Image

    with open(path, "rb") as stream:
        start = stream.read(26)
    if start[:4] == b"\x89PNG" and start[24] == 16 and start[25] in DEEP_COLOUR:
        raise InputError(
            f"{path}: of 16 bits a colour, 8 would be read; write the images as grey without"
            " opacity, as FITS files or as one HDF5 file."
        )
    with Image.open(path) as picture:
        if picture.getexif().get(EXIF_ORIENTATION, 1) > 1:
            raise InputError(
                f"{path}: its EXIF data say that it is shown turned or mirrored, so that boxes and"
                " what is seen differ from its pixels; write it upright, without EXIF data."
            )
        if picture.mode not in MODES:
            raise InputError(
                f"{path}: its colours are {picture.mode}; convert it to grey (L) or RGB."
            )
        clear = picture.info.get("transparency")  # the colour that is not shown
        kinds = {"P": "RGBA"} if clear is None else {"P": "RGBA", "L": "LA", "RGB": "RGBA"}
        plain = {"1": "L", **kinds}.get(picture.mode, picture.mode)
        values = np.asarray(picture if plain == picture.mode else picture.convert(plain))
    if values.ndim == 2:
        _check_opaque(path, clear is None or bool((values != clear).all()))
        return values[None]
    planes = values.transpose(2, 0, 1)
    if len(planes) in (2, 4):  # the last one is opacity
        _check_opaque(path, bool((planes[-1] == 255).all()))
        planes = planes[:-1]
    return planes


def _check_opaque(path: str, opaque: bool) -> None:
    if not opaque:
        raise InputError(
            f"{path}: parts of it are transparent, whose colour is not known; put it on a"
            " background."
        )


def _image_hdus(path: str) -> Iterator[Any]:
    """Yield the HDUs of a FITS file that hold an image."""
    from astropy.io import fits

    with fits.open(path, memmap=False) as hdus:
        yield from (hdu for hdu in hdus if hdu.is_image and hdu.data is not None)


def _read_fits(path: str) -> tuple[np.ndarray, list[str]]:
    """Return a FITS file as [channel, y, x]: the planes of a cube, or of several images.

    Beside them is the unit of each, as it is written.
    """
    planes: list[np.ndarray] = []
    written: list[str] = []
    for hdu in _image_hdus(path):
        data = np.squeeze(np.asarray(hdu.data))
        if data.ndim not in (2, 3):
            raise InputError(
                f"{path}: an image of it has shape {hdu.data.shape}; give images (y, x) or"
                " cubes (channel, y, x)."
            )
        planes += [data] if data.ndim == 2 else list(data)
        unit = str(hdu.header.get("BUNIT") or "").strip()
        written += [unit] * (len(planes) - len(written))
    if not planes:
        raise InputError(f"{path}: it holds no image; check the file.")
    shapes = sorted({plane.shape for plane in planes})
    if len(shapes) > 1:
        raise InputError(
            f"{path}: its images have {shapes[0]} and {shapes[1]} pixels (y, x); channels are of"
            " one size."
        )
    return np.stack(planes), written


class Reader:
    """Images as they are written to a file of maps: checked, and of one size.

    Parameters
    ----------
    images : opened
    name : of the set
    channels : names, or None for the usual ones of this number
    size : side that images are brought to [pixels]; None where all have it

    Raises
    ------
    InputError
        when there are none, or the first does not have the channels or is not square
    """

    def __init__(self, images: Images, name: str, channels: Sequence[str] | None, size: int | None):
        self.images, self.key, self.size = images, f"images.{name}", size
        self.squares: set[int] = set()
        """Sides of the squares that were cut out and brought to the size [pixels]."""
        self.cut = False
        if not len(images):
            raise InputError(f"config key '{self.key}': there are no images; give some.")
        first = images[0]
        self.channels = tuple(channels) if channels else self._usual(first)
        self.first_shape = first.shape[1:]
        self.pixels = self[0].shape[-1]

    def _usual(self, first: np.ndarray) -> tuple[str, ...]:
        parts = self.images.parts(0)
        if len(parts) > 1:  # weights and masks beside an image are no colours of it
            raise InputError(
                f"{self.images.where(0)}: it holds {len(parts)} images ({', '.join(parts)}); name"
                f" them by {self.key}.channels, or write files of the one that is wanted."
            )
        if len(first) not in USUAL:
            raise InputError(
                f"{self.images.where(0)}: it has {len(first)} channels; name them by"
                f" {self.key}.channels."
            )
        return USUAL[len(first)]

    def __getitem__(self, index: int) -> np.ndarray:
        """Return an image, float32 [channel, y, x]."""
        values = self._channels(index, self.images[index])
        if 0 in values.shape:
            raise InputError(f"{self.images.where(index)}: the image is empty.")
        if values.dtype.kind in "iu":
            large = (values > MOST) | (values < -MOST)
            if large.any():
                raise self._unusable(index, values, large)
        with np.errstate(over="ignore"):
            single = values.astype(np.float32)
        wrong = ~np.isfinite(single)
        if wrong.any():
            raise self._unusable(index, values, wrong)
        return self._sized(index, single)

    def _channels(self, index: int, values: np.ndarray) -> np.ndarray:
        wanted = len(self.channels)
        if len(values) == 3 and wanted == 1 and (values == values[0]).all():
            return values[:1]  # grey that was stored as colour
        if len(values) == 1 and self.channels == USUAL[3]:
            return np.repeat(values, 3, axis=0)  # a grey one among colour images
        if len(values) != wanted:
            last = values.shape[-1] == wanted and values.ndim == 3
            hint = "the channels seem to be last, and belong behind the row" if last else "mend"
            raise InputError(
                f"{self.images.where(index)}: it has {len(values)} channels, and {self.key} has"
                f" {wanted} ({', '.join(self.channels)}); "
                + (f"{hint}." if last else f"{hint} {self.key}.channels, or the image.")
            )
        return values

    def _unusable(self, index: int, values: np.ndarray, wrong: np.ndarray) -> InputError:
        channel, y, x = (int(place) for place in np.argwhere(wrong)[0])
        value, others = values[channel, y, x], int(wrong.sum()) - 1
        lost = "missing (NaN)" if np.isnan(value) else value
        what = (
            f"is {value}, and whole numbers beyond {MOST} are rounded in single precision; use"
            " another unit, or write the images as floating point"
            if values.dtype.kind in "iu"
            else f"is {value:g}, more than single precision holds; use another unit"
            if np.isfinite(value)
            else f"is {lost}; fill it in, or take the image and its line of labels away"
        )
        return InputError(
            f"{self.images.where(index)}: the pixel (y {y}, x {x}) of channel"
            f" {self.channels[channel]}{f' (and {others} more)' if others else ''} {what}."
        )

    def _sized(self, index: int, values: np.ndarray) -> np.ndarray:
        rows, columns = values.shape[1:]
        if self.size is None:
            if rows != columns:
                raise InputError(
                    f"{self.images.where(index)}: it has {columns} x {rows} pixels, and maps are"
                    f" square; set {self.key}.size, the side [pixels] that the largest middle"
                    " square is brought to."
                )
            if (rows, columns) != self.first_shape:
                raise InputError(
                    f"{self.images.where(index)}: it has {columns} x {rows} pixels, and"
                    f" {self.images.where(0)} has {self.first_shape[1]} x {self.first_shape[0]};"
                    f" set {self.key}.size, the side [pixels] that all are brought to."
                )
            return values
        side = min(rows, columns)
        self.squares.add(side)
        self.cut |= rows != columns
        top, left = (rows - side) // 2, (columns - side) // 2
        return resize(values[:, top : top + side, left : left + side], self.size)


def resize(values: np.ndarray, size: int) -> np.ndarray:
    """Bring square images to another size: pixels are averaged, or drawn apart linearly.

    Parameters
    ----------
    values : float32 [channel, y, x]
    size : side that comes out [pixels]
    """
    from PIL import Image

    if values.shape[-1] == size:
        return values
    way = Image.Resampling.BOX if size < values.shape[-1] else Image.Resampling.BILINEAR
    return np.stack(
        [
            np.asarray(Image.fromarray(np.ascontiguousarray(one)).resize((size, size), way))
            for one in values
        ]
    )


def open_set(
    paths: Sequence[str | Path], name: str, dataset: str | None, folder: bool,
    units: Mapping[str, str] | None = None,
) -> Images:  # fmt: skip
    """Open the images of a set: a file each in a ``folder``, or one array of all.

    ``units`` are those of :class:`FolderImages`.
    """
    return FolderImages(paths, units) if folder else ArrayImages(paths[0], name, dataset)
