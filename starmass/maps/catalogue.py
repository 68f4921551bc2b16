"""The catalogue of a simulation: every sample (a sink at a time) with its label.

It also says which of the config's cuts removes a sample, if any.

A sample is one row here and one map along each axis. Cuts are applied in the order of :data:`CUTS`,
the one that comes first counts.
"""

import csv
import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from starmass.errors import InputError
from starmass.storage import open_hdf5, written_aside

logger = logging.getLogger("starmass")

# Column of the catalogue that each cut looks at; the last one counts what the others have left of a
# protostar.
CUTS = {
    "mass": "mass_msun", "age": "age_yr", "time_since_birth": "time_since_birth_yr",
    "refined": "refined_fraction",
    "minimum_snapshots": "snapshots_kept",
}  # fmt: skip
COLUMNS = (
    "simulation", "snapshot", "time_yr", "sink_id", "mass_msun", "age_yr", "time_since_birth_yr",
    "snapshots", "snapshots_kept", "refined_fraction", "gas_mass_msun", "x_pc", "y_pc", "z_pc",
    "map_file", "sink_index", "kept", "removed_by",
)  # fmt: skip


def write_catalogue(
    *, output: str | Path, map_files: Sequence[str | Path], cuts: Mapping[str, Any]
) -> None:
    """Write ``results/maps/{simulation}/catalogue.csv`` and say how many samples each cut removed.

    Parameters
    ----------
    map_files : of all snapshots of the simulation
    cuts : ``mass`` [Msun], ``age`` [yr], ``time_since_birth`` [yr] and ``refined``: [least, most],
        null for no bound; ``minimum_snapshots``
    """
    rows = read_samples(map_files)
    check_snapshots(map_files)
    counts = apply_cuts(rows, cuts)
    with (
        written_aside(output) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as stream,
    ):
        table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows({name: _text(row[name]) for name in COLUMNS} for row in rows)
    removed = (
        ", ".join(f"{count} by {name}" for name, count in counts.items()) or "there are no cuts"
    )
    logger.info(
        "%s: %d samples, %d kept; removed: %s",
        output,
        len(rows),
        sum(row["kept"] for row in rows),
        removed,
    )


def read_samples(map_files: Sequence[str | Path]) -> list[dict[str, Any]]:
    """One row a sample, in the order of time and sink."""
    rows: list[dict[str, Any]] = []
    for map_file in map_files:
        with open_hdf5(map_file) as file:
            facts = {name: file.attrs[key] for name, key in _FACTS.items()}
            columns = {name: file[key][:] for name, key in _COLUMNS.items()}
            position = file["position"][:]
        for sink in range(len(position)):
            place = dict(zip(("x_pc", "y_pc", "z_pc"), position[sink].tolist(), strict=True))
            row = {
                **facts,
                **{name: values[sink].item() for name, values in columns.items()},
                **place,
            }
            rows.append({**row, "map_file": str(map_file), "sink_index": sink})
    rows.sort(key=lambda row: (row["time_yr"], row["snapshot"], row["sink_id"]))
    seen: dict[int, list[float]] = {}
    for row in rows:
        seen.setdefault(row["sink_id"], []).append(row["time_yr"])
    for row in rows:
        row["snapshots"] = len(seen[row["sink_id"]])
        row["time_since_birth_yr"] = row["time_yr"] - seen[row["sink_id"]][0]
    return rows


