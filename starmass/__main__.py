"""``python -m starmass status`` and ``python -m starmass recover``: a run of the workflow from outside."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from starmass.console import job
from starmass.running.recovery import recover
from starmass.running.status import describe, find_files


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says in the current folder."""
    parser = argparse.ArgumentParser(
        prog="python -m starmass", description="Look at a run of the workflow, or mend it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "status",
        help="what is done, at work, failed and to do; further arguments are Snakemake's, as given to the run",
    )
    mending = commands.add_parser(
        "recover",
        help="after a crash: end the SLURM jobs left behind, unlock, clear half-written files",
    )
    mending.add_argument("-s", "--snakefile", type=Path, help="of the run, if it is not this one")
    chosen, rest = parser.parse_known_args(arguments)
    with job():
        if chosen.command == "status":
            print(describe(Path.cwd(), find_files(Path.cwd(), rest)))
        elif rest:
            parser.error(f"recover takes no argument ({rest[0]})")
        else:
            recover(Path.cwd(), chosen.snakefile)


if __name__ == "__main__":
    main()
