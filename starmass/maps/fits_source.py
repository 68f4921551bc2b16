"""What a FITS file is made from: one sink and axis of a map file, and the options, checked."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from starmass.errors import InputError, closest
from starmass.maps.fits_grid import Place, read_position
from starmass.maps.projection import AXES
from starmass.storage import open_hdf5
from starmass.units import HYDROGEN_ATOM_G, thermal_width

COUNTS = {"H": 1, "H2": 2}
"""What column densities may count, and the hydrogen nuclei in one."""
LISTED = 20  # sinks that a sentence lists


@dataclass(frozen=True)
class Options:
    """What may differ from the map file.

    Attributes
    ----------
    place : where the star is
    counts : what column densities count, H or H2
    temperature, molecule_mass : of the thermal part that sigma_v gets [K, hydrogen atoms]
    """

    place: Place = field(default_factory=Place)
    counts: str = "H"
    temperature: float = 0.0
    molecule_mass: float = math.inf

    @property
    def nuclei(self) -> int:
        """Hydrogen nuclei in what is counted."""
        return COUNTS[self.counts]

    @property
    def thermal(self) -> float:
        """Thermal dispersion of the molecule along the line of sight [km/s], sqrt(kT / m)."""
        return thermal_width(self.temperature, self.molecule_mass)


@dataclass(frozen=True)
class Source:
    """The maps of one sink along one axis, and all that is known of them.

    Attributes
    ----------
    path : of the map file
    digest : SHA-256 of the map file
    axis : x, y or z
    facts : attributes of the file and of its dataset ``maps``; ``origin``: its provenance;
        ``spectra``: entry of each position-position-velocity channel; ``seen``: of the observation
    labels : of the sink, by dataset
    maps : (channel, row, column)
    missing : (row, column) pixels that were not observed; None if the maps are not observed ones
    """

    path: Path
    digest: str
    axis: str
    facts: Mapping[str, Any]
    labels: Mapping[str, Any]
    maps: np.ndarray
    missing: np.ndarray | None

    @property
    def name(self) -> str:
        """What is seen, in short."""
        return f"{self.facts['simulation']} sink {self.labels['sink_id']}"

    @property
    def side(self) -> float:
        """Side of the cube [pc]."""
        return float(self.facts["side_pc"])

    @property
    def depth(self) -> float | None:
        """Length of the line of sight [pc]; None where it is that of the cube."""
        lengths = self.facts.get("depth_pc")
        return None if lengths is None else float(lengths[AXES.index(self.axis)])

    @property
    def width(self) -> float:
        """Side of a pixel [pc]."""
        return self.side / self.maps.shape[-1]

    @property
    def frame(self) -> str:
        """What velocities are relative to: box or sink."""
        return str(self.facts["velocity_frame"])

    @property
    def nucleus(self) -> float:
        """Mean mass of gas for each hydrogen nucleus [hydrogen atoms]."""
        return float(self.facts["hydrogen_mass_g"]) / HYDROGEN_ATOM_G


def read_options(given: Mapping[str, Any]) -> Options:
    """Check options as the config's ``maps.fits`` has them.

    Parameters
    ----------
    given : ``distance`` [pc], ``position`` (see :func:`fits_grid.read_position`), ``counts``: H or
        H2, ``thermal``: ``temperature`` [K] and ``molecule_mass`` [hydrogen atoms]

    Raises
    ------
    InputError
        names the option, its value and the way out
    """
    counts = given.get("counts", "H")
    distance, position = given.get("distance"), given.get("position")
    if counts not in COUNTS:
        raise InputError(
            f"counts: {counts!r} is none of {', '.join(COUNTS)}{closest(str(counts), COUNTS)}."
        )
    place = Place(
        None if distance is None else _number("distance", distance, 0.0, 1e10, "pc"),
        None if position is None else read_position(position),
    )
    thermal = given.get("thermal")
    if thermal is None:
        return Options(place, counts)
    for key in ("temperature", "molecule_mass"):
        if thermal.get(key) is None:
            raise InputError(
                f"thermal: {key} is missing; a thermal part takes a temperature [K] and a"
                " molecule_mass [hydrogen atoms], as 10 and 28 for CO."
            )
    return Options(
        place,
        counts,
        _number("temperature", thermal["temperature"], 0.0, 1e5, "K"),
        _number("molecule_mass", thermal["molecule_mass"], 0.9, 1e3, "hydrogen atoms"),
    )


def choose(
    maps: str | Path, sinks: Sequence[int | str] | None, axes: Sequence[str] | None
) -> list[tuple[int, str]]:
    """Return (sink, axis) of what is asked for; None is all that the map file has.

    Raises
    ------
    InputError
        lists the sinks or axes that there are
    """
    with open_hdf5(maps) as file:
        if "object" in file.attrs:
            raise InputError(
                f"{maps}: these are the maps of the object {file.attrs['object']}, made from FITS"
                " files; open those, or give a simulation's map file."
            )
        there = [int(identity) for identity in file["sink_id"][:]]
        lines = [str(axis) for axis in file["maps"].attrs["axes"]]
    if not there:
        raise InputError(f"{maps}: this snapshot has no sinks, so there is nothing to write.")
    known = {str(identity): identity for identity in there}
    for sink in map(str, sinks or ()):
        if sink not in known:
            more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
            raise InputError(
                f"{maps}: there is no sink {sink} in it; its sinks are"
                f" {', '.join(list(known)[:LISTED])}{more}."
            )
    for axis in axes or ():
        if axis not in lines:
            raise InputError(
                f"{maps}: there is no axis {axis} in it; its axes are {', '.join(lines)}."
            )
    wanted = there if sinks is None else [known[name] for name in dict.fromkeys(map(str, sinks))]
    return [(sink, axis) for sink in wanted for axis in dict.fromkeys(axes or lines)]


def read_source(path: str | Path, sink: int, axis: str, digest: str) -> Source:
    """Read the maps of one sink along one axis.

    Raises
    ------
    InputError
        when the column densities of the file are not of hydrogen nuclei
    """
    with open_hdf5(path) as file:
        given = file["maps"]
        row = file["sink_id"][:].tolist().index(sink)
        line = [str(name) for name in given.attrs["axes"]].index(axis)
        facts = {**given.attrs, **file.attrs, "origin": json.loads(file.attrs["provenance"])}
        facts["spectra"] = json.loads(given.attrs.get("spectra", "{}"))
        facts["seen"] = facts["origin"]["config"].get("observation", {})
        names = ("mass", "age", "position", "velocity", "gas_mass", "refined_fraction")
        labels = {"sink_id": sink, **{name: file[name][row] for name in names}}
        missing = file["missing"][row, line] if "missing" in file else None
        source = Source(Path(path), digest, axis, facts, labels, given[row, line], missing)
    # Files of before hydrogen_mass had a bound: 2.8 is the mass of gas for each H2.
    if not 0.99 < source.nucleus < 2:
        raise InputError(
            f"{path}: its column densities count {source.nucleus:.4g} hydrogen atoms of gas as one"
            " nucleus; make the maps again with maps.projection.hydrogen_mass: 1.4, and ask for"
            " N(H2) by counts: H2."
        )
    return source


def place_of(source: Source, place: Place) -> Place:
    """Return where the star is; the distance is the observation's where there is one.

    Raises
    ------
    InputError
        when the distance contradicts the observation's, or one of distance and position is missing
    """
    observed, distance = source.facts.get("distance_pc"), place.distance
    if observed is not None:
        if distance is not None and not math.isclose(distance, observed, rel_tol=1e-9):
            raise InputError(
                f"distance: {source.path} was observed at {observed:g} pc, and {distance:g} pc is"
                " asked for; leave the distance out."
            )
        distance = float(observed)
    elif (distance is None) != (place.position is None):
        raise InputError(
            "distance and position go together: how far the star is [pc], and where in the sky,"
            " as '67.892 18.135' (RA and DEC in degrees, ICRS); give both, or neither for offsets"
            " in pc."
        )
    if distance is not None and place.position is not None and distance < 2 * source.side:
        raise InputError(
            f"distance: {distance:g} pc is too near for a map of {source.side:g} pc; give the"
            " distance in pc."
        )
    return Place(distance, place.position)


def _number(name: str, value: Any, least: float, most: float, unit: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not least < number <= most:
        raise InputError(
            f"{name}: {value!r} can't be; give a number above {least:g}, up to {most:g} [{unit}]."
        )
    return number
