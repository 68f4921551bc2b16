"""The rules: what a study needs is built, and nothing else."""

import re


def jobs(done):
    assert done.returncode == 0, done.stderr
    return re.findall(r"Pretraining encoder (\w+)", done.stdout + done.stderr)


def test_the_target_builds_the_encoders_of_the_study_and_any_other_is_asked_for_by_its_path(run_snakemake, tmp_path):
    asked = ["pretraining", "results/pretraining/nano_mae/teacher.safetensors"]
    assert sorted(jobs(run_snakemake(tmp_path, "--dry-run", *asked, presets=["recipes"]))) == ["nano", "nano_mae"]
