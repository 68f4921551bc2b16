"""Weights that a user gives: for a network as it is, or for an encoder by a timm name."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
from timm.models import VisionTransformer

from starmass.encoders import EncoderDescription, create_encoder, describe_file, load_encoder
from starmass.errors import InputError, closest
from starmass.evaluation.checkpoints import read_tensors
from starmass.evaluation.layouts import ANCHOR, Layout, fill, read_layout

logger = logging.getLogger("starmass")
Transformer = tuple[VisionTransformer, EncoderDescription]


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
) -> Transformer:
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
    plain = known_name(
        architecture,
        timm.list_models(["vit_*", "deit*"]),
        "timm vision transformer",
        'timm.list_models(["vit_*", "deit*"])',
    )
    own = describe_file(path) if path is not None else None
    if path is not None and own is not None:
        agree(own, plain, mean, std, path)
        return load_encoder(path)
    model = fetch(architecture, fetched, num_classes=0, dynamic_img_size=True)
    patch, side = model.patch_embed.patch_size[0], model.patch_embed.img_size[0]
    facts = model.pretrained_cfg
    form: dict[str, Any] = {"architecture": plain}
    if plain.startswith("deit"):
        form = _form_of_deit(model)
        alike = create_encoder(EncoderDescription(**form, image_size=side, patch_size=patch), 0)
        fill(alike, read_layout(model.state_dict(), alike, plain).tensors, plain, plain)
        model = alike
    if path is None:
        shown: Any = {"mean": mean or facts["mean"], "std": std or facts["std"]}
        return model.eval(), EncoderDescription(**form, image_size=side, patch_size=patch, **shown)
    layout = _layout(path, model)
    side = side if layout.grid is None else layout.grid * patch
    channels = layout.channels or facts["input_size"][0]
    shown = as_shown(architecture, facts, path, channels, mean, std)
    arguments = {**form.pop("arguments", {}), **layout.arguments}
    description = EncoderDescription(
        **form, image_size=side, patch_size=patch, in_channels=channels, **shown,
        arguments=arguments,
    )  # fmt: skip
    if layout.arguments or layout.grid is not None or layout.channels is not None:
        logger.info("starmass: %s: %s is built with %s.", path, plain, description.timm_arguments())
        model = create_encoder(description, seed=0)
    fill(model, layout.tensors, plain, path)
    return model.eval(), description


def _form_of_deit(model: Any) -> dict[str, Any]:
    """Describe a DeiT as the vision transformer that it is: as arguments of EncoderDescription.

    The second class token of a distilled one is a register with a position.
    """
    layer_scale = getattr(model.blocks[0].ls1, "gamma", None)
    arguments = {
        "depth": len(model.blocks),
        "num_heads": model.blocks[0].attn.num_heads,
        "reg_tokens": model.num_prefix_tokens - 1,
        "no_embed_class": model.no_embed_class,
        "init_values": None if layer_scale is None else 1e-6,
    }
    return {
        "architecture": "vit_base_patch16_224", "width": model.embed_dim, "arguments": arguments
    }  # fmt: skip


def known_name(architecture: str, known: Sequence[str], kind: str, listing: str) -> str:
    """Return timm's name of a model, without the weights that may follow a point.

    Raises
    ------
    InputError
        when it is none of ``known``, which are of ``kind`` and which the code ``listing`` lists
    """
    plain = architecture.split(".")[0]
    if plain not in known:
        raise InputError(
            f"evaluation.features: architecture {architecture!r} is no {kind}"
            f"{closest(architecture, known)}; {listing}."
        )
    return plain


def fetch(architecture: str, fetched: bool, **arguments: Any) -> Any:
    """Build a timm model, with timm's own weights where they are to be fetched.

    Raises
    ------
    InputError
        when it can't be built, or the weights can't be had
    """
    try:
        return timm.create_model(architecture, pretrained=fetched, **arguments)
    except (AssertionError, TypeError, ValueError) as error:
        raise InputError(
            f"evaluation.features: timm's {architecture} can't be used here ({error}); name a plain"
            " vision transformer, or a ResNet."
        ) from error
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"evaluation.features: timm's weights of {architecture} can't be had ({error}); give a"
            " file of them."
        ) from error


def as_shown(
    architecture: str,
    facts: Mapping[str, Any],
    path: str | Path,
    channels: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> dict[str, tuple[float, ...]]:
    """Return the mean and std that images are shown with: the config's, or ``facts`` of timm.

    Raises
    ------
    InputError
        when they are not a number for each of the file's ``channels``
    """
    shown = {"mean": tuple(mean or facts["mean"]), "std": tuple(std or facts["std"])}
    for name, values in shown.items():
        if len(values) != channels:
            raise InputError(
                f"{path}: is made for {channels} channel(s), and {name} has {len(values)}"
                f" numbers; give the features' keys mean and std, a number for each channel."
            )
    logger.info(
        "starmass: %s: images are shown with mean %s and std %s (%s).",
        path, shown["mean"], shown["std"],
        "the config's" if mean or std
        else f"timm's for {architecture}; where they are others, give the features' keys mean and"
        f" std",
    )  # fmt: skip
    return shown


def _layout(path: str | Path, model: Any) -> Layout:
    tensors = read_tensors(path, ANCHOR)
    if isinstance(model, VisionTransformer):
        return read_layout(tensors, model, path)
    return Layout(tensors, {}, None, None)


def agree(
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
