"""Starting: one process, torchrun here, srun in a SLURM job; and the command line from a recipe to
an encoder.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from starmass.encoders import load_encoder
from starmass.errors import InputError
from starmass.fractals.generation import render_shard
from starmass.pretraining.__main__ import main
from starmass.pretraining.launch import launcher

ROOT = Path(__file__).parents[2]


def test_launchers():
    assert launcher(1, 1, 2, {"SLURM_JOB_ID": "7"}) == [sys.executable]
    assert launcher(4, 2, 8, {"SLURM_JOB_ID": "7"})[:8] == [
        "srun",
        "-N",
        2,
        "-n",
        4,
        "--ntasks-per-node=2",
        "-c",
        8,
    ]
    assert launcher(2, 1, 1, {})[1:] == [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
    ]
    with pytest.raises(InputError, match=r"resources\.nodes 2"):
        launcher(4, 2, 8, {})


def _run(arguments, folder, launcher=(), **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, *launcher, "-m", "starmass.pretraining", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def shard(tmp_path):
    """A shard of small fractals."""
    path = tmp_path / "shard-0000.h5"
    render_shard(path, generator="flame", seed=0, options={"size": 40}, start=0, stop=12)
    return path


def test_torchrun_from_recipe_to_encoder(tmp_path, tiny_recipe, shard):
    recipe = tiny_recipe(epochs=1).plain("seed")
    (tmp_path / "recipe.yaml").write_text(
        yaml.safe_dump({"images": "flame", "resources": {"ranks": 2}, **recipe})
    )
    arguments = [
        "--config",
        "recipe.yaml",
        "--images",
        str(shard),
        "--output",
        "out",
        "--threads",
        "1",
        "--log-file",
        "log.txt",
    ]
    done = _run(
        arguments, tmp_path, ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    )
    assert done.returncode == 0, done.stderr
    load_encoder(tmp_path / "out/teacher.safetensors")
    assert "2 rank(s) on cpu" in (tmp_path / "log.txt").read_text()


def test_a_mistake_is_one_sentence(tmp_path):
    (tmp_path / "recipe.yaml").write_text("bacth_size: 3")
    done = _run(["--config", "recipe.yaml", "--images", "none.h5", "--output", "out"], tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        "starmass: recipe key 'bacth_size' is unknown (did you mean 'batch_size'?)"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (
            "batch_size: 0",
            "recipe key 'batch_size': 0 is less than 2, the least allowed; it means: Images a",
        ),
        ("- batch", "recipe key '(top level)': ['batch'] is not of type section"),
        ("batch: [", "not a readable YAML file"),
    ],
)
def test_by_hand_the_workflows_checks_are_made(tmp_path, monkeypatch, capsys, recipe, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(recipe)
    with pytest.raises(SystemExit):
        main(["--config", "recipe.yaml", "--images", "none.h5", "--output", "out"])
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said and not (tmp_path / "out").exists()
