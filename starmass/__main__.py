"""The command ``starmass``, or ``python -m starmass``: a run, its config and its maps.

Light on imports: what a command needs is imported when that command is given.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from starmass import __version__
from starmass.console import job
from starmass.errors import closest

ABOUT = """\
starmass predicts the masses of protostars from maps of the gas about them. It projects simulations
to maps, pretrains a vision transformer on fractal images, and compares its features with simpler
methods. Snakemake runs all of this: start it with `snakemake -c2` in the checkout. The commands
below show how far a run is, mend it after a crash, check its config, read the FITS files of an
observed protostar and export maps.
"""
MORE = """\
examples:
{examples}
COMMAND --help says more. Without Snakemake: python -m starmass.fractals --help and
python -m starmass.pretraining --help. All keys of the config: config/README.md.
"""
EXAMPLES = {
    "status": "status --configfile config/paper.yaml --config data_root=DIR",
    "recover": "recover",
    "config": "config --configfile my.yaml",
    "object": "object vla1623 --configfile my.yaml",
    "schema": "schema > schema.json",
    "fits": "fits results/maps/toycloud_a/snapshot_0006.h5",
}
"""One for each command."""
FITS_HELP = """\
Write maps as FITS files, for DS9, CARTA, glue or astropy: one file a sink and axis.

Every channel is an image with units and world coordinates; a position-position-velocity channel
is a cube. The first header of a file says whose maps it holds and how they were made.
"""
FITS_EXAMPLES = """\
examples:
  {prog} results/maps/toycloud_a/snapshot_0006.h5
      all sinks along x, y and z, in pc from the star, into fits/toycloud_a/
  {prog} results/maps/toycloud_a/snapshot_0006.h5 --sink 3 --axis z \\
      --distance 140 --position "04h31m34s +18d08m05s" --counts H2 --output star.fits
      one file, with RA and DEC, N(H2) in place of hydrogen nuclei
