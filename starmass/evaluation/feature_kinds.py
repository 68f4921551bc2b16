"""Features of an entry of the config, of whatever kind."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.evaluation.columns import read_columns
from starmass.evaluation.features import combine_features, extract_features
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps, read_samples
from starmass.evaluation.statistics import describe, flatten

Describe = Callable[[np.ndarray], np.ndarray]


def features_of(
    entry: Mapping[str, Any],
    split: pd.DataFrame,
    maps: Callable[[], Maps],
    *,
    preprocessing: Sequence[Mapping[str, Any]] = (),
    encoder: str | Path | None = None,
    seed: int = 0,
    parts: Sequence[str | Path] = (),
    samples: str | Path = "samples.csv",
) -> np.ndarray:
    """Return the features that an entry of ``evaluation.features`` makes.

    Parameters
    ----------
    entry : of ``evaluation.features``
    split : as for :func:`features.extract_features`
    maps : reads the maps, where the entry is made of them
    preprocessing : the ways of showing a map that the entry names; features are set side by side
    encoder : file of weights, where the entry has one
    seed : of random weights
    parts : feature files of the entry's ``parts``, where it is combined of others
    samples : table of the rows, where the entry is made of its columns

    Returns
    -------
    float32 [fold, row, dimension]
    """
    if entry["kind"] == "combined":
        return combine_features(parts)
    if entry["kind"] == "columns":
        folds = split["fold"].nunique()
        return read_columns(read_samples(samples), entry["columns"], folds, samples)
    return _features_of_maps(maps(), split, entry, preprocessing, encoder, seed)


def _features_of_maps(
    maps: Maps,
    split: pd.DataFrame,
    entry: Mapping[str, Any],
    preprocessing: Sequence[Mapping[str, Any]],
    encoder: str | Path | None,
    seed: int,
) -> np.ndarray:
    ways = [Preprocessing(**one) for one in preprocessing]
    if entry["kind"] == "encoder":
        makers = _encoders(entry, ways, encoder, seed)
    elif entry["kind"] == "statistics":
        makers = [partial(describe, statistics=entry["statistics"])] * len(ways)
    else:
        makers = [flatten] * len(ways)
    found = [
        extract_features(maps, split, way, make, average=entry.get("average", "none"))
        for way, make in zip(ways, makers, strict=True)
    ]
    return np.concatenate(found, axis=-1)


def _encoders(
    entry: Mapping[str, Any], ways: Sequence[Preprocessing], path: str | Path | None, seed: int
) -> list[Describe]:
    # Slow to import, and needed by encoders alone.
    from starmass.evaluation.encoding import encode_maps, encoder_options, read_encoder

    encoder = read_encoder(path, seed=seed, **encoder_options(entry))
    tokens = entry.get("tokens", "class")
    return [partial(encode_maps, encoder, preprocessing=way, tokens=tokens) for way in ways]
