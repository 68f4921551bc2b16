"""Vision transformers by others in timm's names, and the arguments that timm needs to build them.

Read are timm's own layout and those of facebookresearch/deit, dino, dinov2, mae and msn, whose
blocks are timm's but for names.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from timm.layers import GluMlp, PatchEmbed
from timm.models import VisionTransformer
from torch import Tensor, nn

from starmass.errors import InputError
from starmass.evaluation.checkpoints import HEADS

ANCHOR = "patch_embed.proj.weight"
"""A tensor that is called so in every layout."""
LEFT_OUT = (*HEADS, "mask_token", "masked_embed")
"""What a file may hold beside the encoder: heads, what hidden patches become; and MAE's decoder."""
BATCHES = ".num_batches_tracked"
READ = (
    "layouts of timm, DeiT, DINO, DINOv2, MAE and MSN are read; of another one save the state_dict"
    " of the timm model"
)
WIDTHS = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge"}
"""What timm's names say of the length of a token's vector."""
SIGNS = {
    ".mlp.w12.": "its MLPs are SwiGLU, as those of vit_giant_patch14_dinov2",
    "fc_norm.": "one of the two was tuned for the mean of its tokens, whose norm comes last",
    ".gamma": "one of the two has LayerScale, as vit_small_patch14_dinov2 has",
    "reg_token": "the name has registers and the file has none",
    "cls_token": "one of the two has no class token",
    "_norm.": "one of the two has norms within its attention",
}
"""Part of a tensor's name -> what it says where the other side lacks it."""


@dataclass(frozen=True)
class Layout:
    """An encoder's tensors in timm's names, and what the named timm model lacks for them.

    Attributes
    ----------
    tensors : by name
    arguments : of ``timm.create_model``, as the tensors ask for: ``init_values``, ``reg_tokens``,
        ``no_embed_class``
    grid : patches a side that the positions are for; None where they are the named model's
    channels : of an image; None where they are the named model's
    """

    tensors: Mapping[str, Tensor]
    arguments: Mapping[str, Any]
    grid: int | None
    channels: int | None


def read_layout(
    tensors: Mapping[str, Tensor], model: VisionTransformer, path: str | Path
) -> Layout:
    """Rename an encoder's tensors, and compare what they are made for with a named timm model.

    LayerScale, registers, the image size and the number of channels follow from the tensors, so
    such an encoder can be built as it was. The number of attention heads, the activation and the
    norms' epsilon do not: they are the named model's.

    Raises
    ------
    InputError
        when blocks are numbered twice, or positions are no square of patches
    """
    wanted = model.state_dict()
    named = {
        name: tensor
        for name, tensor in _unchunk(tensors, path).items()
        if name in wanted
        or (name.split(".")[0] not in LEFT_OUT and not name.startswith("decoder_"))
    }
    if isinstance(model.blocks[0].mlp, GluMlp):  # the same SwiGLU as DINOv2's
        named = {
            name.replace(".mlp.w12.", ".mlp.fc1.").replace(".mlp.w3.", ".mlp.fc2."): tensor
            for name, tensor in named.items()
        }
    official = {"register_tokens", "cls_token", "pos_embed"} <= named.keys()
    if official:
        # There the class token has a position of its own; in timm's form it is part of the token.
        positions = named["pos_embed"]
        named["reg_token"] = named.pop("register_tokens")
        named["cls_token"] = named["cls_token"] + positions[:, :1]
        named["pos_embed"] = positions[:, 1:]
    if "dist_token" in named and "dist_token" not in wanted:
        # To all but its own classifier, DeiT's second class token is a register with a position.
        named["reg_token"] = named.pop("dist_token")
    arguments: dict[str, Any] = {}
    if "blocks.0.ls1.gamma" in named.keys() - wanted.keys():
        arguments["init_values"] = 1e-5  # DINOv2's start; the file's values take its place
    registers = named["reg_token"].shape[1] if "reg_token" in named else 0
    if registers not in (0, model.num_reg_tokens):
        arguments["reg_tokens"] = registers
    grid = None
    if "pos_embed" in named and model.pos_embed is not None:
        bare, grid = _positions(named["pos_embed"].shape[1], registers, official, model, path)
        if bare != model.no_embed_class:
            arguments["no_embed_class"] = bare
        if (grid, grid) == model.patch_embed.grid_size or type(model.patch_embed) is not PatchEmbed:
            grid = None  # a convolutional stem has a grid of its own
    kernels = [side[ANCHOR].shape for side in (named, wanted) if ANCHOR in side]
    other = (
        len(kernels) == 2 and len(kernels[0]) == len(kernels[1]) and kernels[0][1] != kernels[1][1]
    )
    return Layout(named, arguments, grid, kernels[0][1] if other else None)


