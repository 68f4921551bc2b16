"""Pixels come out as they were stored, and what can't be used is one sentence."""

import h5py
import numpy as np
import pytest
from astropy.io import fits
from image_files import noise, write_array, write_png
from PIL import Image

from starmass.errors import InputError
from starmass.images.pixels import ArrayImages, FolderImages, Reader, resize


def reader(images, channels=None, size=None):
    return Reader(images, "mine", channels, size)


def test_png_and_jpeg_are_grey_or_colour(tmp_path):
    grey, colour = noise(8, 8), noise(8, 8, 3)
    first = reader(FolderImages([write_png(tmp_path / "grey.png", grey)]))
    assert first.channels == ("grey",) and first.pixels == 8
    assert first[0].dtype == np.float32 and (first[0][0] == grey).all()
    found = reader(FolderImages([write_png(tmp_path / "colour.PNG", colour)]))
    assert found.channels == ("red", "green", "blue")
    assert (found[0] == colour.transpose(2, 0, 1)).all()
    smooth = np.full((16, 16, 3), 200, np.uint8)
    path = write_png(tmp_path / "smooth.jpg", smooth)
    assert abs(reader(FolderImages([path]))[0] - 200).max() < 2
    deep = (noise(8, 8).astype(np.uint16) * 257).astype(np.uint16)
    assert (reader(FolderImages([write_png(tmp_path / "deep.png", deep)]))[0][0] == deep).all()


def test_grey_that_was_stored_as_colour_is_one_channel(tmp_path):
    grey = noise(8, 8)
    three = write_png(tmp_path / "three.png", np.stack([grey] * 3, axis=-1))
    one = write_png(tmp_path / "one.png", grey)
    assert (reader(FolderImages([three]), ["flux"])[0][0] == grey).all()
    colour = write_png(tmp_path / "colour.png", noise(8, 8, 3))
    both = reader(FolderImages([colour, one]))
    assert (both[1] == grey).all() and both[1].shape == (3, 8, 8)


def test_fits_planes_and_extensions_are_channels(tmp_path):
    planes = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    fits.writeto(tmp_path / "cube.fits", planes)
    parts = [fits.PrimaryHDU(), *(fits.ImageHDU(plane) for plane in planes)]
    fits.HDUList(parts).writeto(tmp_path / "parts.fits.gz")
    fits.writeto(tmp_path / "flat.fits", planes[None, :1])
    ugriz = tuple("ugriz")
    for name in ("cube.fits", "parts.fits.gz"):
        assert (reader(FolderImages([tmp_path / name]), ugriz)[0] == planes).all()
    assert (reader(FolderImages([tmp_path / "flat.fits"]))[0][0] == planes[0]).all()
    # Three planes of one image may be colours; an image, its weights and its mask are none.
    fits.writeto(tmp_path / "colours.fits", planes[:3])
    assert reader(FolderImages([tmp_path / "colours.fits"])).channels == ("red", "green", "blue")
    named = zip(planes, ("SCI", "WHT", "CTX"), strict=False)
    drizzled = [fits.PrimaryHDU(), *(fits.ImageHDU(plane, name=name) for plane, name in named)]
    fits.HDUList(drizzled).writeto(tmp_path / "drz.fits")
    with pytest.raises(InputError, match=r"drz\.fits: it holds 3 images \(SCI, WHT, CTX\); name"):
        reader(FolderImages([tmp_path / "drz.fits"]))
    assert (reader(FolderImages([tmp_path / "drz.fits"]), "abc")[0] == planes[:3]).all()


def test_arrays_are_row_channel_y_x(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 2, 8, 8))
    np.save(tmp_path / "a.npy", values)
    write_array(tmp_path / "a.h5", values, "data/maps")
    for name in ("a.npy", "a.h5"):
        found = reader(ArrayImages(tmp_path / name, "mine"), ["u", "g"])
        assert len(found.images) == 4 and (found[3] == values[3].astype(np.float32)).all()
    write_array(tmp_path / "b.h5", values[:, 0])
    assert reader(ArrayImages(tmp_path / "b.h5", "mine", "maps")).channels == ("grey",)


