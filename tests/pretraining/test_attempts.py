"""Attempts at a run: those that fail by themselves are not repeated for ever; those that are ended
from outside are.
"""

import json

import pytest

from starmass.pretraining.attempts import attempt_recorded, failed_permanently
from starmass.storage import write_text

INTERRUPTED = {"last_step": 7}
COLLAPSED = {"last_step": 7, "error": "InputError", "said": "pretraining collapsed by step 7."}
CRASHED = {"last_step": 3, "error": "RuntimeError", "said": "CUDA error"}


@pytest.mark.parametrize(
    ("attempts", "hopeless"),
    [
        ([], False),
        ([COLLAPSED], False),
        ([COLLAPSED, COLLAPSED], True),
        ([INTERRUPTED, COLLAPSED, {**COLLAPSED, "last_step": 9}], True),
        ([COLLAPSED, INTERRUPTED, COLLAPSED], False),
        ([INTERRUPTED, INTERRUPTED], False),
        ([CRASHED, CRASHED], True),
        ([CRASHED, {**CRASHED, "last_step": 5}], False),  # it goes further each time
        ([CRASHED, COLLAPSED], False),
    ],
)
def test_two_failures_alike_and_in_a_row_are_enough(tmp_path, attempts, hopeless):
    (tmp_path / "nano.attempts.jsonl").write_text(
        "".join(json.dumps(one) + "\n" for one in attempts)
    )
    assert failed_permanently(tmp_path / "nano.log") == (attempts[-1]["said"] if hopeless else None)


def test_an_attempt_without_records_is_worth_trying(tmp_path):
    assert failed_permanently(tmp_path / "none.log") is None


def test_a_signal_is_no_failure_of_the_run(tmp_path):
    log = tmp_path / "nano.log"
    for ended, error in (("by a signal", SystemExit(75)), ("by itself", ValueError("no\nnumber"))):
        with pytest.raises(type(error)), attempt_recorded(log, 2):
            raise error
        record = json.loads((tmp_path / "nano.attempts.jsonl").read_text().splitlines()[-1])
        assert record["ranks"] == 2 and record.get("said") == (
            "no number" if ended == "by itself" else None
        )


def test_a_diverging_run_is_trained_twice_and_then_refused(run_snakemake, tmp_path):
    encoder = {
        "images": "tiny",
        "batch_size": 8,
        "epochs": 2,
        "epoch_steps": 6,
        "encoder": {
            "architecture": "vit_tiny_patch16_224",
            "patch_size": 8,
            "width": 24,
            "depth": 2,
            "heads": 2,
        },
        "views": {"global_size": 32, "local_size": 16, "local_count": 2},
        "optimiser": {"learning_rate": 1e30, "warmup_epochs": 0},
        "dinov2": {"head_hidden": 32, "head_bottleneck": 16, "prototypes": 64},
        "execution": {"workers": 0},
        "resources": {"threads": 1},
    }
    overlay = {
        "fractals": {
            "threads": 1,
            "images": {
                "tiny": {"generator": "flame", "count": 8, "images_per_shard": 8, "size": 40}
            },
        },
        "pretraining": {"resubmissions": 2, "encoders": {"diverging": encoder}},
    }
    done = run_snakemake(
        tmp_path,
        "--cores",
        "1",
        "results/pretraining/diverging/seed-0/teacher.safetensors",
        overlay=overlay,
    )
    assert done.returncode
    attempts = (
        (tmp_path / "logs/pretraining/diverging/seed-0.attempts.jsonl").read_text().splitlines()
    )
    assert (
        len(attempts) == 2 and "the loss is not finite at step" in json.loads(attempts[1])["said"]
    )
    assert (
        done.stderr.count(
            "starmass: results/pretraining/diverging/seed-0: not tried again, because the last two"
            " attempts failed"
        )
        == 1
    )


def test_a_new_start_tries_once_more(tmp_path):
    """The launcher refuses only what the same start of Snakemake has tried."""
    from starmass.errors import InputError
    from starmass.pretraining import launch

    write_text(tmp_path / "nano.attempts.jsonl", 2 * (json.dumps(COLLAPSED) + "\n"))
    asked = {
        "recipe": {},
        "seed": 0,
        "images": [],
        "output": tmp_path / "out",
        "log": tmp_path / "nano.log",
        "threads": 1,
        "nodes": 2,
    }
    with pytest.raises(
        InputError,
        match=r"the last two attempts failed by themselves: pretraining collapsed by step 7\."
        r" Mend that",
    ):
        launch.launch(**asked, ranks=2, attempt=2)
    with pytest.raises(InputError, match="several machines need SLURM"):  # so far it comes
        launch.launch(**asked, ranks=2, attempt=1)
