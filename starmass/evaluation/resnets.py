"""Frozen ResNets: read from a file or from timm, and used as encoders by their pooled features."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import timm
import torch
from timm.models import ResNet

from starmass.description import EncoderDescription
from starmass.encoders import FOREIGN, METADATA_KEY
from starmass.errors import InputError
from starmass.evaluation.checkpoints import read_tensors
from starmass.evaluation.layouts import fill
from starmass.evaluation.weights import agree, as_shown, fetch, known_name

POOLED = ("class", "mean")
"""Words for a ResNet's features: it has no tokens, and its last map is not centred on the image."""
LAST = ("fc.",)
"""How the tensors of the last layer begin, which is for classes of others."""
READ = "layouts of timm and torchvision are read; of another one save the state_dict of the ResNet"
Network = tuple[ResNet, EncoderDescription]


def read_timm_resnet(
    architecture: str,
    path: str | Path | None,
    *,
    fetched: bool = False,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Network:
    """Build a ResNet of timm, and fill it from a file or from timm's own weights.

    torchvision calls the tensors as timm does. A file of a pretraining by SimSiam describes itself.

    Parameters
    ----------
    architecture, path, mean, std : as for :func:`starmass.evaluation.weights.read_timm_encoder`

    Raises
    ------
    InputError
        when timm has no such ResNet or weights, or the file does not fit it
    """
    plain = known_name(
        architecture,
        timm.list_models("resnet*", module="resnet"),
        "ResNet of timm",
        'timm.list_models("resnet*", module="resnet")',
    )
    own = describe_resnet(path) if path is not None else None
    if path is not None and own is not None:
        agree(own, plain, mean, std, path)
        return load_resnet(path, own)
    model = fetch(architecture, fetched, num_classes=0)
    facts = model.pretrained_cfg
    if path is None:
        return model.eval(), _description(plain, 3, mean or facts["mean"], std or facts["std"])
    first = next(iter(model.state_dict()))
    tensors = read_tensors(path, first)
    channels = int(tensors[first].shape[1]) if first in tensors else facts["input_size"][0]
    shown = as_shown(architecture, facts, path, channels, mean, std)
    description = _description(plain, channels, **shown)
    model = create_resnet(description, seed=0)
    fill(model, tensors, plain, path, LAST, READ)
    return model.eval(), description


def create_resnet(description: EncoderDescription, seed: int) -> ResNet:
    """Build a ResNet without its last layer, its weights drawn from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = timm.create_model(
            description.architecture, num_classes=0, in_chans=description.in_channels
        )
    return model


def describe_resnet(path: str | Path) -> EncoderDescription | None:
    """Return what a file of a pretraining by SimSiam says of its network; None for any other."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {})[METADATA_KEY])
        name, views = said["network"], said["recipe"]["views"]
    except (OSError, safetensors.SafetensorError, *FOREIGN):
        return None
    return _description(name, len(views["mean"]), views["mean"], views["std"])


def load_resnet(path: str | Path, description: EncoderDescription) -> Network:
    """Read a ResNet that a pretraining by SimSiam wrote, in evaluation mode."""
    model = create_resnet(description, seed=0)
    fill(model, read_tensors(path, next(iter(model.state_dict()))), description.architecture, path)
    return model.eval(), description


def _description(
    architecture: str, channels: int, mean: Sequence[float], std: Sequence[float]
) -> EncoderDescription:
    """Describe a ResNet, which takes images of any side."""
    return EncoderDescription(architecture, 224, 1, channels, tuple(mean), tuple(std))


@torch.inference_mode()
def encode_by_resnet(
    model: ResNet, images: torch.Tensor, *, tokens: str = "class", batch_size: int = 64
) -> np.ndarray:
    """Return the mean of a frozen ResNet's last map, as torchvision pools it: float32 [N, width].

    Parameters
    ----------
    model : used as it is (call ``eval()`` first), on the device where it lies
    images : float [N, C, H, W], already normalised; any H and W
    tokens : one of :data:`POOLED`
    batch_size : images at a time; no number depends on it beyond rounding
    """
    if tokens not in POOLED:
        raise InputError(
            f"tokens {tokens!r}: a ResNet has no tokens, and its features are the mean of its last"
            " map; leave tokens out, or name a vision transformer."
        )
    device = next(model.parameters()).device
    parts = [
        model.forward_features(batch.to(device)).mean(dim=(2, 3))
        for batch in images.split(batch_size)
    ]
    return torch.cat(parts).float().cpu().numpy()
