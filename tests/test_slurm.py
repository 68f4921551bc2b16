"""A real SLURM takes the workflow's jobs: started by the tests, with the profile that is shipped."""

import subprocess
import sys

import pytest
import slurm_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = slurm_cluster.missing()
    if reason:
        pytest.skip(reason)
    started = slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    yield started
    started.stop()


def test_two_nodes_answer(cluster):
    done = cluster.run("srun", "-N", "2", "-n", "2", "bash", "-c", "echo $SLURMD_NODENAME")
    assert sorted(done.stdout.split()) == ["n1", "n2"], done.stderr


def test_jobs_of_the_workflow_go_through_the_shipped_profile(cluster, root, tmp_path):
    target = "results/dumps/toycloud_a/run.yaml"
    command = [sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--directory", tmp_path, target]
    # The profile as it is; only the wait before the first look is shortened.
    command += ["--profile", root / "slurm", "--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "5"]
    environment = {**cluster.environment, "PYTHONPATH": str(root)}
    command = ["timeout", "-s", "KILL", "150", *map(str, command)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    assert (tmp_path / target).is_file()
    assert "SLURM job" in done.stdout + done.stderr
