"""The rules: what a study needs is built and nothing else, and what shapes no result reruns nothing."""

import re


def jobs(done):
    assert done.returncode == 0, done.stderr
    return re.findall(r"Pretraining encoder (\w+)", done.stdout + done.stderr)


def test_the_target_builds_the_encoders_of_the_study(run_snakemake, tmp_path):
    assert jobs(run_snakemake(tmp_path, "--dry-run", "pretraining", presets=["recipes"])) == ["nano"]


def test_any_recipe_is_asked_for_by_its_path(run_snakemake, tmp_path):
    paths = [f"results/pretraining/{encoder}/teacher.safetensors" for encoder in ("tiny", "nano_mae")]
    assert sorted(jobs(run_snakemake(tmp_path, "--dry-run", *paths, presets=["recipes"]))) == ["nano_mae", "tiny"]
