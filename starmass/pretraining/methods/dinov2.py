"""DINOv2 (Oquab et al. 2023; dinov2 `train/ssl_meta_arch.py`).

A student learns to predict what its slowly moving average, the teacher, sees. This file holds all
that is specific to the method: a sample's random numbers, the loss of a batch, and what is kept.
"""

import math
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from timm.models import VisionTransformer
from torch import Tensor, nn

from starmass.config.pretraining import DINOv2Options, Recipe
from starmass.encoders import create_encoder
from starmass.errors import InputError
from starmass.pretraining.draws import RandomStream, SampleIndex, generator, torch_seed
from starmass.pretraining.heads import Head
from starmass.pretraining.losses.dino import dino_loss
from starmass.pretraining.losses.ibot import ibot_loss
from starmass.pretraining.losses.koleo import koleo_loss
from starmass.pretraining.losses.targets import Center, prototypes_in_use, sinkhorn, target_entropy
from starmass.pretraining.masks import block_mask, mask_ratios
from starmass.pretraining.method import Method
from starmass.pretraining.ranks import world
from starmass.pretraining.samples import unpack_images
from starmass.pretraining.schedules import cosine, linear
from starmass.pretraining.trunk import run_trunk
from starmass.pretraining.views import crops_of, make_views, view_draws

GLOBAL_CROPS = 2


@dataclass
class Inputs:
    """A batch ready for the networks; crops lie one after the other, all images of crop 0 first.

    Attributes
    ----------
    globals_ : [2 B, C, size, size]
    locals_ : [L B, C, size, size], or None without local crops
    mask : bool [2 B, patches], what the student doesn't see of the global crops
    masked : places of the masked patches among the 2 B x patches
    weights : one over the number of masked patches in the same crop, per masked patch
    """

    globals_: Tensor
    locals_: Tensor | None
    mask: Tensor
    masked: Tensor
    weights: Tensor


@lru_cache(maxsize=4)
def _batch_ratios(recipe: Recipe, step: int) -> np.ndarray:
    method: DINOv2Options = recipe.dinov2
    return mask_ratios(
        GLOBAL_CROPS * recipe.batch_size,
        method.mask_share,
        method.mask_ratio,
        generator(recipe.seed, RandomStream.STRATA, step),
    )


def draw_sample(recipe: Recipe, index: SampleIndex) -> dict[str, np.ndarray]:
    """Return a sample's random numbers.

    They are ``views`` float32 [crops, draws] and ``mask`` bool [2, patches].
    """
    random = generator(recipe.seed, RandomStream.MASKS, index.epoch, index.image)
    ratios = _batch_ratios(recipe, index.step)[GLOBAL_CROPS * index.position :][:GLOBAL_CROPS]
    grid = recipe.views.global_size // recipe.encoder.patch_size
    return {
        "views": view_draws(recipe.seed, index, GLOBAL_CROPS + recipe.views.local_count),
        "mask": np.stack([block_mask(grid, ratio, random).ravel() for ratio in ratios]),
    }


