"""SimSiam (Chen & He 2021) for a convolutional network.

The prediction of one crop is drawn to the projection of the other, which gets no gradient. A ResNet
can so be trained on the images that train a transformer by DINOv2. This file holds all that is
specific to the method: a sample's random numbers, the loss of a batch, and what is kept.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from starmass.config.pretraining import Recipe, SimSiamOptions
from starmass.encoders import normalise_pixels, save_weights
from starmass.errors import InputError, closest
from starmass.pretraining.draws import RandomStream, SampleIndex, torch_seed
from starmass.pretraining.method import Method
from starmass.pretraining.ranks import world
from starmass.pretraining.samples import unpack_images
from starmass.pretraining.views import crops_of, make_views, view_draws

CROPS = 2


def draw_sample(recipe: Recipe, index: SampleIndex) -> dict[str, np.ndarray]:
    """Return a sample's random numbers: ``views`` float32 [2, draws]."""
    return {"views": view_draws(recipe.seed, index, CROPS)}


class SimSiam(Method):
    """Network, projection, prediction and the loss between two crops.

    Batch normalisation sees the images that one rank has in one part of a batch (of all ranks on
    GPUs): unlike transformers, this method's numbers depend on how a batch is shared out.

    Parameters
    ----------
    recipe : the whole recipe; local crops are not used
    epoch_steps, steps : length of an epoch of the schedules and of the run; nothing of this
        method's own changes over them
    """

    advice = "a weight decay of 1e-4"

    def __init__(self, recipe: Recipe, epoch_steps: int, steps: int):
        super().__init__()
        self.recipe = recipe
        parts = world() * recipe.execution.accumulation
        if recipe.batch_size // parts < 2:
            raise InputError(
                f"batch {recipe.batch_size}: in {parts} part(s), over ranks and steps, is less than"
                " 2 images each; normalisation needs a batch."
            )
        self.encoder = create_network(recipe)
        method: SimSiamOptions = recipe.simsiam
        width = int(self.encoder.num_features)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(recipe.seed, RandomStream.WEIGHTS, 1))
            wide = method.projection
            last = [nn.Linear(wide, wide, bias=False), nn.BatchNorm1d(wide, affine=False)]
            self.projection = nn.Sequential(*_layer(width, wide), *_layer(wide, wide), *last)
            self.prediction = nn.Sequential(
                *_layer(wide, method.prediction), nn.Linear(method.prediction, wide)
            )
        if world() > 1 and torch.cuda.is_available():
            nn.SyncBatchNorm.convert_sync_batchnorm(self)
        self.draws = partial(draw_sample, recipe)
        self.crops = crops_of(recipe.views, CROPS)[:CROPS]

    @torch.no_grad()
    def prepare(self, batch: dict[str, Tensor], device: torch.device) -> Tensor:
        """Cut two crops of each image of a batch: [2 B, C, size, size], all first crops first."""
        return torch.cat(
            make_views(unpack_images(batch, device), batch["views"], self.crops, self.recipe.views)
        )

    def forward(
        self, inputs: Tensor, schedule: dict[str, float], *, diagnose: bool = False
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss, from -1 to 1, and with ``diagnose`` the diagnostics."""
        # Crop by crop: the two crops of an image must not share a batch's statistics.
        features = [self.encoder(crop) for crop in inputs.chunk(CROPS)]
        projected = [self.projection(one) for one in features]
        predicted = [self.prediction(one) for one in projected]
        terms = {"loss": simsiam_loss(predicted, projected)}
        return terms, {"features": projected[0].detach().float()} if diagnose else {}

    @torch.inference_mode()
    def describe(self, images: Tensor) -> Tensor:
        """Return the network's pooled features [N, width]."""
        self.encoder.eval()
        features = self.encoder(normalise_pixels(images, self.recipe.description()))
        self.encoder.train()
        return features

    def save(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Write the network's tensors under timm's names, whole or not at all."""
        save_weights(path, self.encoder, {"network": self.recipe.encoder.architecture, **facts})


def create_network(recipe: Recipe) -> Any:
    """Build timm's network without its last layer, its weights drawn from the recipe's seed."""
    name, known = recipe.encoder.architecture, timm.list_models("resnet*")
    if name not in known:
        raise InputError(
            f"encoder.architecture {name!r}: simsiam takes a ResNet of timm{closest(name, known)};"
            ' timm.list_models("resnet*").'
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(recipe.seed, RandomStream.WEIGHTS, 0))
        return timm.create_model(name, num_classes=0, in_chans=len(recipe.views.mean))


def _layer(width: int, out: int) -> list[nn.Module]:
    return [nn.Linear(width, out, bias=False), nn.BatchNorm1d(out), nn.ReLU(inplace=True)]


def simsiam_loss(predicted: list[Tensor], projected: list[Tensor]) -> Tensor:
    """Mean negative cosine between each crop's prediction [B, D] and the other's projection [B, D].

    The projection gets no gradient.
    """
    pairs = zip(predicted, reversed(projected), strict=True)
    return -torch.stack(
        [cosine_similarity(one.float(), other.detach().float()).mean() for one, other in pairs]
    ).mean()


METHOD = SimSiam
