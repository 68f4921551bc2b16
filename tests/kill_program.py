"""What test_kills.py starts: the scripts of the cheap rules, each run over and over and killed at random moments.

One process imports everything and forks a child for each run, so that the moments fall into the work and not into imports.
"""

import json
import os
import random
import runpy
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import h5py  # noqa: F401 (imported before the children are)
import pandas  # noqa: F401
import yt  # noqa: F401

from starmass.evaluation import samples, splits  # noqa: F401
from starmass.fractals import generation  # noqa: F401
from starmass.maps import catalogue, mapping, toycloud  # noqa: F401
from starmass.provenance import file_digest
from starmass.storage import leftovers

SCRIPTS = Path(__file__).resolve().parent.parent / "workflow/scripts"
DUMPS, MAPS = "results/dumps/cloud", "results/maps/cloud"
CLOUD = {"format": "toycloud", "seed": 1, "snapshots": 1}
PROJECTION = {"side": 0.5, "pixels": 32, "velocity_frame": "box", "hydrogen_mass": 1.4}
FLAME = {"generator": "flame", "size": 48}
# Script -> output, inputs, parameters, wildcards; in an order in which each finds its inputs.
RULES = {
    "write_toycloud_descriptor": (f"{DUMPS}/run.yaml", [], {"config": {}}, {}),
    "write_toycloud": (f"{DUMPS}/snapshot_0001", [], {"config": CLOUD}, {}),
    "make_maps": (
        f"{MAPS}/snapshot_0001.h5",
        [f"{DUMPS}/snapshot_0001", f"{DUMPS}/run.yaml"],
        {"config": {"projection": PROJECTION, "entry": CLOUD, "channels": {}}},
        {"simulation": "cloud", "snapshot": "snapshot_0001"},
    ),
    "list_samples": (f"{MAPS}/catalogue.csv", [f"{MAPS}/snapshot_0001.h5"], {"config": {}}, {}),
    "render_fractals": ("results/fractals/flame/shard-0000.h5", [], {"config": FLAME, "range": [0, 40]}, {}),
}


KILLS = {"write_toycloud_descriptor": 30, "write_toycloud": 6, "make_maps": 6, "list_samples": 28, "render_fractals": 30}


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
    code = 1
    with suppress(BaseException), open("said.log", "a") as said:
        os.dup2(said.fileno(), 2)
        snakemake = SimpleNamespace(
            input=Inputs(inputs), output=[output], log=[f"logs/{rule}.log"], threads=1,
            params=SimpleNamespace(**params), wildcards=SimpleNamespace(**wildcards),
        )  # fmt: skip
        runpy.run_path(str(SCRIPTS / f"{rule}.py"), init_globals={"snakemake": snakemake})
        code = 0
    os._exit(code)


def finish(rule: str) -> float:
    """Run a rule's script to its end; return seconds."""
    begun = time.perf_counter()
    _, status = os.waitpid(start(rule), 0)
    if status:
        sys.exit(f"{rule} failed: {Path('said.log').read_text()[-3000:]}")
    return time.perf_counter() - begun


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Print, by rule: kills, files that were whole and absent after them, kills that left something aside."""
    moments, found = random.Random(0), {}
    for rule, (output, *_) in RULES.items():
        target, counts = Path(output), {"kills": 0, "whole": 0, "absent": 0, "aside": 0}
        finish(rule)  # the first compiles
        digest, seconds = file_digest(target), finish(rule)
        for _ in range(KILLS[rule]):
            remove(target)
            for path in leftovers("results"):
                shutil.rmtree(path)
            child = start(rule)
            time.sleep(moments.uniform(0, 1.1 * seconds))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            counts["kills"] += 1
            counts["aside"] += bool(list(leftovers("results")))
            if target.exists():
                counts["whole"] += 1
                if file_digest(target) != digest:
                    sys.exit(f"{rule} left a file that is not whole")
            else:
                counts["absent"] += 1
        finish(rule)
        if file_digest(target) != digest or list(leftovers("results")):
            sys.exit(f"{rule}: the run after the kills made other bytes, or left something aside")
        found[rule] = counts
    print(json.dumps(found))


if __name__ == "__main__":
    main()
