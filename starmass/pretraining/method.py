"""The interface of a method to the training loop, with defaults that most methods share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from timm.models import VisionTransformer
from torch import Tensor, nn

from starmass.config.pretraining import Recipe
from starmass.encoders import normalise_pixels, save_encoder
from starmass.pretraining.draws import SampleIndex
from starmass.pretraining.trunk import run_trunk


class Method(nn.Module, ABC):
    """A way to learn from images, with all the networks that it trains.

    ``forward(inputs, schedule, diagnose=False)`` returns the terms of the loss, ``loss`` among
    them, and with ``diagnose`` the diagnostics: ``features`` [N, D] of the images at hand and any
    scalars.

    Attributes
    ----------
    recipe : the whole recipe
    encoder : the network that is trained
    draws : the random numbers of a sample, by index; they reach :meth:`prepare` stacked to a batch
    advice : what usually helps when a run of this method fails
    """

    recipe: Recipe
    encoder: Any
    draws: Callable[[SampleIndex], dict[str, np.ndarray]]
    advice: ClassVar[str]

    @abstractmethod
    def prepare(self, batch: dict[str, Tensor], device: torch.device) -> Any:
        """Turn a loaded batch into ``forward``'s inputs.

        A batch has images for :func:`~starmass.pretraining.samples.unpack_images`, and the draws.
        """

    def schedule(self, step: int) -> dict[str, float]:
        """Return the method's own numbers at a step."""
        return {}

    def last_layer_frozen(self, step: int) -> bool:
        """Whether parameters named ``last_layer`` stand still at a step."""
        return False

    def clip_groups(self) -> list[list[nn.Parameter]]:
        """Return what has its gradient clipped together."""
        return [list(self.parameters())]

    def after_step(self, schedule: dict[str, float]) -> None:
        """Do what follows a step of the optimiser."""

    def exported_encoder(self) -> Any:
        """Return the encoder that the run is for."""
        return self.encoder

    def depth(self) -> int:
        """Return how many blocks the rate may fall off over, from the output down."""
        return len(self.encoder.blocks) if isinstance(self.encoder, VisionTransformer) else 0

    @torch.inference_mode()
    def describe(self, images: Tensor) -> Tensor:
        """Return features [N, D] of images [N, C, H, W] in 0..1.

        They are the class token and the mean of the patches.
        """
        encoder = self.exported_encoder()
        tokens = run_trunk(encoder, normalise_pixels(images, self.recipe.description())).float()
        return torch.cat([tokens[:, 0], tokens[:, encoder.num_prefix_tokens :].mean(dim=1)], dim=1)

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write the encoder with its description and ``facts``, whole or not at all."""
        save_encoder(path, self.exported_encoder(), self.recipe.description(), **facts)
