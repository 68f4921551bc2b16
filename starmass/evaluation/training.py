"""The training that every network has in common: an L2 loss on log mass, a warm-up, a cosine."""

import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from starmass.errors import InputError

# Without it the published maximum of 0.04 ends in nan within a few steps on small sets of maps;
# whether they clipped is not published.
CLIP_NORM = 1.0

logger = logging.getLogger("starmass")


def learn(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    shown: torch.Tensor,
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    epochs: int,
    warmup_epochs: int,
    batch_size: int,
    augment: bool,
    seed: int,
    name: str,
) -> np.ndarray:
    """Train a model on the training rows and predict the test rows.

    Parameters
    ----------
    model : takes images and returns one number for each, [N, 1]
    optimiser : of those of its parameters that learn; the rate of each of its groups is the
        schedule's maximum for them
    shown : what the model sees, float32 [row, channel, height, width]
    labels : log10 mass [row]; those of test rows are never looked at
    train, test : row numbers
    epochs : 0 leaves the model as it is and takes its bare output for log10 mass
    warmup_epochs : rates rise linearly so long, then fall to 0 along a cosine
    augment : turn and mirror training maps at random
    seed : what order and augmentation derive from
    name : what the log calls it

    Returns
    -------
    predicted log10 mass [test row]
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    mean, spread = 0.0, 1.0
    if epochs:
        # Labels of unit spread, by training rows; the prediction is turned back.
        mean, spread = float(labels[train].mean()), float(labels[train].std()) or 1.0
        target = torch.from_numpy((labels[train] - mean) / spread).float()
        generator = torch.Generator().manual_seed(seed)
        steps = math.ceil(len(train) / batch_size)
        rates = torch.optim.lr_scheduler.LambdaLR(
            optimiser, warm_up_and_cosine(min(warmup_epochs, epochs) * steps, epochs * steps)
        )
        learning = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        model.train()
        for epoch in range(epochs):
            order = torch.randperm(len(train), generator=generator)
            total = 0.0
            for batch in order.split(batch_size):
                inputs = shown[torch.from_numpy(train)[batch]]
                if augment:
                    inputs = turn_and_mirror(inputs, generator)
                loss = nn.functional.mse_loss(
                    model(inputs.to(device))[:, 0], target[batch].to(device)
                )
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(learning, CLIP_NORM)
                optimiser.step()
                rates.step()
                total += loss.item() * len(batch)
            if not math.isfinite(total):
                raise InputError(
                    f"{name}: the loss became {total} in epoch {epoch + 1}; lower learning_rate."
                )
            logger.info(
                "%s, epoch %d of %d: training RMSE %.3f dex",
                name,
                epoch + 1,
                epochs,
                spread * math.sqrt(total / len(train)),
            )
    model.eval()
    with torch.inference_mode():
        output = torch.cat(
            [
                model(batch.to(device))[:, 0].cpu()
                for batch in shown[torch.from_numpy(test)].split(256)
            ]
        )
    return output.double().numpy() * spread + mean


def warm_up_and_cosine(warmup: int, steps: int) -> Callable[[int], float]:
    """Return the rate's factor at a step.

    It rises linearly to 1 over ``warmup`` steps, then falls as half a cosine to 0 at ``steps``.
    """

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))

    return factor


def turn_and_mirror(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Give every image [N, C, H, W] one of the eight symmetries of a square, drawn at random."""
    which = torch.randint(8, (len(images),), generator=generator)
    turned = torch.empty_like(images)
    for choice in range(8):
        part = torch.rot90(images[which == choice], choice % 4, (2, 3))
        turned[which == choice] = part.flip(3) if choice >= 4 else part
    return turned
