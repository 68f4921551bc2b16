"""Sinks of any code: from a text table with named columns, or from particles of a yt dataset."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from starmass.errors import InputError, closest

COLUMNS = ("id", "mass", "x", "y", "z", "vx", "vy", "vz")
PARTICLE_FIELDS = {
    "id": "particle_index", "mass": "particle_mass",
    "x": "particle_position_x", "y": "particle_position_y", "z": "particle_position_z",
    "vx": "particle_velocity_x", "vy": "particle_velocity_y", "vz": "particle_velocity_z",
}  # fmt: skip
QUANTITY = {
    "mass": ("mass", "Msun"),
    **dict.fromkeys(("x", "y", "z"), ("length", "pc")),
    **dict.fromkeys(("vx", "vy", "vz"), ("velocity", "km/s")),
    **dict.fromkeys(("creation_time", "age"), ("time", "yr")),
}


@dataclass(frozen=True)
class Sinks:
    """Sinks of a snapshot: ``identity`` and ``mass`` [Msun], ``age`` [yr] (n,), ``position`` [pc] and ``velocity`` [km/s] (n, 3)."""

    identity: np.ndarray
    mass: np.ndarray
    age: np.ndarray
    position: np.ndarray
    velocity: np.ndarray


def sinks_from_table(dataset: Any, path: Path, where: Mapping[str, Any], time_yr: float) -> Sinks:
    """Read sinks from a comma-separated table whose first line names the columns (a leading ``#`` and further ``#`` lines are passed over).

    Parameters
    ----------
    dataset : the yt dataset whose code units the units of the table may speak of
    where : the entry's ``sinks``: ``columns`` (ours -> the table's) and ``units`` of mass, length, velocity and time, like ``code_mass``,
        ``Msun`` or ``3.0857e18 cm``
    time_yr : time of the snapshot, from which creation times make ages [yr]
    """
    with open(path, newline="", encoding="utf-8") as stream:
        lines = [[cell.strip() for cell in row] for row in csv.reader(stream) if row]
    if not lines:
        raise InputError(
            f"{path}: an empty sink table; it needs a first line with the names of its columns."
        )
    names = [name.lstrip("# ") for name in lines[0]]
    rows = [row for row in lines[1:] if not row[0].startswith("#")]
    given = where.get("columns", {})
    time_column = "age" if "age" in given else "creation_time"
    values = {}
    for column in (*COLUMNS, time_column):
        name = given.get(column, column)
        if name not in names:
            raise InputError(
                f"{path}: has no column {name!r}{closest(name, names)}; name the one for {column} in the simulation's `sinks.columns`."
            )
        place = names.index(name)
        try:
            numbers = np.array([float(row[place]) for row in rows])
        except (ValueError, IndexError):
            raise InputError(
                f"{path}: column {name!r} holds something that is not a number; mend the table."
            ) from None
        values[column] = numbers
    for column in (*COLUMNS[1:], time_column):
        quantity, unit = QUANTITY[column]
        values[column] = values[column] * _unit_size(
            dataset, where.get("units", {}).get(quantity, unit), unit
        )
    return _assemble(values, time_yr)


def sinks_from_particles(dataset: Any, where: Mapping[str, Any], time_yr: float) -> Sinks:
    """Read sinks from particles of a yt dataset.

    Parameters
    ----------
    where : the entry's ``sinks``: ``particles`` (the type), ``columns`` (ours -> yt's field names), ``filter`` (field -> value it must
        have) and ``units`` for fields that yt gives without any
    """
    mend_ramses_sink_reader()
    particle_type = where["particles"]
    given = where.get("columns", {})
    time_column = "creation_time" if "creation_time" in given else "age"
    names = {**PARTICLE_FIELDS, "creation_time": "creation_time", "age": "age", **given}
    everything = dataset.all_data()
    keep: Any = slice(None)
    for name, value in where.get("filter", {}).items():
        wanted = np.asarray(everything[_particle_field(dataset, particle_type, name)]) == value
        keep = wanted if isinstance(keep, slice) else keep & wanted
    values = {}
    for column in (*COLUMNS, time_column):
        numbers = everything[_particle_field(dataset, particle_type, names[column])][keep]
        if column == "id":
            values[column] = np.asarray(numbers)
            continue
        quantity, unit = QUANTITY[column]
        stated = where.get("units", {}).get(quantity)
        bare = stated is not None and numbers.units.is_dimensionless
        values[column] = (
            np.asarray(numbers) * _unit_size(dataset, stated, unit)
            if bare
            else numbers.to_value(unit)
        )
    return _assemble(values, time_yr)


def mend_ramses_sink_reader() -> None:
    """Let yt 4.4 read RAMSES's sink tables under pandas 3, whose columns are read-only where yt divides them in place."""
    from yt.frontends.ramses import particle_handlers

    for handler in vars(particle_handlers).values():
        if getattr(handler, "ptype", None) == "sink_csv":
            handler.reader = _read_ramses_sinks


def _read_ramses_sinks(handler: Any, subset: Any, fields: Any, count: int) -> dict[Any, np.ndarray]:
    """Columns of a RAMSES sink table by yt field, positions in units of the box."""
    del count
    offsets = handler.field_offsets
    table = np.loadtxt(handler.fname, delimiter=",", skiprows=2, ndmin=2)
    values = {}
    for field in fields:
        values[field] = table[:, offsets[field]].copy() if table.size else np.empty(0)
        if field[1].startswith("particle_position"):
            values[field] /= subset.domain.ds["boxlen"]
        handler.handle_field(field, values)
    return values


def _particle_field(dataset: Any, particle_type: str, name: str) -> tuple[str, str]:
    known = [field[1] for field in dataset.derived_field_list if field[0] == particle_type]
    if name not in known:
        types = ", ".join(sorted({str(t) for t in dataset.particle_types}))
        raise InputError(
            f"{dataset.filename}: yt knows no particle field {particle_type!r} {name!r}{closest(name, known)}; "
            f"mend `sinks` of the simulation (particle types here: {types})."
        )
    return particle_type, name


def _unit_size(dataset: Any, stated: str, unit: str) -> float:
    """Size of a stated unit, like ``code_mass`` or ``3.0857e18 cm``, in ``unit``."""
    number, _, symbol = str(stated).strip().partition(" ")
    try:
        size, symbol = (float(number), symbol) if symbol else (1.0, number)
        return float(dataset.quan(size, symbol).to_value(unit))
    except Exception as error:
        raise InputError(
            f"{dataset.filename}: {stated!r} in `sinks.units` is no unit like {unit!r}; write 'Msun', or '3.0857e18 cm'."
        ) from error


def _assemble(values: dict[str, np.ndarray], time_yr: float) -> Sinks:
    age = values["age"] if "age" in values else time_yr - values["creation_time"]
    return Sinks(
        identity=np.asarray(values["id"]).astype(np.int64),
        mass=values["mass"],
        age=np.where(
            np.abs(age) < 1e-9 * abs(time_yr), 0.0, age
        ),  # a newborn's, to the digits of a table
        position=np.stack([values[axis] for axis in "xyz"], axis=1),
        velocity=np.stack([values[f"v{axis}"] for axis in "xyz"], axis=1),
    )
