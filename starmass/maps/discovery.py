"""Which snapshots a simulation of the config has, and the files of each.

Read by the Snakefile at every parse, so imports YAML alone.
"""

import glob
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starmass.errors import InputError, closest
from starmass.maps.descriptor import DESCRIPTOR_NAME, load_descriptor

SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9_.]+")


def find_snapshots(
    entry: Mapping[str, Any], data_root: str | None = None, *, name: str = ""
) -> dict[str, list[str]]:
    """Return snapshot -> files of its dump, in the order of their numbers.

    The first file is the one that yt opens, or for SFUMATO rank 0's. A sink table comes after it.

    Parameters
    ----------
    entry : a simulation of the config's ``maps.simulations``
    data_root : replaces ``{data_root}`` in its folder
    name : of the entry; a toy cloud's dumps are to be written under ``results/dumps/{name}``

    Raises
    ------
    InputError : a missing folder, data root or dump, or a snapshot name that a path can't hold
    """
    if entry["format"] == "toycloud":
        names = [f"snapshot_{number:04d}" for number in range(1, int(entry["snapshots"]) + 1)]
        return {snapshot: _toycloud_files(name, snapshot) for snapshot in names}
    run = _Run(entry, simulation_folder(entry, data_root, name=name), _key(name))
    found = run.find()
    if not found:
        raise run.empty()
    for snapshot in entry.get("snapshots") or ():
        if snapshot not in found:
            raise run.lacks(snapshot, found, f"`{_key(name)}.snapshots`")
    chosen = sorted(entry.get("snapshots") or found, key=by_number)
    files = {snapshot: run.complete(snapshot, found[snapshot]) for snapshot in chosen}
    if "table" in entry.get("sinks", {}) and len(files) > 1 and max(map(len, files.values())) == 1:
        raise InputError(
            f"{run.folder}: none of {len(files)} snapshots has a sink table that matches "
            f"{entry['sinks']['table']!r} beside its dump (or in it, where it is a "
            f"folder; ../ leads out); mend `{_key(name)}.sinks.table`."
        )
    return files


def find_snapshot(
    entry: Mapping[str, Any], data_root: str | None, snapshot: str, *, name: str = ""
) -> list[str]:
    """Return the files of one snapshot, without looking at those of others.

    A job needs its own snapshot alone, and a run may have thousands.
    """
    if entry["format"] == "toycloud":
        written = find_snapshots(entry, data_root, name=name)
        if snapshot not in written:
            raise InputError(
                f"{_key(name)}: has no snapshot {snapshot!r}{closest(snapshot, written)}; "
                f"it has {', '.join(written)}."
            )
        return written[snapshot]
    run = _Run(entry, simulation_folder(entry, data_root, name=name), _key(name))
    chosen = entry.get("snapshots") or [snapshot]
    found = run.find(snapshot) if snapshot in chosen else {}
    if snapshot not in found:
        known = entry.get("snapshots") or run.find()
        raise run.lacks(snapshot, known, "the name") if known else run.empty()
    return run.complete(snapshot, found[snapshot])


def by_number(name: str) -> list[tuple[int, int, str]]:
    """Sort key of snapshot names: numbers in them count as numbers, so 2 comes before 10."""
    return [
        (0, int(part), part) if re.fullmatch("[0-9]+", part) else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
        if part
    ]


def simulation_folder(
    entry: Mapping[str, Any], data_root: str | None = None, *, name: str = ""
) -> Path:
    """The folder that holds a simulation's dumps; a missing one is an :class:`InputError`."""
    key = f"{_key(name)}.folder"
    folder = str(entry["folder"])
    if "{data_root}" in folder:
        if not data_root:
            raise InputError(
                f"{key}: is {folder!r}, but `data_root` is not set; add `--config data_root=DIR`, "
                "DIR holding the dumps."
            )
        folder = folder.replace("{data_root}", str(data_root))
    try:
        path = Path(folder).expanduser()
    except RuntimeError:  # of ~nobody
        path = Path(folder)
    if not path.is_dir():
        raise InputError(
            f"{key}: there is no folder {path}; mend the path"
            f"{', or `data_root`' if data_root else ''}."
        )
    return path


def _key(name: str) -> str:
    return f"maps.simulations.{name}" if name else "maps.simulations"


def _toycloud_files(name: str, snapshot: str) -> list[str]:
    run = f"results/dumps/{name}"
    return [f"{run}/{snapshot}", f"{run}/{DESCRIPTOR_NAME}"]


