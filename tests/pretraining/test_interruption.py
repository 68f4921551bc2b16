"""Real signals to a real process: killed, then asked to end, then left alone, it ends with the
weights of a run that nobody disturbed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import safetensors.torch
import torch
import yaml

from starmass.fractals.generation import render_shard
from starmass.fractals.shards import FractalImages
from starmass.pretraining.interruption import SUBMIT_AGAIN
from starmass.pretraining.loop import Run
from starmass.pretraining.ranks import Ranks

ROOT = Path(__file__).parents[2]
STEPS = 60


def start(folder):
    command = [
        "--config",
        "recipe.yaml",
        "--images",
        "shard-0000.h5",
        "--output",
        "out",
        "--threads",
        "1",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "starmass.pretraining", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def last_checkpoint(folder):
    return max((int(path.name[5:]) for path in folder.glob("out/resume/*/step-*")), default=0)


def wait_for_checkpoint(process, folder, step):
    until = time.monotonic() + 120
    while last_checkpoint(folder) < step:
        assert process.poll() is None and time.monotonic() < until, process.communicate()[1]
        time.sleep(0.01)


def test_killed_and_ended_and_resumed_runs_end_alike(tmp_path, tiny_recipe):
    render_shard(
        tmp_path / "shard-0000.h5",
        generator="flame",
        seed=0,
        options={"size": 40},
        start=0,
        stop=12,
    )
    recipe = tiny_recipe(epochs=STEPS / 4, execution={"checkpoint_minutes": 0.0})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe.plain("seed")))

    killed = start(tmp_path)
    wait_for_checkpoint(killed, tmp_path, 3)
    killed.kill()
    killed.wait()
    left = last_checkpoint(tmp_path)
    assert killed.returncode == -signal.SIGKILL and 3 <= left < STEPS

    ended = start(tmp_path)
    wait_for_checkpoint(ended, tmp_path, left + 3)
    ended.terminate()
    said = ended.communicate(timeout=120)[1]
    assert ended.returncode == SUBMIT_AGAIN, said
    assert "going on after step" in said and "the same command goes on from there" in said

    alone = start(tmp_path)
    said = alone.communicate(timeout=300)[1]
    assert alone.returncode == 0 and "going on after step" in said, said

    straight = Run(
        recipe,
        FractalImages([tmp_path / "shard-0000.h5"]),
        [],
        tmp_path / "straight",
        Ranks(0, 1, 0, torch.device("cpu")),
    )
    straight.train()
    resumed = safetensors.torch.load_file(tmp_path / "out/teacher.safetensors")
    for name, value in safetensors.torch.load_file(
        tmp_path / "straight/teacher.safetensors"
    ).items():
        assert torch.equal(resumed[name], value), name
    steps, losses = zip(
        *(
            (r["step"], r["loss"])
            for r in map(json.loads, (tmp_path / "out/metrics.jsonl").read_text().splitlines())
        ),
        strict=True,
    )
    assert list(steps) == list(range(4, STEPS + 1, 4))
    assert (
        losses[-1]
        == json.loads((tmp_path / "straight/metrics.jsonl").read_text().splitlines()[-1])["loss"]
    )
