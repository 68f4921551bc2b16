"""Maps as FITS, for DS9, CARTA, glue and astropy: a file a sink and axis, an image a channel.

The primary HDU has no image: its header says what the maps are of. Each channel is an image that is
named after it, and a position-position-velocity channel is one cube. ``fits_grid`` says how the
images lie in the sky, ``fits_header`` writes the headers.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from tqdm import tqdm

from starmass.errors import InputError
from starmass.maps.fits_grid import Card, as_seen, grid_cards, velocity_cards
from starmass.maps.fits_header import (
    add_cards,
    add_comments,
    beam_cards,
    definition_of,
    history,
    label_cards,
    noise_cards,
    plain,
    remarks,
    unit_card,
)
from starmass.maps.fits_source import Options, Source, choose, place_of, read_options, read_source
from starmass.provenance import file_digest
from starmass.storage import open_hdf5, written_aside


def export_fits(
    *,
    output: str | Path,
    maps: str | Path,
    sink: int | str,
    axis: str,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Write the maps of one sink along one axis as a FITS file.

    Parameters
    ----------
    output : file to write
    maps : map file, observed or not
    sink : identity of the sink
    axis : x, y or z
    options : see :func:`fits_source.read_options`

    Raises
    ------
    InputError
        when the file has no such sink or axis, or can't be written with these options
    """
    checked = read_options(options or {})
    ((identity, line),) = choose(maps, [sink], [axis])
    _write(output, build(read_source(maps, identity, line, file_digest(maps)), checked))


def export_all(
    *,
    maps: str | Path,
    output: str | Path | None = None,
    sinks: Sequence[int | str] | None = None,
    axes: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write FITS files of several sinks and axes, all unless named, and return their paths.

    Parameters
    ----------
    maps : map file, observed or not
    output : folder, or a file ``*.fits`` for one sink and axis; None is ``fits/{simulation}`` or
        ``fits/{observation}/{simulation}``
    sinks, axes : identities, and x, y or z; None is all
    options : see :func:`fits_source.read_options`
    """
    checked = read_options(options or {})
    chosen = choose(maps, sinks, axes)
    with open_hdf5(maps) as file:
        above = ("observation",) if "observation" in file.attrs else ()
        names = [str(file.attrs[key]) for key in (*above, "simulation", "snapshot")]
    *folders, snapshot = [re.sub(r"[^\w.-]", "_", name) for name in names]
    folder = Path("fits", *folders) if output is None else Path(output)
    paths = [folder / f"{snapshot}_{sink}_{axis}.fits" for sink, axis in chosen]
    if folder.suffix == ".fits" and not folder.is_dir():
        if len(chosen) > 1:
            raise InputError(
                f"{folder}: a file holds one sink and axis, and {len(chosen)} of them are asked"
                " for; name one sink and one axis, or give a folder."
            )
        paths = [folder]
    digest = file_digest(maps)
    build(read_source(maps, *chosen[0], digest), checked)  # what can't be is said before the bar
    for path, (sink, axis) in zip(tqdm(paths, desc="FITS", unit="file"), chosen, strict=True):
        _write(path, build(read_source(maps, sink, axis, digest), checked))
    return paths


def build(source: Source, options: Options) -> fits.HDUList:
    """Put the FITS file together: a primary HDU with labels, and an image a channel.

    Raises
    ------
    InputError
        when options contradict the map file, or two images would have one name
    """
    place = place_of(source, options.place)
    channels = [str(name) for name in source.facts["channels"]]
    grid = grid_cards(source.axis, source.maps.shape[-1], source.width, place)
    images: list[fits.ImageHDU] = []
    for name, members in _gather(channels, source.facts["spectra"]).items():
        cards = [*grid]
        if spectrum := source.facts["spectra"].get(name):
            bounds = spectrum["lowest"], spectrum["highest"], spectrum["count"]
            cards += velocity_cards(*bounds, source.frame, sky=place.position is not None)
        places = [channels.index(member) for member in members]
        images.append(_image(source, options, name, places, cards))
    if source.missing is not None:
        mask = fits.ImageHDU(as_seen(source.missing).astype(np.uint8))
        words = "1 where a pixel is missing"
        add_cards(mask.header, [("EXTNAME", "MISSING", words), ("BUNIT", "", ""), *grid])
        images.append(mask)
    names = [image.header["EXTNAME"].upper() for image in images]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{source.path}: two images would be called {name}, for FITS does not mind upper"
                " case; rename one of the channels in maps.channels."
            )
    primary = fits.PrimaryHDU()
    add_cards(primary.header, label_cards(source, options, place))
    for text in remarks(source, options):
        add_comments(primary.header, text)
    for line in history(source):
        primary.header.add_history(plain(line))
    return fits.HDUList([primary, *images])


def _gather(names: Sequence[str], spectra: Mapping[str, Any]) -> dict[str, list[str]]:
    """Image -> channels of the map file: a spectrum's are one cube, any other is an image."""
    cubes = {
        f"{name}_{place:03d}": name
        for name, entry in spectra.items()
        for place in range(entry["count"])
    }
    images: dict[str, list[str]] = {}
    for name in names:
        images.setdefault(cubes.get(name, name), []).append(name)
    return images


def _image(
    source: Source, options: Options, name: str, channels: list[int], grid: Sequence[Card]
) -> fits.ImageHDU:
    """One channel, or the cube of several, with unit, coordinates, beam, noise and definition."""
    facts = source.facts
    kind, unit = (str(facts[key][channels[0]]) for key in ("channel_kinds", "channel_units"))
    spectrum = facts["spectra"].get(name)
    values, factor = source.maps[channels], 1.0
    if source.missing is not None:
        values = np.where(source.missing, np.float32(np.nan), values)
    definition = definition_of(source, options, channels[0])
    cards = [("EXTNAME", name, ""), unit_card(name, unit)]
    if kind == "column":
        factor = 1.0 / options.nuclei
        values = values * np.float32(factor)  # exact: a power of two
        cards.append(("COUNTS", options.counts, "what is counted: H or H2"))
    elif kind == "dispersion" and options.thermal:
        values = np.hypot(values.astype(float), options.thermal)
        cards.append(("THERMAL", options.thermal, "[km/s] in it, added in quadrature"))
    if spectrum:
        definition = re.sub(r" at \S+ to \S+ km/s", " within each velocity channel", definition)
        definition += ". Divided by CDELT3 it is the column density per km/s"
    image = fits.ImageHDU(as_seen(values if spectrum else values[0]).astype(">f4"))
    noise = noise_cards(facts["seen"], [str(facts["channels"][i]) for i in channels], factor)
    if noise and kind == "dispersion" and options.thermal:
        definition += ". Its noise is that of before the thermal part was added"
    cards += [*grid, *beam_cards(source), *noise]
    cards += [("OBJECT", source.name, ""), ("INHERIT", True, "labels: in the primary header")]
    add_cards(image.header, cards)
    add_comments(image.header, definition)
    return image


def _write(output: str | Path, made: fits.HDUList) -> None:
    """Write the file as a whole or not at all, the same bytes each time."""
    made.update_extend()
    for hdu in made:
        # By default the comments of these two cards give the time of day.
        hdu.add_datasum("checksum of the data")
        hdu.add_checksum("checksum of the HDU", override_datasum=True)
    stream = io.BytesIO()
    made.writeto(stream, output_verify="exception")
    with written_aside(output) as temporary:
        temporary.write_bytes(stream.getvalue())
