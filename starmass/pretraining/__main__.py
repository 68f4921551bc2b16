"""``python -m starmass.pretraining``: what each rank runs, alone or under torchrun or srun."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from starmass.console import job
from starmass.errors import InputError
from starmass.files import check_readable
from starmass.pretraining.attempts import attempt_recorded
from starmass.pretraining.loop import Run
from starmass.pretraining.probe import Probe
from starmass.pretraining.ranks import find_ranks, ranks_joined
from starmass.pretraining.recipe import read_recipe
from starmass.pretraining.samples import identify_files, open_images


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and pretrain."""
    parser = argparse.ArgumentParser(
        prog="python -m starmass.pretraining",
        description="Pretrain an encoder on shards of images.",
    )
    parser.add_argument(
        "--config",
        required=True,
        type=Path,
        help="recipe (YAML): one entry of pretraining.encoders",
    )
    parser.add_argument(
        "--seed", type=int, help="seed of weights, order, views and masks (default: the entry's)"
    )
    parser.add_argument(
        "--images",
        required=True,
        nargs="+",
        type=Path,
        help="shards of fractals, or a file of training maps (HDF5)",
    )
    parser.add_argument(
        "--probe",
        type=Path,
        help="file of labelled training maps (HDF5) on which the encoder is tried now and then",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        help="folder for teacher.safetensors, config.yaml, metrics.jsonl and resume/",
    )
    parser.add_argument("--threads", type=int, help="CPU threads of each rank (default: torch's)")
    parser.add_argument("--log-file", type=Path, help="log file of the first rank")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    rank, world, _ = find_ranks(os.environ)
    log = options.log_file if rank == 0 else None
    with (
        job(log, history=log and log.with_suffix(".attempts.log")),
        attempt_recorded(log, world) as attempt,
    ):
        recipe = read_recipe(_read_entry(options.config), options.seed)
        with ranks_joined(recipe.execution.device) as ranks:
            probe = Probe(options.probe, recipe.description()) if options.probe else None
            attempt.of(
                Run(
                    recipe,
                    open_images(options.images),
                    identify_files(options.images),
                    options.output,
                    ranks,
                    probe,
                )
            ).train()


def _read_entry(path: Path) -> Any:
    """Read a file of YAML."""
    check_readable(path)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path}: not a readable YAML file ({error}); --config takes one entry of"
            " pretraining.encoders."
        ) from error


if __name__ == "__main__":
    main()
