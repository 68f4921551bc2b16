"""Frozen encoders: how to build a timm vision transformer, keep it in a file, and use it.

A file of weights is plain safetensors: its tensors load into the timm model that its description
names, with nothing of ours in between::

    # or read the description from the file's metadata, key "starmass"
    description = load_encoder("teacher.safetensors")[1]
    model = timm.create_model(description.architecture, **description.timm_arguments())
    model.load_state_dict(safetensors.torch.load_file("teacher.safetensors"))
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import safetensors
import safetensors.torch
import timm
import torch
from timm.models import VisionTransformer

from starmass.description import EncoderDescription
from starmass.errors import InputError, closest
from starmass.files import SAFETENSORS, check_readable, remedy, unreadable
from starmass.shipped import ENDING, shipped_file
from starmass.storage import written_aside

Tokens = Literal["class", "mean", "class_mean", "patches"]

# One key, because safetensors writes several in an order that changes from run to run, and results
# are byte-reproducible.
METADATA_KEY = "starmass"


def create_encoder(description: EncoderDescription, seed: int) -> VisionTransformer:
    """Build the timm model with weights drawn from ``seed`` alone.

    The state of torch's generator has no influence.
    """
    known = timm.list_models("vit_*")
    if description.architecture not in known:
        raise InputError(
            f"architecture {description.architecture!r}: not a timm vision"
            f" transformer{closest(description.architecture, known)}; "
            'timm.list_models("vit_*") names them all.'
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model: Any = timm.create_model(description.architecture, **description.timm_arguments())
        except (AssertionError, TypeError, ValueError) as error:
            raise InputError(
                f"architecture {description.architecture!r} with {description.timm_arguments()}:"
                f" timm says {error}"
            ) from error
    return model


def save_encoder(
    path: str | Path, model: VisionTransformer, description: EncoderDescription, **facts: Any
) -> None:
    """Write weights, description and ``facts`` as one safetensors file, whole or not at all.

    Facts are JSON-able, e.g. ``provenance=…``.
    """
    save_weights(
        path, model, {"encoder": asdict(replace(description, width=int(model.embed_dim))), **facts}
    )


def save_weights(path: str | Path, model: torch.nn.Module, facts: Mapping[str, Any]) -> None:
    """Write a model's tensors by name with ``facts`` (JSON-able) as one safetensors file.

    It is written whole or not at all.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    with written_aside(path) as temporary:
        # Not save_file, whose file only its owner may read.
        temporary.write_bytes(safetensors.torch.save(tensors, metadata={METADATA_KEY: text}))


def load_encoder(path: str | Path) -> tuple[VisionTransformer, EncoderDescription]:
    """Read an encoder: one that comes with starmass, by its name, or a file of the workflow.

    Parameters
    ----------
    path : a name of :func:`starmass.shipped.shipped_encoders`, or a file that
        :func:`save_encoder` wrote

    Returns
    -------
    The timm model in evaluation mode on the CPU, and its description (sizes, mean and std of each
    channel).

    Raises
    ------
    InputError
        where there is neither, or the file can't be read
    """
    if isinstance(path, str) and not path.endswith(ENDING) and not Path(path).exists():
        path = shipped_file(path)
    description = _read_description(path)
    model = create_encoder(description, seed=0)
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except (OSError, safetensors.SafetensorError) as error:
        raise unreadable(path, error, SAFETENSORS) from error
    except RuntimeError as error:
        raise InputError(
            f"{path}: its tensors don't fit {description.architecture} ({error}); remake the file."
        ) from error
    return model.eval(), description


FOREIGN = (AttributeError, KeyError, TypeError, json.JSONDecodeError)
"""Errors of reading metadata that other software, or another version, wrote under our key."""


def describe_file(path: str | Path) -> EncoderDescription | None:
    """Return what a file says of its encoder; None where it says nothing, as files by others."""
    try:
        return _describe(path)
    except (OSError, safetensors.SafetensorError, *FOREIGN):  # a checkpoint of torch, or no weights
        return None