def _unchunk(tensors: Mapping[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """Take the chunk off ``blocks.CHUNK.BLOCK.``: DINOv2 counts blocks through all its chunks."""
    named: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        plain = re.sub(r"^blocks\.\d+\.(\d+\.)", r"blocks.\1", name)
        if plain in named:
            raise InputError(
                f"{path}: two of its tensors would be called {plain!r}, so its blocks are not"
                " numbered as DINOv2 does; save the state_dict of the timm model."
            )
        named[plain] = tensor
    return named


def _positions(
    count: int, registers: int, official: bool, model: VisionTransformer, path: str | Path
) -> tuple[bool, int]:
    """Return whether patches alone have positions, and patches a side, from how many there are."""
    others = registers + (model.cls_token is not None)
    choices = {
        without == 0: math.isqrt(count - without)
        for without in ((0,) if official else (0, others))
        if count > without and math.isqrt(count - without) ** 2 == count - without
    }
    if not choices:
        raise InputError(
            f"{path}: pos_embed holds {count} positions, which are no square of patches, with or"
            f" without {others} for other tokens; encoders of square images are read."
        )
    bare = model.no_embed_class if len(choices) > 1 else next(iter(choices))
    return bare, choices[bare]


def fill(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    name: str,
    path: str | Path,
    left_out: tuple[str, ...] = (),
    read: str = READ,
) -> None:
    """Load a file's tensors into a model called ``name``; none may be missing or left over.

    Counts of batches, which old files of torchvision lack and nothing here uses, may be.

    Parameters
    ----------
    left_out : how names begin that neither side needs: those of a last layer
    read : which layouts are read, for a file of none of them

    Raises
    ------
    InputError
        when a tensor is missing, has another shape, or has no place in the model
    """
    given = {key: tensor for key, tensor in tensors.items() if not key.startswith(left_out)}
    wanted = {
        key: tensor for key, tensor in model.state_dict().items() if not key.startswith(left_out)
    }
    counts = {key: tensor for key, tensor in wanted.items() if key.endswith(BATCHES)}
    given = {**counts, **given} if given.keys() & wanted.keys() else given
    for key in sorted(wanted.keys() & given.keys()):
        whole = given[key].is_floating_point() or not wanted[key].is_floating_point()
        if not whole or not given[key].isfinite().all():
            problem = "has values that are not finite" if whole else f"is of {given[key].dtype}"
            raise InputError(
                f"{path}: {key} {problem}, so that these are no weights to compute with; save the "
                "network in floating point, and whole."
            )
        if given[key].shape != wanted[key].shape:
            file, asked = ("x".join(map(str, one[key].shape)) for one in (given, wanted))
            raise InputError(
                f"{path}: its tensors don't fit {name}: {key} is {file} in the file, and not"
                f" {asked}; name a model of the file's sizes{_suggest(given)}."
            )
    extra, missing = sorted(given.keys() - wanted.keys()), [k for k in wanted if k not in given]
    if extra or missing:
        problems = []
        if extra:
            problems.append(
                f"{len(extra)} of its {len(given)} tensors have no place there, the first"
                f" {extra[0]!r}"
            )
        if missing:
            problems.append(
                f"{len(missing)} tensors of the model are missing, the first {missing[0]!r}"
            )
        raise InputError(
            f"{path}: its tensors don't fit {name}: {'; '.join(problems)};"
            f" {read if len(missing) == len(wanted) else _way_out(extra, missing)}."
        )
    model.load_state_dict(given, strict=False)


def _way_out(extra: list[str], missing: list[str]) -> str:
    every = " ".join([*extra, *missing])
    seen = next((f"{words}: " for sign, words in SIGNS.items() if sign in every), "")
    return f"{seen}name the timm model that it was written from"


def _suggest(tensors: Mapping[str, Tensor]) -> str:
    """Return a timm name of the file's width and patch, where it is a vision transformer's."""
    if ANCHOR not in tensors or tensors[ANCHOR].ndim != 4:
        return ""
    width, _, patch, _ = tensors[ANCHOR].shape
    stem = f"vit_{WIDTHS.get(width)}_patch{patch}_"
    names = [name for name in timm.list_models("vit_*") if name.startswith(stem)]
    return f", as {min(names, key=len)}" if names else ""
