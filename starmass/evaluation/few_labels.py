"""How good a method is with few labels: fewer training protostars, the same test rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from starmass.errors import InputError
from starmass.evaluation.comparison import with_interval
from starmass.evaluation.metrics import resampling_weights
from starmass.evaluation.samples import protostars
from starmass.evaluation.splits import parts_of
from starmass.evaluation.target_metrics import measure_target, metric_names
from starmass.evaluation.targets import MASS, Target

FRACTIONS = (0.1, 0.3, 0.5, 1.0)
DRAWS = 3
RESAMPLED = 2000
"""Draws of the bootstrap."""
FEWEST = 2
"""Training protostars in every draw: with one, hyper-parameters can't be cross-validated."""


def thin_split(
    samples: pd.DataFrame,
    split: pd.DataFrame,
    *,
    fractions: Sequence[float] = FRACTIONS,
    draws: int = DRAWS,
    seed: int = 0,
    classes: np.ndarray | None = None,
) -> pd.DataFrame:
    """Leave only a share of each fold's training protostars, several times over.

    A draw puts the training protostars in an order, and a fraction takes the first of them. So the
    training stars at 10% are also among those at 30%.

    Parameters
    ----------
    samples, split : the study's rows and their parts
    fractions : of the training protostars, at least :data:`FEWEST` of them
    draws : of each fraction below 1; all protostars can be drawn in one way only
    seed : what the orders derive from
    classes : class [row]; the share is then taken of each class by itself, and at least
        :data:`FEWEST` of each (a protostar belongs to the class of its first training row)

    Returns
    -------
    a split, with a fold for every fraction, draw and fold of the given one: row, fold, part
    (``unused`` for training rows that were left out), fraction, draw, from_fold
    """
    stars = protostars(samples)
    parts: list[pd.DataFrame] = []
    for from_fold, train, test in parts_of(split):
        names = np.unique(stars[train])
        if len(names) < FEWEST:
            raise InputError(
                f"few_labels: fold {from_fold} has {len(names)} training protostar, too few to"
                " leave any out; take it away."
            )
        kinds = _classes_of(names, stars[train], classes[train]) if classes is not None else None
        for draw in range(draws):
            order = np.random.default_rng(
                np.random.SeedSequence([seed, from_fold, draw])
            ).permutation(names)
            for fraction in fractions:
                if fraction == 1 and draw:
                    continue
                teaching = np.isin(stars[train], _first(order, fraction, kinds))
                rows = np.concatenate([train, test])
                part = np.concatenate(
                    [np.where(teaching, "train", "unused"), np.full(len(test), "test")]
                )
                facts = {"fraction": fraction, "draw": draw, "from_fold": from_fold}
                parts.append(pd.DataFrame({"row": rows, "fold": len(parts), "part": part, **facts}))
    return pd.concat(parts, ignore_index=True)


def _first(order: np.ndarray, fraction: float, kinds: dict[int, int] | None) -> np.ndarray:
    """Return the first of the ordered protostars, of each class by itself where there are some."""
    if kinds is None:
        return order[: max(FEWEST, round(fraction * len(order)))]
    kind = np.array([kinds[star] for star in order])
    return np.concatenate([_first(order[kind == one], fraction, None) for one in np.unique(kind)])


def _classes_of(names: np.ndarray, stars: np.ndarray, classes: np.ndarray) -> dict[int, int]:
    """Return protostar -> class of its first row; ``stars`` and ``classes`` are [row]."""
    _, first = np.unique(stars, return_index=True)
    return dict(zip(names.tolist(), classes[first].tolist(), strict=True))


def measure_by_fraction(
    samples: pd.DataFrame,
    thinned: pd.DataFrame,
    predictions: Mapping[str, Sequence[pd.DataFrame]],
    target: Target = MASS,
    reference: str | None = None,
) -> pd.DataFrame:
    """Return each method's metrics against the share of training protostars that were used.

    Parameters
    ----------
    thinned : what :func:`thin_split` returned
    predictions : by method, one table a seed of the test rows of all its folds
    target : what is predicted
    reference : the method that others are compared with; None, or none of ``predictions``, compares
        nothing

    Returns
    -------
    one row a method and fraction: method, fraction; r2, rmse_dex and mae_dex (or those of another
    target, :func:`starmass.evaluation.target_metrics.metric_names`), means over draws (and seeds),
    with ``_low`` and ``_high`` (bootstrap over test protostars); r2_draw_lowest and
    r2_draw_highest of single draws, or of the target's first metric; r2_difference from the
    reference with ``_low`` and ``_high``, each bootstrap draw with the same test protostars and
    labels for both; r2_draws_higher, the share of the draws of labels in which the mean over seeds
    is above the reference's (all of these nan for the reference itself); n_draws; n_train and
    n_train_protostars (means over folds and draws), n_test, n_protostars
    """
    stars = protostars(samples)
    taught = thinned[thinned["part"] == "train"].assign(star=lambda table: stars[table["row"]])
    sizes = (
        taught.groupby(["fraction", "fold"])
        .agg(rows=("row", "size"), stars=("star", "nunique"))
        .groupby("fraction")
        .mean()
    )
    folds = thinned.drop_duplicates("fold").set_index("fold")[["fraction", "draw"]]
    found, first = [], metric_names(target)[0]
    compared: dict[tuple[str, float], tuple[float, np.ndarray, np.ndarray]] = {}
    for method, tables in predictions.items():
        placed = [table.join(folds, on="fold") for table in tables]
        for fraction in sorted(folds["fraction"].unique()):
            drawn = [
                (number, draw.sort_values("row", kind="stable"))
                for table in placed
                for number, draw in table[table["fraction"] == fraction].groupby("draw")
            ]
            draws = [draw for _, draw in drawn]
            groups = stars[draws[0]["row"]]
            weights, places = resampling_weights(groups, draws=RESAMPLED, seed=0)
            scores = measure_target(target, draws, weights, places)
            single = [measure_target(target, [one], weights[:0], places) for one in draws]
            each = pd.Series([one[first][0] for one in single], [number for number, _ in drawn])
            measured: dict[str, float] = {}
            for name in metric_names(target):
                value, resampled = scores[name]
                assert resampled is not None
                measured |= with_interval(name, value, resampled)
                if name == first:
                    by_draw = each.groupby(level=0).mean().to_numpy()
                    compared[method, fraction] = value, resampled, by_draw
            counts = {
                "n_draws": len(draws),
                "n_train": round(float(sizes.loc[fraction, "rows"])),
                "n_train_protostars": round(float(sizes.loc[fraction, "stars"]), 1),
                "n_test": len(groups),
                "n_protostars": len(np.unique(groups)),
            }
            spread = {f"{first}_draw_lowest": each.min(), f"{first}_draw_highest": each.max()}
            found.append({"method": method, "fraction": fraction, **measured, **spread, **counts})
    if reference is None or reference not in predictions:
        return pd.DataFrame(found)
    for row in found:
        (value, resampled, by_draw), base = (
            compared[one, row["fraction"]] for one in (row["method"], reference)
        )
        if row["method"] != reference:
            row |= with_interval(f"{first}_difference", value - base[0], resampled - base[1])
            row[f"{first}_draws_higher"] = float(np.mean(by_draw > base[2]))
    return pd.DataFrame(found)
