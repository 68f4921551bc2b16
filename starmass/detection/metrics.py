"""Average precision and recall of boxes, as COCO defines them, with intervals.

Lin et al. 2014 (arXiv 1405.0312) and the official evaluation, ``COCOeval``: precision at 101
recalls, overlaps of 0.50 to 0.95 in steps of 0.05, at most 100 boxes of a class an image, boxes of
all sizes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from starmass.detection.boxes import SIDES

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""Intersection over union from which a box counts as found."""
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = (1, 10, 100)
"""Boxes of a class that count in an image, those of highest score, for average recall."""
METRICS = ("AP", "AP50", "AP75", *(f"AR{most}" for most in MOST))
DRAWS = 1000
LEVEL = 95
"""Percentage of the bootstrap's draws that an interval holds."""


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return intersection over union of each box [N, 4] with each other one [M, 4]: [N, M]."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas, other_areas = (np.prod(of[:, 2:] - of[:, :2], axis=1) for of in (boxes, others))
    return common / (areas[:, None] + other_areas[None] - common)


def match(overlap: np.ndarray) -> np.ndarray:
    """Give each true box to the prediction of highest score that overlaps it enough.

    A prediction takes the free true box that it overlaps most.

    Parameters
    ----------
    overlap : [prediction, true box], predictions by falling score

    Returns
    -------
    whether a prediction has found a box, bool [overlap, prediction]
    """
    found = np.zeros((len(OVERLAPS), len(overlap)), bool)
    if not overlap.shape[1]:
        return found
    for at, least in enumerate(OVERLAPS):
        free = np.ones(overlap.shape[1], bool)
        for one, row in enumerate(overlap):
            # The last one of equals, as in the official evaluation.
            best = overlap.shape[1] - 1 - int(np.argmax(np.where(free, row, -1.0)[::-1]))
            if free[best] and row[best] >= least:
                free[best], found[at, one] = False, True
    return found


@dataclass(frozen=True)
class Matches:
    """What was found of one class in all test images.

    Attributes
    ----------
    image : place of the image of each prediction, by falling score over all images
    hit : whether a prediction has found a box, bool [overlap, prediction]
    found : boxes found by the first ``MOST`` predictions of an image [most, overlap, image]
    boxes : number of true boxes [image]
    """

    image: np.ndarray
    hit: np.ndarray
    found: np.ndarray
    boxes: np.ndarray

    @classmethod
    def of(cls, truth: pd.DataFrame, predicted: pd.DataFrame, images: np.ndarray) -> "Matches":
        """Match predictions of one class with the true boxes of that class, image by image.

        Parameters
        ----------
        truth, predicted : columns row, x_min, y_min, x_max, y_max, and score of predictions
        images : rows of the test images, ascending
        """
        own = {row: part[list(SIDES)].to_numpy(float) for row, part in truth.groupby("row")}
        named = predicted.sort_values("score", ascending=False, kind="stable").groupby("row")
        each = {row: part.head(max(MOST)) for row, part in named}
        none = np.zeros((0, len(SIDES)))
        scores, places, hits = [np.zeros(0)], [np.zeros(0, int)], [np.zeros((len(OVERLAPS), 0))]
        found = np.zeros((len(MOST), len(OVERLAPS), len(images)))
        for place, row in enumerate(images):
            if row in each:
                part = each[row]
                hit = match(overlaps(part[list(SIDES)].to_numpy(float), own.get(row, none)))
                found[..., place] = [hit[:, :most].sum(axis=1) for most in MOST]
                scores.append(part["score"].to_numpy(float))
                places.append(np.full(len(part), place))
                hits.append(hit)
        order = np.argsort(-np.concatenate(scores), kind="stable")
        counts = np.array([len(own.get(row, none)) for row in images])
        hit = np.concatenate(hits, axis=1).astype(bool)[:, order]
        return cls(np.concatenate(places)[order], hit, found, counts)

    def measure(self, weights: np.ndarray) -> np.ndarray:
        """Return the metrics, in the order of :data:`METRICS`; NaN where there is no true box.

        Parameters
        ----------
        weights : how many times each image counts [image]
        """
        total = float(weights @ self.boxes)
        if total == 0:
            return np.full(len(METRICS), np.nan)
        precision = self._precision(weights, total)
        recall = (self.found @ weights).mean(axis=1) / total
        return np.array([precision.mean(), precision[0], precision[5], *recall])

    def _precision(self, weights: np.ndarray, total: float) -> np.ndarray:
        """Return the mean over recalls of the best precision at that recall or more [overlap]."""
        own = weights[self.image]
        right, wrong = (np.cumsum(which * own, axis=1) for which in (self.hit, ~self.hit))
        precision = right / (right + wrong + np.spacing(1))
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        best = np.pad(best, ((0, 0), (0, 1)))  # a recall that is never reached
        places = (np.searchsorted(reached, RECALLS) for reached in right / total)
        return np.array([row[at].mean() for row, at in zip(best, places, strict=True)])


def score_boxes(
    truth: pd.DataFrame, predicted: pd.DataFrame, images: np.ndarray, objects: np.ndarray,
    *, classes: Sequence[str], draws: int = DRAWS, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Return average precision and recall, of each class and over classes.

    Intervals are percentiles of a bootstrap over objects: the images of one object are drawn
    together.

    Parameters
    ----------
    truth : columns row, x_min, y_min, x_max, y_max, class
    predicted : the same and score
    images : rows of the test images; boxes of other rows are left out
    objects : what identifies the object of each image [image]
    classes : names; a class without a box among ``images`` is left out of the mean
    draws, seed : of the bootstrap

    Returns
    -------
    columns metric, class (empty: mean over classes), value, low, high, boxes (true ones), images
    """
    order = np.argsort(images)
    images, places = images[order], np.unique(objects[order], return_inverse=True)[1]
    matches = [
        Matches.of(truth[truth["class"] == name], predicted[predicted["class"] == name], images)
        for name in classes
    ]

    def measure(weights: np.ndarray) -> np.ndarray:
        """Return [mean and each class, metric]."""
        each = np.array([one.measure(weights) for one in matches])
        there = ~np.isnan(each[:, :1])
        mean = np.where(there, each, 0.0).sum(axis=0) / there.sum() if there.any() else each[0]
        return np.concatenate([mean[None], each])

    value = measure(np.ones(len(images)))
    random = np.random.default_rng(seed)
    count = places.max() + 1
    drawn = np.array(
        [
            measure(np.bincount(random.integers(count, size=count), minlength=count)[places])
            for _ in range(draws)
        ]
    )
    boxes = [sum(int(one.boxes.sum()) for one in matches), *(int(m.boxes.sum()) for m in matches)]
    rows = _rows(value, drawn, ["", *classes], boxes)
    return pd.DataFrame(rows).assign(images=len(images))


def _rows(
    value: np.ndarray, drawn: np.ndarray, names: Sequence[str], boxes: Sequence[int]
) -> Iterator[dict[str, object]]:
    tails = ((100 - LEVEL) / 2, (100 + LEVEL) / 2)
    for at, name in enumerate(names):
        for place, metric in enumerate(METRICS):
            seen = drawn[:, at, place]
            seen = seen[np.isfinite(seen)]
            low, high = np.percentile(seen, tails) if len(seen) else (np.nan, np.nan)
            facts = {"value": value[at, place], "low": low, "high": high, "boxes": boxes[at]}
            yield {"metric": metric, "class": name, **facts}
