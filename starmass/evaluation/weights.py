"""Weights that a user gives: for a network as it is, or for an encoder by a timm name."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
from timm.models import VisionTransformer

from starmass.encoders import EncoderDescription, create_encoder, describe_file, load_encoder
from starmass.errors import InputError, closest
from starmass.evaluation.checkpoints import read_tensors
from starmass.evaluation.layouts import ANCHOR, Layout, fill, read_layout

logger = logging.getLogger("starmass")
Encoder = tuple[VisionTransformer, EncoderDescription]


def load_weights(model: Any, path: str | Path) -> None:
    """Fill a timm model from a file, but for its last layer, which is for other classes.

    Raises
    ------
    InputError
        when the file can't be read (:func:`starmass.evaluation.checkpoints.read_tensors`), lacks a
        tensor of the model, or has one that has no place there or another shape
    """
    last = model.pretrained_cfg["classifier"]
    left_out = tuple(f"{name}." for name in ([last] if isinstance(last, str) else last))
    names = [name for name in model.state_dict() if not name.startswith(left_out)]
    transformer = isinstance(model, VisionTransformer)
    tensors = read_tensors(path, ANCHOR if transformer else names[0])
    if transformer:
        tensors = dict(read_layout(tensors, model, path).tensors)
    fill(model, tensors, model.pretrained_cfg["architecture"], path, left_out)


def read_timm_encoder(
    architecture: str,
    path: str | Path | None,
    *,
    fetched: bool = False,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Encoder:
    """Build a timm vision transformer, and fill it from a file or from timm's own weights.

    A file that :func:`starmass.encoders.save_encoder` wrote describes itself, and is read as it
    says. Of others, what follows from the tensors (LayerScale, registers, image size, channels) is
    built accordingly, and the rest as timm's name says.

    Parameters
    ----------
    architecture : timm's name, e.g. ``vit_small_patch14_dinov2.lvd142m``; what follows the point
        chooses mean and std, and which weights are fetched
    path : file of weights; None for timm's own (``fetched``) or for random ones
    mean, std : a number a channel, for images in 0..1, instead of timm's

    Raises
    ------
    InputError
        when timm has no such model or weights, or the file does not fit it
    """
    plain = architecture.split(".")[0]
    known = timm.list_models("vit_*")
    if plain not in known:
        raise InputError(
            f"evaluation.features: architecture {architecture!r} is no timm vision transformer"
            f'{closest(architecture, known)}; timm.list_models("vit_*").'
        )
    own = describe_file(path) if path is not None else None
    if path is not None and own is not None:
        _agree(own, plain, mean, std, path)
        return load_encoder(path)
    try:
        model: Any = timm.create_model(
            architecture, pretrained=fetched, num_classes=0, dynamic_img_size=True
        )
    except (AssertionError, TypeError, ValueError) as error:
        raise InputError(
            f"evaluation.features: timm's {architecture} can't be used here ({error}); name a plain"
            " vision transformer."
        ) from error
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"evaluation.features: timm's weights of {architecture} can't be had ({error}); give a"
            " file of them."
        ) from error
    patch, side = model.patch_embed.patch_size[0], model.patch_embed.img_size[0]
    facts = model.pretrained_cfg
    shown: dict[str, Any] = {"mean": mean or facts["mean"], "std": std or facts["std"]}
    if path is None:
        return model.eval(), EncoderDescription(plain, side, patch, **shown)
    layout = _layout(path, model)
    side = side if layout.grid is None else layout.grid * patch
    channels = layout.channels or facts["input_size"][0]
    for name, values in shown.items():
        if len(values) != channels:
            raise InputError(
                f"{path}: is made for {channels} channel(s), and {name} has {len(values)}"
                f" numbers; give the features' keys mean and std, a number for each channel."
            )
    description = EncoderDescription(
        plain, side, patch, channels, **shown, arguments=layout.arguments
    )
    if layout.arguments or layout.grid is not None or layout.channels is not None:
        logger.info("starmass: %s: %s is built with %s.", path, plain, description.timm_arguments())
        model = create_encoder(description, seed=0)
    fill(model, layout.tensors, plain, path)
    logger.info(
        "starmass: %s: images are shown with mean %s and std %s (%s).",
        path, description.mean, description.std,
        "the config's" if mean or std
        else f"timm's for {architecture}; where they are others, give the features' keys mean and"
        f" std",
    )  # fmt: skip
    return model.eval(), description


def _layout(path: str | Path, model: Any) -> Layout:
    tensors = read_tensors(path, ANCHOR)
    if isinstance(model, VisionTransformer):
        return read_layout(tensors, model, path)
    return Layout(tensors, {}, None, None)


def _agree(
    own: EncoderDescription,
    plain: str,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    path: str | Path,
) -> None:
    """Refuse a config that says something else of a file than the file says of itself."""
    asked = {
        "architecture": plain,
        "mean": tuple(map(float, mean or own.mean)),
        "std": tuple(map(float, std or own.std)),
    }
    for name, config in asked.items():
        if config != (file := getattr(own, name)):
            raise InputError(
                f"{path}: describes itself, with {name} {file}, and the config says {config}; take"
                f" the features' key {name} away, or give what the file says."
            )
