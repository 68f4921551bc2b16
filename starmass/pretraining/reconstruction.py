"""What a MAE makes of images of which it sees some patches."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
import yaml
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.utils.data import default_collate

from starmass.config.pretraining import Recipe
from starmass.errors import InputError
from starmass.files import SAFETENSORS, check_readable, unreadable
from starmass.pretraining.draws import SampleIndex
from starmass.pretraining.methods.mae import DECODER, MAE, patch_pixels
from starmass.pretraining.samples import Images, unpack_images
from starmass.pretraining.trunk import run_trunk
from starmass.spacing import spread_evenly


@dataclass(frozen=True)
class Reconstructions:
    """Images and what a MAE makes of them.

    Attributes
    ----------
    index : of the images in their set [image]
    images : whole images at the size of the recipe's crops, float32 in 0..1 [image, channel, y, x]
    hidden : which patches the encoder does not see, bool [image, rows, columns]
    painted : the images with the decoder's pixels in the hidden patches, within 0..1
    """

    index: np.ndarray
    images: np.ndarray
    hidden: np.ndarray
    painted: np.ndarray


def read_mae(teacher: str | Path, config: str | Path) -> MAE:
    """Read encoder and decoder of a finished pretraining.

    Parameters
    ----------
    teacher : the encoder; the decoder lies beside it
    config : the pretraining's ``config.yaml``

    Raises
    ------
    InputError
        when it is no MAE, a file can't be read, or the decoder is not there
    """
    check_readable(config)
    try:
        recipe = Recipe.model_validate(yaml.safe_load(Path(config).read_text())["recipe"])
    except (KeyError, TypeError, ValidationError, yaml.YAMLError) as error:
        raise InputError(f"{config}: not the config of a pretraining; pretrain again.") from error
    if recipe.method != "mae":
        raise InputError(
            f"{config}: the encoder learned by {recipe.method}, which paints no images;"
            " reconstructions are of method: mae."
        )
    decoder = Path(teacher).with_name(DECODER)
    if not decoder.exists():
        raise InputError(
            f"{decoder}: is not there; it was deleted, or an earlier version of starmass pretrained"
            f" the encoder. Delete {teacher} and run Snakemake again to have both."
        )
    method = MAE(recipe, 1, 1)
    for path, network in ((teacher, method.encoder), (decoder, method.decoder)):
        _load(path, network)
    return method.eval()


def _load(path: str | Path, network: nn.Module) -> None:
    check_readable(path, SAFETENSORS)
    try:
        network.load_state_dict(safetensors.torch.load_file(path))
    except (OSError, safetensors.SafetensorError) as error:
        raise unreadable(path, error, SAFETENSORS) from error
    except RuntimeError as error:
        raise InputError(f"{path}: its tensors don't fit the recipe; pretrain again.") from error


@torch.inference_mode()
def reconstruct(method: MAE, images: Images, count: int) -> Reconstructions:
    """Hide patches of images as in training, and paint them.

    Parameters
    ----------
    method : of :func:`read_mae`
    images : what it learned from, or others of as many channels
    count : how many, spread evenly over the images

    Notes
    -----
    Where the loss is of normalised patches, the decoder knows no patch's mean and variance. Those
    of the true patch are given to it, as in the figures of He et al. (2022).
    """
    recipe = method.recipe
    index = spread_evenly(np.arange(len(images)), count)
    given = [images[int(one)] for one in index]
    batch: Mapping[str, Any] = default_collate(
        [one if isinstance(one, dict) else {"image": one} for one in given]
    )
    pixels = unpack_images(dict(batch), torch.device("cpu")).permute(0, 3, 1, 2).float() / 255
    size = recipe.views.global_size
    if pixels.shape[-2:] != (size, size):
        pixels = interpolate(pixels, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
    mean, std = (
        torch.tensor(values)[:, None, None] for values in (recipe.views.mean, recipe.views.std)
    )
    places = [SampleIndex(0, position, 0, int(one)) for position, one in enumerate(index)]
    seen = torch.from_numpy(np.stack([method.draws(place)["seen"] for place in places]))
    shown = (pixels - mean) / std
    painted = method.decoder(run_trunk(method.encoder, shown, seen=seen), seen)
    patch = recipe.encoder.patch_size
    true = patch_pixels(shown, patch, normalise=False)
    if recipe.mae.normalise_pixels:
        painted = painted * (true.var(dim=-1, keepdim=True) + 1e-6).sqrt()
        painted = painted + true.mean(dim=-1, keepdim=True)
    hidden = torch.ones(true.shape[:2], dtype=torch.bool).scatter_(1, seen, False)
    grid = size // patch
    whole = join_patches(torch.where(hidden[..., None], painted, true), patch, grid)
    return Reconstructions(
        index,
        pixels.numpy(),
        hidden.unflatten(1, (grid, grid)).numpy(),
        (whole * std + mean).clamp(0, 1).numpy(),
    )


def join_patches(patches: Tensor, size: int, grid: int) -> Tensor:
    """Put patches [B, grid * grid, C size^2] together to images [B, C, H, W].

    It undoes :func:`starmass.pretraining.methods.mae.patch_pixels`.
    """
    cells = patches.unflatten(2, (-1, size, size)).unflatten(1, (grid, grid))
    return cells.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
