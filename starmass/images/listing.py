"""A table of labels as text, and the files that it names.

Light on imports, because the rules ask for the files when they are read.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starmass.errors import InputError, closest
from starmass.files import check_readable

PICTURES = (".png", ".jpg", ".jpeg")
FITS = (".fits", ".fit", ".fts", ".fits.gz")
SHOWN = 3
"""Names that a sentence lists."""


@dataclass(frozen=True)
class Labels:
    """A table of labels.

    Attributes
    ----------
    path : the CSV file
    columns : text of every line, by the name of the column
    lines : number of each line in the file, from 1
    """

    path: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, given: str | None, usual: str | None, key: str) -> str | None:
        """Return the name of a column, or None where there is none.

        Parameters
        ----------
        given : as the config names it, if it does
        usual : name that it has otherwise, where it is there
        key : of the config, for the sentence

        Raises
        ------
        InputError
            when the given one is not there
        """
        if given is None:
            return usual if usual in self.columns else None
        if given not in self.columns:
            raise InputError(
                f"{self.path}: there is no column {given!r}{closest(given, self.columns)}, which"
                f" {key} names; columns: {', '.join(self.columns)}."
            )
        return given


def read_labels(path: str | Path) -> Labels:
    """Read a CSV file: one line an image, the first line names the columns.

    Raises
    ------
    InputError
        when it can't be read as text, is empty, names a column twice or not at all, or a line has
        more or fewer fields
    """
    check_readable(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: this is no CSV file in UTF-8 ({error}); write it as text with commas."
        ) from error
    if len(rows) < 2:
        raise InputError(
            f"{path}: it has {'no line of labels' if rows else 'no lines'}; give a line with the"
            " names of the columns, and one for each image."
        )
    header, rows = [name.strip() for name in rows[0][1]], rows[1:]
    for at, name in enumerate(header):
        if not name or name in header[:at]:
            problem = f"{name!r} twice" if name else f"nothing at column {at + 1}"
            raise InputError(f"{path}: its first line names {problem}; give each column a name.")
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{path}: line {line} has {len(row)} fields, and the first line names"
                f" {len(header)}; mend it (text with commas has to be in quotes)."
            )
    columns = {name: [row[at].strip() for _, row in rows] for at, name in enumerate(header)}
    return Labels(str(path), columns, [line for line, _ in rows])


def labelled_files(
    folder: str | Path, labels: Labels, name: str, *, column: str | None = None,
    unlabelled: str = "refuse",
) -> list[str]:  # fmt: skip
    """Return the image of every line of the labels.

    Parameters
    ----------
    folder : of the images
    name : of the set, for sentences
    column : of the file names; ``file`` when left out
    unlabelled : ``refuse`` or ``ignore`` images that no line names

    Raises
    ------
    InputError
        when the folder or a file is not there, a line names none, two lines name the same one, or
        an image has no label
    """
    key = f"images.{name}"
    if not Path(folder).is_dir():
        raise InputError(f"config key '{key}.folder': there is no folder {folder}; give its path.")
    named = labels.column(column, "file", f"{key}.columns.file")
    if named is None:
        raise InputError(
            f"{labels.path}: there is no column 'file' of the names of the images; name it by"
            f" {key}.columns.file; columns: {', '.join(labels.columns)}."
        )
    seen: dict[Path, int] = {}
    for text, line in zip(labels.columns[named], labels.lines, strict=True):
        if not text:
            raise InputError(f"{labels.path}: line {line} names no file ({named}); add it.")
        path = Path(folder, text)
        if path in seen:
            raise InputError(
                f"{labels.path}: lines {seen[path]} and {line} both name {text} ({named}); an image"
                " has one line of labels."
            )
        seen[path] = line
    absent = [path for path in seen if not path.is_file()]
    if absent:
        raise InputError(
            f"{labels.path}: {_count(absent, folder)} that its column {named} names"
            f" {'is' if len(absent) == 1 else 'are'} not in {folder}; add"
            f" {'it' if len(absent) == 1 else 'them'}, or take the lines away."
        )
    stray = [] if unlabelled == "ignore" else [*_others(seen)]
    if stray:
        raise InputError(
            f"{folder}: {_count(stray, folder)} {'has' if len(stray) == 1 else 'have'} no line in"
            f" {labels.path}; add {'one' if len(stray) == 1 else 'them'}, or set {key}.unlabelled:"
            " ignore."
        )
    return [str(path) for path in seen]


def _others(seen: Mapping[Path, int]) -> Iterator[Path]:
    """Yield the images beside those that are labelled."""
    for folder in sorted({path.parent for path in seen}):
        for path in sorted(folder.iterdir()):
            if path.name.lower().endswith((*PICTURES, *FITS)) and path not in seen:
                yield path


def _count(paths: Sequence[Path], folder: str | Path) -> str:
    names = [str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)]
    names = names or [str(path) for path in paths]
    first = ", ".join(names[:SHOWN]) + (", ..." if len(paths) > SHOWN else "")
    return f"{len(paths)} image{'' if len(paths) == 1 else 's'} ({first})"
