"""The training loop of all methods: batches in, steps, records, checkpoints, one encoder out."""

import logging
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
import yaml
from timm.models import VisionTransformer
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from starmass.config.pretraining import Recipe
from starmass.errors import InputError
from starmass.pretraining.checkpoint import load_checkpoint, save_checkpoint
from starmass.pretraining.diagnostics import Meter, Monitor, diagnostics_of, not_finite
from starmass.pretraining.draws import RandomStream, torch_seed
from starmass.pretraining.interruption import SUBMIT_AGAIN, interruption_noticed
from starmass.pretraining.method import Method
from starmass.pretraining.optimiser import (
    clip_gradients,
    create_optimiser,
    parameter_groups,
    set_rates,
)
from starmass.pretraining.probe import Probe
from starmass.pretraining.progress import Progress, progress_shown
from starmass.pretraining.ranks import Ranks, sum_over_ranks
from starmass.pretraining.recipe import recipe_digest, steps_per_epoch
from starmass.pretraining.samples import Images, RankBatches, Samples, load_batches
from starmass.pretraining.schedules import cosine, scaled_rate
from starmass.pretraining.trunk import bfloat16_is_slow, choose_attention, compile_blocks
from starmass.provenance import provenance
from starmass.registry import load
from starmass.storage import write_text, written_aside

logger = logging.getLogger("starmass")
METHODS = "starmass.pretraining.methods"
HIGH_RATE = 0.01


