"""Boxes around sources: read from a CSV file, checked, and the one box that knows no image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.files import check_readable

SIDES = ("x_min", "y_min", "x_max", "y_max")
"""Columns of a box [pixels]: x to the right, y along the rows, from the edge of the first pixel."""


def read_boxes(
    path: str | Path, images: pd.DataFrame, *, pixels: int, measured: int | None = None,
    file: str = "file", squares: Sequence[int] = (),
) -> pd.DataFrame:  # fmt: skip
    """Read boxes: one line a box, with ``file`` or ``row``, the four sides, and ``class``.

    Parameters
    ----------
    path : the CSV file
    images : the list of the set's images, with ``row`` and all columns of its labels
    pixels : side of the set's images
    measured : side of the square images that the boxes were measured in; ``pixels`` when left out
    file : column of ``images`` that holds file names
    squares : sides of the squares that images were cut to before they were brought to ``pixels``;
        none where all images were squares of one size

    Returns
    -------
    columns row (of ``images``), x_min, y_min, x_max, y_max [pixels of the set's images], class

    Raises
    ------
    InputError
        names the file, line and column of what can't be: an unknown image, a side that is no
        number or outside of the image, a box without extent, a class without a name; a side that
        the images never had
    """
    table = _read_text(path)
    named = "file" if "file" in table else "row"
    for column in (named, *SIDES, "class"):
        if column not in table:
            raise InputError(
                f"{path}: there is no column {column!r}{closest(column, table)}; give file or row,"
                f" {', '.join(SIDES)} and class; columns: {', '.join(map(str, table))}."
            )
    if table.empty:
        raise InputError(f"{path}: it has no box; give one line for each source.")
    _refuse(path, table, "class", table["class"] == "", "is empty; name what the box holds")
    side = measured or pixels
    # Squares of several sides have no one scale: boxes on them can't be brought to the size.
    if len(squares) and side not in ({pixels, *squares} if len(squares) == 1 else {pixels}):
        cut = ", ".join(map(str, squares))
        raise InputError(
            f"{path}: its boxes were measured in images of {side} pixels (boxes_side), and those"
            f" of the set were cut to squares of {cut}; measure boxes after the cut, in images of"
            f" {pixels if len(squares) > 1 else cut} pixels."
        )
    found = {"row": _rows(path, table, named, images, file)}
    sides = {name: _numbers(path, table, name, side) for name in SIDES}
    for low, high in (SIDES[::2], SIDES[1::2]):
        empty = sides[high] <= sides[low]
        _refuse(path, table, high, empty, f"is not above {low}; a box has an extent")
    found |= {name: values * (pixels / side) for name, values in sides.items()}
    return pd.DataFrame({**found, "class": table["class"].to_numpy()})


def _read_text(path: str | Path) -> pd.DataFrame:
    """Return a CSV file as text; the index of a row is its line less 2."""
    check_readable(path)
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, skip_blank_lines=False, encoding="utf-8-sig"
        )
        if not isinstance(table.index, pd.RangeIndex):  # pandas takes the surplus for an index
            raise ValueError("its lines have more fields than its first line names")
    except ValueError as error:
        raise InputError(
            f"{path}: this is no CSV file ({str(error).strip()}); write it as text with commas."
        ) from error
    table = table.fillna("").rename(columns=str.strip)
    table = table.apply(lambda column: column.str.strip())
    return table[(table != "").any(axis=1)]


def _refuse(
    path: str | Path, table: pd.DataFrame, column: str, wrong: pd.Series | np.ndarray, problem: str
) -> None:
    """Raise InputError about the first row of ``table`` that is ``wrong``, if any is."""
    if np.any(wrong):
        at = int(np.argmax(np.asarray(wrong)))
        raise InputError(
            f"{path}: line {table.index[at] + 2}, column {column}: {table[column].iloc[at]!r}"
            f" {problem}."
        )


def _rows(
    path: str | Path, table: pd.DataFrame, named: str, images: pd.DataFrame, file: str
) -> np.ndarray:
    """Return the row of the image of every box."""
    if named == "file" and file not in images:
        raise InputError(
            f"{path}: its boxes name files, and the labels of the images have no column {file!r};"
            " name images by row, from 0 in the order of the labels."
        )
    known = images[file if named == "file" else "row"].astype(str)
    if known.duplicated().any():
        raise InputError(
            f"{path}: its boxes name files, and the labels have {known[known.duplicated()].iloc[0]}"
            " twice; name images by row, from 0 in the order of the labels."
        )
    rows = table[named].map(dict(zip(known, images["row"], strict=True)))
    example = f"as {known.iloc[0]}" if named == "file" else f"from 0 to {len(images) - 1}"
    _refuse(path, table, named, rows.isna(), f"is no image of the set; they are named {example}")
    if {"file", "row"} <= set(table):
        other = table["row"] != rows.astype(str)
        _refuse(path, table, "row", other, "is another image than file names; leave one column out")
    return rows.to_numpy(np.int64)


def _numbers(path: str | Path, table: pd.DataFrame, column: str, side: int) -> np.ndarray:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    _refuse(path, table, column, ~np.isfinite(values), "is no finite number")
    outside = (values < 0) | (values > side)
    _refuse(path, table, column, outside, f"is outside of the image, 0 to {side} pixels")
    return values


def classes_of(boxes: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> tuple[str, ...]:
    """Return the names of all classes in alphabetical order.

    Raises
    ------
    InputError
        when the training images have no box of a class, or the test images no box at all
    """
    classes = tuple(sorted(boxes["class"].unique()))
    there = set(boxes["class"][boxes["row"].isin(train)])
    for name in classes:
        if name not in there:
            raise InputError(
                f"detection: no training image has a box of class {name!r}, so that it can't be"
                " learnt; add boxes, or draw another split."
            )
    if not boxes["row"].isin(test).any():
        raise InputError(
            "detection: no test image has a box, so that nothing can be measured; add boxes, or"
            " draw another split."
        )
    return classes


def fixed_boxes(boxes: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """Return what a detector that looks at no image says: the same box of each class everywhere.

    Its sides are the medians of the training boxes of the class, its score is their number over
    that of all training boxes.
    """
    learnt = boxes[boxes["row"].isin(train)]
    parts = [
        pd.DataFrame({"row": test}).assign(
            **part[list(SIDES)].median(), **{"class": name, "score": len(part) / len(learnt)}
        )
        for name, part in learnt.groupby("class", sort=True)
    ]
    return pd.concat(parts, ignore_index=True)
