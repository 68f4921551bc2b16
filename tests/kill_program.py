"""What test_kills.py starts: the scripts of the cheap rules, each run over and over and killed at
random moments.

One process imports everything and forks a child for each run, so that the moments fall into the
work and not into imports. The moments are of three kinds, for most of a run is no writing: anywhere
in it; between the first trace of the output on the disk and its being named; and as soon as there
is a file of the output's name. What a kill leaves aside is left to the next run.
"""

import faulthandler
import json
import os
import random
import runpy
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py  # noqa: F401 (imported before the children are)
import hdf5plugin  # noqa: F401
import numba
import pandas  # noqa: F401
import yt  # noqa: F401
from configs import default_config

from starmass.evaluation import samples, splits  # noqa: F401
from starmass.fractals import generation  # noqa: F401
from starmass.maps import catalogue, mapping, toycloud  # noqa: F401
from starmass.plan import Plan
from starmass.provenance import file_digest
from starmass.storage import leftovers

SCRIPTS = Path(__file__).resolve().parent.parent / "workflow/scripts"
DUMPS, MAPS = "results/dumps/cloud", "results/maps/cloud"
DEFAULT = default_config()
DEFAULT["maps"]["simulations"]["cloud"] = {"format": "toycloud", "seed": 1, "snapshots": 1}
DEFAULT["maps"]["projection"]["pixels"] = 32
DEFAULT["fractals"]["images"]["small"] = {"generator": "flame", "count": 6, "size": 48}
DEFAULT["evaluation"]["studies"]["demo"] |= {"images": None, "simulations": ["cloud"]}
DEFAULT["evaluation"]["studies"]["demo"]["methods"] = ["mean"]  # what 32 pixels have room for
for part in ("reference", "embedding", "information", "few_labels", "segmentation"):
    DEFAULT["evaluation"]["studies"]["demo"][part] = None
PLAN = Plan(DEFAULT)
# Script -> output, inputs, parameters, wildcards; in an order in which each finds its inputs.
RULES = {
    "write_toycloud_descriptor": (f"{DUMPS}/run.yaml", [], {"config": {}}, {}),
    "write_toycloud": (f"{DUMPS}/snapshot_0001", [], {"config": PLAN.toycloud("cloud")}, {}),
    "make_maps": (
        f"{MAPS}/snapshot_0001.h5",
        [f"{DUMPS}/snapshot_0001", f"{DUMPS}/run.yaml"],
        {"config": PLAN.map_options("cloud")},
        {"simulation": "cloud", "snapshot": "snapshot_0001"},
    ),
    "list_samples": (
        f"{MAPS}/catalogue.csv",
        [f"{MAPS}/snapshot_0001.h5"],
        {"config": PLAN.cuts("cloud")},
        {},
    ),
    "render_fractals": (
        "results/fractals/flame/shard-0000.h5",
        [],
        {"config": PLAN.image_options("small"), "range": [0, 6]},
        {},
    ),
}
# Few for the slow ones: a hundred in all.
KILLS = {
    "write_toycloud_descriptor": 30,
    "write_toycloud": 4,
    "make_maps": 9,
    "list_samples": 30,
    "render_fractals": 27,
}
KINDS = ("written", "writing", "anywhere")


class Inputs(list):
    """A rule's input files, by number or by name."""

    def __init__(self, paths, **names):
        super().__init__(paths)
        self.__dict__.update(names)


def start(rule: str) -> int:
    """Fork a child that runs a rule's script as Snakemake does; return its number."""
    output, inputs, params, wildcards = RULES[rule]
    child = os.fork()
    if child:
        return child
    # One that hangs says where, and ends.
    faulthandler.dump_traceback_later(200, exit=True)
    code = 1
    try:
        said = os.open("said.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 2)
        snakemake = SimpleNamespace(
            input=Inputs(inputs), output=[output], log=[f"logs/{rule}.log"], threads=1,
            params=SimpleNamespace(**params), wildcards=SimpleNamespace(**wildcards),
        )  # fmt: skip
        runpy.run_path(str(SCRIPTS / f"{rule}.py"), init_globals={"snakemake": snakemake})
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def has_ended(child: int) -> bool:
    """Tell whether a child has ended, and leave it to be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def wait_until(condition: Callable[[], bool], child: int) -> None:
    """Wait for something that a child does, or for its end."""
    while not (condition() or has_ended(child)):
        time.sleep(0.0002)


def finish(rule: str) -> tuple[float, float]:
    """Run a rule's script to its end; return seconds until the output's first trace, and from there
    until it has its name.
    """
    target = Path(RULES[rule][0])
    remove(target)
    before, begun = names_beside(target), time.perf_counter()
    child = start(rule)
    wait_until(lambda: bool(names_beside(target) - before), child)
    traced = time.perf_counter()
    wait_until(target.exists, child)
    named = time.perf_counter()
    check(rule, os.waitpid(child, 0)[1])
    return traced - begun, named - traced


def kill(rule: str, kind: str, share: float, seconds: tuple[float, float]) -> None:
    """Start a rule's script and kill it at a moment of a kind; ``share`` of the time that there is,
    as :func:`finish` found it.
    """
    target = Path(RULES[rule][0])
    before = names_beside(target)
    child = start(rule)
    if kind == "anywhere":
        time.sleep(share * sum(seconds))
    elif kind == "writing":
        wait_until(lambda: bool(names_beside(target) - before), child)
        time.sleep(share * seconds[1])
    else:
        wait_until(target.exists, child)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        check(rule, status)


def check(rule: str, status: int) -> None:
    if status:
        code = os.waitstatus_to_exitcode(status)  # below zero: the signal that ended it
        sys.exit(f"{rule} ended with {code}: {Path('said.log').read_text()[-1500:]}")


def names_beside(target: Path) -> set[str]:
    return set(os.listdir(target.parent)) if target.parent.exists() else set()


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Print, by rule: kills, files that were whole and absent after them, kills that left something
    aside.
    """
    moments, found = random.Random(0), {}
    numba.njit(lambda: None)()  # loads once what each child would load again
    # A coarser field than the rule's, for time: how it is written is the same.
    toycloud.TurbulentField.SIZES = tuple(
        (size // 2, period, lowest, 20) for size, period, lowest, _ in toycloud.TurbulentField.SIZES
    )
    for rule, (output, *_) in RULES.items():
        target, counts = Path(output), {"kills": 0, "whole": 0, "absent": 0, "aside": 0}
        finish(rule)  # the first compiles and imports
        seconds = finish(rule)
        digest, files = file_digest(target), sorted(Path("results").rglob("*"))
        for number in range(KILLS[rule]):
            remove(target)
            before = set(leftovers("results"))
            kill(rule, KINDS[number % len(KINDS)], moments.uniform(0, 1.1), seconds)
            left = set(leftovers("results"))
            counts["kills"] += 1
            counts["aside"] += bool(left - before)
            if len(left) > 1:
                sys.exit(
                    f"{rule} did not clear away what a killed run had left aside:"
                    f" {sorted(map(str, left))}"
                )
            if target.exists():
                counts["whole"] += 1
                if file_digest(target) != digest:
                    sys.exit(f"{rule} left a file that is not whole")
            else:
                counts["absent"] += 1
        finish(rule)
        if file_digest(target) != digest:
            sys.exit(f"{rule}: the run after the kills made other bytes")
        if sorted(Path("results").rglob("*")) != files:
            sys.exit(f"{rule}: the run after the kills left something beside its output")
        found[rule] = counts
    print(json.dumps(found))


if __name__ == "__main__":
    main()
