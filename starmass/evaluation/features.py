"""Maps to features, fold by fold, so that no test row influences the features of another row."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.preprocessing import Preprocessing, scale
from starmass.evaluation.samples import Maps
from starmass.evaluation.splits import parts_of
from starmass.storage import create_hdf5, open_hdf5, write_dataset

AVERAGES = ("none", "sky", "sky_and_behind")


def extract_features(
    maps: Maps,
    split: pd.DataFrame,
    preprocessing: Preprocessing,
    describe: Callable[[np.ndarray], np.ndarray],
    *,
    average: str = "none",
) -> np.ndarray:
    """Return features of every row in every fold: float32 [fold, row, dimension].

    Parameters
    ----------
    maps : the study's maps
    split : whose training rows the channels' scaling is fitted on, fold by fold
    preprocessing : how a map is shown
    describe : takes maps scaled to 0..1 [row, channel, height, width] and returns features [row,
        dimension]
    average : over which views of a map features are averaged: ``none``, ``sky`` or
        ``sky_and_behind`` (:func:`views`)

    Raises
    ------
    InputError
        when a feature is no number, as those of a map with missing pixels, or a channel is another
        one in the views to average over
    """
    shown = preprocessing.transform(maps)
    signs = signs_from_behind(maps, preprocessing, average)
    done: dict[bytes, np.ndarray] = {}
    folds = []
    for _, train, _ in parts_of(split):
        limits = preprocessing.find_limits(shown, train)
        key = limits.tobytes()
        if key not in done:  # fixed and per-map limits are the same in every fold
            each = (
                describe(
                    scale(
                        view,
                        preprocessing.find_limits(view, train)
                        if preprocessing.scaling == "map"
                        else limits,
                    )
                )
                for view in views(shown, signs, average)
            )
            total, number = next(each).astype(np.float64), 1
            for found in each:
                total, number = total + found, number + 1
            done[key] = total / number
        folds.append(done[key])
    features = np.stack(folds).astype(np.float32)
    check_features(features, "features")
    return features


def combine_features(paths: Sequence[str | Path]) -> np.ndarray:
    """Return the features of several files side by side: float32 [fold, row, dimension].

    Raises
    ------
    InputError
        when the files are of other folds or rows
    """
    found = []
    for path in paths:
        with open_hdf5(path) as file:
            found.append(file["features"][()])
        if found[-1].shape[:2] != found[0].shape[:2]:
            raise InputError(
                f"{path}: it has {found[-1].shape[0]} folds and {found[-1].shape[1]} rows, and"
                f" {paths[0]} {found[0].shape[0]} and {found[0].shape[1]}; make both again."
            )
    return np.concatenate(found, axis=-1)


def check_features(features: np.ndarray, source: str | Path) -> None:
    """Refuse features [..., row, dimension] that are not finite, and name the first row.

    ``source`` says where they come from.
    """
    wrong = np.unique(np.argwhere(~np.isfinite(features).all(axis=-1))[:, -1])
    if len(wrong):
        raise InputError(
            f"{source}: row {wrong[0]} of samples.csv has features that are not finite"
            f" ({len(wrong)} of {features.shape[-2]} rows"
            " do): its map has missing pixels (then observe it with missing_fill: nearest), or the"
            " encoder's weights are broken;"
            " mend that and make the features again."
        )


def signs_from_behind(maps: Maps, preprocessing: Preprocessing, average: str) -> list[int]:
    """Return the sign that each channel shown has from behind.

    Raises
    ------
    InputError
        when a channel is another one in the views that ``average`` names
    """
    signs = []
    for name in preprocessing.channels:
        sign, turns = maps.views.get(name, (0, False))
        if (average != "none" and not turns) or (average == "sky_and_behind" and not sign):
            raise InputError(
                f"evaluation.features: average: {average} would mix up the channel {name}, which is"
                f" another in other views; use {'sky' if turns else 'none'}, or show other"
                " channels."
            )
        # A gradient's length has no sign.
        signs.append(1 if name == "v_los" and preprocessing.v_los == "log_gradient" else sign)
    return signs


def views(shown: np.ndarray, signs: Sequence[int], average: str) -> Iterator[np.ndarray]:
    """Yield the views of maps that are physically equivalent, the maps themselves first.

    ``sky``: the 8 turns and mirrorings of the plane of the sky. ``sky_and_behind``: these also from
    behind, where what receded approaches.

    Parameters
    ----------
    shown : [row, channel, height, width]
    signs : of each channel from behind, 1 or -1
    average : ``none``, ``sky`` or ``sky_and_behind``
    """
    sides = [shown]
    if average == "sky_and_behind" and -1 in signs:
        sides.append(shown * np.array(signs, shown.dtype)[:, None, None])
    for side in sides:
        for mirrored in (False,) if average == "none" else (False, True):
            for turns in (0,) if average == "none" else range(4):
                view = np.rot90(side, turns, (2, 3))
                yield np.ascontiguousarray(view[..., ::-1] if mirrored else view)


def write_features(path: str | Path, features: np.ndarray, *, provenance: str) -> None:
    """Write features [fold, row, dimension], all finite, as HDF5, whole or not at all."""
    check_features(features, path)
    with create_hdf5(path) as file:
        write_dataset(
            file, "features", features, unit="", description="fold, row of samples.csv, dimension"
        )
        file.attrs["provenance"] = provenance


def read_features(path: str | Path, fold: int) -> np.ndarray:
    """Return the features of all rows [row, dimension] as they are shown in a fold.

    Raises
    ------
    InputError
        when some are not finite
    """
    with open_hdf5(path) as file:
        features = file["features"][fold]
    check_features(features, path)
    return features
