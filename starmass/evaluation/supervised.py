"""The supervised baseline: a convolutional network that learns the target from the maps."""

import numpy as np
import timm
import torch
from torch import nn

from starmass.errors import InputError, closest
from starmass.evaluation.training import learn
from starmass.evaluation.weights import load_weights


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
    classes: int = 0,
) -> np.ndarray:
    """Train a network on the training rows and predict the test rows.

    The loss is that of :func:`starmass.evaluation.training.learn`.

    Parameters
    ----------
    images : float32 [row, channel, height, width], training rows about 0..1
    labels : log10 mass or another number [row], or place of the class; those of test rows are never
        looked at
    train, test : row numbers
    network : a timm model
    weights : file of its tensors by name, to start from instead of random ones; the last layer is
        always drawn anew
    epochs : 0 leaves the network untrained: the bare output of random weights, which have seen
        neither maps nor labels, is taken as log10 mass. That is one reading of "random init" in the
        published table; trained from random weights (epochs above 0) is the other
    warmup_epochs : the rate rises linearly so long, then falls to 0 along a cosine
    optimiser : ``sgd`` (momentum 0.9) or ``adamw``; which was used is not published
    learning_rate : the schedule's maximum
    augment : turn and mirror training maps at random (the sky has no preferred side; v_los keeps
        its sign)
    seed, fold : what weights, order and augmentation derive from
    classes : number of classes, 0 for numbers

    Returns
    -------
    predicted number [test row], or scores [test row, class]
    """
    weights_seed, order_seed = (
        int(s.generate_state(1)[0]) for s in np.random.SeedSequence([seed, fold]).spawn(2)
    )
    model = create_network(network, images.shape[1], weights_seed, classes or 1)
    if weights is not None:
        load_weights(model, weights)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shown = (
        torch.from_numpy(np.ascontiguousarray(images))
        .float()
        .mul(2.0)
        .sub(1.0)
        .contiguous(memory_format=torch.channels_last)
    )
    return learn(
        model, _create_optimiser(optimiser, model, learning_rate, weight_decay), shown, labels,
        train, test, epochs=epochs, warmup_epochs=warmup_epochs, batch_size=batch_size,
        augment=augment, seed=order_seed, name=f"{network}, fold {fold}",
        classes=classes,
    )  # fmt: skip


def create_network(network: str, channels: int, seed: int, outputs: int = 1) -> nn.Module:
    """Build a timm network with some outputs, its weights drawn from ``seed`` alone."""
    if network not in timm.list_models(network):
        raise InputError(
            f"network {network!r}: not a timm model{closest(network, timm.list_models())};"
            " timm.list_models() names them all."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model(network, in_chans=channels, num_classes=outputs)


def _create_optimiser(
    optimiser: str, model: nn.Module, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    if optimiser == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    return torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay
    )