"""


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest command where there is none of that name."""

    commands: tuple[str, ...] = ()

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and what to type, and end with code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def check_command(self, arguments: Sequence[str]) -> None:
        """End with a sentence where the first argument is no command."""
        first = next(iter(arguments), "")
        if not first:
            self.print_help(sys.stderr)
            self.exit(2)
        if not first.startswith("-") and first not in self.commands:
            known = ", ".join(self.commands)
            self.error(f"there is no command {first!r}{closest(first, self.commands)}: {known}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says in the current folder."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    parser.check_command(arguments)
    chosen, rest = parser.parse_known_args(arguments)
    if rest and chosen.command != "status":
        parser.error(f"{chosen.command} has no argument {rest[0]}")
    try:
        with job():
            COMMANDS[chosen.command](chosen, rest)
            sys.stdout.flush()
    except BrokenPipeError:  # as by `starmass schema | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    prog = "python -m starmass" if Path(sys.argv[0]).name in ("__main__.py", "-m") else "starmass"
    examples = "".join(f"  {prog} {example}\n" for example in EXAMPLES.values())
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(
        prog=prog, description=ABOUT, epilog=MORE.format(examples=examples), formatter_class=raw
    )
    parser.add_argument("--version", action="version", version=f"starmass {__version__}")
    parser.commands = tuple(COMMANDS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, summary: str, more: str = "") -> Any:
        example = f"example:\n  {prog} {EXAMPLES[name]}\n"
        about = f"{summary[0].upper()}{summary[1:]}.\n{more}"
        return commands.add_parser(
            name, help=summary, description=about, epilog=example, formatter_class=raw
        )

    add(
        "status",
        "show which files of a run are done, at work, failed or to do",
        "Give it the arguments that the run has: targets, --configfile, --config, --snakefile.\n",
    )
    mending = add("recover", "after a crash: end SLURM jobs, unlock, delete half-written files")
    mending.add_argument(
        "-s", "--snakefile", type=Path, metavar="PATH", help="of the run, if it is not this one"
    )
    checking = add(
        "config",
        "check the config, and say in one line what is wrong",
        "Files are laid over the default config, as Snakemake does it; nothing is run.\n",
    )
    reading = add(
        "object",
        "say what is understood of an observed protostar's FITS files, and what is lacking",
        "Units, beams, frames and pixels, and every key of its entry that is still needed.\n",
    )
    reading.add_argument("name", metavar="NAME", help="entry of objects in the config")
    for one in (checking, reading):
        one.add_argument(
            "--configfile", nargs="+", type=Path, default=[], metavar="FILE",
            help="laid over in order",
        )  # fmt: skip
        one.add_argument(
            "--config", nargs="+", default=[], metavar="KEY=VALUE", help="single keys, which win"
        )
    add("schema", "print the JSON Schema of the config, for editors and other programs")
    _add_fits(commands, prog)
    return parser


def _status(chosen: argparse.Namespace, rest: list[str]) -> None:
    from starmass.running.status import describe, find_files

    print(describe(Path.cwd(), find_files(Path.cwd(), rest)))


def _recover(chosen: argparse.Namespace, rest: list[str]) -> None:
    from starmass.running.recovery import recover

    recover(Path.cwd(), chosen.snakefile)


def _config(chosen: argparse.Namespace, rest: list[str]) -> None:
    from starmass.plan.checking import check_config

    print(check_config(Path.cwd(), chosen.configfile, chosen.config))


def _object(chosen: argparse.Namespace, rest: list[str]) -> None:
    from starmass.plan.checking import read_plan

    plan = read_plan(Path.cwd(), chosen.configfile, chosen.config)
    entry, files = plan.object_entry(chosen.name), plan.object_inputs(chosen.name)
    from starmass.maps.objects.describe import describe_object

    text, ready = describe_object(chosen.name, entry, plan.object_projection(), files)
    print(text)
    if not ready:
        sys.exit(1)
    given = [f"--configfile {' '.join(map(str, chosen.configfile))}"] if chosen.configfile else []
    given += [f"--config {' '.join(chosen.config)}"] if chosen.config else []
    page = f"results/objects/{chosen.name}/page.html"
    print(f"\nNothing is lacking: {' '.join(['snakemake -c2', page, *given])}")


def _schema(chosen: argparse.Namespace, rest: list[str]) -> None:
    from starmass.config.whole import Config

    print(json.dumps(Config.model_json_schema(by_alias=True), indent=2, ensure_ascii=False))


def _fits(chosen: argparse.Namespace, rest: list[str]) -> None:
    import logging

    from starmass.maps.fits import export_all

    paths = export_all(
        maps=chosen.maps,
        output=chosen.output,
        sinks=chosen.sink,
        axes=chosen.axis,
        options=_fits_options(chosen),
    )
    one = len(paths) == 1
    where = str(paths[0]) if one else f"{paths[0].parent}/"
    logging.getLogger("starmass").info(
        "%d FITS file%s written: %s", len(paths), "" if one else "s", where
    )


COMMANDS: dict[str, Callable[[argparse.Namespace, list[str]], None]] = {
    "status": _status,
    "recover": _recover,
    "config": _config,
    "object": _object,
    "schema": _schema,
    "fits": _fits,
}


def _add_fits(commands: Any, prog: str) -> None:
    fits = commands.add_parser(
        "fits",
        help="write maps as FITS files, for DS9, CARTA, glue or astropy",
        description=FITS_HELP,
        epilog=FITS_EXAMPLES.format(prog=f"{prog} fits"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fits.add_argument(
        "maps",
        metavar="MAPFILE",
        help="results/maps/SIMULATION/SNAPSHOT.h5,"
        " or results/observed/OBSERVATION/SIMULATION/SNAPSHOT.h5",
    )
    fits.add_argument(
        "--sink", action="append", metavar="ID", help="a sink, may be repeated (default: all)"
    )
    fits.add_argument(
        "--axis",
        action="append",
        choices=["x", "y", "z"],
        help="a line of sight, may be repeated (default: all)",
    )
    fits.add_argument(
        "--output",
        metavar="PATH",
        help="folder, or NAME.fits for one sink and axis (default: fits/SIMULATION/)",
    )
    fits.add_argument(
        "--distance",
        metavar="PC",
        help="distance of the star [pc], with --position; observed maps have one already",
    )
    fits.add_argument(
        "--position",
        metavar="'RA DEC'",
        help="where in the sky the star is put (ICRS): degrees, or 04h31m34s +18d08m05s;"
        " without it pixels are in pc from the star",
    )
    fits.add_argument(
        "--counts",
        metavar="H|H2",
        help="what column densities count: nuclei (default), or H2 (half of that)",
    )
    fits.add_argument(
        "--temperature",
        metavar="K",
        help="add a thermal part of this temperature to sigma_v, with --molecule-mass",
    )
    fits.add_argument(
        "--molecule-mass",
        metavar="MASS",
        help="mass of the molecule whose line is observed [hydrogen atoms], 28 for CO",
    )


def _fits_options(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return what was given, as the config's maps.fits has it."""
    given = {key: value for key, value in vars(chosen).items() if value is not None}
    options: dict[str, Any] = {
        key: given[key] for key in ("distance", "position", "counts") if key in given
    }
    thermal = {key: given[key] for key in ("temperature", "molecule_mass") if key in given}
    return {**options, "thermal": thermal} if thermal else options


if __name__ == "__main__":
    main()
