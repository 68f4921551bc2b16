"""Recovery after a crash of Snakemake itself.

It ends the jobs that were left running, so that nothing is written twice, and unlocks the folder.
"""

import logging
import shutil
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

from starmass.errors import InputError
from starmass.running.jobs import queued_jobs, snakemake_processes
from starmass.running.status import is_untouched, result_folders, snakefile_of
from starmass.storage import leftovers

logger = logging.getLogger("starmass")


def recover(folder: Path, snakefile: Path | None = None, *, patience: float = 300) -> None:
    """Leave ``folder`` ready for a run: no job of an earlier one, no lock, no half-written files.

    Parameters
    ----------
    folder : where the run worked
    snakefile : of the run; see :func:`starmass.running.status.snakefile_of` for which by default
    patience : how long to wait for cancelled jobs to end [seconds]

    Raises
    ------
    InputError
        when Snakemake is still at work there, or jobs do not end
    """
    if is_untouched(folder) and not queued_jobs(folder):
        logger.info("starmass: nothing was run in %s, so there is nothing to recover.", folder)
        return
    alive = snakemake_processes(folder)
    if alive:
        raise InputError(
            f"Snakemake is at work in {folder} (process {', '.join(map(str, alive))}); end it"
            " first (Ctrl-C, or kill)."
        )
    jobs = [job.number for job in queued_jobs(folder)]
    if jobs:
        subprocess.run(["scancel", *jobs], check=False)
    until = time.monotonic() + patience
    # A cancelled job writes until it is gone.
    while left := queued_jobs(folder):
        if time.monotonic() > until:
            raise InputError(
                f"SLURM jobs {', '.join(job.number for job in left)} do not end; ask squeue and"
                " the administrators why."
            )
        time.sleep(0.5)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(snakefile or snakefile_of(folder)),
        "--directory",
        str(folder),
        "--unlock",
    ]
    unlocked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if unlocked.returncode:
        raise InputError(f"{folder} can't be unlocked: {unlocked.stderr.strip()[-1000:]}")
    removed = 0
    for path in chain.from_iterable(map(leftovers, result_folders(folder))):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:  # its writer took it away meanwhile
            continue
        except OSError as error:
            raise InputError(
                f"{path}: this half-written file can't be removed ({error.strerror});"
                " ask its owner to remove it."
            ) from error
        removed += 1
    logger.info(
        "starmass: %d SLURM job(s) ended, %d half-written file(s) removed, folder unlocked. Now"
        " give the same command again"
        " (with --rerun-incomplete where it has no --profile slurm).", len(jobs), removed,
    )  # fmt: skip
