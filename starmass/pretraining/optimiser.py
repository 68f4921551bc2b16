"""AdamW with a rate and a decay for each kind of parameter (dinov2 `utils/param_groups.py`)."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from starmass.config.pretraining import Optimiser


def parameter_groups(module: nn.Module, depth: int, recipe: Optimiser) -> list[dict[str, Any]]:
    """Sort the parameters that get gradients by their share of the rate and by whether they decay.

    Parameters
    ----------
    module : has the trained transformer as ``encoder``; everything else has the full rate, but a
        last layer of a head may be frozen
    depth : blocks of the transformer

    Returns
    -------
    groups for torch's optimisers, each with ``scale`` (of the rate), ``decays`` and ``last_layer``
    """
    sorted_: dict[tuple[float, bool, bool], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            scale = recipe.layer_decay ** (depth + 1 - layer_of(name, depth))
            if "patch_embed" in name:
                scale *= recipe.patch_rate
            sorted_[scale, decays(name), "last_layer" in name].append(parameter)
    return [
        {"params": found, "scale": scale, "decays": decay, "last_layer": last}
        for (scale, decay, last), found in sorted_.items()
    ]


def layer_of(name: str, depth: int) -> int:
    """Return a parameter's layer, counted from the input.

    It is 0 before the blocks, 1 to ``depth`` for a block, and ``depth + 1`` after them, heads
    included.
    """
    block = re.match(r"encoder\.blocks\.(\d+)\.", name)
    if block:
        return int(block[1]) + 1
    before = (
        "encoder.pos_embed",
        "encoder.cls_token",
        "encoder.reg_token",
        "encoder.patch_embed",
        "mask_token",
    )
    return 0 if name.startswith(before) else depth + 1


def decays(name: str) -> bool:
    """Whether a parameter is subject to weight decay: no bias, no norm, no LayerScale.

    timm's ResNets call their norms bn1 and downsample.1.
    """
    return not (name.endswith(".bias") or re.search(r"norm|gamma|\bbn\d|downsample\.1", name))


def create_optimiser(groups: list[dict[str, Any]], recipe: Optimiser) -> torch.optim.AdamW:
    """Return AdamW over ``groups``; :func:`set_rates` sets rates and decays before each step."""
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=0.0, betas=recipe.betas, fused=True)


def set_rates(
    optimiser: torch.optim.Optimizer, rate: float, weight_decay: float, *, freeze_last_layer: bool
) -> None:
    """Set this step's rate and decay in every group.

    A frozen last layer has a rate of 0, and so a decay of 0.
    """
    for group in optimiser.param_groups:
        group["lr"] = 0.0 if group["last_layer"] and freeze_last_layer else rate * group["scale"]
        group["weight_decay"] = weight_decay if group["decays"] else 0.0


def clip_gradients(parts: Iterable[Iterable[nn.Parameter]], largest: float) -> torch.Tensor:
    """Scale down the gradients of each part to a norm of ``largest``; 0 leaves them.

    Returns the norm of all gradients before that.
    """
    limit = largest if largest > 0 else float("inf")
    norms = [nn.utils.clip_grad_norm_(list(part), limit) for part in parts]
    return torch.stack(norms).square().sum().sqrt()
