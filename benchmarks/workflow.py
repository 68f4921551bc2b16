"""How long the config takes to be read, and Snakemake to plan many shards and snapshots.

python benchmarks/workflow.py [--sizes 100x500 1000x5000]     # shards x snapshots
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


READING = """
import time
from pathlib import Path
from starmass.config.files import read_default
from starmass.plan import Plan
Plan(read_default(Path.cwd()))
print(time.process_time())
"""


def reading() -> float:
    """Return CPU seconds from the start of Python to a checked config with its ablations."""
    command = [sys.executable, "-c", READING]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    return float(done.stdout)


def plan(shards: int, snapshots: int, *options: str) -> tuple[float, float, int]:
    """Return wall seconds, peak memory [MB] and jobs of a dry run in an empty folder."""
    # A toy cloud has 1,000 snapshots at most.
    clouds = {
        f"cloud_{start // 1000}": {
            "format": "toycloud",
            "seed": start,
            "snapshots": min(1000, snapshots - start),
        }
        for start in range(0, snapshots, 1000)
    }
    overlay = {
        "maps": {"simulations": clouds},
        "evaluation": {"studies": {"demo": {"images": None, "simulations": list(clouds)}}},
        "fractals": {"images": {"flame": {"count": 10 * shards, "images_per_shard": 10}}},
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "overlay.yaml").write_text(yaml.safe_dump(overlay))
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "all",
            "--dry-run",
            "--quiet",
            "all",
            "--snakefile",
            str(ROOT / "Snakefile"),
        ]
        command += [
            "--directory",
            folder,
            "--configfile",
            f"{folder}/overlay.yaml",
            *(options or ("--cores", "2")),
        ]
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - begun
    if status:
        sys.exit("the dry run failed")
    # A dump and its maps for each snapshot; the rest does not grow.
    return took, usage.ru_maxrss / 1024, shards + 2 * snapshots


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", default=["10x50", "100x500", "1000x5000"])
    sizes = parser.parse_args().sizes
    took = sorted(reading() for _ in range(5))[2]
    print(f"config read, checked and varied: {took:.2f} s of CPU (median of 5)", flush=True)
    print(
        "| shards x snapshots | jobs, about | plain | with --profile slurm |\n| --- | ---: | ---:"
        " | ---: |"
    )
    for size in sizes:
        shards, snapshots = map(int, size.split("x"))
        cells = []
        for options in ((), ("--profile", str(ROOT / "slurm"))):
            took, memory, jobs = plan(shards, snapshots, *options)
            cells.append(f"{took:.1f} s, {memory:.0f} MB")
        print(f"| {size} | {jobs} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