class Run:
    """A pretraining from its first step, or its last checkpoint, to its encoder.

    Parameters
    ----------
    recipe : every number
    images : what to learn from
    identity : of the images, JSON-able; part of what a resumed run has to share
    output : folder of ``teacher.safetensors``, ``config.yaml``, ``metrics.jsonl`` and the resume
        state
    ranks : this process among all
    probe : what the first rank tries the encoder on now and then; changes nothing of the training
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Images,
        identity: Any,
        output: Path,
        ranks: Ranks,
        probe: Probe | None = None,
    ):
        self.recipe, self.images, self.identity, self.output, self.ranks, self.probe = (
            recipe,
            images,
            identity,
            output,
            ranks,
            probe,
        )
        _check(recipe, images, ranks)
        self.epoch_steps = steps_per_epoch(recipe, len(images))
        self.steps = max(1, round(recipe.epochs * self.epoch_steps))
        self.warmup = int(recipe.optimiser.warmup_epochs * self.epoch_steps)
        self.rate = scaled_rate(
            recipe.optimiser.learning_rate, recipe.batch_size, recipe.optimiser.reference_batch_size
        )
        self.check_steps = max(1, round(recipe.execution.probe_epochs * self.epoch_steps))
        self.resume = output / "resume" / recipe_digest(recipe, identity)
        method = load(METHODS, recipe.method).METHOD
        self.method: Method = method(recipe, self.epoch_steps, self.steps).to(ranks.device)
        choose_attention(self.method, ranks.device, recipe.precision)
        self.untrained = probe.score(self.method) if probe and ranks.first else math.nan
        self.optimiser = create_optimiser(
            parameter_groups(self.method, self.method.depth(), recipe.optimiser), recipe.optimiser
        )
        for network in self.method.modules():
            if isinstance(network, VisionTransformer):
                network.set_grad_checkpointing(recipe.execution.recompute)
                if recipe.execution.compile:
                    compile_blocks(
                        network, recipe.encoder.drop_path if network is self.method.encoder else 0
                    )
        self.step = self._restore()
        self.network: torch.nn.Module = self.method
        if ranks.world > 1:
            places = [ranks.device] if ranks.device.type == "cuda" else None
            self.network = DistributedDataParallel(
                self.method, places, broadcast_buffers=False, gradient_as_bucket_view=True
            )

    def train(self) -> None:
        """Run to the end, then write the encoder.

        On SIGTERM write a checkpoint and exit with code 75.
        """
        self._announce()
        recipe, execution = self.recipe, self.recipe.execution
        samples = Samples(self.images, self.method.draws)
        batches = RankBatches(
            range(self.step, self.steps),
            recipe.batch_size,
            len(self.images),
            recipe.seed,
            self.ranks.rank,
            self.ranks.world,
        )
        stream = iter(
            load_batches(samples, batches, execution.workers, pin=self.ranks.device.type == "cuda")
        )
        shown = (
            self.steps,
            self.step,
            recipe.batch_size,
            self.resume / "metrics.jsonl",
            self.output / "tensorboard",
        )
        meter, monitor, saved = (
            Meter(recipe.batch_size, self.ranks.device),
            Monitor(self.warmup, self.method.advice),
            time.monotonic(),
        )
        with (
            interruption_noticed() as interruption,
            progress_shown(self.ranks.first, *shown) as progress,
        ):
            while self.step < self.steps:
                begun = time.perf_counter()
                batch = next(stream)
                waited = time.perf_counter() - begun
                last = self.step + 1 == self.steps
                log = (
                    last
                    or (self.step + 1) % execution.log_steps == 0
                    or self._check_due(self.step + 1)
                )
                terms, diagnostics, facts = self.take_step(batch, diagnose=log)
                meter.add(terms, waited)
                # A signal or broken loss of one rank stops all: they leave after the same step.
                flags = [
                    terms["loss"].new_tensor(float(interruption.seen)),
                    (~terms["loss"].isfinite()).float(),
                ]
                stop, broken = sum_over_ranks(torch.stack(flags).detach()).tolist()
                if broken:
                    raise not_finite(self.step, terms, self.resume, self.method.advice)
                if progress is not None:
                    progress.advance()
                if log:
                    self._record(meter.record(), diagnostics, facts, progress, monitor)
                    meter.restart()
                if stop and not last:
                    self.save()
                    logger.warning(
                        "starmass: interrupted after step %d of %d; the same command goes on"
                        " from there.",
                        self.step,
                        self.steps,
                    )
                    raise SystemExit(SUBMIT_AGAIN)
                if not last and time.monotonic() - saved > 60 * execution.checkpoint_minutes:
                    self.save()
                    saved = time.monotonic()
        self._finish()

    def take_step(
        self, batch: dict[str, Tensor], *, diagnose: bool = False
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
        """Take one optimiser step.

        Returns
        -------
        The terms of the loss, the diagnostics of health and the step's own numbers.
        """
        recipe, step = self.recipe, self.step
        # Torch's random numbers of a step derive from its number: no generator's state is kept.
        torch.manual_seed(torch_seed(recipe.seed, RandomStream.STEP, step, self.ranks.rank))
        schedule = self.method.schedule(step)
        optimiser = recipe.optimiser
        rate = cosine(step, self.steps, self.rate, optimiser.final_learning_rate, self.warmup)
        decay = cosine(step, self.steps, optimiser.weight_decay, optimiser.final_weight_decay)
        set_rates(
            self.optimiser, rate, decay, freeze_last_layer=self.method.last_layer_frozen(step)
        )
        self.optimiser.zero_grad(set_to_none=True)
        terms: dict[str, Tensor] = {}
        for part, last in _parts(batch, recipe.execution.accumulation):
            inputs = self.method.prepare(part, self.ranks.device)
            # Ranks communicate once a step, after its last part.
            quiet = (
                nullcontext()
                if last or not isinstance(self.network, DistributedDataParallel)
                else self.network.no_sync()
            )
            with quiet:
                with torch.autocast(
                    self.ranks.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"
                ):
                    found, diagnostics = self.network(inputs, schedule, diagnose=diagnose and last)
                (found["loss"] / recipe.execution.accumulation).backward()
            terms = {
                name: terms.get(name, 0) + value.detach() / recipe.execution.accumulation
                for name, value in found.items()
            }
        norm = clip_gradients(self.method.clip_groups(), optimiser.clip)
        self.optimiser.step()
        self.method.after_step(schedule)
        self.step += 1
        return (
            terms,
            diagnostics,
            {"learning_rate": rate, "weight_decay": decay, **schedule, "gradient_norm": norm},
        )

    def _check_due(self, step: int) -> bool:
        return self.probe is not None and (step % self.check_steps == 0 or step == self.steps)

    def save(self) -> None:
        """Write a checkpoint (first rank)."""
        if self.ranks.first:
            facts = {"recipe": self.recipe.plain(), "provenance": self._provenance()}
            state = {
                "method": self.method.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "facts": yaml.safe_dump(_plain(facts)),
            }
            save_checkpoint(self.resume, self.step, state)

    def _restore(self) -> int:
        state = load_checkpoint(self.resume)
        if state is None:
            return 0
        try:
            self.method.load_state_dict(state["method"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.resume}: another version of starmass wrote these checkpoints ({error});"
                " go on with that version, or delete the folder to begin anew."
            ) from error
        return state["step"]

    def _record(
        self,
        means: dict[str, float],
        diagnostics: dict[str, Tensor],
        facts: dict[str, Any],
        progress: Progress | None,
        monitor: Monitor,
    ) -> None:
        numbers = {
            name: float(value) for name, value in {**facts, **diagnostics_of(diagnostics)}.items()
        }
        record = {"step": self.step, "epoch": self.step / self.epoch_steps, **means, **numbers}
        if self.probe and self.ranks.first and self._check_due(self.step):
            name = f"probe_{self.probe.metric}"
            record |= {name: self.probe.score(self.method), f"{name}_untrained": self.untrained}
        if progress is not None:
            progress.write(record)
        monitor.check(record)

    def _announce(self) -> None:
        if not self.ranks.first:
            return
        recipe = self.recipe
        logger.info(
            "starmass: %s with %s at %d px on %d images: %d steps of %d,"
            " base rate %.3g (%.3g before scaling), %d rank(s) on %s.",
            recipe.method, recipe.encoder.architecture, recipe.views.global_size, len(self.images),
            self.steps, recipe.batch_size, self.rate, recipe.optimiser.learning_rate,
            self.ranks.world, self.ranks.device,
        )  # fmt: skip
        if len(self.images) < recipe.batch_size:
            logger.warning(
                "starmass: a step takes %d images, but there are %d, so each step shows some of"
                " them"
                " more than once; lower batch or take more images.",
                recipe.batch_size,
                len(self.images),
            )
        if recipe.optimiser.learning_rate > HIGH_RATE:
            logger.warning(
                "starmass: optimiser.learning_rate %g is above %g, ten times what DINOv2 uses or"
                " near it.",
                recipe.optimiser.learning_rate,
                HIGH_RATE,
            )
        if recipe.precision == "bfloat16" and bfloat16_is_slow(self.ranks.device):
            logger.warning(
                "starmass: precision bfloat16: this processor has no instructions for it (neither"
                " avx512_bf16 nor amx_bf16), so a step takes several times as long as in float32;"
                " set precision: float32."
            )
        if self.warmup >= self.steps:
            logger.warning(
                "starmass: the warm-up of %g epochs is as long as the run of %g; the rate only"
                " rises."
                " Shorten optimiser.warmup_epochs.",
                recipe.optimiser.warmup_epochs, recipe.epochs,
            )  # fmt: skip
        if self.step:
            logger.info("starmass: going on after step %d from %s.", self.step, self.resume)

    def _finish(self) -> None:
        """Write the encoder; then remove the resume state, which is no longer needed."""
        if not self.ranks.first:
            return
        facts = {
            "recipe": self.recipe.plain(),
            "images": self.identity,
            "provenance": self._provenance(),
        }
        resolved = {
            "steps": self.steps,
            "epoch_steps": self.epoch_steps,
            "learning_rate": self.rate,
            "world": self.ranks.world,
        }
        write_text(
            self.output / "config.yaml",
            yaml.safe_dump(_plain({**facts, "resolved": resolved}), sort_keys=False),
        )
        with written_aside(self.output / "metrics.jsonl") as temporary:
            shutil.copy(self.resume / "metrics.jsonl", temporary)
        self.method.save(self.output / "teacher.safetensors", _plain(facts))
        shutil.rmtree(self.resume)
        with suppress(OSError):  # where another recipe's state lies beside it
            self.resume.parent.rmdir()

    def _provenance(self) -> dict[str, Any]:
        return provenance(config={}, seed=self.recipe.seed)


def _check(recipe: Recipe, images: Images, ranks: Ranks) -> None:
    """Check that recipe, images and ranks fit each other."""
    if recipe.batch_size % ranks.world:
        raise InputError(
            f"batch {recipe.batch_size}: not a multiple of the {ranks.world} ranks; change one of"
            " them."
        )
    share = recipe.batch_size // ranks.world
    if share % recipe.execution.accumulation:
        raise InputError(
            f"execution.accumulation {recipe.execution.accumulation}: does not divide the {share}"
            " images of a rank's batch."
        )
    if not len(images):
        raise InputError("images: the set is empty; there is nothing to learn from.")
    if len(images.shape) != 3 or images.shape[2] != len(recipe.views.mean):
        raise InputError(
            f"views.mean: names {len(recipe.views.mean)} channel(s), but the images are"
            f" (rows, columns, channels) = {images.shape}."
        )


def _parts(batch: dict[str, Tensor], count: int) -> Iterator[tuple[dict[str, Tensor], bool]]:
    """Cut a batch into parts of equal size, each with whether it is the last."""
    for number, tensors in enumerate(
        zip(*(tensor.chunk(count) for tensor in batch.values()), strict=True)
    ):
        yield dict(zip(batch, tensors, strict=True)), number + 1 == count


def _plain(values: Any) -> Any:
    """Tuples to lists, so that YAML and JSON say the same."""
    if isinstance(values, dict):
        return {key: _plain(value) for key, value in values.items()}
    return [_plain(value) for value in values] if isinstance(values, list | tuple) else values
