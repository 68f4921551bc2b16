"""Sinks from a text table with named columns, in the dialects that codes and spreadsheets write."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

from starmass.errors import InputError, closest
from starmass.maps.sinks import refuse_doubles

COLUMNS = ("id", "mass", "x", "y", "z", "vx", "vy", "vz")
# Fortran writes 1.0D+00, and leaves the letter out where the exponent has three digits.
FORTRAN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[dD]([+-]?\d+)|([+-]\d{3}))")


@dataclass(frozen=True)
class Table:
    """The cells of a table as text: names of columns, rows, and each row's line in the file."""

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        place = self.names.index(name)
        return [row[place] for row in self.rows]

    def numbers(self, name: str) -> np.ndarray:
        """A column as floating-point numbers (n,), Fortran's D exponents included."""
        return np.array(
            [self._number(cell, row, name) for row, cell in enumerate(self.column(name))]
        )

    def whole_numbers(self, name: str) -> np.ndarray:
        """A column as int64 (n,), exact to the last digit; ``1.0e+03`` is whole, 1.5 is refused."""
        found = []
        for row, cell in enumerate(self.column(name)):
            try:
                value = Decimal(self.plain(cell))
                # The digits of 1e3000000 would fill the memory.
                large = value.is_finite() and value.adjusted() > 30
                whole = 2**63 if large else int(value)
            except (InvalidOperation, ValueError, OverflowError):
                raise self._refuse(row, name, cell, "is not a number") from None
            if not large and whole != value:
                raise self._refuse(row, name, cell, "is not a whole number, as an id has to be")
            if not -(2**63) <= whole < 2**63:
                raise self._refuse(row, name, cell, "does not fit 64 bits")
            found.append(whole)
        return np.array(found, np.int64)

    def where(self, row: int) -> str:
        """File and line of a row."""
        return f"{self.path}: line {self.lines[row]}"

    def _number(self, cell: str, row: int, name: str) -> float:
        try:
            return float(self.plain(cell))
        except ValueError:
            raise self._refuse(row, name, cell, "is not a number") from None

    @staticmethod
    def plain(cell: str) -> str:
        """A cell as Python reads numbers, for those that Fortran writes."""
        if "_" in cell:  # Python reads 1_5 as 15
            return "?"
        matched = FORTRAN.fullmatch(cell)
        return f"{matched[1]}e{matched[2] or matched[3]}" if matched else cell

    def _refuse(self, row: int, name: str, cell: str, problem: str) -> InputError:
        comma = ", perhaps with a decimal comma" if re.fullmatch(r"[-+]?\d+,\d+", cell) else ""
        return InputError(f"{self.where(row)}, {name}: {cell!r} {problem}{comma}; mend the line.")


def read_table(path: Path, wanted: Sequence[str], names: Sequence[str] = ()) -> Table | None:
    """Read a table whose first line names its columns; None where the file is empty.

    Columns are separated by commas, semicolons, tabs or blanks. These are allowed:
    a byte-order mark, blank lines, ``#`` before the names, comments that begin with ``#``, quotes,
    and one separator at the end of a line.

    Parameters
    ----------
    wanted : columns that have to be there
    names : of the columns, for a table that does not name them

    Raises
    ------
    InputError : names the line that can't be read, or the column that is missing
    """
    numbered = [
        (number, line.strip())
        for number, line in enumerate(_decode(path).splitlines(), start=1)
        if line.strip()
    ]
    comments = [(n, line.lstrip("# ")) for n, line in numbered if line.startswith("#")]
    content = [(n, line) for n, line in numbered if not line.startswith("#")]
    if not numbered:
        return None
    if names:
        header = list(names)
        for number, line in [*comments, *content[:1]]:
            cells = _split(line)
            if len(set(cells) & set(header)) > 1 and cells != header:
                raise InputError(
                    f"{path}: line {number} names other columns than the simulation's"
                    " `sinks.names`; "
                    "take `sinks.names` away, or mend it."
                )
        content = content[1:] if content and _split(content[0][1]) == header else content
    else:
        first = content[0][0] if content else numbered[-1][0] + 1
        # Of two lines that could be the names, the one nearer to the numbers is.
        lines = [*content[:1], *(one for one in reversed(comments) if one[0] < first)]
        header = max(
            (_split(line) for _, line in lines),
            key=lambda cells: (len(set(cells) & set(wanted)), not _all_numbers(cells), len(cells)),
        )
        if content and header == _split(content[0][1]):
            if _all_numbers(header):
                raise InputError(
                    f"{path}: line {first} holds numbers where the names of the columns should be; "
                    "name them in the simulation's `sinks.names: [id, mass, ...]`."
                )
            content = content[1:]
    for name in wanted:
        if header.count(name) != 1:
            problem = "has two columns" if name in header else "has no column"
            near = closest(name, header) if name not in header else ""
            listed = ", ".join(header[:20])
            raise InputError(
                f"{path}: {problem} {name!r}{near}; it has {listed}: name the one to read in the "
                "simulation's `sinks.columns`."
            )
    rows = []
    for number, line in content:
        cells = _split(line)
        if len(cells) != len(header):
            raise InputError(
                f"{path}: line {number} has {len(cells)} values, but {len(header)} columns are "
                "named; mend the line."
            )
        rows.append(cells)
    return Table(path, header, rows, [number for number, _ in content])


def read_sink_columns(
    path: Path, where: Mapping[str, Any]
) -> tuple[Table, dict[str, np.ndarray]] | None:
    """Read the columns of sinks, in the table's own units; None where the table is empty.

    Parameters
    ----------
    where : the entry's ``sinks``: ``columns`` (ours -> the table's) and ``names`` of all columns

    Returns
    -------
    the table, and ``id``, ``mass``, ``x``, ... and ``creation_time`` or ``age`` (n,) each
    """
    given = where.get("columns", {})
    time = "age" if "age" in given else "creation_time"
    named = {column: given.get(column, column) for column in (*COLUMNS, time)}
    refuse_doubles(named)
    table = read_table(path, list(named.values()), where.get("names", ()))
    if table is None:
        return None
    values = {column: table.numbers(name) for column, name in named.items() if column != "id"}
    return table, {"id": table.whole_numbers(named["id"]), **values}


def _decode(path: Path) -> str:
    data = path.read_bytes()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line} holds the byte 0x{data[error.start]:02x}, which is not UTF-8; "
            "save the table as UTF-8."
        ) from None


def _split(line: str) -> list[str]:
    mark = next((mark for mark in "\t;," if mark in line), None)
    if mark is None:
        return line.split()
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=mark))]
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _all_numbers(cells: Sequence[str]) -> bool:
    try:
        return all(float(Table.plain(cell)) is not None for cell in cells)
    except ValueError:
        return False
