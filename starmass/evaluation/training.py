"""The training that every network has in common: a loss, a warm-up, a cosine.

The loss is L2 for numbers, and cross-entropy for classes.
"""

import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from starmass.errors import InputError
from starmass.evaluation.targets import check_classes

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
    classes: int = 0,
) -> np.ndarray:
    """Train a model on the training rows and predict the test rows.

    Parameters
    ----------
    model : takes images and returns one number for each, [N, 1], or one a class, [N, class]
    optimiser : of those of its parameters that learn; the rate of each of its groups is the
        schedule's maximum for them
    shown : what the model sees, float32 [row, channel, height, width]
    labels : log10 mass or another number [row], or place of the class; those of test rows are never
        looked at
    train, test : row numbers
    epochs : 0 leaves the model as it is and takes its bare output for log10 mass
    warmup_epochs : rates rise linearly so long, then fall to 0 along a cosine
    augment : turn and mirror training maps at random
    seed : what order and augmentation derive from
    name : what the log calls it
    classes : number of classes, 0 for numbers. Each class has the same weight in the loss,
        whatever its number of training rows

    Returns
    -------
    predicted number [test row], or scores [test row, class], each row's sum is 1
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    mean, spread = 0.0, 1.0
    if epochs:
        if classes:
            check_classes(labels[train])
            target = torch.from_numpy(labels[train]).long()
            weights = torch.from_numpy(class_weights(labels[train], classes)).float().to(device)
        else:
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
                output, wanted = model(inputs.to(device)), target[batch].to(device)
                if classes:
                    # Not divided by the batch's weights, which would undo them in small batches.
                    loss = nn.functional.cross_entropy(output, wanted, weights, reduction="sum")
                    loss = loss / len(batch)
                else:
                    loss = nn.functional.mse_loss(output[:, 0], wanted)
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
            mean_loss = total / len(train)
            logger.info(
                "%s, epoch %d of %d: training %s %.3f",
                name,
                epoch + 1,
                epochs,
                "cross-entropy" if classes else "RMSE",
                mean_loss if classes else spread * math.sqrt(mean_loss),
            )
    model.eval()
    with torch.inference_mode():
        output = torch.cat(
            [model(batch.to(device)).cpu() for batch in shown[torch.from_numpy(test)].split(256)]
        ).double()
    if classes:
        return output.softmax(dim=1).numpy()
    return output[:, 0].numpy() * spread + mean


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return what a row of each class weighs, so that all classes weigh the same: [class].

    The mean over training rows is 1. A class without a training row weighs 0.

    Parameters
    ----------
    labels : place of the class of each training row
    classes : how many there are
    """
    rows = np.bincount(labels, minlength=classes)
    there = np.maximum(rows, 1)
    return np.where(rows > 0, len(labels) / (np.count_nonzero(rows) * there), 0.0)


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
