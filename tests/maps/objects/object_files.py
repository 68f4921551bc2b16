"""FITS files of a made-up object, and the config's entry that describes them."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import gaussian_filter

from starmass.maps.objects.object_maps import make_object_maps

SIDE, PIXELS, DISTANCE, SYSTEMIC = 0.5, 64, 140.0, 3.7
STAR = (67.892, 18.135)
PROJECTION = {"side": SIDE, "pixels": PIXELS, "hydrogen_mass": 1.4}
FILES = {"column_density": "N", "v_los": "V", "sigma_v": "S"}
UNITS = {"column_density": "cm-2", "v_los": "km/s", "sigma_v": "km/s"}
DEGREE = float(np.degrees(SIDE / PIXELS / DISTANCE))
"""Width of a pixel of the grid."""


def simulated(seed: int = 0, pixels: int = PIXELS, smooth: float = 2.0) -> np.ndarray:
    """Return maps [channel, row, column] as those of a simulation."""
    rng = np.random.default_rng(seed)
    fields = [
        gaussian_filter(rng.standard_normal((pixels, pixels)), smooth, mode="wrap")
        for _ in range(3)
    ]
    one, two, three = (field / field.std() for field in fields)
    return np.array([1e22 * np.exp(0.7 * one), 0.4 * two, 0.3 * np.exp(0.4 * three)])


def sky(
    pixels: int = PIXELS, finer: float = 1.0, turned: float = 0.0, frame: str = "icrs"
) -> fits.Header:
    """Return the header of an image about the star, with east at the left."""
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = [0.5 * (pixels + 1)] * 2
    wcs.wcs.cunit = ["deg", "deg"]
    if frame == "icrs":
        wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], STAR
    else:
        from astropy.coordinates import SkyCoord

        place = SkyCoord(*STAR, unit="deg").galactic
        wcs.wcs.ctype, wcs.wcs.crval = ["GLON-TAN", "GLAT-TAN"], [place.l.deg, place.b.deg]
    step, angle = DEGREE / finer, np.radians(turned)
    cos, sin = np.cos(angle), np.sin(angle)
    wcs.wcs.cd = step * np.array([[-cos, sin], [sin, cos]])
    header = wcs.to_header()
    for n in (1, 2):  # a CD matrix, in place of the PC that astropy writes
        for m in (1, 2):
            header.pop(f"PC{n}_{m}", None)
            header[f"CD{n}_{m}"] = wcs.wcs.cd[n - 1, m - 1]
        header.pop(f"CDELT{n}", None)
    if frame == "icrs":
        header["RADESYS"] = "ICRS"
    return header


def write_images(
    folder: Path, maps: np.ndarray, header: fits.Header, channels: Any = tuple(FILES), **cards: Any
) -> None:
    """Write maps [channel, row, column] as the simulations have them, columns running east."""
    for place, name in enumerate(channels):
        card = header.copy()
        card["BUNIT"] = UNITS[name]
        if name == "v_los":
            card["SPECSYS"] = "LSRK"
        card.update(cards)
        shift = SYSTEMIC if name == "v_los" else 0.0
        image = (maps[place] + shift)[:, ::-1]
        fits.writeto(folder / f"{FILES[name]}.fits", image, card, overwrite=True)


def entry_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return the config's entry, each channel changed by what is given for it."""
    entry: dict[str, Any] = {
        "position": list(STAR),
        "distance": [DISTANCE, 0.0],
        "velocity": SYSTEMIC,
        "column_density": {"counts": "H"},
        "v_los": {},
        "sigma_v": {"kind": "sigma", "temperature": 0},
    }
    for name, file in FILES.items():
        entry[name] = {"file": str(folder / f"{file}.fits"), "beam": 0, **entry[name]}
    for key, value in changes.items():
        entry[key] = entry[key] | value if isinstance(value, dict) and key in entry else value
        if isinstance(entry[key], dict):
            entry[key] = {one: what for one, what in entry[key].items() if what is not None}
    return {key: value for key, value in entry.items() if value is not None}


class Made:
    """A map file that was made, as arrays and facts."""

    def __init__(self, path: Path):
        with h5py.File(path) as file:
            self.maps = file["maps"][0, 0].astype(float)
            self.missing = file["missing_channels"][0, 0]
            self.noise = file["noise"][:]
            self.distances = file["distances"][:]
            self.at_distance = file["maps_at_distance"][:]
            self.channels = list(file["maps"].attrs["channels"])
            self.facts = dict(file.attrs)
        self.notes = json.loads(self.facts["notes"])

    def said(self, level: str) -> str:
        return "\n".join(note["text"] for note in self.notes if note["level"] == level)


def make(folder: Path, entry: dict[str, Any], **projection: Any) -> Made:
    output = folder / "maps.h5"
    make_object_maps(
        output=output, name="star", entry=entry, projection=PROJECTION | projection, files={}
    )
    return Made(output)