class DINOv2(Method):
    """Student, teacher, heads and the loss between them.

    Parameters
    ----------
    recipe : the whole recipe
    epoch_steps, steps : length of an epoch of the schedules and of the run
    """

    advice = (
        "teacher_temperature kept at 0.04, fewer prototypes, a first_momentum of 0.98-0.99 for runs"
        " below 1,000 steps"
    )

    def __init__(self, recipe: Recipe, epoch_steps: int, steps: int):
        super().__init__()
        self.recipe, self.epoch_steps, self.steps = recipe, epoch_steps, steps
        parts = world() * recipe.execution.accumulation
        if recipe.batch_size // parts < 2:
            raise InputError(
                f"batch {recipe.batch_size}: in {parts} part(s), over ranks and steps, is less than"
                " 2 images each, and KoLeo needs a neighbour."
            )
        method: DINOv2Options = recipe.dinov2
        self.encoder = create_encoder(
            recipe.description(), torch_seed(recipe.seed, RandomStream.WEIGHTS, 0)
        )
        width = self.encoder.embed_dim
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(recipe.seed, RandomStream.WEIGHTS, 1))
            sizes = {
                "hidden": method.head_hidden,
                "bottleneck": method.head_bottleneck,
                "layers": method.head_layers,
            }
            names = ("class", "patch") if method.separate_heads else ("class",)
            self.heads = nn.ModuleDict(
                {name: Head(width, prototypes=method.prototypes, **sizes) for name in names}
            )
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.teacher_encoder: VisionTransformer = deepcopy(self.encoder).requires_grad_(False)
        self.teacher_heads: nn.ModuleDict = deepcopy(self.heads).requires_grad_(False)
        self.class_center = Center(method.prototypes, method.center_momentum)
        self.patch_center = Center(method.prototypes, method.center_momentum)
        self.draws = partial(draw_sample, recipe)
        self.crops = crops_of(recipe.views, GLOBAL_CROPS)
        self.train()

    def train(self, mode: bool = True) -> "DINOv2":
        """Set the student's mode; the teacher is always in evaluation mode."""
        super().train(mode)
        self.teacher_encoder.eval()
        self.teacher_heads.eval()
        return self

    def exported_encoder(self) -> VisionTransformer:
        """Return the encoder that the run is for."""
        return self.teacher_encoder

    def clip_groups(self) -> list[list[nn.Parameter]]:
        """Return what has its gradient clipped together: the encoder, and each head."""
        return [
            [*self.encoder.parameters(), self.mask_token],
            *(list(head.parameters()) for head in self.heads.values()),
        ]

    def schedule(self, step: int) -> dict[str, float]:
        """Return the method's own numbers at a step."""
        method: DINOv2Options = self.recipe.dinov2
        warmup = int(method.teacher_temperature_epochs * self.epoch_steps)
        return {
            "teacher_temperature": linear(
                step, warmup, method.first_teacher_temperature, method.teacher_temperature
            ),
            "momentum": cosine(step, self.steps, method.first_momentum, method.momentum),
        }

    def last_layer_frozen(self, step: int) -> bool:
        """Whether the heads' last layers stand still, as they do at first."""
        return step < int(self.recipe.dinov2.freeze_last_layer_epochs * self.epoch_steps)

    @torch.no_grad()
    def prepare(self, batch: dict[str, Tensor], device: torch.device) -> Inputs:
        """Cut the crops of a loaded batch on ``device`` and find the masked patches."""
        images = unpack_images(batch, device)
        crops = make_views(images, batch["views"], self.crops, self.recipe.views)
        mask = batch["mask"].transpose(0, 1).flatten(0, 1)
        masked = mask.flatten().nonzero().squeeze(1)
        counts = mask.sum(dim=1)
        weights = 1 / counts.repeat_interleave(counts).float()
        placed = (tensor.to(device, non_blocking=True) for tensor in (mask, masked, weights))
        return Inputs(
            torch.cat(crops[:GLOBAL_CROPS]),
            torch.cat(crops[GLOBAL_CROPS:]) if crops[GLOBAL_CROPS:] else None,
            *placed,
        )

    def forward(
        self, inputs: Inputs, schedule: dict[str, float], *, diagnose: bool = False
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss with its terms, and with ``diagnose`` the diagnostics."""
        method: DINOv2Options = self.recipe.dinov2
        seen, targets, patch_targets = self._look(inputs, schedule["teacher_temperature"])
        tokens = run_trunk(
            self.encoder,
            inputs.globals_,
            mask=inputs.mask,
            mask_token=self.mask_token,
            drop_path=self.recipe.encoder.drop_path,
        )
        classes = tokens[:, 0]
        local_classes = tokens[:0, 0]
        if inputs.locals_ is not None:
            local_classes = run_trunk(
                self.encoder, inputs.locals_, drop_path=self.recipe.encoder.drop_path
            )[:, 0]
        class_scores, local_scores, patch_scores = self._score(
            self.heads, [classes, local_classes], self._patches(self.encoder, tokens, inputs)
        )
        class_scores, local_scores = (
            scores.view(-1 if len(scores) else 0, *targets.shape[1:])
            for scores in (class_scores, local_scores)
        )
        across, down = dino_loss(class_scores, local_scores, targets, method.student_temperature)
        terms = {"dino_global": across, "dino_local": down}
        terms["ibot"] = ibot_loss(
            patch_scores,
            patch_targets,
            inputs.weights,
            len(inputs.mask),
            method.student_temperature,
        )
        # Never between the two crops of one image: those are meant to be close.
        neighbours = method.koleo_neighbours == "all"
        terms["koleo"] = torch.stack(
            [koleo_loss(crop, across_ranks=neighbours) for crop in classes.chunk(GLOBAL_CROPS)]
        ).sum()
        terms["loss"] = (
            method.dino_weight * (across + down)
            + method.ibot_weight * terms["ibot"]
            + method.koleo_weight * terms["koleo"]
        )
        return terms, self._diagnostics(seen, targets, across + down) if diagnose else {}

    @torch.no_grad()
    def _look(self, inputs: Inputs, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the teacher sees.

        That is class tokens [2 B, width], their targets [2, B, K], and the masked patches' targets
        [M, K].
        """
        tokens = run_trunk(self.teacher_encoder, inputs.globals_)
        classes, patches = self._score(
            self.teacher_heads, [tokens[:, 0]], self._patches(self.teacher_encoder, tokens, inputs)
        )
        targets = self._targets(self.class_center, classes, temperature)
        return (
            tokens[:, 0],
            targets.unflatten(0, (GLOBAL_CROPS, -1)),
            self._targets(self.patch_center, patches, temperature),
        )

    def _targets(self, center: Center, scores: Tensor, temperature: float) -> Tensor:
        if self.recipe.dinov2.targets == "sinkhorn":
            return sinkhorn(scores, temperature, self.recipe.dinov2.sinkhorn_iterations)
        targets = center.targets(scores, temperature)
        center.add(scores)
        return targets

    def _score(
        self, heads: nn.ModuleDict, classes: list[Tensor], patches: Tensor
    ) -> tuple[Tensor, ...]:
        """Send class tokens and patch tokens through their heads: in one go when they share one."""
        sizes = [len(tokens) for tokens in (*classes, patches)]
        if "patch" in heads:
            return (
                *torch.split(heads["class"](torch.cat(classes)), sizes[:-1]),
                heads["patch"](patches),
            )
        return torch.split(heads["class"](torch.cat([*classes, patches])), sizes)

    @staticmethod
    def _patches(encoder: VisionTransformer, tokens: Tensor, inputs: Inputs) -> Tensor:
        return tokens[:, encoder.num_prefix_tokens :].flatten(0, 1).index_select(0, inputs.masked)

    @torch.no_grad()
    def _diagnostics(self, classes: Tensor, targets: Tensor, dino: Tensor) -> dict[str, Tensor]:
        targets = targets.flatten(0, 1)
        return {
            "features": classes.float(),
            "target_entropy": target_entropy(targets),
            "prototypes_used": prototypes_in_use(targets),
            "dino_over_uniform": dino / math.log(targets.shape[1]),
        }

    @torch.no_grad()
    def after_step(self, schedule: dict[str, float]) -> None:
        """Move the teacher towards the student, and the centers towards the teacher's scores."""
        if self.recipe.dinov2.targets == "centering":
            self.class_center.move()
            self.patch_center.move()
        student: list[Tensor] = [*self.encoder.parameters(), *self.heads.parameters()]
        teacher: list[Tensor] = [
            *self.teacher_encoder.parameters(),
            *self.teacher_heads.parameters(),
        ]
        torch._foreach_lerp_(teacher, student, 1 - schedule["momentum"])


METHOD = DINOv2
