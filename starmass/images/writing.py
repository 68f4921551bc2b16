"""A set of images as a file of maps, and the list of its objects."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from starmass.channels import BASE, Facts
from starmass.errors import InputError
from starmass.images.labels import SKY, SNAPSHOT
from starmass.images.labels import Facts as LabelFacts
from starmass.images.listing import read_labels
from starmass.images.pixels import Reader, open_set
from starmass.provenance import provenance_json
from starmass.storage import create_hdf5, write_dataset
from starmass.tables import write_table
from starmass.units import HYDROGEN_ATOM_G

logger = logging.getLogger("starmass")

FACTS = {
    "channel_units": "unit",
    "channel_kinds": "adds_up",
    "channel_definitions": "definition",
    "channel_from_behind": "from_behind",
    "channel_turns": "turns",
}
"""Attributes of the maps, one value a channel, as those of simulations have them."""


def write_image_set(
    *,
    output: str | Path,
    objects: str | Path,
    name: str,
    labels: str | Path,
    images: Sequence[str | Path],
    entry: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write ``results/images/{set}/maps.h5`` and ``objects.csv``.

    The file is one of maps, as those of simulations: float32 [image, 1, channel, row, column], in
    the order of the labels. The list has a row an image: the columns of a list of maps, then those
    of the labels as they are.

    Parameters
    ----------
    output, objects : files to write
    name : of the set
    labels : CSV file, a line an image
    images : one file of all, or a file for each line of the labels
    entry : the config's ``images.NAME``: ``folder`` (not null for a file each), ``dataset``,
        ``columns``, ``channels``, ``units``, ``size`` [pixels], ``side`` [pc], ``hydrogen_mass``
        [hydrogen atoms]
    known : facts of channels beyond the three of maps, by name

    Raises
    ------
    InputError
        names the file, and the line, row or pixel, of what can't be used
    """
    table_of_labels = read_labels(labels)
    facts = LabelFacts(table_of_labels, entry.get("columns") or {}, name)
    table = facts.table()
    said = entry.get("units") or {}, entry.get("hydrogen_mass"), known or {}
    units = {
        channel: about.unit
        for channel, about in described_channels(name, entry.get("channels") or (), *said).items()
    }
    opened = open_set(images, name, entry.get("dataset"), bool(entry.get("folder")), units)
    if len(opened) != len(table):
        raise InputError(
            f"{images[0]}: it holds {len(opened)} images, and {labels} has {len(table)} lines of"
            " labels; give one line an image, in the same order."
        )
    reader = Reader(opened, name, entry.get("channels"), entry.get("size"))
    channels = described_channels(name, reader.channels, *said)
    with create_hdf5(output) as file:
        digest = _write_pixels(file, reader, channels)
        _write_labels(file, facts)
        given = entry.get("side")
        file.attrs.update(
            simulation=name,
            snapshot=SNAPSHOT,
            time_yr=np.nan,
            sinks_found=len(table),
            side_pc=np.nan if given is None else float(given),
            pixels=reader.pixels,
            velocity_frame="box" if "velocity" in file else "sink",
            finest_cell_pc=np.nan,
            accretion_radius_pc=np.nan,
            description=f"images {name}, made elsewhere",
            pixels_sha256=digest,
            provenance=provenance_json(config=dict(entry), inputs=[labels]),
        )
        if reader.cut or len(reader.squares) > 1:
            file.attrs["squares"] = sorted(reader.squares)  # that boxes can't be scaled from
        nuclei = entry.get("hydrogen_mass")
        if nuclei and "column_density" in channels:
            file.attrs["hydrogen_mass_g"] = float(nuclei) * HYDROGEN_ATOM_G
    write_table(objects, table.assign(map_file=str(output)))
    logger.info(
        "%s: %d images of %d objects, %d channels (%s), %d pixels a side",
        *(name, len(table), table.groupby(["simulation", "sink_id"]).ngroups),
        *(len(channels), ", ".join(channels), reader.pixels),
    )


def described_channels(
    name: str, channels: Sequence[str], units: Mapping[str, str], hydrogen_mass: float | None,
    known: Mapping[str, Mapping[str, Any]],
) -> dict[str, Facts]:  # fmt: skip
    """Return what each channel is, in order.

    Parameters
    ----------
    name : of the set
    channels : their names; those of maps are what they are there
    units : of other channels
    hydrogen_mass : of gas for each hydrogen nucleus of a column density [hydrogen atoms]
    known : facts of the config's ``maps.channels``
    """
    found = {}
    gas = f"; {hydrogen_mass:g} hydrogen atoms of gas for each nucleus" if hydrogen_mass else ""
    for channel in channels:
        if channel in BASE:
            base = BASE[channel]
            more = gas if base.adds_up == "column" else ""
            found[channel] = Facts(
                base.unit,
                base.adds_up,
                base.definition.replace(" in the cube", "") + more,
                from_behind=base.from_behind,
                turns=base.turns,
            )
        elif channel in known:
            found[channel] = Facts(**known[channel])
        else:
            # A brightness adds up by itself; how it looks from behind is not known.
            about = f"channel {channel} of the images {name}"
            found[channel] = Facts(units.get(channel, ""), "column", about, from_behind=0)
    return found


def _write_pixels(file: h5py.File, reader: Reader, channels: Mapping[str, Facts]) -> str:
    """Write all images, one in memory at a time; return the SHA-256 of their pixels."""
    side, digest = reader.pixels, hashlib.sha256()
    shape = (len(reader.images), 1, len(channels), side, side)
    maps = file.create_dataset(
        "maps", shape, np.float32, chunks=(1, *shape[1:]), compression="gzip", shuffle=True
    )
    for index in range(shape[0]):
        image = np.ascontiguousarray(reader[index])
        digest.update(image.tobytes())
        maps[index, 0] = image
    maps.attrs["unit"] = ""
    maps.attrs["description"] = "[image, 1, channel, row, column]; units by channel"
    maps.attrs["axes"] = [SKY]
    maps.attrs["channels"] = list(channels)
    for key, fact in FACTS.items():
        maps.attrs[key] = [getattr(facts, fact) for facts in channels.values()]
    maps.attrs["orientation"] = "as in the files of the images; which way is up is not known"
    maps.attrs["spectra"] = "{}"
    return digest.hexdigest()


def _write_labels(file: h5py.File, facts: LabelFacts) -> None:
    """Write what maps of simulations hold of each sink, as far as the labels say it."""
    count = len(facts.labels)
    write_dataset(
        file,
        "sink_id",
        np.arange(count),
        unit="",
        description="number of the image, as sink_index in objects.csv (sink_id there is another)",
    )
    for fact, (place, unit, description) in {
        "mass": ("mass", "Msun", "mass that the labels give"),
        "age": ("age", "yr", "age that the labels give"),
    }.items():
        values = facts.numbers(fact, blank=fact == "age")
        if values is not None:
            write_dataset(file, place, values, unit=unit, description=description)
    velocity = facts.numbers("star_velocity")
    if velocity is not None:
        write_dataset(
            file,
            "velocity",
            velocity[:, None],
            unit="km/s",
            description="[image, 1] of the star along the line of sight, in the frame of v_los",
        )
