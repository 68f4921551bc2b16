"""One rank or two: the same targets, losses, gradients and, but for rounding, weights; and who a
process is.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from starmass.errors import InputError
from starmass.pretraining.ranks import find_ranks, ranks_joined

PROGRAM = Path(__file__).with_name("rank_program.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def start_rank(output, **variables):
    output.mkdir(exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    environment = {
        **inherited,
        "PYTHONPATH": str(PROGRAM.parents[2]),
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, PROGRAM, output], env=environment, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a run of one rank found, and what the two ranks of another did: one under torchrun's
    variables, one under SLURM's.
    """
    folder, port = tmp_path_factory.mktemp("ranks"), free_port()
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        start_rank(folder / "one"),
        start_rank(folder / "two", RANK="0", WORLD_SIZE="2", LOCAL_RANK="0", **meeting),
        start_rank(
            folder / "two", SLURM_PROCID="1", SLURM_STEP_NUM_TASKS="2", SLURM_LOCALID="1", **meeting
        ),
    ]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    return (
        torch.load(folder / "one/rank-0.pt"),
        [torch.load(folder / f"two/rank-{rank}.pt") for rank in range(2)],
        folder,
    )


def test_sinkhorn_over_uneven_ranks_is_that_of_one(found):
    one, two, _ = found
    together = torch.cat([rank["targets"]["assigned"] for rank in two])
    assert len(two[0]["targets"]["assigned"]) == 5
    torch.testing.assert_close(together, one["targets"]["assigned"], atol=1e-6, rtol=1e-5)
    assert two[0]["targets"]["empty"].isfinite().all() and two[1]["targets"]["empty"].shape == (
        0,
        12,
    )


def test_center_and_prototypes_count_every_row_once(found):
    one, two, _ = found
    for rank in two:
        torch.testing.assert_close(
            rank["targets"]["center"], one["targets"]["center"], atol=1e-6, rtol=0
        )
        torch.testing.assert_close(
            rank["targets"]["used"], one["targets"]["used"], atol=1e-4, rtol=0
        )


def test_koleo_across_ranks_is_that_of_one(found):
    one, two, _ = found
    torch.testing.assert_close(
        torch.stack([rank["koleo"]["loss"] for rank in two]).mean(),
        one["koleo"]["loss"],
        atol=1e-6,
        rtol=0,
    )
    torch.testing.assert_close(
        torch.cat([rank["koleo"]["gradient"] for rank in two]),
        one["koleo"]["gradient"],
        atol=1e-6,
        rtol=1e-5,
    )


@pytest.mark.parametrize("kind", ["centering", "sinkhorn", "mae"])
def test_gradients_of_two_times_eight_are_those_of_sixteen(found, kind):
    one, two, _ = found
    if kind == "mae":
        compare_gradients(one["mae"], [rank["mae_in_parts"] for rank in two])
    compare_gradients(one[kind], [rank[kind] for rank in two])


def compare_gradients(one, two):
    assert one.keys() == two[0].keys() == two[1].keys()
    whole = torch.cat([value.flatten() for value in one.values()])
    for rank in two:
        shared = torch.cat([value.flatten() for value in rank.values()])
        assert (shared - whole).norm() < 1e-6 * whole.norm()


def test_two_ranks_train_the_same_weights(found):
    one, two, folder = found
    for name, value in one["trained"].items():
        assert torch.equal(two[0]["trained"][name], two[1]["trained"][name])
        torch.testing.assert_close(two[0]["trained"][name], value, atol=2e-4, rtol=1e-3)
    losses = [
        [
            json.loads(line)["loss"]
            for line in (folder / kind / "metrics.jsonl").read_text().splitlines()
        ]
        for kind in ("one", "two")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("environment", "ranks"),
    [
        ({}, (0, 1, 0)),
        (
            {
                "RANK": "3",
                "WORLD_SIZE": "8",
                "LOCAL_RANK": "1",
                "SLURM_PROCID": "0",
                "SLURM_STEP_NUM_TASKS": "2",
            },
            (3, 8, 1),
        ),
        (
            {
                "SLURM_PROCID": "5",
                "SLURM_STEP_NUM_TASKS": "8",
                "SLURM_NTASKS": "8",
                "SLURM_LOCALID": "1",
            },
            (5, 8, 1),
        ),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, (0, 1, 0)),  # a batch script before srun
    ],
)
def test_who_a_process_is(environment, ranks):
    assert find_ranks(environment) == ranks


def test_a_missing_gpu_is_named():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="sees no GPU"), ranks_joined("cuda"):
        pass


def test_ranks_without_a_meeting_point_are_told(monkeypatch):
    monkeypatch.setattr(os, "environ", {"RANK": "0", "WORLD_SIZE": "2"})
    with pytest.raises(InputError, match="no MASTER_ADDR"), ranks_joined("cpu"):
        pass
