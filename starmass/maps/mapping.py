"""Maps of every sink of a snapshot, in the file that all later stages read."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from starmass.config.maps import Projection
from starmass.errors import InputError
from starmass.maps.channel import Channel
from starmass.maps.channels import described_channels, extra_channels
from starmass.maps.depth import depth_lengths, line_ends
from starmass.maps.projection import (
    AXES,
    ORIENTATION,
    Cube,
    hydrogen_column,
    project_cube,
)
from starmass.maps.simulations import Box, Simulation, open_simulation
from starmass.maps.sinks import Sinks
from starmass.provenance import provenance_json
from starmass.storage import create_hdf5, write_dataset
from starmass.units import HYDROGEN_ATOM_G, PARSEC_CM, SOLAR_MASS_G

logger = logging.getLogger("starmass")

FACTS = {
    "channel_units": "unit",
    "channel_kinds": "adds_up",
    "channel_definitions": "definition",
    "channel_from_behind": "from_behind",
    "channel_turns": "turns",
}
"""Attributes of the maps, one value a channel, by what they hold of its facts."""
# From a void between galaxies to water; values beyond mean that a unit is wrong [g/cm**3].
DENSITIES = (1e-32, 1.0)
# Cells fill a cube once, to the digits of edges that a file stores in single precision.
COVERAGE = 1e-3
USUAL = Projection()
"""The config's defaults."""
# Files above this are bulk data: named and sized in the provenance, but not hashed (maps read only
# the blocks they touch).
HASHED_BYTES = 4_000_000


