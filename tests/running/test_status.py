"""A run seen from outside: what is done, what failed and where to read why."""

import os
import subprocess
import sys

import pytest

from starmass.errors import InputError
from starmass.running.jobs import queued_jobs, snakemake_processes
from starmass.running.recovery import recover
from starmass.running.status import failed_files, started_files
from starmass.storage import leftovers

UNEVEN = {
    "fractals": {
        "images": {"few": {"generator": "flame", "count": 4, "images_per_shard": 2, "size": 32}}
    },
    "pretraining": {
        "encoders": {"uneven": {"images": "few", "batch_size": 2, "encoder": {"width": 25}}}
    },
}
TARGET = "results/pretraining/uneven/seed-0/teacher.safetensors"


@pytest.fixture(scope="module")
def failed(run_snakemake, tmp_path_factory):
    """Folder of a run whose pretraining has a width that the heads of its architecture (16) do not
    divide.
    """
    folder = tmp_path_factory.mktemp("failed")
    done = run_snakemake(folder, TARGET, "--cores", "1", overlay=UNEVEN)
    assert done.returncode == 1
    return folder


def starmass(root, folder, *arguments):
    command = [sys.executable, "-m", "starmass", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_status_counts_files_and_names_the_log(root, failed):
    done = starmass(root, failed, "status", TARGET, "--configfile", "overlay.yaml")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    #                         done  at work failed interrupted out of date to do
    assert lines["fractals"] == ["2", "-", "-", "-", "-", "-"]
    assert lines["pretraining"] == ["-", "-", "3", "-", "-", "-"]
    assert "pretrain_encoder: logs/pretraining/uneven/seed-0.log" in done.stdout
    assert (
        "timm says dim should be divisible by num_heads"
        in (failed / "logs/pretraining/uneven/seed-0.log").read_text()
    )


def test_a_run_that_cannot_be_planned_is_a_sentence(root, failed):
    done = starmass(root, failed, "status", "results/pretraining/nobody/seed-0/teacher.safetensors")
    assert (
        done.returncode == 1
        and done.stderr.startswith("starmass: Snakemake can't plan this run")
        and "nobody" in done.stderr
    )


def test_where_nothing_was_run_both_say_so(root, tmp_path):
    for _ in range(2):  # asking leaves Snakemake's own marks
        done = starmass(root, tmp_path, "status")
        assert (
            done.stdout.splitlines()[0] == f"Nothing was run in {tmp_path} yet; this is the plan."
        )
    done = starmass(root, tmp_path, "recover")
    assert (
        done.returncode == 0
        and done.stderr
        == f"starmass: nothing was run in {tmp_path}, so there is nothing to recover.\n"
    )


GROUP = """
Execute 3 jobs...
[Sat Nov 21 11:26:00 2026]
Error in rule draw_split:
    jobid: 3
    output: results/evaluation/a/split.csv
    log: logs/a.log (check log file(s) for error details)
[Sat Nov 21 11:26:09 2026]
    message: Error in group maps
    log: /run/logs/slurm/group_maps/7.log (check log file(s) for error details)
    jobs:
        rule make_maps:
            jobid: 1
            output: results/maps/a/1.h5
            log: logs/maps/a/1.log (check log file(s) for error details)
        rule make_maps:
            jobid: 2
            output: results/maps/a/2.h5, results/maps/a/2.csv
            log: logs/maps/a/2.log (check log file(s) for error details)
"""


def test_members_of_a_failed_group_have_its_log_too(tmp_path):
    folder = tmp_path / ".snakemake/log"
    folder.mkdir(parents=True)
    (folder / "2026.snakemake.log").write_text(GROUP)
    found = failed_files(tmp_path)
    assert found["results/evaluation/a/split.csv"] == ["logs/a.log"]
    assert found["results/maps/a/1.h5"] == ["logs/maps/a/1.log", "/run/logs/slurm/group_maps/7.log"]
    assert found["results/maps/a/2.csv"] == [
        "logs/maps/a/2.log",
        "/run/logs/slurm/group_maps/7.log",
    ]


def test_recovery_after_a_kill(root, run_snakemake, tmp_path):
    """A local run is killed in the middle: what it began is known, the folder unlocked,
    half-written files gone, and the run goes on.
    """
    overlay = {
        "fractals": {
            "images": {
                "many": {
                    "generator": "flame",
                    "count": 40000,
                    "images_per_shard": 40000,
                    "size": 64,
                }
            }
        }
    }
    (tmp_path / "overlay.yaml").write_text(str(overlay))
    target = "results/fractals/many/shard-0000.h5"
    command = [
        sys.executable,
        "-m",
        "snakemake",
        target,
        "-c1",
        "--snakefile",
        root / "Snakefile",
        "--configfile",
        "overlay.yaml",
    ]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not list(leftovers(tmp_path / "results")):
            assert process.poll() is None
        refused = starmass(root, tmp_path, "recover")
        assert (
            refused.returncode == 1
            and "Snakemake is at work" in refused.stderr
            and str(process.pid) in refused.stderr
        )
        other = starmass(root, tmp_path, "status", "maps").stdout
        assert (
            f"Snakemake is at work here (process {process.pid}), at this moment on none of these"
            " files." in other
        )
        assert "Nothing was run" not in other
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    assert not snakemake_processes(tmp_path)
    assert started_files(tmp_path) == {target}
    recover(tmp_path)
    assert not list(leftovers(tmp_path / "results"))
    small = {"fractals": {"images": {"many": {"generator": "flame", "count": 4, "size": 64}}}}
    done = run_snakemake(tmp_path, target, "--cores", "1", "--rerun-incomplete", overlay=small)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_queue_that_does_not_answer_is_not_an_empty_one(tmp_path, monkeypatch):
    """Otherwise recovery would unlock a folder in which jobs still write."""
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert queued_jobs(tmp_path) == []  # SLURM's commands alone, as on a machine for tests
    (tmp_path / "logs/slurm").mkdir(parents=True)
    with pytest.raises(InputError, match=r"squeue does not tell .*Unable to contact.*try again"):
        recover(tmp_path)
