"""What a run cost: Snakemake's benchmark files of all jobs, added up by stage.

The paper's figures stand beside them.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from starmass.errors import InputError
from starmass.files import check_readable
from starmass.reporting.typesetting import Grid, Page, markdown
from starmass.storage import write_text, written_aside

STAGES = (
    "dumps", "maps", "images", "observed", "fractals", "pretraining", "evaluation", "tables",
    "figures",
)  # fmt: skip
PUBLISHED = {
    "maps": "2540 TFLOP a snapshot, 81.2 EFLOP in all (the simulations too)",
    "fractals": "2.67 TFLOP an image, 2.67 EFLOP in all",
}
"""Cost as the paper gives it (arXiv:2510.24159), by the stage that makes what it counts.

It counts images of the paper's kind alone, which are flames.
"""


def collect_cost(
    *,
    benchmarks: Path,
    attempts: Path,
    cores: Mapping[str, int],
    images: Mapping[str, Mapping[str, int]],
) -> pd.DataFrame:
    """Add up what jobs took, one row a stage and entry.

    Parameters
    ----------
    benchmarks : folder of Snakemake's benchmark files, with the folders of results/
    attempts : folder of ``{encoder}/seed-{seed}.attempts.jsonl``: a pretraining may take many jobs,
        and its benchmark measures the last one alone; nor does the benchmark measure other nodes
    cores : encoder -> CPU cores of each of its ranks
    images : image set -> shard -> images in it

    Returns
    -------
    table : stage, entry, jobs, wall_hours, cpu_hours, gpu_hours, peak_memory_gb, product, products,
        cpu_seconds_a_product

    Raises
    ------
    InputError
        when nothing was measured yet
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage, entry, *_ = (*path.relative_to(benchmarks).with_suffix("").parts, "")
        measured = _last(path)
        row = {
            "stage": stage,
            "entry": entry,
            "jobs": 1,
            "wall_hours": measured["s"] / 3600,
            "gpu_hours": 0.0,
        }
        row |= {
            "cpu_hours": measured["cpu_time"] / 3600,
            "peak_memory_gb": measured["max_rss"] / 1024,
        }
        row |= {"product": "", "products": 0}
        log = attempts / entry / f"{path.stem}.attempts.jsonl"
        if stage == "pretraining" and path.stem.startswith("seed-") and log.is_file():
            row |= _of_attempts(_read_attempts(log), cores.get(entry, 1))
        elif stage == "fractals" and path.stem.startswith("shard-"):
            row |= {
                "product": "image",
                "products": images.get(entry, {}).get(path.stem.removeprefix("shard-"), 0),
            }
        elif stage == "maps" and path.stem not in ("catalogue", "overview"):
            row |= {"product": "snapshot", "products": 1}
        rows.append(row)
    if not rows:
        raise InputError(f"{benchmarks}: nothing was measured yet; run the study first.")
    table = pd.DataFrame(rows)
    table["product"] = table.groupby(["stage", "entry"])["product"].transform("max")
    whole = ["jobs", "wall_hours", "cpu_hours", "gpu_hours", "products"]
    summed = table.groupby(["stage", "entry", "product"], as_index=False).agg(
        {**dict.fromkeys(whole, "sum"), "peak_memory_gb": "max"}
    )
    summed["cpu_seconds_a_product"] = (3600 * summed["cpu_hours"] / summed["products"]).where(
        summed["products"] > 0
    )
    order = {stage: place for place, stage in enumerate(STAGES)}
    return summed.sort_values(
        ["stage", "entry"],
        key=lambda column: column.map(order) if column.name == "stage" else column,
    )


def _last(path: Path) -> pd.Series:
    """Return the last line of a benchmark file."""
    check_readable(path)
    try:
        return pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
    except (IndexError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise InputError(
            f"{path}: holds no measurement; delete the file, and its job is left out until it is"
            " made again."
        ) from None


def _read_attempts(log: Path) -> list[dict]:
    check_readable(log)
    try:
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise InputError(
            f"{log}: a line of it is cut short or damaged ({error}); delete that line."
        ) from error


def _of_attempts(attempts: list[dict], cores: int) -> dict[str, float]:
    """Time of all attempts, of cores and of GPUs.

    Cores count as long as an attempt lasts, which is an upper bound of their work.
    """
    seconds = sum(one["seconds"] for one in attempts)
    held = sum(one["seconds"] * one["ranks"] for one in attempts)
    on_gpus = sum(one["seconds"] * one["ranks"] for one in attempts if one["device"] == "cuda")
    hours = {
        "wall_hours": seconds / 3600,
        "cpu_hours": held * cores / 3600,
        "gpu_hours": on_gpus / 3600,
    }
    return {"jobs": len(attempts), **hours}


def write_cost(
    table: pd.DataFrame, textures: Collection[str], outputs: Mapping[str, str | Path]
) -> None:
    """Write the table as CSV and Markdown (files by ``csv`` and ``md``), with a line for all of it.

    ``textures`` are image sets that are no fractals: the paper says nothing of what those cost.
    """
    columns = [
        "stage",
        "entry",
        "jobs",
        "wall_hours",
        "cpu_hours",
        "gpu_hours",
        "peak_memory_gb",
        "product",
        "products",
    ]
    with written_aside(outputs["csv"]) as temporary:
        columns_out = [*columns, "cpu_seconds_a_product"]
        table[columns_out].to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    head = [
        "Stage",
        "Entry",
        "Jobs",
        "Wall",
        "CPU",
        "GPU",
        "Peak memory [GB]",
        "CPU seconds each",
        "Published",
    ]
    body = []
    for _, row in table.iterrows():
        each = f"{row['cpu_seconds_a_product']:.3g} per {row['product']}" if row["products"] else ""
        published = (
            ""
            if row["stage"] == "fractals" and row["entry"] in textures
            else PUBLISHED.get(row["stage"], "")
        )
        body.append([*_cells(row["stage"], row["entry"], row), each, published])
    total = table[["jobs", "wall_hours", "cpu_hours", "gpu_hours"]].sum()
    total["peak_memory_gb"] = table["peak_memory_gb"].max()
    body.append([*_cells("all", "", total), "", ""])
    notes = [
        "A job that failed and was made again counts once, with its last attempt; all attempts at"
        " a pretraining count, but for those that"
        " were killed without a signal.",
        "CPU time is measured; that of a pretraining is the time of its ranks times their cores."
        " GPU time is a pretraining's.",
        "The paper counts operations and does not say how; a CPU second is no number of"
        " operations, so the two stand side by side and in"
        " no ratio.",
    ]
    write_text(
        outputs["md"],
        markdown(
            Page(
                title="What it cost", summary=[], grids=[Grid("By stage", head, body)], notes=notes
            )
        ),
    )


def _cells(stage: str, entry: str, row: pd.Series) -> list[str]:
    times = (duration(row[name]) for name in ("wall_hours", "cpu_hours", "gpu_hours"))
    return [stage, entry, f"{row['jobs']:.0f}", *times, f"{row['peak_memory_gb']:.2g}"]


def duration(hours: float) -> str:
    """Return a time with the unit that a reader would choose; a dash for none."""
    if hours <= 0:
        return "–"
    value, unit = hours * 3600, "s"
    for larger in ("min", "h"):
        if float(f"{value:.3g}") >= 60:  # as it would be written: 59.99 s are a minute
            value, unit = value / 60, larger
    return f"{value:.0f} {unit}" if value >= 999.5 else f"{value:.3g} {unit}"
