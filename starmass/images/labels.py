"""What the labels say of every image: whose it is, when, and its mass."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.images.listing import Labels

USUAL = {
    "simulation": "simulation",
    "snapshot": "snapshot",
    "axis": "axis",
    "mass": "mass_msun",
    "age": "age_yr",
    "time": "time_yr",
    "star_velocity": "star_velocity",
    "id": "id",
    "group": None,
}
"""Name of the column of each fact where the config names none."""
OURS = {
    "simulation": "simulation",
    "snapshot": "snapshot",
    "axis": "axis",
    "mass": "mass_msun",
    "age": "age_yr",
    "time": "time_yr",
}
"""Column of the list of maps that a fact becomes."""
PLACES = ("row", "sink_id", "map_file", "sink_index", "axis_index")
SNAPSHOT, SKY = "images", "sky"
"""Snapshot and line of sight of images whose labels have none."""
WHOLE = re.compile(r"[+-]?\d{1,18}")


class Facts:
    """What a table of labels says, by the columns that the config names.

    Parameters
    ----------
    labels : the table
    columns : the config's ``images.NAME.columns``, fact -> name of its column or None
    name : of the set

    Raises
    ------
    InputError
        names the file, line and column of what can't be
    """

    def __init__(self, labels: Labels, columns: Mapping[str, str | None], name: str):
        self.labels, self.name = labels, name
        self.of = {
            fact: labels.column(columns.get(fact), usual, f"images.{name}.columns.{fact}")
            for fact, usual in USUAL.items()
        }
        self._check_names()

    def _check_names(self) -> None:
        """Refuse columns of the user's that would stand for two things."""
        known = {ours: self.of[fact] for fact, ours in OURS.items()}
        known |= dict.fromkeys(PLACES)
        known["sink_id"] = self.of["group"] or self.of["id"]
        for ours, own in known.items():
            if ours in self.labels.columns and own != ours:
                raise InputError(
                    f"{self.labels.path}: the column {ours!r} has the name of a column of the list"
                    f" of maps, which holds something else; rename it."
                )

    def table(self) -> pd.DataFrame:
        """Return one row a line: the columns of a list of maps, then those of the user.

        All is text but ``row``, ``sink_id``, ``sink_index`` and ``axis_index``; what is not there
        is empty. ``map_file`` is empty.
        """
        count = len(self.labels)
        numbers = np.arange(count)
        identity = self._identity()
        table = pd.DataFrame(
            {
                "row": numbers,
                "simulation": self.texts("simulation", self.name),
                "snapshot": self.texts("snapshot", SNAPSHOT),
                "sink_id": self._numbered(
                    self.texts("group", "") if self.of["group"] else identity
                ),
                "axis": self._axes(),
                "mass_msun": self._masses(),
                "age_yr": self._checked("age"),
                "map_file": "",
                "sink_index": numbers,
                "axis_index": 0,
                "time_yr": self._checked("time"),
            }
        )
        if self.of["group"] is None or self.of["group"] != self.of["id"]:
            self._check_once(table, identity)
        own = {k: v for k, v in self.labels.columns.items() if k not in table}
        return pd.concat([table, pd.DataFrame(own, index=table.index, dtype=str)], axis=1)

    def _numbered(self, texts: Sequence[str]) -> np.ndarray:
        """Return whole numbers as they are, and a number for every other text, int64.

        Refuse one number that is written in two ways: it may be one object or two.
        """
        places: dict[str, int] = {}
        if not all(WHOLE.fullmatch(text) for text in texts):
            return np.array([places.setdefault(text, len(places)) for text in texts], np.int64)
        written: dict[int, str] = {}
        for text in texts:
            if (other := written.setdefault(int(text), text)) != text:
                column = self.of["group"] or self.of["id"]
                raise InputError(
                    f"{self.labels.path}: the column {column!r} has {other} and {text}, which are"
                    " one number; write an object's number in one way, and others with a letter."
                )
        return np.array([int(text) for text in texts], np.int64)

    def texts(self, fact: str, otherwise: str) -> list[str]:
        """Return a fact of every line as text; one value for all where there is no column."""
        column = self.of[fact]
        if column is None:
            return [otherwise] * len(self.labels)
        for text, line in zip(self.labels.columns[column], self.labels.lines, strict=True):
            if not text:
                raise self._refused(fact, line, "is empty; fill it in, or take the line away")
        return list(self.labels.columns[column])

    def numbers(self, fact: str, *, blank: bool = False) -> np.ndarray | None:
        """Return a fact of every line as a number, float64 [line]; None where there is no column.

        Parameters
        ----------
        blank : whether a line may have none (NaN)
        """
        column = self.of[fact]
        if column is None:
            return None
        found = []
        for text, line in zip(self.labels.columns[column], self.labels.lines, strict=True):
            if not text and blank:
                found.append(math.nan)
                continue
            try:
                found.append(float(text))
            except ValueError:
                found.append(math.nan)
            if not math.isfinite(found[-1]):
                what = f"{text!r} is no finite number" if text else "is empty"
                raise self._refused(fact, line, f"{what}; mend it, or take the line away")
        return np.array(found)

    def _checked(self, fact: str) -> list[str]:
        self.numbers(fact, blank=True)
        column = self.of[fact]
        return [""] * len(self.labels) if column is None else list(self.labels.columns[column])

    def _masses(self) -> list[str]:
        masses = self.numbers("mass")
        if masses is not None and (masses <= 0).any():
            at = int(np.argmax(masses <= 0))
            raise self._refused(
                "mass",
                self.labels.lines[at],
                f"{masses[at]:g} Msun has no logarithm; masses are in Msun and above 0",
            )
        return self._checked("mass")

    def _axes(self) -> list[str]:
        axes = self.texts("axis", SKY)
        for axis, line in zip(axes, self.labels.lines, strict=True):
            if axis not in ("x", "y", "z", SKY):
                raise self._refused("axis", line, f"{axis!r} is none of x, y, z; mend it")
        return axes

    def _identity(self) -> list[str]:
        if self.of["id"] is None:
            return [str(number) for number in range(len(self.labels))]
        return self.texts("id", "")

    def _check_once(self, table: pd.DataFrame, identity: Sequence[str]) -> None:
        """Refuse two images of one object at one time from one side."""
        known = table[["simulation", "snapshot", "axis"]].assign(id=identity)
        twice = known.duplicated()
        if twice.any():
            second = int(np.argmax(twice.to_numpy()))
            first = int(np.argmax((known == known.iloc[second]).all(axis=1).to_numpy()))
            lines = f"{self.labels.lines[first]} and {self.labels.lines[second]}"
            raise InputError(
                f"{self.labels.path}: lines {lines} are both of id {identity[second]}"
                f" ({self.of['id']}) of {known['simulation'][second]}, snapshot"
                f" {known['snapshot'][second]}, axis {known['axis'][second]}; take one away, or"
                f" set images.{self.name}.columns.group: {self.of['id']} where an object may have"
                " several images."
            )

    def _refused(self, fact: str, line: int, problem: str) -> InputError:
        return InputError(
            f"{self.labels.path}: line {line}, column {self.of[fact]}: {problem}"
            f" (images.{self.name}.columns.{fact})."
        )
