"""The health of a run: its numbers, and the message that stops it when it no longer learns."""

import math
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from starmass.errors import InputError
from starmass.pretraining.ranks import gather_over_ranks, sum_over_ranks, world

PATIENCE = 3  # records in a row that have to show the same sign
# Of unit class tokens about their mean; an untrained transformer has 0.02-0.3, a trained one near 1
SPREAD_FLOOR = 1e-3
RANK_FLOOR = 1.5  # effective number of directions; 1 is a line
# Nearest neighbours 6e-6 apart; equal features give 16.5. Two crops are summed, so per crop
KOLEO_CEILING = 12.0
ENTROPY_CEILING = 0.9999  # of ln K: uniform targets
PROTOTYPES_FLOOR = 1.5  # effective number in use

WAYS_OUT = (
    "usual ways out: images that differ from each other (look at a few), a larger batch, "
    "a lower optimiser.learning_rate, longer warmup_epochs"
)


def effective_rank(features: Tensor) -> Tensor:
    """Return RankMe (Garrido et al. 2023) of features [N, D] about their mean.

    It is exp of the entropy of the singular values, from 1 to min(N, D).
    """
    values = torch.linalg.svdvals((features - features.mean(dim=0)).float())
    share = values / values.sum().clamp(min=1e-12)
    return torch.exp(-torch.xlogy(share, share).sum())


def feature_spread(features: Tensor) -> Tensor:
    """Return the root mean square distance of unit features [N, D] from their mean.

    It is 0 when all are equal and near 1 when they point in all directions.
    """
    unit = normalize(features.float(), dim=-1)
    return (unit - unit.mean(dim=0)).square().sum(dim=1).mean().sqrt()


class Meter:
    """Gathers a step's terms and times; gives one record per ``log_steps``.

    Times lie on the clock of this rank; terms are means over all ranks.
    """

    def __init__(self, batch: int, device: torch.device):
        self.batch, self.device = batch, device
        self.restart()

    def restart(self) -> None:
        """Forget what was gathered; the clock starts now."""
        self.sums: dict[str, Tensor] = {}
        self.steps, self.waited, self.since = 0, 0.0, time.perf_counter()

    def add(self, terms: Mapping[str, Tensor], waited: float) -> None:
        """Add a step's terms, and the seconds that it waited for its images."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach().float()
        self.steps += 1
        self.waited += waited

    def record(self) -> dict[str, float]:
        """Return the means since the last record, and start anew."""
        means = sum_over_ranks(torch.stack(list(self.sums.values()))) / (self.steps * world())
        seconds = time.perf_counter() - self.since
        record = dict(zip(self.sums, means.tolist(), strict=True))
        record["images_per_second"] = self.steps * self.batch / seconds
        record["data_wait"] = self.waited / seconds
        record["memory_gib"] = self._memory() / 2**30
        self.restart()
        return record

    def _memory(self) -> float:
        """Peak bytes: of the GPU where there is one, else of this process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@torch.no_grad()
def diagnostics_of(diagnostics: Mapping[str, Tensor]) -> dict[str, float]:
    """Turn what a method shows of itself into numbers that are the same on all ranks.

    Parameters
    ----------
    diagnostics : ``features`` [N, D] of this rank, and any number of scalars of this rank
    """
    features = gather_over_ranks(diagnostics["features"])
    means = {
        name: float(sum_over_ranks(value) / world())
        for name, value in diagnostics.items()
        if name != "features"
    }
    return {
        "rankme": float(effective_rank(features)),
        "spread": float(feature_spread(features)),
        **means,
    }


class Monitor:
    """Stops a run that has collapsed.

    A run counts as collapsed when, after the warm-up, several records in a row show one sign of it.
    """

    def __init__(self, warmup_steps: int, advice: str):
        self.warmup_steps, self.advice = warmup_steps, advice
        self.seen = 0

    def check(self, record: Mapping[str, Any]) -> None:
        """Raise an :class:`InputError` that names the sign in a record and what usually helps."""
        sign = collapse_sign(record)
        self.seen = self.seen + 1 if sign and record["step"] >= self.warmup_steps else 0
        if self.seen >= PATIENCE:
            raise InputError(
                f"pretraining collapsed by step {record['step']}: {sign}; {WAYS_OUT},"
                f" {self.advice}."
            )


def collapse_sign(record: Mapping[str, Any]) -> str | None:
    """Say which sign of collapse a record shows, if any."""
    if record["spread"] < SPREAD_FLOOR:
        return f"all images get the same features (spread {record['spread']:.2g})"
    if record["rankme"] < RANK_FLOOR:
        return f"features differ along one direction only (RankMe {record['rankme']:.2f})"
    if record.get("koleo", 0) / 2 > KOLEO_CEILING:
        return (
            f"nearest neighbours coincide (KoLeo {record['koleo'] / 2:.1f} a crop; 16.5 is total)"
        )
    if record.get("prototypes_used", math.inf) < PROTOTYPES_FLOOR:
        return (
            "all targets go to one prototype"
            f" (effective number in use {record['prototypes_used']:.2f})"
        )
    if (
        record.get("target_entropy", 0) > ENTROPY_CEILING
        and abs(record["dino_over_uniform"] - 1) < 1e-4
    ):
        return "targets are uniform and the DINO loss stands at ln K"
    return None


def not_finite(step: int, terms: Mapping[str, Tensor], resume: Path, advice: str) -> InputError:
    """Return the error of a loss that is not finite.

    It names the step, the terms, the last good checkpoint and what to try.
    """
    values = ", ".join(f"{name} {value.item():.3g}" for name, value in terms.items())
    return InputError(
        f"the loss is not finite at step {step} ({values}); the last good checkpoint stays in"
        f" {resume}; "
        f"{WAYS_OUT}, {advice}, or precision: float32."
    )
