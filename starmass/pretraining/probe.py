"""A labelled test during a pretraining: whether the features predict what a study predicts.

Its maps are in a file as of :mod:`starmass.pretraining.map_images`.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate

from starmass.description import EncoderDescription
from starmass.errors import InputError
from starmass.pretraining.map_images import training_maps_opened
from starmass.pretraining.method import Method

NEIGHBOURS = 5
FOLDS = 5
MOST_MAPS = 1000  # evenly taken from the file; a probe should cost seconds
AT_A_TIME = 64


class Probe:
    """How well nearest neighbours of frozen features predict the labels of maps.

    It is measured by cross-validation over protostars.

    Attributes
    ----------
    metric : ``r2`` of log10 mass or another number, or ``balanced_accuracy`` of classes

    Parameters
    ----------
    path : HDF5 file of labelled maps
    description : the encoder's; maps are shown to it at its own image size
    """

    def __init__(self, path: str | Path, description: EncoderDescription):
        with training_maps_opened(path) as file:
            chosen = np.unique(np.linspace(0, len(file["images"]) - 1, MOST_MAPS).astype(int))
            images = torch.from_numpy(file["images"][chosen]).float()
            label = file["label" if "label" in file else "log10_mass"]
            self.labels, self.groups = label[()][chosen], file["protostar"][()][chosen]
            of_classes = label.attrs.get("kind") == "classes"
        self.metric = "balanced_accuracy" if of_classes else "r2"
        if images.shape[1] != description.in_channels:
            raise InputError(
                f"{path}: maps of {images.shape[1]} channels, and the encoder takes"
                f" {description.in_channels};"
                " probe with a study whose input has as many channels as views.mean."
            )
        if len(np.unique(self.groups)) < 2:
            raise InputError(
                f"{path}: holds maps of one protostar only, and a probe separates protostars;"
                " choose another split."
            )
        if not (np.isfinite(self.labels).all() and images.isfinite().all()):
            raise InputError(
                f"{path}: holds labels or pixels that are not finite; delete it and run Snakemake"
                " again to remake it."
            )
        if np.ptp(self.labels) == 0:
            raise InputError(
                f"{path}: all {len(self.labels)} maps have one label, so there is nothing to"
                " predict; choose another split or take the probe away."
            )
        self.images, self.size = images, description.image_size

    def score(self, method: Method) -> float:
        """Return the metric of the 5 nearest neighbours among other protostars.

        Neighbours are found in the method's features of the maps.
        """
        from sklearn.metrics import balanced_accuracy_score, r2_score
        from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, cross_val_predict
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        device, size = next(method.parameters()).device, (self.size, self.size)
        shown = (
            interpolate(images.to(device), size=size, mode="bilinear", antialias=True)
            for images in self.images.split(AT_A_TIME)
        )
        features = [method.describe(images).cpu() for images in shown]
        # Each class is shared out evenly over the folds.
        of_classes = self.metric == "balanced_accuracy"
        number = min(FOLDS, len(np.unique(self.groups)))
        if of_classes:
            number = min(number, int(np.bincount(self.labels).max()))
        folds = (StratifiedGroupKFold if of_classes else GroupKFold)(number)
        parts = [*folds.split(self.labels, self.labels, self.groups)]
        neighbours = min(NEIGHBOURS, min(len(train) for train, _ in parts))
        knn = (KNeighborsClassifier if of_classes else KNeighborsRegressor)(
            neighbours, weights="distance"
        )
        predicted = cross_val_predict(knn, torch.cat(features).numpy(), self.labels, cv=parts)
        measure = balanced_accuracy_score if of_classes else r2_score
        return float(measure(self.labels, predicted))
