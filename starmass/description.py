"""The description of an encoder: all that it takes to build one.

Light on imports, because the config is checked against it at every parse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starmass.errors import InputError


def is_resnet(architecture: str) -> bool:
    """Whether an architecture's name is that of a ResNet, known to timm or not."""
    return architecture.startswith("resnet")


@dataclass(frozen=True)
class EncoderDescription:
    """What builds the model again and prepares its input.

    Attributes
    ----------
    architecture : a timm vision transformer, e.g. ``vit_large_patch16_224``; the sizes in the name
        are overridden by those below
    image_size, patch_size : pixels a side; images of another size are taken too (positions are
        interpolated)
    in_channels : channels of an image
    mean, std : per channel, for input in 0..1: the model was trained on ``(image - mean) / std``
    width : length of a token's vector; None for the architecture's own
    arguments : further keyword arguments of ``timm.create_model``, e.g. ``{"depth": 4, "num_heads":
        3, "reg_tokens": 4}``
    """

    architecture: str
    image_size: int
    patch_size: int
    in_channels: int = 3
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    width: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(value) for value in self.mean))
        object.__setattr__(self, "std", tuple(float(value) for value in self.std))
        if (
            len(self.mean) != self.in_channels
            or len(self.std) != self.in_channels
            or min(self.std) <= 0
        ):
            raise InputError(
                f"mean {list(self.mean)} and std {list(self.std)}: an encoder of"
                f" {self.in_channels} channel(s) needs {self.in_channels} "
                "number(s) in each, std above 0."
            )
        if self.image_size % self.patch_size:
            raise InputError(
                f"image_size {self.image_size}: not a multiple of patch_size {self.patch_size};"
                " change one of them."
            )

    @classmethod
    def of(cls, encoder: Any, views: Any) -> "EncoderDescription":
        """Describe the encoder of a recipe, whose sections ``encoder`` and ``views`` are given."""
        arguments: dict[str, Any] = {"init_values": encoder.layer_scale or None}
        sizes = (("depth", encoder.depth), ("num_heads", encoder.heads))
        arguments |= {name: value for name, value in sizes if value is not None}
        if encoder.registers:
            # As timm's own DINOv2 models with registers: only patches have positions.
            arguments |= {"reg_tokens": encoder.registers, "no_embed_class": True}
        return cls(
            architecture=encoder.architecture,
            image_size=views.global_size,
            patch_size=encoder.patch_size,
            in_channels=len(views.mean),
            mean=views.mean,
            std=views.std,
            width=encoder.width,
            arguments=arguments,
        )

    def timm_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of ``timm.create_model``."""
        width = {} if self.width is None else {"embed_dim": self.width}
        sizes = {
            "img_size": self.image_size,
            "patch_size": self.patch_size,
            "in_chans": self.in_channels,
        }
        return {**sizes, **width, "num_classes": 0, "dynamic_img_size": True, **self.arguments}
