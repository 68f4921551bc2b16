"""Faster R-CNN on an encoder (Ren et al. 2015, arXiv 1506.01497): trained, then asked for boxes."""

import logging
import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign

from starmass.detection.boxes import SIDES
from starmass.detection.pyramids import Pyramid
from starmass.errors import InputError

RATIOS = (0.5, 1.0, 2.0)
"""Height over width of anchors."""
CLIP_NORM = 1.0
AT_A_TIME = 16

logger = logging.getLogger("starmass")


def detect(
    pyramid: Callable[[], Pyramid], images: torch.Tensor, boxes: pd.DataFrame, train: np.ndarray,
    test: np.ndarray, *, classes: Sequence[str], frozen: bool = True, anchor: float = 4.0,
    proposals: int = 128, epochs: int = 50, warmup_epochs: int = 5, batch_size: int = 8,
    learning_rate: float = 1e-3, weight_decay: float = 0.05, augment: bool = True, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Train a detector on the training images and return what it finds in the test images.

    It is trained by AdamW with torchvision's four losses; the rate rises to its maximum and falls
    as half a cosine.

    Parameters
    ----------
    pyramid : makes what the detector looks at; what is random in it derives from ``seed``
    images : float32 [row, channel, side, side], as the encoder takes them
    boxes : columns row, x_min, y_min, x_max, y_max [pixels of ``images``], class; those of test
        rows are never looked at
    train, test : rows
    classes : names
    frozen : whether the encoder stays as it is
    anchor : side of a square anchor [features of its level]
    proposals : of an image, that the second stage learns from in a step (torchvision has 512)
    learning_rate : the schedule's maximum
    augment : turn and mirror training images at random
    seed : what new weights, order, augmentation and the sampling of proposals derive from

    Returns
    -------
    columns row, x_min, y_min, x_max, y_max [pixels of ``images``], class, score; at most 100 boxes
    an image, with scores above 0.05, as torchvision has it

    Raises
    ------
    InputError
        when the loss is no longer finite
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = create_detector(
            pyramid(), images.shape[1], images.shape[-1], len(classes), anchor, proposals
        )
        if frozen:
            model.backbone.freeze()
        model.to(device)
        targets = targets_of(boxes, classes, len(images))
        learning = [one for one in model.parameters() if one.requires_grad]
        optimiser = torch.optim.AdamW(learning, lr=learning_rate, weight_decay=weight_decay)
        steps = math.ceil(len(train) / batch_size)
        rates = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, learning_rate, total_steps=epochs * steps + 1,
            pct_start=min(warmup_epochs / epochs, 1.0), cycle_momentum=False,
        )  # fmt: skip
        model.train()
        for epoch in range(epochs):
            total = 0.0
            for batch in torch.from_numpy(train)[torch.randperm(len(train))].split(batch_size):
                shown = [(images[row], targets[row]) for row in batch.tolist()]
                shown = [turn_and_mirror(*one) for one in shown] if augment else shown
                total += len(batch) * _step(model, optimiser, learning, shown, device)
                rates.step()
            if not math.isfinite(total):
                raise InputError(
                    f"detection: the loss became {total} in epoch {epoch + 1}; lower learning_rate."
                )
            logger.info("epoch %d of %d: loss %.3f", epoch + 1, epochs, total / len(train))
        return predict(model.eval(), images, test, classes)


def _step(
    model: nn.Module, optimiser: torch.optim.Optimizer, learning: Sequence[nn.Parameter],
    shown: Sequence[tuple[torch.Tensor, dict[str, torch.Tensor]]], device: torch.device,
) -> float:  # fmt: skip
    images = [image.to(device) for image, _ in shown]
    targets = [{name: one.to(device) for name, one in target.items()} for _, target in shown]
    loss = sum(model(images, targets).values())
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(learning, CLIP_NORM)
    optimiser.step()
    return float(loss.item())


def create_detector(
    pyramid: Pyramid, channels: int, side: int, classes: int, anchor: float, proposals: int
) -> FasterRCNN:
    """Build torchvision's Faster R-CNN, which neither resizes nor normalises its images.

    Parameters
    ----------
    pyramid : what it looks at
    channels, side : of the images
    classes : how many, without the background
    anchor : side of a square anchor [features of its level]
    proposals : of an image, that the second stage learns from in a step
    """
    sizes = tuple((anchor * stride,) for stride in pyramid.strides)
    pooled = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=7, sampling_ratio=2)
    # torchvision's 1024 for its 256 channels.
    hidden = 4 * pyramid.out_channels
    return FasterRCNN(
        pyramid, min_size=side, max_size=side, image_mean=[0.0] * channels,
        image_std=[1.0] * channels, size_divisible=max(pyramid.strides),
        rpn_anchor_generator=AnchorGenerator(sizes, (RATIOS,) * len(sizes)),
        box_roi_pool=pooled, box_head=TwoMLPHead(7 * 7 * pyramid.out_channels, hidden),
        box_predictor=FastRCNNPredictor(hidden, classes + 1), box_batch_size_per_image=proposals,
    )  # fmt: skip


def targets_of(
    boxes: pd.DataFrame, classes: Sequence[str], images: int
) -> list[dict[str, torch.Tensor]]:
    """Return the boxes and labels of every image as torchvision takes them; label 0 is none."""
    numbers = boxes["class"].map({name: at + 1 for at, name in enumerate(classes)}).to_numpy()
    sides, rows = boxes[list(SIDES)].to_numpy(np.float32), boxes["row"].to_numpy()
    return [
        {
            "boxes": torch.from_numpy(sides[rows == row]),
            "labels": torch.from_numpy(numbers[rows == row].astype(np.int64)),
        }
        for row in range(images)
    ]


def turn_and_mirror(
    image: torch.Tensor, target: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return an image [C, side, side] and its boxes in one of a square's 8 symmetries, drawn."""
    side, boxes = image.shape[-1], target["boxes"]
    swapped, left, down = (bool(one) for one in torch.randint(2, (3,)))
    if swapped:
        image, boxes = image.transpose(1, 2), boxes[:, [1, 0, 3, 2]]
    if left:
        image = image.flip(2)
        boxes = torch.stack([side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]], 1)
    if down:
        image = image.flip(1)
        boxes = torch.stack([boxes[:, 0], side - boxes[:, 3], boxes[:, 2], side - boxes[:, 1]], 1)
    return image, {**target, "boxes": boxes}


@torch.inference_mode()
def predict(
    model: FasterRCNN, images: torch.Tensor, rows: np.ndarray, classes: Sequence[str]
) -> pd.DataFrame:
    """Return the boxes that a detector finds in some images.

    Parameters
    ----------
    model : in evaluation mode
    images : float32 [row, channel, side, side]
    rows : of the images that are looked at
    classes : names

    Returns
    -------
    columns row, x_min, y_min, x_max, y_max [pixels of ``images``], class, score
    """
    device = next(model.parameters()).device
    parts = [pd.DataFrame(columns=["row", *SIDES, "class", "score"]).astype({"row": int})]
    for batch in torch.from_numpy(rows).split(AT_A_TIME):
        for row, found in zip(batch.tolist(), model([*images[batch].to(device)]), strict=True):
            table = pd.DataFrame(found["boxes"].double().cpu().numpy(), columns=SIDES)
            table.insert(0, "row", row)
            table["class"] = [classes[int(label) - 1] for label in found["labels"]]
            table["score"] = found["scores"].double().cpu().numpy()
            parts.append(table)
    there = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(there, ignore_index=True)