def test_other_sizes_are_brought_to_one(tmp_path):
    wide = write_png(tmp_path / "wide.png", noise(8, 12))
    large = write_png(tmp_path / "large.png", np.repeat(np.repeat(noise(4, 4), 4, 0), 4, 1))
    found = reader(FolderImages([wide, large]), size=4)
    assert found.pixels == 4 and (found[1][0] == noise(4, 4)).all()
    assert found[0].mean() == pytest.approx(noise(8, 12)[:, 2:10].mean(), rel=1e-5)
    values = np.random.default_rng(0).random((3, 8, 8), np.float32)
    assert resize(values, 8) is values and resize(values, 16).shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("shapes", "options", "words"),
    [
        ([(8, 8), (8, 9)], {}, "1.png: it has 9 x 8 pixels, and maps are square; set images.mine"),
        ([(8, 8), (9, 9)], {}, r"1.png: it has 9 x 9 pixels, and .*0.png has 8 x 8; set images"),
        ([(8, 8, 3)], {"channels": ["u", "g"]}, "has 3 channels, and images.mine has 2"),
        ([(8, 8, 3), (8, 8)], {"channels": "ugr"}, "1.png: it has 1 channels, and images.mine"),
    ],
)
def test_images_that_differ_are_refused(tmp_path, shapes, options, words):
    files = [write_png(tmp_path / f"{at}.png", noise(*one)) for at, one in enumerate(shapes)]
    with pytest.raises(InputError, match=words):
        found = reader(FolderImages(files), **options)
        for index in range(len(files)):
            found[index]


def test_what_is_no_image_is_named(tmp_path):
    good = write_png(tmp_path / "good.png", noise(8, 8, 3))
    for name in ("cut.png", "cut.jpg"):
        write_png(tmp_path / name, noise(64, 64, 3))
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    fits.writeto(tmp_path / "cut.fits", noise(64, 64))
    whole = (tmp_path / "cut.fits").read_bytes()
    (tmp_path / "cut.fits").write_bytes(whole[:4000])
    for name in ("empty.png", "empty.fits", "text.png", "text.fits"):
        (tmp_path / name).write_text("no image" if "text" in name else "")
    names = ["cut.png", "cut.jpg", "cut.fits", "empty.png", "empty.fits", "text.png", "text.fits"]
    for name in names:
        with pytest.raises(InputError, match=rf"{name}: this image is cut short or damaged"):
            reader(FolderImages([tmp_path / name]))
    (tmp_path / "a.tif").write_bytes(good.read_bytes())
    with pytest.raises(InputError, match=r"a\.tif: images are PNG, JPEG or FITS files"):
        reader(FolderImages([tmp_path / "a.tif"]))
    with pytest.raises(InputError, match=r"gone\.png: there is no such file"):
        reader(FolderImages([tmp_path / "gone.png"]))
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "none.fits")
    with pytest.raises(InputError, match=r"none\.fits: it holds no image"):
        reader(FolderImages([tmp_path / "none.fits"]))


def test_pictures_that_are_read_otherwise_than_shown_are_refused(tmp_path):
    opaque = np.dstack([noise(8, 8, 3), np.full((8, 8), 255, np.uint8)])
    found = reader(FolderImages([write_png(tmp_path / "opaque.png", opaque)]))
    assert (found[0] == opaque[..., :3].transpose(2, 0, 1)).all()
    clear = write_png(tmp_path / "clear.png", noise(8, 8, 4))
    with pytest.raises(InputError, match=r"clear\.png: parts of it are transparent"):
        reader(FolderImages([clear]))
    # One colour may stand for what is transparent, in place of an opacity of each pixel.
    for at, (values, colour) in enumerate(
        [
            (noise(8, 8), int(noise(8, 8)[0, 0])),
            (noise(8, 8, 3), tuple(map(int, noise(8, 8, 3)[0, 0]))),
            (noise(8, 8) * np.uint16(257), 257 * int(noise(8, 8)[0, 0])),
        ]
    ):
        path = tmp_path / f"colour-{at}.png"
        Image.fromarray(values).save(path, transparency=colour)
        with pytest.raises(InputError, match=r"colour-\d\.png: parts of it are transparent"):
            reader(FolderImages([path]))
    turned = Image.Exif()
    for way in (1, 6):
        turned[0x0112] = way
        Image.fromarray(noise(8, 8)).save(tmp_path / f"{way}.jpg", exif=turned)
    assert reader(FolderImages([tmp_path / "1.jpg"])).pixels == 8
    with pytest.raises(InputError, match=r"6\.jpg: its EXIF data say that it is shown turned or"):
        reader(FolderImages([tmp_path / "6.jpg"]))
    Image.fromarray(noise(8, 8, 4), "CMYK").save(tmp_path / "ink.jpg")
    with pytest.raises(InputError, match=r"ink\.jpg: its colours are CMYK"):
        reader(FolderImages([tmp_path / "ink.jpg"]))
    # Pillow writes neither colours of 16 bits, nor grey of 16 bits with an opacity.
    for values in (noise(8, 8, 3), noise(8, 8, 2)):
        deep = bytearray(write_png(tmp_path / "deep.png", values).read_bytes())
        deep[24] = 16
        (tmp_path / "deep.png").write_bytes(deep)
        with pytest.raises(InputError, match=r"deep\.png: of 16 bits a colour, 8 would be read"):
            reader(FolderImages([tmp_path / "deep.png"]))


