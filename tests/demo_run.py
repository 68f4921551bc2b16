"""The demo with smaller numbers and a method of each kind, run once without SLURM for all tests
that look at it, by whichever worker needs it first.

tests/evaluation/test_shipped_methods.py tries the methods that are left out here.
STARMASS_WHOLE_DEMO=1 leaves the demo as it is: then the same tests run `snakemake`'s default
study, on this machine and on SLURM.
"""

import fcntl
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from starmass.provenance import file_digest

WHOLE = os.environ.get("STARMASS_WHOLE_DEMO", "") not in ("", "0")
SMALLER = {
    "maps": {"simulations": {"toycloud_a": {"snapshots": 2}}},
    "fractals": {"images": {"flame": {"count": 48, "images_per_shard": 24, "size": 64}}},
    "pretraining": {
        "encoders": {
            "nano": {
                "batch_size": 16,
                "epochs": 2,
                "epoch_steps": 3,
                "optimiser": {"warmup_epochs": 1},
            }
        }
    },
    # The heavier stars along one axis.
    "evaluation": {
        "studies": {
            "demo": {
                "axes": ["x"],
                "minimum_mass": 1.5,
                "methods": [
                    "dinov2_knn_whitened",
                    "resnet18",
                    "random_centre_16_ridge",
                    "statistics_knn",
                    "statistics_ridge",
                    "mean",
                ],
                "few_labels": {"methods": ["dinov2_knn_whitened", "statistics_ridge", "mean"]},
                "segmentation": {"palette_maps": 8},
            }
        },
        "methods": {
            "resnet18": {"epochs": 1, "warmup_epochs": 0},
        },
    },
}
OVERLAY = {"maps": {}, "evaluation": {}} if WHOLE else SMALLER
SECONDS = 3000 if WHOLE else 1800


def run_once(run_snakemake, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return ``folder``, ``returncode``, ``stdout``, ``stderr`` and ``digests`` of the run, which
    another worker may have made.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    record, folder = shared / "demo.json", shared / "demo"
    with open(shared / "demo.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            folder.mkdir(exist_ok=True)
            done = run_snakemake(
                folder, "--cores", "2", overlay=OVERLAY, seconds=SECONDS, as_command=True
            )
            facts = {
                "returncode": done.returncode,
                "stdout": done.stdout,
                "stderr": done.stderr,
                "digests": digests_of(folder / "results"),
            }
            record.write_text(json.dumps(facts))
    return SimpleNamespace(folder=folder, **json.loads(record.read_text()))


def digests_of(folder: Path) -> dict[str, str]:
    """Return path -> SHA-256 of every file, but for the report, which has the time, and what
    pretraining records of its speed.
    """
    files = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name[0] != "."
    }
    timed = r"report\.html|pretraining/\w+/seed-\d+/(curves\.\w+|metrics\.jsonl|tensorboard/.*)"
    return {
        name: file_digest(path) for name, path in files.items() if not re.fullmatch(timed, name)
    }