def make_maps(
    *,
    output: str | Path,
    simulation: str,
    snapshot: str,
    dump: Sequence[str | Path],
    entry: Mapping[str, Any],
    projection: Mapping[str, Any],
    channels: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write ``results/maps/{simulation}/{snapshot}.h5``: all sinks x three axes, with labels.

    Each has three channels, and what else is asked for.

    Parameters
    ----------
    output : the file to write
    simulation, snapshot : names, for the labels
    dump : files of the dump, as :mod:`starmass.maps.discovery` finds them
    entry : the simulation's entry of the config
    projection : the config's ``maps.projection``: ``side`` [pc], ``pixels``, ``velocity_frame``,
        ``hydrogen_mass``, ``channels``; ``depth`` [pc], or ``box``, where it is set
    channels : the config's ``maps.channels``, which the names of extra channels (of ``entry``, else
        of ``projection``) are found in
    """
    extra = extra_channels(entry.get("channels", projection.get("channels", ())), channels or {})
    deep = projection.get("depth") is not None
    described = described_channels(extra, float(projection["hydrogen_mass"]), deep=deep)
    opened = open_simulation(entry, dump, snapshot)
    side, pixels = float(projection["side"]), int(projection["pixels"])
    logger.info("%s %s: a %s", simulation, snapshot, opened.box.describe())
    check_side(side, opened)
    lengths = depth_lengths(projection.get("depth"), opened.box)
    everything = opened.sinks()
    check_faces(everything, side, opened, lengths)
    kept = inside_box(everything.position, side, opened.box)
    sinks = gather(everything, np.flatnonzero(kept))
    if not len(kept):
        logger.info("%s %s: no sink here yet, so no maps", simulation, snapshot)
    else:  # the ranges show a unit that is wrong
        logger.info(
            "%s %s: %d sinks of %.3g to %.3g Msun, %.3g to %.3g yr old at %.4g yr",
            *(simulation, snapshot, len(kept)),
            *(everything.mass.min(), everything.mass.max()),
            *(everything.age.min(), everything.age.max(), opened.time_yr),
        )
    if not kept.all():
        left_out = ", ".join(str(identity) for identity in everything.identity[~kept][:10])
        logger.info(
            "%s %s: %d of %d sinks left out, their cubes leave the box (ids %s%s)",
            simulation,
            snapshot,
            (~kept).sum(),
            len(kept),
            left_out,
            ", ..." if (~kept).sum() > 10 else "",
        )
    maps = np.empty((len(sinks.mass), len(AXES), len(described), pixels, pixels), np.float32)
    masses, refined = np.empty(len(sinks.mass)), np.empty(len(sinks.mass))
    nucleus = float(projection["hydrogen_mass"]) * HYDROGEN_ATOM_G
    for row, centre in enumerate(sinks.position):
        frame = sinks.velocity[row] if projection["velocity_frame"] == "sink" else np.zeros(3)
        maps[row], masses[row], refined[row] = map_sink(
            opened, centre, frame, side=side, pixels=pixels, nucleus_mass=nucleus, extra=extra,
            depth=lengths,
        )  # fmt: skip
        check_gas(masses[row], side, opened)
    with create_hdf5(output) as file:
        # Written in one go; chunks of one sink and axis, as a reader of samples asks for them.
        chunks = (
            {"chunks": (1, 1, *maps.shape[2:]), "compression": "gzip", "shuffle": True}
            if len(maps)
            else {}
        )
        dataset = write_dataset(
            file,
            "maps",
            maps,
            unit="",
            description="[sink, axis, channel, row, column]; units by channel",
            **chunks,
        )
        dataset.attrs["axes"] = list(AXES)
        dataset.attrs["channels"] = list(described)
        for key, fact in FACTS.items():
            dataset.attrs[key] = [getattr(facts, fact) for facts in described.values()]
        dataset.attrs["orientation"] = ORIENTATION
        spectra = {one.name: dict(one.entry) for one in extra if one.is_cube}
        dataset.attrs["spectra"] = json.dumps(spectra, sort_keys=True)
        write_dataset(
            file,
            "sink_id",
            sinks.identity,
            unit="",
            description="identity of the sink, the same in all snapshots",
        )
        write_dataset(
            file,
            "mass",
            sinks.mass,
            unit="Msun",
            description="mass accreted by the sink: the label",
        )
        write_dataset(
            file, "age", sinks.age, unit="yr", description="time since the sink was created"
        )
        write_dataset(
            file, "position", sinks.position, unit="pc", description="[sink, x|y|z] in the box"
        )
        write_dataset(
            file,
            "velocity",
            sinks.velocity,
            unit="km/s",
            description="[sink, x|y|z] in the frame of the box",
        )
        write_dataset(file, "gas_mass", masses, unit="Msun", description="gas in the cube")
        write_dataset(
            file,
            "refined_fraction",
            refined,
            unit="",
            description="share of the cube's volume in cells finer than the base grid's",
        )
        file.attrs["simulation"] = simulation
        file.attrs["snapshot"] = snapshot
        file.attrs["time_yr"] = opened.time_yr
        file.attrs["sinks_found"] = len(kept)
        file.attrs["side_pc"] = side
        if lengths is not None:
            file.attrs["depth_pc"] = lengths
        file.attrs["pixels"] = pixels
        file.attrs["hydrogen_mass_g"] = nucleus
        file.attrs["velocity_frame"] = projection["velocity_frame"]
        file.attrs["finest_cell_pc"] = opened.finest_cell_pc
        file.attrs["accretion_radius_pc"] = opened.accretion_radius_pc
        file.attrs["description"] = opened.description
        file.attrs["provenance"] = provenance_json(
            config=_settings(entry, projection, extra, dump),
            seed=entry.get("seed"),
            inputs=_hashed(dump),
        )
    logger.info(
        "%s %s: maps of %d sinks, %d pixels of %.4g pc",
        simulation,
        snapshot,
        len(maps),
        pixels,
        side / pixels,
    )


def map_sink(
    opened: Simulation, centre: np.ndarray, frame: np.ndarray, *,
    side: float, pixels: int, nucleus_mass: float, extra: Sequence[Channel] = (),
    depth: np.ndarray | None = None,
) -> tuple[np.ndarray, float, float]:  # fmt: skip
    """Map the cube about one point, or the gas along its lines of sight.

    Parameters
    ----------
    centre : (3,) [pc]
    frame : (3,) velocity that counts as rest [km/s]
    side : of the cube [pc]
    nucleus_mass : of gas for each hydrogen nucleus [g]
    extra : channels beyond the default three
    depth : (3,) length of the lines of sight along each axis [pc]; None for that of the cube

    Returns
    -------
    Maps (axis, channel, row, column), the gas mass in the cube [Msun], and its share that is
    refined; mass and share are the cube's whatever the depth
    """
    cube = Cube(centre, side, pixels, opened.box.period, line_ends(depth, centre, opened.box))
    wanted = {name: unit for channel in extra for name, unit in channel.fields.items()}
    gas = opened.cells(centre, cube.cuboids(), wanted)
    projected = project_cube(gas, cube)
    column = hydrogen_column(projected.surface_density, nucleus_mass)
    default = np.stack(
        [column, projected.velocity - frame[:, None, None], projected.dispersion], axis=1
    )
    maps = np.concatenate(
        [default, *(one.project(gas, cube, frame, nucleus_mass) for one in extra)], axis=1
    )
    refined, covered = gas.volume_shares(cube, opened.coarsest)
    if abs(covered - 1) > COVERAGE:
        place = ", ".join(f"{value:.4g}" for value in centre)
        lines = "" if depth is None else ", or of the lines of sight,"
        raise InputError(
            f"{opened.source}: its cells fill {covered:.1%} of the cube of {side:g} pc{lines} about"
            f" ({place}) pc, where all of it should be filled once; parts of the dump are missing "
            "or there twice."
        )
    return maps, projected.mass, refined


def map_dataset(
    dataset: Any, centre: Sequence[float], *, velocity: Sequence[float] = (0.0, 0.0, 0.0),
    side: float = USUAL.side, pixels: int = USUAL.pixels,
    depth: float | str | None = USUAL.depth, hydrogen_mass: float = USUAL.hydrogen_mass,
    entry: Mapping[str, Any] | None = None,
) -> np.ndarray:  # fmt: skip
    """Map the gas of a yt data set about one point, as a sink, without a file.

    Parameters
    ----------
    dataset : what ``yt.load`` and its like return
    centre : (3,) [pc]
    velocity : (3,) that counts as rest [km/s]
    side, pixels, depth, hydrogen_mass : as in the config's ``maps.projection``
    entry : ``density``, ``velocity`` and ``periodic`` as in an entry of ``maps.simulations``

    Returns
    -------
    float32 [axis, channel, row, column]: lines of sight along x, y and z; column density [cm^-2],
    ``v_los`` and ``sigma_v`` [km/s]

    Raises
    ------
    InputError
        when the cube has no place in the box, or its gas no density that a cloud has; and what
        :func:`starmass.maps.yt_simulation.open_dataset` raises
    """
    # yt takes seconds to import.
    from starmass.maps.yt_simulation import open_dataset

    opened = open_dataset(dataset, entry or {})
    check_side(side, opened)
    place = np.asarray(centre, np.float64)
    if not inside_box(place[None], side, opened.box).all():
        raise InputError(
            f"{opened.source}: the cube of {side:g} pc about"
            f" ({', '.join(f'{value:.4g}' for value in place)}) pc leaves the"
            f" {opened.box.describe()}; make side smaller, or choose another centre."
        )
    maps, mass, _ = map_sink(
        opened, place, np.asarray(velocity, np.float64), side=side, pixels=pixels,
        nucleus_mass=hydrogen_mass * HYDROGEN_ATOM_G, depth=depth_lengths(depth, opened.box),
    )  # fmt: skip
    check_gas(mass, side, opened)
    return maps.astype(np.float32)


def check_side(side: float, opened: Simulation) -> None:
    """Refuse a cube that is wider than the box, which has no place for one."""
    if np.any(side > opened.box.width):
        raise InputError(
            f"maps.projection.side: {side:g} pc is wider than the {opened.box.describe()} of "
            f"{opened.source}; make it smaller, or give the right unit of length by "
            f"{opened.units_key}."
        )


def check_faces(
    sinks: Sinks, side: float, opened: Simulation, depth: np.ndarray | None = None
) -> None:
    """Refuse a cube or line of sight that crosses a face that is not known to be periodic or not.

    A line of sight of the whole box (``depth`` (3,) [pc]) is the same in either case.
    """
    box = replace(opened.box, periodic=np.zeros(3, bool))
    crosses = ~inside_box(sinks.position, side, box)
    if depth is not None:
        part = np.where(depth < box.width, depth, 0.0)
        crosses |= ~inside_box(sinks.position, part, box)
    through = np.flatnonzero(crosses)
    if opened.box.assumed and len(through):
        what = "cube" if depth is None else "cube or line of sight"
        raise InputError(
            f"{opened.source}: the {what} about sink {sinks.identity[through[0]]} reaches through"
            " a face of the box, and yt calls every box of this code periodic, true or not; say"
            " what yours is by `periodic: [true, true, true]` (or false) in the simulation's entry."
        )


def check_gas(mass: float, side: float, opened: Simulation) -> None:
    """Refuse a mean density that no cloud has: some unit is wrong."""
    density = mass * SOLAR_MASS_G / (side * PARSEC_CM) ** 3
    if not DENSITIES[0] < density < DENSITIES[1]:
        raise InputError(
            f"{opened.source}: the mean density of a cube is {density:.2g} g/cm**3, which no cloud "
            f"has; give the right units of length, mass and time by {opened.units_key}."
        )


def gather(sinks: Sinks, rows: np.ndarray) -> Sinks:
    """The sinks of chosen rows."""
    return Sinks(**{one.name: getattr(sinks, one.name)[rows] for one in fields(Sinks)})


def inside_box(position: np.ndarray, side: float | np.ndarray, box: Box) -> np.ndarray:
    """(n,) whether the cube of ``side``, or the cuboid of sides (3,), stays in the box.

    Only axes that do not repeat count.
    """
    left, right = position - 0.5 * side, position + 0.5 * side
    return np.all(box.periodic | ((left >= box.left) & (right <= box.left + box.width)), axis=1)


def _settings(
    entry: Mapping[str, Any], projection: Mapping[str, Any],
    extra: Sequence[Channel], dump: Sequence[str | Path],
) -> dict[str, Any]:  # fmt: skip
    bulk = {str(path): size for path in dump for size in [_size(path)] if size > HASHED_BYTES}
    named = {channel.name: dict(channel.entry) for channel in extra}
    return {
        "projection": dict(projection),
        "simulation": dict(entry),
        "channels": named,
        "bulk_file_bytes": bulk,
    }


def _hashed(dump: Sequence[str | Path]) -> list[str | Path]:
    return [path for path in dump if _size(path) <= HASHED_BYTES]


def _size(path: str | Path) -> int:
    path = Path(path)
    return (
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        if path.is_dir()
        else path.stat().st_size
    )
