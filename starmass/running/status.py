"""How far a run is, by stage, and which log to read.

Files are done, at work, failed, interrupted, out of date or still to do.
"""

import re
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starmass.errors import InputError
from starmass.files import unreadable
from starmass.provenance import ROOT
from starmass.running.jobs import queued_jobs, snakemake_processes

STATES = ("done", "at work", "failed", "interrupted", "out of date", "to do")
STAGES = ("dumps", "maps", "observed", "fractals", "pretraining", "evaluation", "tables", "figures")
"""Folders of results/, in the order of the flow."""


@dataclass
class File:
    """An output of the run: its path, the rule that makes it, its state and the logs to read."""

    path: str
    rule: str
    state: str
    logs: list[str] = field(default_factory=list)


def find_files(folder: Path, arguments: Sequence[str]) -> list[File]:
    """Return every output that a run has or will have.

    Parameters
    ----------
    folder : where the run works
    arguments : of Snakemake, as given to the run (targets, ``--configfile``, ``--config``)

    Raises
    ------
    InputError
        when Snakemake refuses the arguments
    """
    command = [sys.executable, "-m", "snakemake", *arguments, "--directory", str(folder)]
    if not any(re.match(r"-s$|--snakefile(=|$)", word) for word in arguments):
        command += ["--snakefile", str(snakefile_of(folder))]
    command += ["--summary"]
    if "--rerun-triggers" not in arguments:
        # As the profile has them: a script's time stamp says nothing.
        command += ["--rerun-triggers", "mtime", "params", "input", "software-env"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        said = said.splitlines()[-1] if "Traceback" in said else said[-1500:]
        raise InputError(
            f"Snakemake can't plan this run; give status the run's own arguments. It says: {said}"
        )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    started, failed = started_files(folder), failed_files(folder)
    working = bool(queued_jobs(folder) or snakemake_processes(folder))
    files = []
    for path, date, rule, log, _, plan in (
        row for row in rows if len(row) == 6 and row[0] != "output_file"
    ):
        logs = failed.get(path, [] if log == "-" else [log])
        if plan == "no update":
            state = "done"
        elif path in started:
            state = "at work" if working else "interrupted"
        else:
            state = "failed" if path in failed else "to do" if date == "-" else "out of date"
        files.append(File(path, rule, state, logs))
    return files


def snakefile_of(folder: Path) -> Path:
    """Return the Snakefile of a run: the folder's own, of a workflow that uses this one, or ours.

    Raises
    ------
    InputError
        when there is neither, because the library was installed without the workflow
    """
    own = (folder / name for name in ("Snakefile", "snakefile", "workflow/Snakefile"))
    for path in (*own, ROOT / "Snakefile"):
        if path.is_file():
            return path
    raise InputError(
        f"{ROOT} holds the library without its workflow, and {folder} has no Snakefile; name the"
        " run's: --snakefile PATH."
    )


def result_folders(folder: Path) -> list[Path]:
    """Return the folders of results, of the run itself and of one that has it as a module."""
    return [folder / "results", *folder.glob("*/results")]


def is_untouched(folder: Path) -> bool:
    """Whether nothing was ever run in ``folder``: no results, no file begun, no lock."""
    marks = [
        *(results / stage for results in result_folders(folder) for stage in STAGES),
        *(folder / ".snakemake" / name for name in ("incomplete", "locks")),
    ]
    return not any(path.is_file() for mark in marks for path in mark.rglob("*"))


def started_files(folder: Path) -> set[str]:
    """Return the files whose jobs have been started (or queued) and have not ended.

    Snakemake's own marks say which.
    """
    marks = folder / ".snakemake" / "incomplete"
    names = (
        "".join(part.removeprefix("@") for part in path.relative_to(marks).parts)
        for path in marks.rglob("*")
        if path.is_file()
    )
    return {_decoded(name) for name in names}


def _decoded(name: str) -> str:
    try:
        return urlsafe_b64decode(name.encode()).decode()
    except ValueError:
        return ""


def failed_files(folder: Path) -> dict[str, list[str]]:
    """Return file -> logs of the jobs that failed in the latest session (or the one at work).

    Jobs that succeeded since are left out.
    """
    logs = sorted(
        (folder / ".snakemake" / "log").glob("*.snakemake.log"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    # Asking how things stand leaves a log, too.
    latest = next((text for text in map(_read_log, logs) if "\nExecute " in text), "")
    failed: dict[str, list[str]] = {}
    files: list[str] = []
    shared: list[str] = []  # log of the job that a group's members had in common
    for line in latest.splitlines():
        if re.match(r"\s*\[.+\]$", line):  # a time begins each record
            files, shared = [], []
        elif found := re.match(r"\s+output: (.+)", line):
            files = found[1].split(", ")
        elif found := re.match(r"\s+log: (.+) \(check log file\(s\) for error details\)", line):
            read = found[1].split(", ")
            if files:
                failed.update({path: [*read, *shared] for path in files})
            else:
                shared = read
    return failed


def _read_log(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        raise unreadable(path, error) from error


def describe(folder: Path, files: Sequence[File]) -> str:
    """Return the summary as text: a table by stage, then what needs a look and where."""
    stages = [stage for stage in STAGES if any(_stage(file) == stage for file in files)]
    width = max([5, *map(len, stages)])
    lines = [f"Nothing was run in {folder} yet; this is the plan.", ""] * is_untouched(folder)
    lines += [f"{'files':{width}}" + "".join(f"{state:>13}" for state in STATES)]
    for stage in stages:
        counts = [
            sum(file.state == state for file in files if _stage(file) == stage) for state in STATES
        ]
        lines.append(f"{stage:{width}}" + "".join(f"{count or '-':>13}" for count in counts))
    jobs, processes = queued_jobs(folder), snakemake_processes(folder)
    if (jobs or processes) and not any(file.state == "at work" for file in files):
        which = f" (process {', '.join(map(str, processes))})" if processes else ""
        lines += ["", f"Snakemake is at work here{which}, at this moment on none of these files."]
    if jobs:
        lines += ["", "SLURM jobs:"] + [
            f"  {job.number} {job.state} {job.time} {job.place} {job.rule}" for job in jobs
        ]
    for state in ("failed", "at work"):
        chosen = [file for file in files if file.state == state]
        logs = dict.fromkeys((file.rule, *file.logs) for file in chosen if file.logs)
        lines += ["", f"{state}, and what to read:"] * bool(logs)
        lines += [f"  {rule}: {', '.join(where)}" for rule, *where in list(logs)[:20]]
        lines += [f"  and {len(logs) - 20} more"] * (len(logs) > 20)
    if any(file.state == "interrupted" for file in files):
        lines += [
            "",
            "Nobody works here, but some files were begun: python -m starmass recover, then the"
            " same command again.",
        ]
    return "\n".join(lines)


def _stage(file: File) -> str:
    parts = Path(file.path).parts
    if "results" not in parts[:-1]:
        return ""
    return parts[parts.index("results") + 1]  # after a module's prefix
