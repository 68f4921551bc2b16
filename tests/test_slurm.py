"""A real SLURM takes the workflow's jobs: the demo to its end, and everything that can go wrong,
with the profile that is shipped.

Two sessions share the cluster of two nodes. One makes the demo, as another Snakemake does without
SLURM. The other pretrains and makes maps while jobs run out of memory, are cancelled, lose their
node, meet their time limit, and Snakemake itself is killed.
"""

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise

import demo_run
import pytest
import slurm_cluster
from configs import merge
from safetensors.torch import load_file
from slurm_runs import ROOT, Session

from starmass.fractals.generation import render_shard
from starmass.provenance import file_digest
from starmass.storage import leftovers

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = slurm_cluster.missing()
    if reason:
        pytest.skip(reason)
    started = slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    yield started
    started.stop()
    assert not started.step_daemons()


@pytest.fixture(scope="module")
def study(cluster, tmp_path_factory):
    """The session that makes the demo's tables, and maps of a simulation; it goes on beside the
    other tests, which lose a node.
    """
    with Session(
        cluster,
        tmp_path_factory.mktemp("study"),
        "tables",
        "results/maps/toycloud_a/overview.png",
        overlay=merge(demo_run.OVERLAY, {"pretraining": {"resubmissions": 3}}),
        seconds=demo_run.SECONDS,
    ) as session:
        yield session


def test_two_nodes_answer(cluster, study):
    done = cluster.run("srun", "-N", "2", "-n", "2", "bash", "-c", "echo $SLURMD_NODENAME")
    assert sorted(done.stdout.split()) == ["n1", "n2"], done.stderr


# One recipe, three ways of running it.
RECIPE = {
    "images": "tiny",
    "batch_size": 8,
    "epochs": 5,
    "epoch_steps": 12,
    "encoder": {
        "architecture": "vit_tiny_patch16_224",
        "patch_size": 8,
        "width": 24,
        "depth": 2,
        "heads": 2,
        "layer_scale": 0.1,
        "drop_path": 0.0,
    },
    "views": {"global_size": 32, "local_size": 16, "local_count": 2},
    "optimiser": {"warmup_epochs": 1, "learning_rate": 0.002},
    "dinov2": {
        "head_hidden": 32,
        "head_bottleneck": 16,
        "prototypes": 64,
        "first_momentum": 0.9,
        "koleo_neighbours": "all",
    },
    "execution": {"device": "auto", "workers": 0, "log_steps": 10, "checkpoint_minutes": 0},
}
ASKED = {
    "one_rank": {"ranks": 1, "nodes": 1, "gpus": 1},
    "one_node": {"ranks": 2, "nodes": 1, "gpus": 2},
    "two_nodes": {"ranks": 2, "nodes": 2, "gpus": 2},
}
STEPS = 60
SHARDS = 3
SNAPSHOT = "maps/toycloud_a/snapshot_0002.h5"
MAPS = "maps_make_maps_write_toycloud"