def check_snapshots(map_files: Sequence[str | Path]) -> None:
    """Refuse a simulation without any sample, and a snapshot that lost its sinks.

    A snapshot before the first star has no sinks, and so has one whose sink table is missing or
    read by a wrong name: only the other snapshots can distinguish these.
    """
    facts = []
    for path in map_files:
        with open_hdf5(path) as file:
            rows = len(file["mass"])
            found = int(file.attrs.get("sinks_found", rows))
            stars = [file[name][:].tobytes() for name in ("sink_id", "mass", "position")]
            facts.append((float(file.attrs["time_yr"]), found, rows, path, stars))
    facts.sort(key=lambda one: one[0])
    if not any(rows for _, _, rows, *_ in facts):
        found = max((found for _, found, *_ in facts), default=0)
        problem = (
            f"none of up to {found} sinks has its cube within the box: see `maps.projection.side`, "
            "and the unit of positions (`units` of `sinks` for yt)"
            if found
            else "no sink is in any of them: see `sinks` of the simulation's entry"
        )
        raise InputError(
            f"{facts[0][3] if facts else 'maps'} and {max(len(facts) - 1, 0)} more: no sample is "
            f"left; {problem}."
        )
    for one, other in itertools.pairwise(facts):
        (time, before, rows, earlier, stars), (later, found, _, path, others) = one, other
        if rows and time != later and stars == others:
            raise InputError(
                f"{path}: its sinks have the ids, masses and places of those of {earlier} to the "
                "last digit, at another time: one sink table was read for both. Put {snapshot}"
                " into "
                "`sinks.table` of the simulation, in the place of the snapshot's name."
            )
        if before and not found:
            raise InputError(
                f"{path}: has no sink, though {earlier}, which is earlier, has {before}; its sink "
                "table is missing, empty or of another name: bring it, or leave the snapshot out "
                "by `snapshots` of the simulation."
            )


_FACTS = {"simulation": "simulation", "snapshot": "snapshot", "time_yr": "time_yr"}
_COLUMNS = {
    "sink_id": "sink_id", "mass_msun": "mass", "age_yr": "age", "gas_mass_msun": "gas_mass",
    "refined_fraction": "refined_fraction",
}  # fmt: skip


def apply_cuts(rows: list[dict[str, Any]], cuts: Mapping[str, Any]) -> dict[str, int]:
    """Set ``removed_by`` (empty where kept), ``kept`` and ``snapshots_kept`` of every row.

    Return how many each cut removed.
    """
    for name, bounds in cuts.items():
        if isinstance(bounds, Sequence) and None not in bounds and bounds[0] > bounds[1]:
            raise InputError(
                f"maps.cuts.{name}: [{bounds[0]}, {bounds[1]}] runs backwards and keeps nothing;"
                " give the least first."
            )
    if cuts.get("refined") not in (None, [None, None]):
        for row in rows:
            if math.isnan(row["refined_fraction"]):
                raise InputError(
                    f"maps.cuts.refined: {row['simulation']} is a particle code's, which has no"
                    " base grid to be "
                    "finer than; take `refined` out of its cuts (`cuts` in its entry of"
                    " maps.simulations)."
                )
    for row in rows:
        row["removed_by"] = next(
            (
                name
                for name in CUTS
                if name != "minimum_snapshots" and not _within(row, name, cuts.get(name))
            ),
            "",
        )
    left: dict[int, int] = {}
    for row in rows:
        left[row["sink_id"]] = left.get(row["sink_id"], 0) + (not row["removed_by"])
    for row in rows:
        row["snapshots_kept"] = left[row["sink_id"]]
        if not row["removed_by"] and not _within(
            row, "minimum_snapshots", [cuts.get("minimum_snapshots"), None]
        ):
            row["removed_by"] = "minimum_snapshots"
        row["kept"] = int(not row["removed_by"])
    asked = [name for name in CUTS if cuts.get(name) not in (None, [None, None], 1)]
    return {name: sum(row["removed_by"] == name for row in rows) for name in asked}


def _within(row: Mapping[str, Any], cut: str, bounds: Sequence[float | None] | None) -> bool:
    least, most = bounds if bounds is not None else (None, None)
    value = row[CUTS[cut]]
    return (least is None or value >= least) and (most is None or value <= most)


def _text(value: Any) -> str:
    """Numbers to the last digit, names as they are."""
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