def test_pictures_of_8_and_of_16_bits_are_no_set(tmp_path):
    grey = noise(8, 8)
    deep = write_png(tmp_path / "16.png", grey * np.uint16(257))
    files = [write_png(tmp_path / "8.png", grey), deep]
    for first, second in (files, files[::-1]):
        found = reader(FolderImages([first, second]))
        with pytest.raises(InputError, match=rf"{second.name}: its pixels have {second.stem} bits"):
            found[1]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, r"a\.npy, row 1: the pixel \(y 2, x 3\) of channel g \(and 1 more\) is missing"),
        (np.inf, r"of channel g \(and 1 more\) is inf; fill it in"),
        (1e39, r"is 1e\+39, more than single precision holds; use another unit"),
        (-(2**24) - 1, r"is -16777217, and whole numbers beyond 16777216 are rounded in single"),
    ],
)
def test_pixels_that_are_no_numbers_are_named(tmp_path, value, words):
    values = np.zeros((2, 2, 8, 8), type(value))
    values[1, 1, 2, 3:5] = value
    np.save(tmp_path / "a.npy", values)
    found = reader(ArrayImages(tmp_path / "a.npy", "mine"), ["u", "g"])
    with pytest.raises(InputError, match=words):
        found[1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 8)), r"its shape is \(2, 8\); images are \[row, channel, y, x\]"),
        (np.zeros((2, 8, 8), complex), "values are of type complex128; pixels are numbers"),
        (np.array([[["a"]]]), "pixels are numbers"),
        (np.zeros((0, 8, 8)), "images.mine': there are no images"),
        (np.zeros((2, 3, 0, 0)), "the image is empty"),
        (np.zeros((2, 5, 8, 8)), "it has 5 channels; name them by images.mine.channels"),
    ],
)
def test_arrays_of_other_shapes_are_refused(tmp_path, values, words):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match=words):
        reader(ArrayImages(tmp_path / "a.npy", "mine"))


def test_an_array_is_found_by_its_name(tmp_path):
    path = write_array(tmp_path / "a.h5", np.zeros((2, 8, 8)))
    with pytest.raises(InputError, match="there is no dataset 'map', which images"):
        ArrayImages(path, "mine", "map")
    write_array(tmp_path / "flat.h5", np.zeros(3))
    with pytest.raises(InputError, match="it holds no arrays of three or four dimensions by"):
        ArrayImages(tmp_path / "flat.h5", "mine")
    last = write_array(tmp_path / "last.h5", np.zeros((2, 8, 8, 3)))
    with pytest.raises(InputError, match="the channels seem to be last, and belong behind the row"):
        reader(ArrayImages(last, "mine"), ["r", "g", "b"])
    with h5py.File(write_array(tmp_path / "packed.h5", np.ones((2, 8, 8), "i2")), "a") as file:
        file["maps"].attrs["add_offset"] = 5.0
    with pytest.raises(InputError, match=r"packed\.h5: dataset 'maps' is packed \(add_offset = 5"):
        ArrayImages(tmp_path / "packed.h5", "mine")
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="array is cut short or damaged"):
        ArrayImages(tmp_path / "b.npy", "mine")