@pytest.fixture(scope="module")
def ordeal(cluster, study, tmp_path_factory):
    """Folder where the recipe ran in each way, through all faults: only the two-node run was ended
    early, and twice.
    """
    folder = tmp_path_factory.mktemp("pretraining")
    encoders = {
        name: {**RECIPE, "resources": {**asked, "threads": 1, "memory_mb": 2500, "runtime": 4}}
        for name, asked in ASKED.items()
    }
    overlay = {
        "maps": demo_run.OVERLAY["maps"],
        "fractals": {
            "threads": 1,
            "images": {
                "tiny": {
                    "generator": "flame",
                    "count": 24,
                    "images_per_shard": 24 // SHARDS,
                    "size": 40,
                }
            },
        },
        "pretraining": {"resubmissions": 5, "encoders": encoders},
    }
    arguments = [f"results/pretraining/{name}/seed-0/teacher.safetensors" for name in ASKED]
    arguments += [f"results/{SNAPSHOT}"]
    # A job for each shard and each snapshot; a shard's first attempt has too little memory for
    # Python itself.
    arguments += [
        "--group-components",
        "fractals=1",
        "maps=1",
        "--set-resources",
        "render_fractals:mem_mb=60 if attempt == 1 else 2000",
    ]
    arguments += ["--retries", "5"]
    with Session(cluster, folder, *arguments, overlay=overlay) as session:
        held = session.wait_for(lambda: session.job_of(MAPS))
        cluster.run("scancel", "--full", "--signal=STOP", held)
        session.wait_for(lambda: len(session.jobs("OUT_OF_MEMORY")) == SHARDS)
        running = session.wait_for(
            lambda: (
                found
                if len(found := session.all_of("fractals_render_fractals", "RUNNING")) >= 2
                else None
            )
        )
        cancelled, lost, *_ = running
        node = running[lost][1]
        cluster.run("scancel", cancelled)
        cluster.lose_node(node)
        session.wait_for(
            lambda: cancelled in session.jobs("CANCELLED") and lost in session.jobs("NODE_FAIL")
        )
        cluster.bring_back(node)
        # The snapshot that stands still, or stood on the lost node and was begun again, now gets to
        # its time limit.
        slow = session.wait_for(
            lambda: next(iter(session.all_of(MAPS, "RUNNING", "STOPPED")), None)
        )
        cluster.run("scancel", "--full", "--signal=STOP", slow)
        limit = session.minutes_of(slow)
        assert (
            cluster.run("scontrol", "update", f"JobId={slow}", f"EndTime={time_in(5)}").returncode
            == 0
        )

        checkpoints = "results/pretraining/two_nodes/seed-0/resume/*/step-*"
        session.wait_for(
            lambda: any(
                int(path.name.removeprefix("step-")) >= 3 for path in folder.glob(checkpoints)
            )
        )
        job = session.job_of("pretrain_encoder_wildcards_two_nodes_0")
        # Standing still, it can't reach its end before the controller, which looks at time limits
        # every 30 s, sends its signal.
        cluster.run("scancel", "--signal=STOP", job)
        assert (
            cluster.run("scontrol", "update", f"JobId={job}", f"EndTime={time_in(50)}").returncode
            == 0
        )
        session.wait_for(lambda: slow in session.jobs("TIMEOUT"))
        again = session.wait_for(
            lambda: next((job for job in session.all_of(MAPS, "all") if int(job) > int(slow)), None)
        )
        assert session.minutes_of(again) > limit
        attempts = folder / "logs/pretraining/two_nodes/seed-0.attempts.jsonl"
        session.wait_for(attempts.exists)
        # Its second attempt waits, the others are through, when Snakemake dies; the job stays, and
        # nobody would know.
        went_on = session.wait_for(
            lambda: next(
                iter({session.job_of("pretrain_encoder_wildcards_two_nodes_0")} - {job, None}), None
            )
        )
        session.wait_for(
            lambda: attempts.with_name("seed-0.attempts.log").read_text().count("rank 0 of 2") == 2
        )
        cluster.run("scancel", "--signal=STOP", went_on)
        session.wait_for(lambda: all((folder / path).exists() for path in arguments[:2]))
        status = starmass(
            cluster, folder, "status", *arguments[: len(ASKED)], "--configfile", "overlay.yaml"
        ).stdout
        assert (
            f"\n  {went_on} " in status
            and "pretrain_encoder: logs/pretraining/two_nodes/seed-0.log" in status
        )
        session.kill()
        assert went_on in session.jobs("RUNNING", "STOPPED")
        recovered = starmass(cluster, folder, "recover")
        assert recovered.returncode == 0, recovered.stderr
        assert not session.jobs("PENDING", "RUNNING", "STOPPED", "COMPLETING")
    with Session(cluster, folder, *arguments) as session:
        session.finish()
    return folder


