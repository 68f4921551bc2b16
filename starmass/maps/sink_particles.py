"""Sinks from particles of a yt dataset."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from starmass.errors import InputError, closest
from starmass.maps.sinks import (
    LARGEST_EXACT,
    QUANTITY,
    SinkSource,
    refuse_doubles,
    whole_numbers,
)

logger = logging.getLogger("starmass")

PARTICLE_FIELDS = {
    "id": "particle_index", "mass": "particle_mass",
    "x": "particle_position_x", "y": "particle_position_y", "z": "particle_position_z",
    "vx": "particle_velocity_x", "vy": "particle_velocity_y", "vz": "particle_velocity_z",
    "creation_time": "creation_time", "age": "age",
}  # fmt: skip


def read_sink_particles(
    dataset: Any, where: Mapping[str, Any]
) -> tuple[SinkSource, dict[str, np.ndarray]] | None:
    """Read the columns of sinks; None where the snapshot has no particle of the kind.

    Parameters
    ----------
    where : the entry's ``sinks``: ``particles`` (the type), ``columns`` (ours -> yt's fields),
        ``filter`` (field -> value, or list of values, that it must have) and ``units`` for fields
        that yt gives without any

    Returns
    -------
    where they were read, and ``id`` (int64), ``mass`` [Msun], ``x``, ... [pc], ``vx``, ... [km/s]
    and ``creation_time`` or ``age`` [yr], (n,) each
    """
    mend_ramses_sink_reader()
    kind = where["particles"]
    known = [field[1] for field in dataset.derived_field_list if field[0] == kind]
    if not known:
        types = ", ".join(sorted({str(one) for one in dataset.particle_types})) or "none"
        logger.info("%s: no particles of type %r here (yt knows %s)", dataset.filename, kind, types)
        return None

    def field_of(name: str) -> tuple[str, str]:
        if name in known:
            return kind, name
        stored = [field[1] for field in dataset.field_list if field[0] == kind]
        raise InputError(
            f"{dataset.filename}: yt knows no particle field {kind!r} {name!r}"
            f"{closest(name, known)}; mend `sinks` of the simulation "
            f"(stored: {', '.join(stored)})."
        )

    columns = {**PARTICLE_FIELDS, **where.get("columns", {})}
    # yt gives creation times for some codes and ages for others; what the entry names comes first.
    times = sorted(("creation_time", "age"), key=lambda one: one not in where.get("columns", {}))
    time = next((one for one in times if columns[one] in known), times[0])
    wanted = ("id", "mass", "x", "y", "z", "vx", "vy", "vz", time)
    refuse_doubles({column: columns[column] for column in wanted})
    everything = dataset.all_data()
    keep: np.ndarray | None = None
    for name, value in where.get("filter", {}).items():
        passes = np.isin(np.asarray(everything[field_of(name)]), value)
        keep = passes if keep is None else keep & passes
    identity = field_of(columns["id"])
    numbers = _exact_identities(everything, identity, np.asarray(everything[identity]))
    rows = np.arange(len(numbers)) if keep is None else np.flatnonzero(keep)
    source = SinkSource(
        row=lambda row: f"{dataset.filename}: particle {rows[row]} of type {kind!r}",
        columns=columns,
        way_out="leave it out by `sinks.filter`, or mend `sinks` of the simulation",
    )
    values = {"id": whole_numbers(numbers[rows], source)}
    for column in wanted[1:]:
        field = field_of(columns[column])
        values[column] = _in_our_unit(dataset, everything[field][rows], column, where, field[1])
    return source, values


def _in_our_unit(
    dataset: Any, numbers: Any, column: str, where: Mapping[str, Any], field: str
) -> np.ndarray:
    quantity, unit = QUANTITY[column]
    stated = where.get("units", {}).get(quantity)
    if numbers.units.is_dimensionless:
        if stated is None:
            raise InputError(
                f"{dataset.filename}: yt gives the particle field {field!r} without a unit; "
                f"say it in the simulation's `sinks.units`, as `{quantity}: code_{quantity}`."
            )
        return np.asarray(numbers) * unit_in(dataset, stated, unit, quantity)
    try:
        return numbers.to_value(unit)
    except Exception as error:
        raise InputError(
            f"{dataset.filename}: the particle field {field!r} is in {numbers.units}, which is no "
            f"{quantity}; name another one in the simulation's `sinks.columns`."
        ) from error


def unit_in(dataset: Any, stated: str, unit: str, quantity: str) -> float:
    """Size of a stated unit of a quantity, like ``code_mass`` or ``3.0857e18 cm``, in ``unit``."""
    number, _, symbol = str(stated).strip().partition(" ")
    try:
        size, symbol = (float(number), symbol) if symbol else (1.0, number)
        found = float(dataset.quan(size, symbol).to_value(unit))
        if not 0 < found < np.inf:
            raise ValueError("not above zero")
        return found
    except Exception as error:
        raise InputError(
            f"{dataset.filename}: `sinks.units`: {stated!r} is no unit of {quantity}; write"
            f" {unit!r}, "
            f"'code_{quantity}', or a number above zero with a unit, like '3.0857e18 cm' of a"
            " length."
        ) from error


def _exact_identities(everything: Any, field: tuple[str, str], numbers: np.ndarray) -> np.ndarray:
    """Ids as the file has them: yt turns all particle fields into doubles, which end at 2^53."""
    if not len(numbers) or not np.abs(numbers).max() >= LARGEST_EXACT:
        return numbers
    dataset = everything.ds
    stored = dataset.field_info[field]
    name = stored.alias_name if stored.is_alias else field
    try:
        chunks = list(dataset.index._chunk_io(everything))
        reader = dataset.index.io._read_particle_fields
        read = reader(chunks, {name[0]: [name[1]]}, everything.selector)
        exact = np.concatenate([np.asarray(values) for _, values in read])
    except Exception:  # a frontend that reads in a way of its own: the doubles are refused instead
        return numbers
    same = exact.dtype.kind in "iu" and np.array_equal(exact.astype(float), numbers)
    return exact if same else numbers


def mend_ramses_sink_reader() -> None:
    """Let yt 4.4 read RAMSES's sink tables under pandas 3.

    The columns are read-only there, and yt divides them in place.
    """
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
