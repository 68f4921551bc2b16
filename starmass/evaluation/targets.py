"""What is predicted of a row: the stellar mass, another number, or one of several classes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.evaluation.samples import log_mass, protostars, read_samples

FEWEST_OBJECTS = 2
"""Fewest objects of a class: one to train with and one to test on."""
MASS_COLUMN = "mass_msun"


class Columns(NamedTuple):
    """Names of the columns of a table of predicted numbers."""

    truth: str
    predicted: str
    spread: str
    interval: str


@dataclass(frozen=True)
class Target:
    """What the methods of a study predict. Without arguments it is the stellar mass.

    Attributes
    ----------
    kind : ``number`` or ``classes``
    column : of samples.csv
    transform : ``log10`` or ``none``; what is predicted of a number
    unit : of the number before its transform
    name : what tables and figures call it
    metrics : ``errors`` or ``redshift``, for a number
    classes : names of the classes, in order; none before :func:`read_target` found them
    key : key of the config that it comes from, for messages
    """

    kind: str = "number"
    column: str = MASS_COLUMN
    transform: str = "log10"
    unit: str = "Msun"
    name: str = "stellar mass"
    metrics: str = "errors"
    classes: tuple[str, ...] = ()
    key: str = "evaluation.studies"

    @property
    def is_mass(self) -> bool:
        """Whether it is the stellar mass, whose columns have names of their own."""
        return self.kind == "number" and (self.column, self.transform) == (MASS_COLUMN, "log10")

    @property
    def columns(self) -> Columns:
        """Columns of the predictions, where the target is a number."""
        if self.is_mass:
            return Columns("log10_mass", "predicted_log10_mass", "spread_dex", "interval_dex")
        return Columns("truth", "predicted", "spread", "interval")

    @property
    def scores(self) -> list[str]:
        """Columns of the predictions with the score of each class, in the classes' order."""
        return [f"score_{place}" for place in range(len(self.classes))]

    def values(self, samples: pd.DataFrame, source: str | Path = "samples.csv") -> np.ndarray:
        """Return the target of every row.

        Parameters
        ----------
        samples : the study's rows
        source : the file that they come from, for messages

        Returns
        -------
        float64 [row], a number after its transform; or int64 [row], the place of the class among
        :attr:`classes`

        Raises
        ------
        InputError
            when the column is absent, or a row's target is missing, no finite number, has no
            logarithm or is none of the classes, or a class has fewer than :data:`FEWEST_OBJECTS`
            objects
        """
        self._check_column(samples, source)
        if self.kind == "classes":
            return self._places(samples, source)
        if self.is_mass:
            return log_mass(samples)
        numbers = pd.to_numeric(samples[self.column], errors="coerce").to_numpy(np.float64)
        self._refuse(samples, source, ~np.isfinite(numbers), "which is no finite number")
        if self.transform == "log10":
            self._refuse(samples, source, numbers <= 0, "which has no logarithm")
            return np.log10(numbers)
        return numbers

    def named(self, samples: pd.DataFrame, source: str | Path = "samples.csv") -> "Target":
        """Return the target with the classes of its column, where none are given."""
        if self.kind != "classes" or self.classes:
            return self
        self._check_column(samples, source)
        found = tuple(sorted(samples[self.column].dropna().astype(str).unique()))
        if len(found) < 2:
            raise InputError(
                f"{source}: the column {self.column!r} ({self.key}.column) holds"
                f" {f'the class {found[0]!r} alone' if found else 'no class'}, so there is nothing"
                " to predict; name another column."
            )
        return replace(self, classes=found)

    def _places(self, samples: pd.DataFrame, source: str | Path) -> np.ndarray:
        names = samples[self.column]
        self._refuse(samples, source, names.isna().to_numpy(), "which is no class")
        places = pd.Index(self.classes).get_indexer(names.astype(str))
        listed = ", ".join(self.classes)
        self._refuse(samples, source, places < 0, f"which is none of the classes {listed}")
        objects = pd.Series(protostars(samples)).groupby(places).nunique()
        for place, name in enumerate(self.classes):
            if (count := int(objects.get(place, 0))) < FEWEST_OBJECTS:
                raise InputError(
                    f"{source}: the class {name!r} of column {self.column!r} has {count}"
                    f" object{'' if count == 1 else 's'}, and {FEWEST_OBJECTS} are the least to"
                    f" train and test with; change {self.key}.classes, or the labels."
                )
        return places

    def _check_column(self, samples: pd.DataFrame, source: str | Path) -> None:
        if self.column not in samples:
            raise InputError(
                f"{source}: there is no column {self.column!r} ({self.key}.column)"
                f"{closest(self.column, samples.columns)}; there are"
                f" {', '.join(samples.columns)}."
            )

    def _refuse(
        self, samples: pd.DataFrame, source: str | Path, wrong: np.ndarray, problem: str
    ) -> None:
        """Raise InputError about the first of the rows that are wrong [row], if there is one."""
        if not wrong.any():
            return
        first = samples[wrong].iloc[0]
        value = first[self.column]
        shown = "empty" if pd.isna(value) else repr(value)
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        raise InputError(
            f"{source}: row {first['row']}{more}: the column {self.column!r} ({self.key}.column) is"
            f" {shown}, {problem}; mend the label where it comes from, or leave the object out."
        )


def check_classes(labels: np.ndarray) -> None:
    """Refuse training rows that are all of one class; ``labels`` are theirs [row]."""
    if len(np.unique(labels)) < 2:
        raise InputError(
            f"all {len(labels)} training rows of a fold have the same class, so nothing can be"
            " learnt; split in fewer folds, by something else, or with more labels."
        )


MASS = Target()
"""The target of a study that names none."""


def read_target(path: str | Path, options: Mapping[str, Any]) -> tuple[Target, pd.DataFrame]:
    """Read a study's rows and what is predicted of them.

    Parameters
    ----------
    path : samples.csv
    options : arguments of :class:`Target`; empty for the stellar mass

    Raises
    ------
    InputError
        when the table can't be read, and what :meth:`Target.values` raises
    """
    samples = read_samples(path)
    target = Target(**{**options, "classes": tuple(options.get("classes", ()))})
    target = target.named(samples, path)
    target.values(samples, path)  # says which row is wrong, and of which file
    return target, samples