class _Run:
    """The folder of a simulation's dumps, and what the entry says of the names in it."""

    def __init__(self, entry: Mapping[str, Any], folder: Path, key: str):
        self.entry = entry
        self.folder = folder
        self.key = key
        sfumato = entry["format"] == "sfumato"
        self.descriptor = load_descriptor(folder / DESCRIPTOR_NAME) if sfumato else None
        self.pattern = self.descriptor.cells if self.descriptor else self._checked(entry["dump"])

    def find(self, snapshot: str | None = None) -> dict[str, list[Path]]:
        """Cell files, or what yt opens, by snapshot; of one snapshot alone where it is named."""
        if self.descriptor:
            return self.descriptor.find(self.folder, snapshot)
        return self._find_dumps(snapshot)

    def empty(self) -> InputError:
        """What to say where no dump is found."""
        return InputError(
            f"{self.folder}: holds no dump of the form {self.pattern!r}; bring dumps there, "
            f"or mend `{self.key}` in the config."
        )

    def lacks(self, snapshot: str, known: Any, key: str) -> InputError:
        """What to say where a snapshot is not found."""
        names = sorted(known, key=by_number)
        if snapshot in names and not self.entry.get("snapshots"):
            return InputError(
                f"{self.folder}: the dump of snapshot {snapshot!r} is a link to nothing; mend it."
            )
        if self.entry.get("snapshots"):
            key = f"`{self.key}.snapshots`, which takes these alone"
        listed = ", ".join(names if len(names) <= 12 else [*names[:6], "...", *names[-3:]])
        return InputError(
            f"{self.folder}: has no snapshot {snapshot!r}{closest(snapshot, names)}; "
            f"it has {listed}: mend {key}, or bring the dump."
        )

    def complete(self, snapshot: str, files: list[Path]) -> list[str]:
        """All files of a snapshot that a map is made of."""
        if not SNAPSHOT_NAME.fullmatch(snapshot):
            raise InputError(
                f"{self.folder}: the snapshot name {snapshot!r} has more than letters, digits, "
                "'_' and '.'; link the dump under another name."
            )
        if self.descriptor:
            sinks = self.folder / self.descriptor.sinks_path(snapshot)
            found = [sinks] if sinks.is_file() else []
            files = [*files, self.folder / DESCRIPTOR_NAME, *found]
        elif "table" in self.entry["sinks"]:
            files = [*files, *self._sink_table(files[0], snapshot)]
        return [str(file) for file in files]

    def _checked(self, pattern: str) -> str:
        """The pattern of dumps, where it says which part of a path is the snapshot's name."""
        key, plain = f"{self.key}.dump", pattern.removeprefix("./")
        if plain.count("{snapshot}") != 1:
            raise InputError(
                f"{key}: {pattern!r} needs {{snapshot}} once, in the place of the snapshot's name, "
                "like '{snapshot}/info_*.txt'."
            )
        if re.search(r"[*?]{snapshot}|{snapshot}[*?]", plain):
            raise InputError(
                f"{key}: {pattern!r} has a * or ? next to {{snapshot}}, so that it is unclear "
                "where the snapshot's name ends; write what stands between them."
            )
        if Path(plain).is_absolute():
            raise InputError(f"{key}: {pattern!r} has to be relative to `folder`; shorten it.")
        return plain

    def _find_dumps(self, wanted: str | None) -> dict[str, list[Path]]:
        """What matches ``dump``, by the part of the path in the place of ``{snapshot}``."""
        pattern, key = self.pattern, f"{self.key}.dump"
        before, after = pattern.split("{snapshot}")
        regex = re.compile(f"{_glob_regex(before)}(?P<snapshot>[^/]+){_glob_regex(after)}")
        searched = pattern.replace("{snapshot}", "*" if wanted is None else glob.escape(wanted))
        found: dict[str, list[Path]] = {}
        for path in sorted(self.folder.glob(searched)):
            matched = regex.fullmatch(path.relative_to(self.folder).as_posix())
            if not matched or wanted not in (None, matched["snapshot"]):
                continue
            snapshot = matched["snapshot"]
            if snapshot.startswith("."):  # what a file manager or an editor leaves beside it
                continue
            if snapshot in found:
                raise InputError(
                    f"{key}: {found[snapshot][0]} and {path} both match {pattern!r}; "
                    "make the pattern fit one of them alone."
                )
            found[snapshot] = [path]
        return found

    def _sink_table(self, dump: Path, snapshot: str) -> list[Path]:
        """The sink table beside a dump; none where no sink has formed yet.

        A table that another snapshot would get as well is refused: its stars would have the wrong
        masses and ages.
        """
        key, pattern = f"{self.key}.sinks.table", self.entry["sinks"]["table"]
        if Path(pattern).is_absolute():
            raise InputError(f"{key}: {pattern!r} has to be relative to the dump; shorten it.")
        folder = dump if dump.is_dir() else dump.parent
        searched = re.sub(r"\*+", "*", pattern.replace("{snapshot}", glob.escape(snapshot)))
        # `{snapshot}*` of snapshot 1 is not to find what belongs to 10.
        left = r"(?<![0-9])" if snapshot[0].isdecimal() else ""
        right = r"(?![0-9])" if snapshot[-1].isdecimal() else ""
        name = f"{left}{re.escape(snapshot)}{right}"
        regex = re.compile(name.join(map(_glob_regex, Path(pattern).name.split("{snapshot}"))))
        tables = [path for path in sorted(folder.glob(searched)) if regex.fullmatch(path.name)]
        if len(tables) > 1:
            raise InputError(
                f"{folder}: {len(tables)} files match {searched!r}, where one sink table should; "
                f"put {{snapshot}} into `{key}`, in the place of the snapshot's name."
            )
        # A plain name is given by the user; what a wildcard finds may be another snapshot's.
        if tables and re.search(r"[*?]", pattern) and "{snapshot}" not in pattern:
            beside = (path for (path,) in self._find_dumps(None).values())
            others = [path for path in beside if path.parent == folder]
            if len(others) > 1:
                raise InputError(
                    f"{tables[0]}: would be the sink table of all {len(others)} snapshots in its "
                    f"folder; put {{snapshot}} into `{key}`, in the place of the snapshot's name."
                )
        return tables


def _glob_regex(pattern: str) -> str:
    return "".join("[^/]*" if c == "*" else "[^/]" if c == "?" else re.escape(c) for c in pattern)
