"""The supervised baseline: a convolutional network that learns log mass from the maps themselves."""

import logging
import math
from collections.abc import Callable

import numpy as np
import timm
import torch
from torch import nn

from starmass.errors import InputError, closest
from starmass.evaluation.weights import load_weights

# Without it the published maximum of 0.04 ends in nan within a few steps on small sets of maps; whether they clipped is not published.
CLIP_NORM = 1.0

logger = logging.getLogger("starmass")


def train_and_predict(
    images: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    network: str = "resnet18",
    weights: str | None = None,
    epochs: int = 100,
    warmup_epochs: int = 10,
    batch_size: int = 64,
    optimiser: str = "sgd",
    learning_rate: float = 0.04,
    weight_decay: float = 1e-4,
    augment: bool = False,
    seed: int = 0,
    fold: int = 0,
) -> np.ndarray:
    """Train a network on the training rows with an L2 loss and predict the test rows.

    Parameters
    ----------
    images : float32 [row, channel, height, width], training rows about 0..1
    labels : log10 mass [row]; those of test rows are never looked at
    train, test : row numbers
    network : a timm model
    weights : file of its tensors by name, to start from instead of random ones; the last layer is always drawn anew
    epochs : 0 leaves the network untrained: the bare output of random weights, which have seen neither maps nor labels, is taken as log10
        mass. That is one reading of "random init" in the published table; trained from random weights (epochs above 0) is the other
    warmup_epochs : the rate rises linearly so long, then falls to 0 along a cosine
    optimiser : ``sgd`` (momentum 0.9) or ``adamw``; which was used is not published
    learning_rate : the schedule's maximum
    augment : turn and mirror training maps at random (the sky has no preferred side; v_los keeps its sign)
    seed, fold : what weights, order and augmentation derive from

    Returns
    -------
    predicted log10 mass [test row]
    """
    weights_seed, order_seed = (int(s.generate_state(1)[0]) for s in np.random.SeedSequence([seed, fold]).spawn(2))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = create_network(network, images.shape[1], weights_seed)
    if weights is not None:
        load_weights(model, weights)
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shown = torch.from_numpy(np.ascontiguousarray(images)).float().mul(2.0).sub(1.0).contiguous(memory_format=torch.channels_last)
    mean, spread = 0.0, 1.0
    if epochs:
        # Labels of unit spread, by training rows; the prediction is turned back.
        mean, spread = float(labels[train].mean()), float(labels[train].std()) or 1.0
        target = torch.from_numpy((labels[train] - mean) / spread).float()
        generator = torch.Generator().manual_seed(order_seed)
        steps = epochs * math.ceil(len(train) / batch_size)
        warmup = min(warmup_epochs, epochs) * math.ceil(len(train) / batch_size)
        update = _create_optimiser(optimiser, model, learning_rate, weight_decay)
        rates = torch.optim.lr_scheduler.LambdaLR(update, warm_up_and_cosine(warmup, steps))
        model.train()
        for epoch in range(epochs):
            order = torch.randperm(len(train), generator=generator)
            total = 0.0
            for batch in order.split(batch_size):
                inputs = shown[torch.from_numpy(train)[batch]]
                if augment:
                    inputs = turn_and_mirror(inputs, generator)
                loss = nn.functional.mse_loss(model(inputs.to(device))[:, 0], target[batch].to(device))
                update.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
                update.step()
                rates.step()
                total += loss.item() * len(batch)
            if not math.isfinite(total):
                raise InputError(f"{network}: the loss became {total} in epoch {epoch + 1}; lower learning_rate ({learning_rate}).")
            logger.info("fold %d, epoch %d of %d: training RMSE %.3f dex", fold, epoch + 1, epochs, spread * math.sqrt(total / len(train)))
    model.eval()
    with torch.inference_mode():
        output = torch.cat([model(batch.to(device))[:, 0].cpu() for batch in shown[torch.from_numpy(test)].split(256)])
    return output.double().numpy() * spread + mean


def create_network(network: str, channels: int, seed: int) -> nn.Module:
    """Build a timm network with one output, its weights drawn from ``seed`` alone."""
    if network not in timm.list_models(network):
        raise InputError(f"network {network!r}: not a timm model{closest(network, timm.list_models())}; timm.list_models() names them all.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model(network, in_chans=channels, num_classes=1)


def warm_up_and_cosine(warmup: int, steps: int) -> Callable[[int], float]:
    """Return the rate's factor at a step: a straight line up to 1 over ``warmup`` steps, then half a cosine down to 0 at ``steps``."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))

    return factor


def turn_and_mirror(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Give every image [N, C, H, W] one of the eight turns and mirrorings of a square, drawn at random."""
    which = torch.randint(8, (len(images),), generator=generator)
    turned = torch.empty_like(images)
    for choice in range(8):
        part = torch.rot90(images[which == choice], choice % 4, (2, 3))
        turned[which == choice] = part.flip(3) if choice >= 4 else part
    return turned


def _create_optimiser(optimiser: str, model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    if optimiser == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    return torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay)
