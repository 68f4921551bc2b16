"""What the loop asks of a method; what most methods share is answered here."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from timm.models import VisionTransformer
from torch import Tensor, nn

from starmass.pretraining.draws import Ticket


class Method(nn.Module, ABC):
    """A way to learn from images, with all the networks that it trains.

    ``forward(inputs, schedule, watch=False)`` returns the terms of the loss, ``loss`` among them, and with ``watch`` the signs of health:
    ``features`` [N, D] of the images at hand and any scalars.

    Attributes
    ----------
    encoder : the transformer that is trained
    draws : the random numbers of a sample, by ticket; they reach :meth:`prepare` stacked to a batch
    advice : what usually helps when a run of this method is lost
    """

    encoder: VisionTransformer
    draws: Callable[[Ticket], dict[str, np.ndarray]]
    advice: ClassVar[str]

    @abstractmethod
    def prepare(self, batch: dict[str, Tensor], device: torch.device) -> Any:
        """Turn a loaded batch (images for :func:`~starmass.pretraining.samples.unpack_images`, and the draws) into ``forward``'s inputs."""

    def schedule(self, step: int) -> dict[str, float]:
        """Return the method's own numbers at a step."""
        return {}

    def last_layer_frozen(self, step: int) -> bool:
        """Whether parameters named ``last_layer`` stand still at a step."""
        return False

    def parts(self) -> list[list[nn.Parameter]]:
        """Return what has its gradient clipped together."""
        return [list(self.parameters())]

    def after_step(self, schedule: dict[str, float]) -> None:
        """Do what follows a step of the optimiser."""

    def kept(self) -> VisionTransformer:
        """Return the encoder that the run is for."""
        return self.encoder
