"""MAE (He et al. 2022; with one decoder block as in C-MAE).

An encoder sees a quarter of the patches, a decoder paints the others. This file holds all that is
specific to the method: a sample's random numbers, the loss of a batch, and what is kept. The
decoder is kept beside the encoder for the figure of reconstructions alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from starmass.config.pretraining import MAEOptions, Recipe
from starmass.encoders import create_encoder, save_weights
from starmass.errors import InputError
from starmass.pretraining.draws import RandomStream, SampleIndex, generator, torch_seed
from starmass.pretraining.method import Method
from starmass.pretraining.samples import unpack_images
from starmass.pretraining.trunk import run_trunk
from starmass.pretraining.views import crops_of, make_views, view_draws

DECODER = "decoder.safetensors"
"""File of the decoder, in the folder of the encoder."""


@dataclass
class Inputs:
    """A batch ready for the networks.

    Attributes
    ----------
    images : [B, C, size, size]
    seen : int64 [B, S], places of the patches that the encoder sees, in rising order
    """

    images: Tensor
    seen: Tensor


def hidden_patches(patches: int, share: float) -> int:
    """Return how many of an image's patches are hidden.

    It is the whole number nearest to the share, at least one, and never all.
    """
    return min(max(round(share * patches), 1), patches - 1)


def draw_sample(recipe: Recipe, index: SampleIndex) -> dict[str, np.ndarray]:
    """Return a sample's random numbers: ``views`` float32 [1, draws] and ``seen`` int64 [S]."""
    patches = (recipe.views.global_size // recipe.encoder.patch_size) ** 2
    order = generator(recipe.seed, RandomStream.MASKS, index.epoch, index.image).permutation(
        patches
    )
    return {
        "views": view_draws(recipe.seed, index, 1),
        "seen": np.sort(order[hidden_patches(patches, recipe.mae.mask_ratio) :]),
    }


class MAE(Method):
    """Encoder, decoder and the loss on what is hidden.

    Parameters
    ----------
    recipe : the whole recipe
    epoch_steps, steps : length of an epoch of the schedules and of the run; nothing of this
        method's own changes over them
    """

    advice = "another mae.mask_ratio"

    def __init__(self, recipe: Recipe, epoch_steps: int, steps: int):
        super().__init__()
        self.recipe = recipe
        self.encoder = create_encoder(
            recipe.description(), torch_seed(recipe.seed, RandomStream.WEIGHTS, 0)
        )
        grid = recipe.views.global_size // recipe.encoder.patch_size
        if grid < 2:
            raise InputError(
                f"views.global_size {recipe.views.global_size}: is one patch, and MAE has to hide"
                " some and show some."
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(recipe.seed, RandomStream.WEIGHTS, 1))
            self.decoder = Decoder(recipe, self.encoder.embed_dim, grid)
        self.draws = partial(draw_sample, recipe)
        self.crops = crops_of(recipe.views, 1)[:1]

    @torch.no_grad()
    def prepare(self, batch: dict[str, Tensor], device: torch.device) -> Inputs:
        """Cut one crop of each image of a loaded batch."""
        images = unpack_images(batch, device)
        return Inputs(
            make_views(images, batch["views"], self.crops, self.recipe.views)[0],
            batch["seen"].to(device, non_blocking=True),
        )

    def forward(
        self, inputs: Inputs, schedule: dict[str, float], *, diagnose: bool = False
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss, and with ``diagnose`` the diagnostics."""
        recipe = self.recipe
        tokens = run_trunk(
            self.encoder, inputs.images, seen=inputs.seen, drop_path=recipe.encoder.drop_path
        )
        painted = self.decoder(tokens, inputs.seen)
        target = patch_pixels(
            inputs.images, recipe.encoder.patch_size, normalise=recipe.mae.normalise_pixels
        )
        terms = {"loss": reconstruction_loss(painted, target, inputs.seen)}
        # Of patches and not of the class token, which this loss may leave idle.
        features = tokens[:, self.encoder.num_prefix_tokens :].detach().float().mean(dim=1)
        return terms, {"features": features} if diagnose else {}

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write the decoder, then the encoder with its description and ``facts``."""
        save_weights(path.with_name(DECODER), self.decoder, facts)
        super().save(path, facts)


class Decoder(nn.Module):
    """A shallow transformer that predicts the pixels of every patch.

    It sees the encoder's tokens at their places and a mask token at all others.
    """

    positions: Tensor

    def __init__(self, recipe: Recipe, width: int, grid: int):
        super().__init__()
        method: MAEOptions = recipe.mae
        channels = len(recipe.views.mean)
        if method.decoder_width % method.decoder_heads or method.decoder_width % 4:
            raise InputError(
                f"mae.decoder_width {method.decoder_width}: has to be a multiple of 4 and of"
                f" mae.decoder_heads {method.decoder_heads}."
            )
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        self.embed = nn.Linear(width, method.decoder_width)
        self.mask_token = nn.Parameter(0.02 * torch.randn(method.decoder_width))
        blocks = [
            Block(method.decoder_width, method.decoder_heads, qkv_bias=True, norm_layer=norm)
            for _ in range(method.decoder_depth)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.norm = norm(method.decoder_width)
        self.paint = nn.Linear(method.decoder_width, recipe.encoder.patch_size**2 * channels)
        self.register_buffer(
            "positions", sine_positions(grid, method.decoder_width), persistent=False
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Turn tokens [B, prefix + S, width] of the patches ``seen`` [B, S] into pixels.

        Returns
        -------
        [B, patches, pixels of a patch]
        """
        tokens = self.embed(tokens)
        prefix, shown = tokens.split([tokens.shape[1] - seen.shape[1], seen.shape[1]], dim=1)
        canvas = self.mask_token.to(tokens.dtype).expand(len(tokens), len(self.positions), -1)
        canvas = canvas.scatter(1, seen[..., None].expand_as(shown), shown) + self.positions
        sequence = self.blocks(torch.cat([prefix, canvas], dim=1))
        return self.paint(self.norm(sequence[:, prefix.shape[1] :]))


def sine_positions(grid: int, width: int) -> Tensor:
    """Fixed positions [grid * grid, width]: sines and cosines of row and column.

    Their wavelengths go up to 10,000 patches.
    """
    frequencies = 10000.0 ** -(torch.arange(width // 4) / (width // 4))
    angles = torch.arange(grid)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.cat([line.repeat_interleave(grid, dim=0), line.repeat(grid, 1)], dim=1)


def patch_pixels(images: Tensor, size: int, *, normalise: bool) -> Tensor:
    """Cut images [B, C, H, W] into patches [B, patches, C size^2].

    With ``normalise`` each patch is brought to mean 0 and variance 1.
    """
    rows, columns = images.shape[2] // size, images.shape[3] // size
    # As pixel_unshuffle does, but each patch's pixels lie together, which is quicker from here on.
    patches = images.float().unflatten(3, (columns, size)).unflatten(2, (rows, size))
    patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(len(images), rows * columns, -1)
    if not normalise:
        return patches
    # The layer norm divides by the number of pixels, He et al. by one less.
    share = (patches.shape[-1] - 1) / patches.shape[-1]
    return layer_norm(patches, patches.shape[-1:], eps=1e-6 * share) * share**0.5


def reconstruction_loss(painted: Tensor, target: Tensor, seen: Tensor) -> Tensor:
    """Mean square difference of patches [B, patches, pixels] that are not ``seen`` [B, S]."""
    error = (painted.float() - target).square().mean(dim=-1)
    hidden = torch.ones_like(error).scatter_(1, seen, 0)
    return (error * hidden).sum() / hidden.sum()


METHOD = MAE
