"""Render a range of fractal images by itself.

``python -m starmass.fractals --seed 0 --start 0 --stop 1000 --out shard.h5``.
"""

import argparse
import json
from pathlib import Path

import yaml

from starmass.console import job
from starmass.errors import InputError
from starmass.files import check_readable


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, render, and say what was made."""
    parser = argparse.ArgumentParser(
        prog="python -m starmass.fractals",
        description="Render images START to STOP - 1 of a seed into one shard.",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the set (default 0)")
    parser.add_argument("--start", type=int, default=0, help="index of the first image (default 0)")
    parser.add_argument("--stop", type=int, required=True, help="index after the last image")
    parser.add_argument("--size", type=int, help="side of the images in pixels (default 336)")
    parser.add_argument("--out", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--generator", default="flame", help="which generator (default flame)")
    parser.add_argument(
        "--options", type=Path, help="YAML file with options of the generator, as in the config"
    )
    parser.add_argument("--compression", default="zstd", help="zstd (default), gzip or none")
    parser.add_argument(
        "--threads", type=int, default=1, help="images rendered at once (default 1)"
    )
    given = parser.parse_args(arguments)
    with job() as log:
        from starmass.fractals.generation import (
            render_shard,
        )  # compiles: after the command line is known to be right

        options = {} if given.options is None else read_options(given.options)
        if given.size is not None:
            options["size"] = given.size
        summary = render_shard(
            given.out, generator=given.generator, options=options, seed=given.seed,
            start=given.start, stop=given.stop,
            compression=given.compression, threads=max(1, given.threads), progress=True,
        )  # fmt: skip
        log.info("%s: %s", given.out, json.dumps(summary))


def read_options(path: Path) -> dict:
    """Read options of a generator from a YAML file."""
    check_readable(path)
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path}: no readable YAML file ({error}); give one with options such as 'size: 336'."
        ) from error
    if not isinstance(options, dict):
        raise InputError(f"{path}: holds no options; write them as 'size: 336', one a line.")
    return options


if __name__ == "__main__":
    main()
