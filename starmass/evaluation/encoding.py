"""Maps through a frozen encoder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.models import ResNet
from torch.nn.functional import interpolate

from starmass.description import is_resnet
from starmass.encoders import (
    create_encoder,
    encode,
    load_encoder,
    normalise_pixels,
)
from starmass.errors import InputError, closest
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.resnets import (
    Network,
    create_resnet,
    describe_resnet,
    encode_by_resnet,
    load_resnet,
    read_timm_resnet,
)
from starmass.evaluation.statistics import radii, ring_masks
from starmass.evaluation.weights import Transformer, read_timm_encoder

Encoder = Transformer | Network
POOLINGS = ("class", "mean", "class_mean", "patches", "centre", "rings")
ROWS_AT_A_TIME = 64


def read_encoder(
    path: str | Path | None,
    *,
    architecture: str | None = None,
    weights: str = "pretrained",
    seed: int = 0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Encoder:
    """Return a frozen encoder: a vision transformer or a ResNet.

    Parameters
    ----------
    path : a file of weights: of this workflow (it describes its model), or of a timm
        ``architecture`` (:func:`starmass.evaluation.weights.read_timm_encoder`,
        :func:`starmass.evaluation.resnets.read_timm_resnet`); None fetches timm's own weights
    architecture : timm name of the model where the file does not say, e.g.
        ``vit_small_patch14_dinov2.lvd142m`` or ``resnet50``
    weights : ``pretrained``, or ``random``: the same architecture with weights drawn from ``seed``
    mean, std : of an ``architecture``, instead of timm's
    """
    model: Any
    if architecture:
        read = read_timm_resnet if is_resnet(architecture) else read_timm_encoder
        fetched = path is None and weights == "pretrained"
        model, description = read(architecture, path, fetched=fetched, mean=mean, std=std)
    else:
        if path is None:
            raise InputError(
                "these features come from no encoder, so there is none to read; name features of"
                " kind encoder."
            )
        own = describe_resnet(path)
        model, description = load_resnet(path, own) if own else load_encoder(path)
    if weights == "random":
        create = create_resnet if is_resnet(description.architecture) else create_encoder
        model = create(description, seed).eval()
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), description


def encoder_options(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of :func:`read_encoder` that an entry of the config's features gives."""
    said = {name: entry[name] for name in ("architecture", "mean", "std") if name in entry}
    drawn = entry.get("weights") == "random"
    return {**said, "weights": "random" if drawn else "pretrained"}


def encode_maps(
    encoder: Encoder, scaled: np.ndarray, preprocessing: Preprocessing, tokens: str
) -> np.ndarray:
    """Return features [row, dimension] of maps scaled to 0..1, or their patch tokens.

    Patch tokens are [row, rows, columns, width].

    An encoder of one channel (grey images) sees each channel of a map in turn, and their features
    are set side by side.
    """
    model, _ = encoder
    if tokens not in POOLINGS:
        raise InputError(
            f"evaluation.features: tokens {tokens!r} is unknown{closest(tokens, POOLINGS)}; choose"
            f" from {', '.join(POOLINGS)}."
        )
    parts = []
    for images in prepare_images(encoder, scaled, preprocessing):
        found = _encode(model, images.flatten(0, 1), tokens)
        # [row * turn, ..., width] -> [row, ..., turn * width]
        found = np.moveaxis(found.reshape(*images.shape[:2], *found.shape[1:]), 1, -2)
        parts.append(found.reshape(*found.shape[:-2], -1))
    return np.concatenate(parts).astype(np.float32)


def _encode(model: Any, images: torch.Tensor, tokens: Any) -> np.ndarray:
    if isinstance(model, ResNet):
        return encode_by_resnet(model, images, tokens=tokens)
    if tokens in POOLED_HERE:
        return POOLED_HERE[tokens](encode(model, images, tokens="patches"))
    return encode(model, images, tokens=tokens)


def prepare_images(
    encoder: Encoder, scaled: np.ndarray, preprocessing: Preprocessing
) -> Iterator[torch.Tensor]:
    """Yield maps scaled to 0..1 as the encoder's normalised images, some rows at a time.

    Images are [row, turn, C, H, W].

    An encoder of as many channels as the maps takes one turn; one of a single channel as many as
    there are channels.
    """
    model, description = encoder
    channels, zoom = scaled.shape[1], scaled.shape[-1]
    if isinstance(model, ResNet) and preprocessing.pixels_per_token:
        raise InputError(
            "evaluation.preprocessing: pixels_per_token is for the tokens of a vision transformer,"
            f" and a {description.architecture} has none; give image_size."
        )
    if description.in_channels not in (1, channels):
        raise InputError(
            f"evaluation.preprocessing: {channels} channels are shown to an encoder of"
            f" {description.in_channels};"
            " choose as many channels, or an encoder of 1 or 3 channels."
        )
    size = preprocessing.images_size(zoom, description.patch_size)
    for start in range(0, len(scaled), ROWS_AT_A_TIME):
        images = torch.from_numpy(resize(scaled[start : start + ROWS_AT_A_TIME], size))
        turns = images.reshape(len(images), -1, description.in_channels, size, size)
        yield normalise_pixels(turns, description)


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation of float32 [N, C, H, W] to a side of ``size`` pixels.

    Shrinking averages.
    """
    if images.shape[-1] == size:
        return images
    shrinks = size < images.shape[-1]
    return interpolate(
        torch.from_numpy(images),
        size=(size, size),
        mode="bilinear",
        align_corners=False,
        antialias=shrinks,
    ).numpy()


def _rings(patches: np.ndarray) -> np.ndarray:
    """Mean of the tokens in each ring about the middle: [row, ring * width], inner rings first.

    Each ring is twice as wide as the one inside it.
    """
    radius = radii(patches.shape[1])
    edges = [
        0.0,
        *(2.0**power for power in range(int(np.ceil(np.log2(max(radius.max(), 1.0)))) + 1)),
    ]
    return np.concatenate(
        [patches[:, mask].mean(axis=1) for mask in ring_masks(radius, np.array(edges))], axis=1
    )


def _centre(patches: np.ndarray) -> np.ndarray:
    """Mean of the tokens that touch the middle: one of an odd grid, four of an even one."""
    rows = patches.shape[1]
    middle = slice((rows - 1) // 2, rows // 2 + 1)
    return patches[:, middle, middle].mean(axis=(1, 2))


POOLED_HERE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "centre": _centre,
    "rings": _rings,
}  # from patch tokens that know where the star is
