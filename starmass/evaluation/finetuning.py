"""Training an encoder further: fine-tuning with layer-wise decay of the rate, or LoRA.

LoRA is the low-rank adaptation of its attention.
"""

import copy
import math
import re
from typing import Any

import numpy as np
import torch
from timm.models import VisionTransformer
from torch import nn

from starmass.encoders import EncoderDescription, check_tokens, normalise_pixels
from starmass.errors import InputError, closest
from starmass.evaluation.training import learn

MODES = ("full", "lora")
POOLINGS = ("class", "mean", "class_mean")
ADAPTED = ("qkv", "proj")
"""Matrices of a block's attention that get an addition of low rank."""


def finetune_and_predict(
    encoder: tuple[VisionTransformer, EncoderDescription],
    images: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    mode: str = "full",
    tokens: str = "class",
    epochs: int = 50,
    warmup_epochs: int = 5,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.05,
    layer_decay: float = 0.75,
    rank: int = 8,
    lora_scale: float = 2.0,
    augment: bool = False,
    seed: int = 0,
    fold: int = 0,
    classes: int = 0,
) -> np.ndarray:
    """Train an encoder with a linear head on the training rows and predict the test rows.

    It is trained by AdamW with the loss of :func:`starmass.evaluation.training.learn`.

    Parameters
    ----------
    encoder : model and description; the model is left as it is
    images : float32 [row, channel, height, width], training rows about 0..1, of a size that the
        encoder takes
    labels : log10 mass or another number [row], or place of the class; those of test rows are never
        looked at
    train, test : row numbers
    mode : ``full`` trains all weights; ``lora`` leaves them and trains an addition of low rank to
        each matrix of the attention
    tokens : what the head reads: ``class``, ``mean`` or ``class_mean``
    learning_rate : the schedule's maximum, for the head (and all that is trained by ``lora``)
    layer_decay : for ``finetune``: factor on the rate for each block further from the head
    rank, lora_scale : for ``lora``: of the addition, and the factor on it (alpha / rank in the
        paper)
    seed, fold : what head, additions, order and augmentation derive from
    classes : number of classes, 0 for numbers

    Returns
    -------
    predicted number [test row], or scores [test row, class]
    """
    if mode not in MODES:
        raise InputError(
            f"evaluation.methods: finetuning.mode {mode!r} is unknown{closest(mode, MODES)};"
            f" choose from {', '.join(MODES)}."
        )
    weights_seed, order_seed = (
        int(s.generate_state(1)[0]) for s in np.random.SeedSequence([seed, fold]).spawn(2)
    )
    model, description = copy.deepcopy(encoder[0]).cpu().float(), encoder[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(weights_seed)
        if mode == "lora":
            add_low_rank(model, rank, lora_scale)
        regressor = Regressor(
            model,
            tokens,
            channels=images.shape[1],
            in_channels=description.in_channels,
            outputs=classes or 1,
        )
    groups = rate_groups(
        regressor,
        len(model.blocks),
        learning_rate,
        layer_decay if mode == "full" else 1.0,
        weight_decay,
    )
    # One channel at a time for an encoder of grey images.
    turns = (
        torch.from_numpy(np.ascontiguousarray(images))
        .float()
        .reshape(-1, description.in_channels, *images.shape[2:])
    )
    shown = normalise_pixels(turns, description).reshape(images.shape)
    return learn(
        regressor, torch.optim.AdamW(groups), shown, labels, train, test,
        epochs=epochs, warmup_epochs=warmup_epochs, batch_size=batch_size, augment=augment,
        seed=order_seed, name=f"{mode}, fold {fold}", classes=classes,
    )  # fmt: skip


class Regressor(nn.Module):
    """An encoder and a linear layer from its pooled tokens to one number, or one a class."""

    def __init__(
        self,
        encoder: VisionTransformer,
        tokens: str,
        *,
        channels: int,
        in_channels: int,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        if tokens not in POOLINGS:
            raise InputError(
                f"evaluation.features: tokens {tokens!r} can't be fine-tuned; choose from"
                f" {', '.join(POOLINGS)}."
            )
        check_tokens(encoder, tokens)
        if in_channels not in (1, channels):
            raise InputError(
                f"evaluation.preprocessing: {channels} channels are shown to an encoder of"
                f" {in_channels};"
                " choose as many channels, or an encoder of 1 or 3 channels."
            )
        self.encoder, self.tokens, self.in_channels = encoder, tokens, in_channels
        width = encoder.embed_dim * (2 if tokens == "class_mean" else 1) * (channels // in_channels)
        self.head = nn.Linear(width, outputs)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] -> [N, output]."""
        sequence = self.encoder.forward_features(
            images.reshape(-1, self.in_channels, *images.shape[2:])
        )
        parts = {
            "class": sequence[:, 0],
            "mean": sequence[:, self.encoder.num_prefix_tokens :].mean(dim=1),
        }
        pooled = torch.cat([parts[name] for name in self.tokens.split("_")], dim=1)
        return self.head(pooled.reshape(len(images), -1))


def rate_groups(
    model: nn.Module, depth: int, rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Return the trained parameters, in groups for torch's optimisers.

    Each group has its rate ``lr`` and ``weight_decay``.

    Rates fall by ``layer_decay`` for each layer further from the head: ``depth + 1`` times for what
    comes before the blocks (Bao et al. 2022, BEiT; as MAE and C-MAE fine-tune). Biases, norms and
    other vectors do not decay.
    """
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            layer, decays = (
                layer_of(name, depth),
                parameter.ndim > 1 and "token" not in name and "pos_embed" not in name,
            )
            group = {
                "params": [],
                "lr": rate * layer_decay ** (depth + 1 - layer),
                "weight_decay": weight_decay if decays else 0.0,
            }
            groups.setdefault((layer, decays), group)["params"].append(parameter)
    return list(groups.values())


def layer_of(name: str, depth: int) -> int:
    """Return 0 before the blocks, 1 to ``depth`` for a block, ``depth + 1`` for norm and head."""
    block = re.match(r"encoder\.blocks\.(\d+)\.", name)
    if block:
        return int(block[1]) + 1
    before = ("encoder.patch_embed", "encoder.pos_embed", "encoder.cls_token", "encoder.reg_token")
    return 0 if name.startswith(before) else depth + 1


class LowRank(nn.Module):
    """A frozen linear layer with a trained addition of low rank: W x + lora_scale B A x.

    As Hu et al. 2021, section 4.1.

    B starts at zero, so that nothing changes at first.
    """

    def __init__(self, linear: nn.Linear, rank: int, lora_scale: float) -> None:
        super().__init__()
        if not 1 <= rank <= min(linear.in_features, linear.out_features):
            raise InputError(
                f"evaluation.methods: finetuning.rank {rank} does not fit a matrix of"
                f" {linear.out_features} x {linear.in_features}; lower it."
            )
        self.linear, self.lora_scale = linear, lora_scale
        self.down = nn.Parameter(torch.empty(rank, linear.in_features))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        return self.linear(inputs) + self.lora_scale * (inputs @ self.down.T @ self.up.T)

    def merged(self) -> nn.Linear:
        """The plain linear layer that does the same."""
        linear = copy.deepcopy(self.linear)
        with torch.no_grad():
            linear.weight += self.lora_scale * self.up @ self.down
        return linear


def add_low_rank(model: VisionTransformer, rank: int, lora_scale: float) -> None:
    """Freeze an encoder and give each matrix of its attention an addition that learns, in place."""
    model.requires_grad_(False)
    for block in model.blocks:
        for name in ADAPTED:
            setattr(block.attn, name, LowRank(getattr(block.attn, name), rank, lora_scale))


def merge_low_rank(model: VisionTransformer) -> None:
    """Merge the additions into the matrices, in place: the encoder has its original form again."""
    for block in model.blocks:
        for name in ADAPTED:
            setattr(block.attn, name, getattr(block.attn, name).merged())
