"""How a pretraining is started as one process or as many, from a workflow's job."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from starmass.errors import InputError
from starmass.pretraining.attempts import failed_permanently
from starmass.provenance import ROOT
from starmass.storage import write_text


def launch(
    recipe: Mapping[str, Any],
    images: Sequence[str | Path],
    output: str | Path,
    *,
    seed: int,
    probe: str | Path | None = None,
    log: str | Path,
    threads: int,
    ranks: int,
    nodes: int,
    attempt: int = 1,
) -> NoReturn:
    """Write the recipe beside the results, then become the process or launcher that pretrains.

    The job's process is replaced, so that signals reach the training and its exit code reaches the
    workflow.

    Parameters
    ----------
    recipe : a config entry
    images : shards, or one file of training maps
    output : folder of the results
    seed : of weights, order, views and masks
    probe : file of labelled training maps to try the encoder on
    log : file that the first rank writes to
    threads : of each rank
    ranks, nodes : processes, and machines that they run on
    attempt : how often this start of Snakemake has tried, with this time

    Raises
    ------
    InputError
        from the second attempt on, when the last two failed by themselves in the same way:
        Snakemake has no other means to stop trying
    """
    if attempt > 1 and (failure := failed_permanently(log)):
        raise InputError(
            f"{output}: not tried again, because the last two attempts failed by themselves:"
            f" {failure.rstrip('.')}. Mend that; or give"
            " Snakemake's command again for one more attempt."
        )
    config = Path(output) / "recipe.yaml"
    write_text(config, yaml.safe_dump(dict(recipe), sort_keys=False))
    command = [
        *launcher(ranks, nodes, threads, os.environ),
        "-m",
        "starmass.pretraining",
        "--config",
        config,
        "--seed",
        seed,
        "--output",
        output,
    ]
    command += [
        "--log-file",
        log,
        "--threads",
        threads,
        *(["--probe", probe] if probe else []),
        "--images",
        *images,
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    # The checkout that this job runs from, also where it is not installed.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.execvpe(command[0], list(map(str, command)), {**os.environ, "PYTHONPATH": path})


def launcher(ranks: int, nodes: int, threads: int, environment: Mapping[str, str]) -> list[Any]:
    """Return the command that the module's name is appended to.

    It is Python itself for one rank, srun with a task for each rank in a SLURM job, else torchrun.
    """
    if ranks == 1:
        return [sys.executable]
    if "SLURM_JOB_ID" in environment:
        # A lost rank must not leave the others waiting for it; the memory is the job's.
        places = ["-N", nodes, "-n", ranks, f"--ntasks-per-node={ranks // nodes}", "-c", threads]
        return ["srun", *places, "--mem=0", "--kill-on-bad-exit=1", sys.executable]
    if nodes > 1:
        raise InputError(
            f"resources.nodes {nodes}: several machines need SLURM (--profile slurm); set it to 1"
            " to run here."
        )
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={ranks}",
    ]
