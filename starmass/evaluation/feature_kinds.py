"""Features of an entry of the config: an encoder's, hand-made statistics, or pixels."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from starmass.evaluation.features import extract_features
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps
from starmass.evaluation.statistics import describe, flatten

Describe = Callable[[np.ndarray], np.ndarray]


def features_of(
    maps: Maps,
    split: pd.DataFrame,
    entry: Mapping[str, Any],
    preprocessing: Sequence[Mapping[str, Any]],
    *,
    encoder: str | Path | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return the features that an entry of ``evaluation.features`` makes: [fold, row, dimension].

    Parameters
    ----------
    maps, split : as for :func:`features.extract_features`
    entry : of ``evaluation.features``
    preprocessing : the ways of showing a map that it names; features are set side by side
    encoder : file of weights, where the entry has one
    seed : of random weights
    """
    ways = [Preprocessing(**one) for one in preprocessing]
    if entry["kind"] == "encoder":
        makers = _encoders(entry, ways, encoder, seed)
    elif entry["kind"] == "statistics":
        makers = [partial(describe, statistics=entry["statistics"])] * len(ways)
    else:
        makers = [flatten] * len(ways)
    parts = [
        extract_features(maps, split, way, make, average=entry.get("average", "none"))
        for way, make in zip(ways, makers, strict=True)
    ]
    return np.concatenate(parts, axis=-1)


def _encoders(
    entry: Mapping[str, Any], ways: Sequence[Preprocessing], path: str | Path | None, seed: int
) -> list[Describe]:
    # Slow to import, and needed by encoders alone.
    from starmass.evaluation.encoding import encode_maps, encoder_options, read_encoder

    encoder = read_encoder(path, seed=seed, **encoder_options(entry))
    tokens = entry.get("tokens", "class")
    return [partial(encode_maps, encoder, preprocessing=way, tokens=tokens) for way in ways]
