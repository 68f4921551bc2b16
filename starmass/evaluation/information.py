"""Where on the maps, and in which channel, the mass information is: R2 with parts hidden."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from starmass.evaluation.metrics import score
from starmass.evaluation.predictions import Predictions, predict_folds
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.regression import predict

# They are chosen by name; the import makes the table out of date when one of them changes.
from starmass.evaluation.regressors import knn, ridge  # noqa: F401
from starmass.evaluation.samples import Maps, log_mass, protostars
from starmass.evaluation.splits import parts_of
from starmass.evaluation.statistics import radii, ring_masks, ring_statistics
from starmass.storage import open_hdf5

RADII = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Where rings end [pixels], as far as the map reaches."""
NEIGHBOURS = 20


def locate_information(
    samples: pd.DataFrame,
    maps: Maps,
    split: pd.DataFrame,
    preprocessing: Preprocessing,
    *,
    draws: int = 1000,
) -> pd.DataFrame:
    """Measure how well masses are predicted from parts of the maps.

    A map is the mean and spread of each channel in rings about the protostar, and a part is some of
    the rings or channels: statistics that are cheap, and as good as any (see the table). A gradient
    (``v_los: log_gradient``) reaches one pixel across a ring's edge; no other transform does.

    Returns
    -------
    one row a part and regressor. part: ``all``; ``inside`` or ``outside`` of radius_pixels
    (radius_pc); ``only`` or ``without`` a channel. method: ``ridge`` or ``knn`` (20 neighbours).
    r2, rmse_dex with ``_low`` and ``_high``; n_test, n_protostars; n_radii of the table, so that a
    reader can check whether all are there
    """
    shown = preprocessing.transform(maps)
    pixels = shown.shape[-1]
    ends = [end for end in RADII if end < pixels / 2]
    radius = radii(pixels)
    masks = ring_masks(radius, np.array([0.0, *ends, radius.max()]))
    # [row, ring, statistic, channel]
    rings = ring_statistics(shown, masks).reshape(len(shown), len(masks), 2, -1)
    labels, groups = log_mass(samples), protostars(samples)
    neighbours = min(NEIGHBOURS, min(len(train) for _, train, _ in parts_of(split)))
    methods: dict[str, dict[str, Any]] = {
        "ridge": {"regressor": "ridge"},
        "knn": {"regressor": "knn", "neighbours": neighbours, "whitening": "standard"},
    }
    found = []
    for facts, kept in _parts(rings, ends, preprocessing.channels):
        # In the precision of the maps, as features lie in files: what is below is rounding.
        features = kept.reshape(len(kept), -1).astype(np.float32)
        for method, options in methods.items():

            def predict_fold(
                fold: int,
                train: np.ndarray,
                test: np.ndarray,
                features: np.ndarray = features,
                options: dict[str, Any] = options,
            ) -> Predictions:
                return predict(features, labels, groups, train, test, **options)

            table, _ = predict_folds(samples, split, predict_fold)
            tested = groups[table["row"]]
            scores = score(
                table["log10_mass"].to_numpy(),
                [table["predicted_log10_mass"].to_numpy()],
                tested,
                draws=draws,
            )
            named = {
                name: scores[name]
                for metric in ("r2", "rmse_dex")
                for name in (metric, f"{metric}_low", f"{metric}_high")
            }
            found.append(
                {
                    **facts,
                    "method": method,
                    **named,
                    "n_test": len(table),
                    "n_protostars": len(np.unique(tested)),
                }
            )
    result = pd.DataFrame(found).assign(n_radii=len(ends))
    result.insert(2, "radius_pc", result["radius_pixels"] * maps.pixel_pc)
    return result


def _parts(
    rings: np.ndarray, ends: list[int], channels: Any
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    def facts(part: str, radius: float = np.nan, channel: str = "") -> dict[str, Any]:
        return {"part": part, "radius_pixels": radius, "channel": channel}

    yield facts("all"), rings
    for place, end in enumerate(ends, start=1):
        yield facts("inside", end), rings[:, :place]
        yield facts("outside", end), rings[:, place:]
    if len(channels) > 1:
        for at, channel in enumerate(channels):
            yield facts("only", channel=channel), rings[..., [at]]
            yield facts("without", channel=channel), np.delete(rings, at, axis=-1)


def resolution_of(samples: pd.DataFrame) -> dict[str, float]:
    """Return the lengths that the simulations resolve: ``finest_cell_pc``, ``accretion_radius_pc``.

    They are the largest of the study's simulations; nan where unknown.
    """
    found = []
    for map_file in samples["map_file"].unique():
        with open_hdf5(map_file) as file:
            found.append(
                [
                    float(file.attrs.get(name, np.nan))
                    for name in ("finest_cell_pc", "accretion_radius_pc")
                ]
            )
    finest, accretion = (
        max(known) if (known := [v for v in values if np.isfinite(v)]) else float("nan")
        for values in zip(*found, strict=True)
    )
    return {"finest_cell_pc": finest, "accretion_radius_pc": accretion}
