"""Which snapshots a simulation of the config has, and the files of each; read by the Snakefile at every parse, so imports YAML alone."""

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
    """Return snapshot -> files of its dump, in order of names; the first file is the one that yt opens.

    Parameters
    ----------
    entry : a simulation of the config's ``maps.simulations``
    data_root : what ``{data_root}`` in its folder stands for
    name : of the entry; a toy cloud's dumps are to be written under ``results/dumps/{name}``

    Raises
    ------
    InputError : a missing folder, data root or dump, or a snapshot name that a path wildcard can't hold
    """
    key = f"maps.simulations.{name}" if name else "maps.simulations"
    if entry["format"] == "toycloud":
        run = f"results/dumps/{name}"
        return {
            s: [f"{run}/{s}", f"{run}/{DESCRIPTOR_NAME}"]
            for s in snapshot_names(int(entry["snapshots"]))
        }
    folder = simulation_folder(entry, data_root, name=name)
    found = _find_sfumato(folder) if entry["format"] == "sfumato" else _find_yt(entry, folder, key)
    if not found:
        pattern = entry.get("dump") or load_descriptor(folder / DESCRIPTOR_NAME).cells
        raise InputError(
            f"{folder}: holds no dump of the form {pattern!r}; bring dumps there, or mend `{key}` in the config."
        )
    wanted = entry.get("snapshots")
    for snapshot in wanted or ():
        if snapshot not in found:
            raise InputError(
                f"{folder}: has no snapshot {snapshot!r}{closest(snapshot, found)}; mend `{key}.snapshots`, or bring the dump."
            )
    chosen = {snapshot: found[snapshot] for snapshot in sorted(wanted or found)}
    for snapshot in chosen:
        if not SNAPSHOT_NAME.fullmatch(snapshot):
            raise InputError(
                f"{folder}: the snapshot name {snapshot!r} has more than letters, digits, '_' and '.'; link the dump under another name."
            )
    return chosen


def snapshot_names(count: int) -> list[str]:
    """Names of a toy cloud's snapshots: ``snapshot_0001`` and so on."""
    return [f"snapshot_{number:04d}" for number in range(1, count + 1)]


def simulation_folder(
    entry: Mapping[str, Any], data_root: str | None = None, *, name: str = ""
) -> Path:
    """The folder that a simulation's dumps lie in; one that isn't there is an :class:`InputError`."""
    key = f"maps.simulations.{name}.folder" if name else "maps.simulations: folder"
    folder = str(entry["folder"])
    if "{data_root}" in folder:
        if not data_root:
            raise InputError(
                f"{key}: is {folder!r}, but `data_root` is not set; add `--config data_root=DIR`, DIR holding the dumps."
            )
        folder = folder.replace("{data_root}", str(data_root))
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InputError(
            f"{key}: there is no folder {path}; mend the path{', or `data_root`' if data_root else ''}."
        )
    return path


def _find_sfumato(folder: Path) -> dict[str, list[str]]:
    descriptor = load_descriptor(folder / DESCRIPTOR_NAME)
    return {
        snapshot: [
            *(str(file) for file in files),
            str(folder / DESCRIPTOR_NAME),
            str(folder / descriptor.sinks_path(snapshot)),
        ]
        for snapshot, files in descriptor.find(folder).items()
    }


def _find_yt(entry: Mapping[str, Any], folder: Path, key: str) -> dict[str, list[str]]:
    """Files that match ``dump``, by the part of their path that ``{snapshot}`` stands for, each with its sink table."""
    pattern = entry["dump"]
    if pattern.count("{snapshot}") != 1:
        raise InputError(
            f"{key}.dump: {pattern!r} needs {{snapshot}} once, in the place of the snapshot's name, like '{{snapshot}}/info_*.txt'."
        )
    before, after = pattern.split("{snapshot}")
    regex = re.compile(f"{_glob_regex(before)}(?P<snapshot>[^/]+){_glob_regex(after)}")
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob(pattern.replace("{snapshot}", "*"))):
        matched = regex.fullmatch(path.relative_to(folder).as_posix())
        if not matched:
            continue
        snapshot = matched["snapshot"]
        if snapshot in found:
            raise InputError(
                f"{key}.dump: {found[snapshot][0]} and {path} both match {pattern!r}; make the pattern tell them apart."
            )
        found[snapshot] = [str(path)]
        table = entry["sinks"].get("table")
        if table:
            found[snapshot].append(str(_sink_table(path, table, key)))
    return found


def _sink_table(dump: Path, pattern: str, key: str) -> Path:
    folder = dump if dump.is_dir() else dump.parent
    tables = sorted(folder.glob(pattern))
    if len(tables) != 1:
        raise InputError(
            f"{folder}: {len(tables)} files match {pattern!r}, where one sink table should; mend `{key}.sinks.table`."
        )
    return tables[0]


def _glob_regex(pattern: str) -> str:
    return "".join("[^/]*" if c == "*" else "[^/]" if c == "?" else re.escape(c) for c in pattern)
