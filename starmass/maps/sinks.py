"""Sinks of any code, checked where they come in: every reader passes :func:`check_sinks`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from starmass.errors import InputError

QUANTITY = {
    "mass": ("mass", "Msun"),
    **dict.fromkeys(("x", "y", "z"), ("length", "pc")),
    **dict.fromkeys(("vx", "vy", "vz"), ("velocity", "km/s")),
    **dict.fromkeys(("creation_time", "age"), ("time", "yr")),
}
"""Columns of a sink: the quantity that each is, by its name in `sinks.units`, and our unit."""

# Doubles hold every whole number up to here, and above it two ids may become one.
LARGEST_EXACT = 2**53
# Stars of a snapshot do not all lie within so small a part of the box: a unit is wrong.
CLOSEST = 1e-6
# An age this far below zero, in parts of the snapshot's time, is rounding: float32 keeps 7 digits.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Sinks:
    """Sinks of a snapshot.

    Attributes
    ----------
    identity : (n,) int64
    mass : (n,) [Msun]
    age : (n,) [yr]
    position : (n, 3) [pc]
    velocity : (n, 3) [km/s]
    """

    identity: np.ndarray
    mass: np.ndarray
    age: np.ndarray
    position: np.ndarray
    velocity: np.ndarray


@dataclass(frozen=True)
class SinkSource:
    """Where sinks were read, for error messages.

    Attributes
    ----------
    row : names the file and the row of a sink
    columns : the source's own names of columns, where they differ from ours
    way_out : what to do about a wrong value
    units : the key to look at when positions have the wrong size
    """

    row: Callable[[Any], str]
    columns: dict[str, str]
    way_out: str
    units: str = "`sinks.units`, or `periodic` of the simulation"

    def column(self, name: str) -> str:
        """The source's name of one of our columns."""
        return self.columns.get(name, name)


def check_sinks(
    sinks: Sinks,
    *,
    left: np.ndarray,
    width: np.ndarray,
    periodic: np.ndarray,
    now: float,
    source: SinkSource,
) -> Sinks:
    """Refuse sinks that no map or label can be made of; return the others as maps need them.

    Units are free, but lengths have to be in one unit, and times as well. A sink on the upper
    face of a periodic box is moved to the lower one. An age that is negative by rounding is 0.

    Parameters
    ----------
    left, width, periodic : (3,) of the box
    now : time of the snapshot
    source : where the sinks were read

    Raises
    ------
    InputError : an id that occurs twice; a mass that is not above zero; a value that is not finite;
        an age below zero; a position outside a periodic box; all sinks in one place. Names the
        row and the column.
    """

    def refuse(row: Any, column: str, value: object, problem: str) -> InputError:
        return InputError(
            f"{source.row(row)}, {source.column(column)}: {value} {problem}; {source.way_out}."
        )

    order = np.argsort(sinks.identity, kind="stable")
    same = np.flatnonzero(np.diff(sinks.identity[order]) == 0)
    if len(same):
        first, second = order[same[0]], order[same[0] + 1]
        raise refuse(second, "id", sinks.identity[second], f"is also the id of {source.row(first)}")
    for row in np.flatnonzero(~((sinks.mass > 0) & np.isfinite(sinks.mass))):
        raise refuse(row, "mass", f"{sinks.mass[row]:g}", "is not a mass above zero")
    for names, values in (("xyz", sinks.position), (("vx", "vy", "vz"), sinks.velocity)):
        for row, axis in np.argwhere(~np.isfinite(values)):
            raise refuse(row, names[axis], values[row, axis], "is not a finite number")
    if not np.isfinite(now):
        raise InputError(f"{source.row(0)}: the snapshot's time is {now}; {source.way_out}.")
    for row in np.flatnonzero(~(np.isfinite(sinks.age) & (sinks.age >= -ROUNDING * abs(now)))):
        value = f"an age of {sinks.age[row]:g} at time {now:g}"
        raise refuse(row, "creation_time", value, "means a birth after the snapshot or at no time")
    spread = np.ptp(sinks.position, axis=0) if len(sinks.mass) > 1 else np.full(3, np.inf)
    if np.all(spread < CLOSEST * width):
        raise InputError(
            f"{source.row(0)}: all {len(sinks.mass)} sinks lie in one place, within "
            f"{spread.max() / width.max():.1g} of the box's width; see {source.units}."
        )
    low, high = sinks.position < left, sinks.position > left + width
    for row, axis in np.argwhere((low | high) & periodic):
        raise InputError(
            f"{source.row(row)}, {source.column('xyz'[axis])}: {sinks.position[row, axis]:g} lies "
            f"outside the periodic box, which is {left[axis]:g} to {left[axis] + width[axis]:g}; "
            f"see {source.units}."
        )
    wrapped = np.where(periodic & (sinks.position == left + width), left, sinks.position)
    age = np.where(sinks.age < 1e-9 * abs(now), 0.0, sinks.age)
    return Sinks(sinks.identity, sinks.mass, age, wrapped, sinks.velocity)


def refuse_doubles(named: Mapping[str, str]) -> None:
    """Refuse two of our columns (ours -> the source's) that are read from one of the source's."""
    for column, name in named.items():
        other = next(one for one in named if named[one] == name)
        if other != column:
            raise InputError(
                f"`sinks.columns` of the simulation: {name!r} can't be both {other} and {column}; "
                "name a column of its own for each."
            )


def no_sinks() -> Sinks:
    """The sinks of a snapshot before the first star."""
    return Sinks(
        np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty((0, 3)), np.empty((0, 3))
    )


def whole_numbers(numbers: np.ndarray, source: SinkSource) -> np.ndarray:
    """Return ids (n,) as int64; a broken, unsafe or too large number is an :class:`InputError`."""
    numbers = np.asarray(numbers)
    if numbers.dtype.kind == "i":
        return numbers.astype(np.int64)
    if numbers.dtype.kind == "u":
        wrong, problem = numbers > np.iinfo(np.int64).max, "does not fit 64 signed bits"
    else:
        broken = ~np.isfinite(numbers) | (numbers != np.rint(numbers))
        unsafe = np.abs(numbers) >= LARGEST_EXACT
        wrong, problem = broken | unsafe, "was read as a floating-point number and is not exact"
        if broken.any():
            wrong, problem = broken, "is not a whole number"
    for row in np.flatnonzero(wrong):
        raise InputError(
            f"{source.row(row)}, {source.column('id')}: the id {numbers[row]!r} {problem}; "
            "ids are whole numbers, the same in all snapshots."
        )
    return numbers.astype(np.int64)
