"""What a detector looks at: an encoder's features at several resolutions."""

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import LayerNorm2d
from timm.models import ResNet, VisionTransformer
from torch import nn
from torchvision.models.detection.backbone_utils import BackboneWithFPN

from starmass.errors import InputError

FINEST = 4
"""How much finer than tokens the finest level of a transformer's pyramid is."""


class Pyramid(nn.Module):
    """Features at several resolutions, as torchvision's detectors take them.

    Attributes
    ----------
    out_channels : width of every level
    strides : side of a feature of each level [image pixels]
    encoder : the part whose weights were there before; the others are drawn anew
    """

    out_channels: int
    strides: tuple[int, ...]
    encoder: Any
    frozen = False

    def freeze(self) -> None:
        """Leave the encoder as it is, statistics of batches included."""
        self.encoder.requires_grad_(False)
        self.frozen = True

    def train(self, mode: bool = True) -> "Pyramid":
        """Set the mode, but that of a frozen encoder."""
        super().train(mode)
        self.encoder.train(mode and not self.frozen)
        return self


def create_pyramid(encoder: Any, *, channels: int, in_channels: int, width: int) -> Pyramid:
    """Return the pyramid of an encoder: a timm vision transformer, or a ResNet.

    ``channels`` are of the images, ``in_channels`` of the encoder, ``width`` of every level.

    Raises
    ------
    InputError
        when the encoder does not take the images, or no pyramid can be made of it
    """
    if not isinstance(encoder, ResNet):
        return TransformerPyramid(encoder, channels=channels, in_channels=in_channels, width=width)
    if in_channels != channels:
        raise InputError(
            f"detection: {channels} channels are shown to a ResNet of {in_channels}; choose as many"
            " channels."
        )
    return NetworkPyramid(encoder, width=width)


class TransformerPyramid(Pyramid):
    """The simple feature pyramid of a plain vision transformer (Li et al. 2022, arXiv 2203.16527).

    The last patch tokens alone become levels of 4, 2, 1 and 1/2 times their resolution, by
    transposed convolutions and a maximum; a 1 x 1 and a 3 x 3 convolution follow in each.

    Parameters
    ----------
    encoder : a timm vision transformer
    channels : of the images; an encoder of one channel sees each in turn, and its tokens are set
        side by side
    in_channels : of the encoder
    width : channels of every level
    """

    def __init__(
        self, encoder: VisionTransformer, *, channels: int, in_channels: int, width: int
    ) -> None:
        super().__init__()
        if in_channels not in (1, channels):
            raise InputError(
                f"detection: {channels} channels are shown to an encoder of {in_channels}; choose"
                " as many channels, or an encoder of 1 channel."
            )
        self.encoder, self.in_channels, self.out_channels = encoder, in_channels, width
        tokens = encoder.embed_dim * (channels // in_channels)
        half, quarter = max(tokens // 2, 1), max(tokens // 4, 1)
        self.levels = nn.ModuleList(
            [
                nn.Sequential(
                    nn.ConvTranspose2d(tokens, half, 2, 2), LayerNorm2d(half), nn.GELU(),
                    nn.ConvTranspose2d(half, quarter, 2, 2), *_smooth(quarter, width),
                ),
                nn.Sequential(nn.ConvTranspose2d(tokens, half, 2, 2), *_smooth(half, width)),
                nn.Sequential(*_smooth(tokens, width)),
                nn.Sequential(nn.MaxPool2d(2, 2), *_smooth(tokens, width)),
            ]
        )  # fmt: skip
        patch = int(encoder.patch_embed.patch_size[0])
        if patch % FINEST:
            raise InputError(
                f"detection: the encoder's patches of {patch} pixels can't be divided by {FINEST}"
                " for the pyramid's finest level; name an encoder with patches of 4, 8 or 16."
            )
        self.strides = tuple(patch * 2**power // FINEST for power in range(4))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """[N, C, H, W] -> [N, width, H / stride, W / stride] by level, finest first."""
        patch = self.encoder.patch_embed.patch_size
        rows, columns = (side // size for side, size in zip(images.shape[2:], patch, strict=True))
        sequence = self.encoder.forward_features(
            images.reshape(-1, self.in_channels, *images.shape[2:])
        )
        tokens = sequence[:, self.encoder.num_prefix_tokens :].transpose(1, 2)
        grid = tokens.reshape(len(images), -1, rows, columns)
        return {str(at): level(grid) for at, level in enumerate(self.levels)}


def _smooth(channels: int, width: int) -> Sequence[nn.Module]:
    """Return a 1 x 1 and a 3 x 3 convolution to ``width`` channels, each with its norm."""
    return (
        nn.Conv2d(channels, width, 1, bias=False), LayerNorm2d(width),
        nn.Conv2d(width, width, 3, padding=1, bias=False), LayerNorm2d(width),
    )  # fmt: skip


class NetworkPyramid(Pyramid):
    """torchvision's feature pyramid (Lin et al. 2017, arXiv 1612.03144) on a ResNet of timm.

    Parameters
    ----------
    network : with layers ``layer1`` to ``layer4``
    width : channels of every level

    Raises
    ------
    InputError
        when the network has no such layers
    """

    def __init__(self, network: Any, *, width: int) -> None:
        super().__init__()
        layers = [f"layer{number}" for number in range(1, 5)]
        known = {one["module"]: one for one in getattr(network, "feature_info", ())}
        if not set(layers) <= set(known):
            raise InputError(
                f"detection: {type(network).__name__} has no layers {layers[0]} to {layers[-1]};"
                " name a ResNet, e.g. resnet18 or resnet50."
            )
        places = {name: str(at) for at, name in enumerate(layers)}
        widths = [known[name]["num_chs"] for name in layers]
        self.pyramid = BackboneWithFPN(network, places, widths, width)
        self.encoder, self.out_channels = self.pyramid.body, width
        strides = tuple(int(known[name]["reduction"]) for name in layers)
        self.strides = (*strides, 2 * strides[-1])

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """[N, C, H, W] -> [N, width, H / stride, W / stride] by level, finest first."""
        return self.pyramid(images)