def _describe(path: str | Path) -> EncoderDescription | None:
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if METADATA_KEY not in metadata:
        return None
    said = json.loads(metadata[METADATA_KEY])["encoder"]
    known = {entry.name for entry in fields(EncoderDescription)}
    return EncoderDescription(**{name: value for name, value in said.items() if name in known})


def _read_description(path: str | Path) -> EncoderDescription:
    check_readable(path, SAFETENSORS)
    try:
        description = _describe(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise unreadable(path, error, SAFETENSORS) from error
    except FOREIGN as error:
        raise InputError(
            f"{path}: another version of starmass described its model ({error}); {remedy(path)}."
        ) from error
    if description is None:
        raise InputError(
            f"{path}: has no description of its model (metadata key {METADATA_KEY!r}); only files"
            " of save_encoder do."
        )
    return description


def normalise_pixels(images: torch.Tensor, description: EncoderDescription) -> torch.Tensor:
    """Return ``(images - mean) / std`` per channel, for images [N, C, H, W] in 0..1."""
    mean, std = (
        torch.tensor(values, dtype=images.dtype, device=images.device)[:, None, None]
        for values in (description.mean, description.std)
    )
    return (images - mean) / std


@torch.inference_mode()
def encode(
    model: VisionTransformer,
    images: torch.Tensor,
    *,
    tokens: Tokens = "class",
    batch_size: int = 64,
) -> np.ndarray:
    """Turn images into features with a frozen model.

    Parameters
    ----------
    model : a timm vision transformer; it is used as it is (call ``eval()`` first), on the device
        where it lies
    images : float [N, C, H, W], already normalised; any H and W that are multiples of the patch
        size
    tokens : ``class`` (after the final norm; official DINOv2 evaluation), ``mean`` of the patch
        tokens, ``class_mean`` (both, one after the other) or ``patches`` (all of them, on their
        grid)
    batch_size : images at a time; no number depends on it beyond rounding

    Returns
    -------
    float32 [N, width], [N, 2 width] for ``class_mean``, [N, rows, columns, width] for ``patches``
    """
    if tokens not in get_args(Tokens):
        raise InputError(
            f"tokens {tokens!r}: not a choice{closest(tokens, get_args(Tokens))}; choose from"
            f" {', '.join(get_args(Tokens))}."
        )
    check_tokens(model, tokens)
    height, width = model.patch_embed.patch_size
    rows, columns = images.shape[-2] // height, images.shape[-1] // width
    if images.shape[-2:] != (rows * height, columns * width):
        raise InputError(
            f"images of {images.shape[-2]}x{images.shape[-1]} pixels: not a multiple of the"
            f" encoder's {height}-pixel patch; resize."
        )
    device = next(model.parameters()).device
    features = [
        _pool(model, model.forward_features(batch.to(device)), tokens, (rows, columns))
        for batch in images.split(batch_size)
    ]
    return torch.cat(features).float().cpu().numpy()


def check_tokens(model: VisionTransformer, tokens: str) -> None:
    """Refuse the class token of a model that has none: its place in the sequence is a patch's."""
    if tokens in ("class", "class_mean") and model.cls_token is None:
        raise InputError(
            f"tokens {tokens!r}: the encoder has no class token; choose mean, or an architecture"
            " that has one."
        )


def _pool(
    model: VisionTransformer, sequence: torch.Tensor, tokens: Tokens, grid: tuple[int, int]
) -> torch.Tensor:
    patches = sequence[:, model.num_prefix_tokens :]
    if tokens == "patches":
        return patches.unflatten(1, grid)
    if tokens == "mean":
        return patches.mean(dim=1)
    return (
        sequence[:, 0]
        if tokens == "class"
        else torch.cat([sequence[:, 0], patches.mean(dim=1)], dim=1)
    )
