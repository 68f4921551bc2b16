"""``python -m starmass``: a run seen from outside (status, recover), and maps as FITS (fits)."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starmass.console import job
from starmass.running.recovery import recover
from starmass.running.status import describe, find_files

FITS_HELP = """\
Write maps as FITS files, for DS9, CARTA, glue or astropy: one file a sink and axis.

Every channel is an image with units and world coordinates; a position-position-velocity channel
is a cube. The first header of a file says whose maps it holds and how they were made.
"""
FITS_EXAMPLES = """\
examples:
  python -m starmass fits results/maps/toycloud_a/snapshot_0006.h5
      all sinks along x, y and z, in pc from the star, into fits/toycloud_a/
  python -m starmass fits results/maps/toycloud_a/snapshot_0006.h5 --sink 3 --axis z \\
      --distance 140 --position "04h31m34s +18d08m05s" --counts H2 --output star.fits
      one file, with RA and DEC, N(H2) in place of hydrogen nuclei
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says in the current folder."""
    parser = argparse.ArgumentParser(
        prog="python -m starmass",
        description="Look at a run of the workflow, mend it, or write its maps as FITS files.",
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
    _add_fits(commands)
    chosen, rest = parser.parse_known_args(arguments)
    if rest and chosen.command == "recover":
        parser.error(f"recover takes no argument ({rest[0]})")
    if rest and chosen.command == "fits":
        parser.error(f"fits has no argument {rest[0]}; see python -m starmass fits --help")
    with job() as log:
        if chosen.command == "status":
            print(describe(Path.cwd(), find_files(Path.cwd(), rest)))
        elif chosen.command == "recover":
            recover(Path.cwd(), chosen.snakefile)
        else:
            from starmass.maps.fits import export_all  # astropy: the other two start without it

            paths = export_all(
                maps=chosen.maps,
                output=chosen.output,
                sinks=chosen.sink,
                axes=chosen.axis,
                options=_fits_options(chosen),
            )
            one = len(paths) == 1
            where = str(paths[0]) if one else f"{paths[0].parent}/"
            log.info("%d FITS file%s written: %s", len(paths), "" if one else "s", where)


def _add_fits(commands: Any) -> None:
    fits = commands.add_parser(
        "fits",
        help="write maps as FITS files, for DS9, CARTA, glue or astropy",
        description=FITS_HELP,
        epilog=FITS_EXAMPLES,
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
