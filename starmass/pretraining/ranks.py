"""One process or many: who this one is, and the few sums that go over all of them.

A rank is found from torchrun's variables (RANK, WORLD_SIZE, LOCAL_RANK) or, where those are
missing, from those of a SLURM step with one task a rank (SLURM_PROCID, SLURM_STEP_NUM_TASKS,
SLURM_LOCALID). With neither there is one.
"""

import logging
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from starmass.errors import InputError

logger = logging.getLogger("starmass")


@dataclass(frozen=True)
class Ranks:
    """This process among all of the run.

    Attributes
    ----------
    rank, world : its number and how many there are
    local : its number on this node
    device : where it computes
    """

    rank: int
    world: int
    local: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0


def find_ranks(environment: Mapping[str, str]) -> tuple[int, int, int]:
    """Return rank, world and local rank that the environment gives."""
    if "RANK" in environment and "WORLD_SIZE" in environment:
        return (
            int(environment["RANK"]),
            int(environment["WORLD_SIZE"]),
            int(environment.get("LOCAL_RANK", 0)),
        )
    # The step's number of tasks and not the job's: inside a batch script, before srun, a job of
    # many tasks is one process.
    if "SLURM_PROCID" in environment and "SLURM_STEP_NUM_TASKS" in environment:
        local = int(environment.get("SLURM_LOCALID", 0))
        return int(environment["SLURM_PROCID"]), int(environment["SLURM_STEP_NUM_TASKS"]), local
    return 0, 1, 0


def own_gpu(environment: Mapping[str, str]) -> str | None:
    """Return this rank's GPU out of CUDA_VISIBLE_DEVICES; None where none are listed.

    A SLURM task sees all GPUs that its job has on the node. A rank that uses only its own takes no
    memory on the others. Ranks choose for themselves instead of being bound by srun, because then
    the GPUs of a node can still reach each other.
    """
    listed = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return listed[find_ranks(environment)[2] % len(listed)] if listed else None


@contextmanager
def ranks_joined(device: str = "auto") -> Iterator[Ranks]:
    """Join all ranks for the block: NCCL between GPUs, gloo between CPUs, nothing for one rank."""
    rank, world, local = find_ranks(os.environ)
    gpu = own_gpu(os.environ)
    if gpu is not None:  # before torch looks
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "execution.device 'cuda': torch sees no GPU here; use 'auto' or 'cpu', or a machine"
            " with a GPU."
        )
    on_gpu = device != "cpu" and torch.cuda.is_available()
    # A task that was given one GPU of its own sees it as number 0, whatever its local rank.
    place = (
        torch.device("cuda", local % torch.cuda.device_count()) if on_gpu else torch.device("cpu")
    )
    if on_gpu:
        torch.cuda.set_device(place)
    # Of every rank: SLURM keeps what a job's tasks say in the log of the attempt.
    where = os.environ.get("SLURMD_NODENAME", socket.gethostname())
    logger.info(
        "starmass: rank %d of %d is on %s and sees %s.",
        rank,
        world,
        where,
        "no GPU" if gpu is None else f"GPU {gpu}",
    )
    if world == 1:
        yield Ranks(rank, world, local, place)
        return
    options: dict[str, Any] = {"device_id": place} if on_gpu else {}
    host, port = _meeting_point(os.environ)
    # Through the environment, because there torch sees when torchrun already listens at this
    # address.
    os.environ.update(MASTER_ADDR=host, MASTER_PORT=str(port))
    dist.init_process_group("nccl" if on_gpu else "gloo", rank=rank, world_size=world, **options)
    try:
        yield Ranks(rank, world, local, place)
    finally:
        dist.destroy_process_group()


def _meeting_point(environment: Mapping[str, str]) -> tuple[str, int]:
    """Set where ranks find each other.

    It is MASTER_ADDR and MASTER_PORT, else the first node of the SLURM job and a port made of the
    job's number.
    """
    port = int(
        environment.get("MASTER_PORT", 20000 + int(environment.get("SLURM_JOB_ID", 0)) % 10000)
    )
    if "MASTER_ADDR" in environment:
        return environment["MASTER_ADDR"], port
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST")
    if not nodes:
        raise InputError(
            "several ranks and no MASTER_ADDR: start them with torchrun or srun, or set"
            " MASTER_ADDR and MASTER_PORT."
        )
    listed = subprocess.run(
        ["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True
    )
    host = listed.stdout.split()[0]
    try:
        socket.gethostbyname(host)
    except OSError:
        # Nodes that exist in SLURM's books alone (several slurmd on one machine): the address that
        # srun was called from.
        host = environment.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1")
    return host, port


def rank() -> int:
    """Return this process's number; 0 when it is alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Return how many ranks there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sum_over_ranks(values: Tensor) -> Tensor:
    """Return the sum of a tensor over all ranks; no gradient."""
    return _reduced(values, dist.ReduceOp.SUM)


def maximum_over_ranks(values: Tensor) -> Tensor:
    """Return the largest value over all ranks; no gradient."""
    return _reduced(values, dist.ReduceOp.MAX)


def _reduced(values: Tensor, operation: Any) -> Tensor:
    if not dist.is_initialized():
        return values
    values = values.detach().clone()
    dist.all_reduce(values, operation)
    return values


def gather_over_ranks(values: Tensor) -> Tensor:
    """Return the rows of all ranks in order, [world * N, …].

    The gradient of each row goes back to the rank that it came from.
    """
    return _Gather.apply(values) if dist.is_initialized() else values


class _Gather(torch.autograd.Function):
    """All-gather whose backward sums each row's gradient over ranks."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        gathered = [torch.empty_like(values) for _ in range(dist.get_world_size())]
        dist.all_gather(gathered, values.contiguous())
        return torch.cat(gathered)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
