"""Who works on a folder: Snakemake processes of this machine, and SLURM jobs."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from starmass.errors import InputError

JOB_PREFIX = "starmass_"
"""How the names of this workflow's SLURM jobs begin.

It is ``slurm-jobname-prefix`` of the profile, and the executor's underscore.
"""
SLURM_LOGS = "logs/slurm"
"""Folder of the logs of SLURM jobs (``slurm-logdir`` of the profile)."""


@dataclass(frozen=True)
class QueuedJob:
    """A job in SLURM's queue.

    It has a number, state (``RUNNING``, ``PENDING``, …), time so far, nodes or what it waits for,
    and rule.
    """

    number: str
    state: str
    time: str
    place: str
    rule: str


def queued_jobs(folder: Path) -> list[QueuedJob]:
    """Return this user's jobs of the workflow that work in ``folder``, on any node.

    There are none where there is no SLURM.

    Raises
    ------
    InputError
        when SLURM has made jobs for this folder and does not answer now: some may be at work
    """
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--states=all", "--format=%i|%T|%M|%R|%j|%Z|%k"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        if not (folder / SLURM_LOGS).is_dir():
            return []  # SLURM's commands are here, and nothing was sent to it from this folder
        said = " ".join((getattr(error, "stderr", "") or str(error)).split())
        raise InputError(
            f"{folder}: squeue does not tell which jobs are at work here ({said}); try again when"
            " SLURM answers."
        ) from error
    found = []
    for line in listed.stdout.splitlines():
        number, state, time, place, name, works_in, comment = line.split("|", 6)
        over = state in (
            "COMPLETED",
            "FAILED",
            "CANCELLED",
            "TIMEOUT",
            "OUT_OF_MEMORY",
            "NODE_FAIL",
            "BOOT_FAIL",
            "DEADLINE",
            "PREEMPTED",
        )
        if (
            not over
            and name.startswith(JOB_PREFIX)
            and Path(works_in).resolve() == folder.resolve()
        ):
            found.append(QueuedJob(number, state, time, place, comment.removeprefix("rule_")))
    return found


def snakemake_processes(folder: Path) -> list[int]:
    """Return the numbers of this machine's Snakemake processes that work in ``folder``.

    Processes that they started are not counted.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
            same_folder = process.joinpath("cwd").resolve() == folder.resolve()
        except OSError:  # ended meanwhile, or another user's
            continue
        is_snakemake = any(
            Path(word).name == "snakemake" or word.endswith("snakemake/__main__.py")
            for word in words[:4]
        )
        # Jobs are Snakemakes, too: they have a mode, and asking how things stand changes nothing.
        if (
            is_snakemake
            and same_folder
            and int(process.name) != os.getpid()
            and not {"--mode", "--summary"} & set(words)
        ):
            found.append(int(process.name))
    return sorted(found)