def time_in(seconds):
    return (datetime.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def starmass(cluster, folder, *arguments):
    command = [sys.executable, "-m", "starmass", *arguments]
    environment = {**cluster.environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_shards_made_through_all_faults_have_the_bytes_of_undisturbed_ones(ordeal, tmp_path):
    """Each ran out of memory, and then was cancelled, lost its node, or both."""
    assert not list(leftovers(ordeal / "results"))
    size = 24 // SHARDS
    for shard in range(SHARDS):
        straight = tmp_path / f"shard-{shard:04d}.h5"
        render_shard(
            straight,
            generator="flame",
            seed=0,
            options={"size": 40},
            start=shard * size,
            stop=(shard + 1) * size,
        )
        assert file_digest(ordeal / "results/fractals/tiny" / straight.name) == file_digest(
            straight
        )


def slurm_logs(folder, encoder):
    return {
        int(path.stem): path.read_text()
        for path in folder.glob(f"logs/slurm/rule_pretrain_encoder/{encoder}/*.log")
    }


def test_a_time_limit_makes_a_checkpoint_and_the_next_submission_goes_on(ordeal):
    log = (ordeal / "logs/pretraining/two_nodes/seed-0.attempts.log").read_text()
    stopped = int(
        re.search(r"interrupted after step (\d+) of 60; the same command goes on from there", log)[
            1
        ]
    )
    assert f"going on after step {stopped}" in log
    attempts = [
        json.loads(line)
        for line in (ordeal / "logs/pretraining/two_nodes/seed-0.attempts.jsonl")
        .read_text()
        .splitlines()
    ]
    assert (attempts[0]["first_step"], attempts[0]["last_step"]) == (0, stopped) and attempts[-1][
        "last_step"
    ] == STEPS
    assert all(after["first_step"] == before["last_step"] for before, after in pairwise(attempts))
    assert len(slurm_logs(ordeal, "two_nodes_0")) == 3


def test_the_resumed_run_has_the_weights_of_the_uninterrupted_one(ordeal):
    """Bit for bit, and although one ran on two nodes and the other on one."""
    undisturbed = json.loads(
        (ordeal / "logs/pretraining/one_node/seed-0.attempts.jsonl").read_text().splitlines()[-1]
    )
    assert (undisturbed["first_step"], undisturbed["last_step"]) == (0, STEPS)
    resumed, straight = (
        load_file(ordeal / f"results/pretraining/{name}/seed-0/teacher.safetensors")
        for name in ("two_nodes", "one_node")
    )
    assert resumed.keys() == straight.keys()
    assert all(resumed[name].equal(straight[name]) for name in straight)


def test_ranks_on_two_nodes_lose_as_one_process_does(ordeal):
    records = {
        name: [
            json.loads(line)
            for line in (ordeal / f"results/pretraining/{name}/seed-0/metrics.jsonl")
            .read_text()
            .splitlines()
        ]
        for name in ("two_nodes", "one_rank")
    }
    steps = {name: [record["step"] for record in rows] for name, rows in records.items()}
    assert steps["two_nodes"] == steps["one_rank"] == list(range(10, STEPS + 1, 10))
    # A record is the mean since the one before, or since the run went on: the first ones of the
    # disturbed run are shorter.
    losses = {name: [record["loss"] for record in rows][3:] for name, rows in records.items()}
    assert losses["two_nodes"] == pytest.approx(losses["one_rank"], rel=1e-3)


@pytest.mark.parametrize("encoder", ASKED)
def test_every_rank_runs_once_and_sees_one_gpu_of_its_own(ordeal, encoder):
    world, nodes = ASKED[encoder]["ranks"], ASKED[encoder]["nodes"]
    said = r"rank (\d+) of (\d+) is on (\w+) and sees GPU (\d+)\."
    attempts = [
        re.findall(said, text) for _, text in sorted(slurm_logs(ordeal, f"{encoder}_0").items())
    ]
    for found in attempts:  # the killed one may not have come so far with every rank
        assert len({rank for rank, _, _, _ in found}) == len(found) and {
            int(of) for _, of, _, _ in found
        } <= {world}
        assert len({(node, gpu) for _, _, node, gpu in found}) == len(found)
    assert sorted(int(rank) for rank, _, _, _ in attempts[-1]) == list(range(world))
    assert len({node for _, _, node, _ in attempts[-1]}) == nodes


def test_a_snapshot_that_ran_out_of_time_in_a_job_of_its_own_has_the_bytes_of_an_undisturbed_one(
    ordeal, local_demo
):
    assert file_digest(ordeal / "results" / SNAPSHOT) == local_demo.digests[SNAPSHOT]


def test_the_demo_has_the_same_bytes_as_without_slurm(study, local_demo):
    """Every file, made by jobs of many members on SLURM and one by one without it."""
    study.finish()
    made = demo_run.digests_of(study.folder / "results")
    assert len(made) > 40
    assert made == {path: local_demo.digests.get(path) for path in made}
