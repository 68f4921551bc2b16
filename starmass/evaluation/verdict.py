"""The verdict on an observed object: is it like the simulation's stars, and which is it like?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from starmass.evaluation.novelty import (
    UNITS,
    Described,
    Reference,
    Scores,
    combined,
    describe_maps,
    held_out_p,
    held_out_scores,
    rank_p,
)
from starmass.evaluation.objects import FOLDS, ObjectMaps
from starmass.evaluation.samples import COLUMNS, Maps, protostars
from starmass.evaluation.splits import deal_groups
from starmass.verdicts import P_OUTSIDE, is_outside

NEIGHBOURS = 5
NOVELTY = (
    "object", "test", "quantity", "radius_pc", "measure", "measured", "unit", "score", "p",
    "training_low", "training_high",
)  # fmt: skip
"""Columns of the table of the novelty test."""
STATISTIC_UNITS = {"column_density": "dex(cm**-2)", "v_los gradient": "dex(km/s/pc)",
    "sigma_v": "dex(km/s)", "v_los": "km/s"}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the novelty test says.

    Attributes
    ----------
    verdict : ``inside``, ``outside``, ``cannot tell`` or ``refused``
    p : rank of the object among held-out stars
    reason : of ``refused`` and ``cannot tell``, else an empty string
    novelty : a row a test and statistic, columns :data:`NOVELTY`
    neighbours : the nearest map of each of the nearest stars
    false_alarms : way that stars are held out -> share of them that would be called outside; nan
        where the others are too few to call any so
    """

    verdict: str
    p: float
    reason: str
    novelty: pd.DataFrame
    neighbours: pd.DataFrame
    false_alarms: dict[str, float]


def judge(samples: pd.DataFrame, training: Maps, own: ObjectMaps) -> Verdict:
    """Compare an object with the maps of simulations.

    Parameters
    ----------
    samples, training : rows and maps of the simulations, as the object was observed
    own : the object
    """
    stars = protostars(samples)
    number = len(np.unique(stars))
    described = describe_maps(training, with_velocity=own.has_velocity)
    values = describe_maps(own.maps, with_velocity=own.has_velocity).values[0]
    reference = Reference(described, stars)
    held = held_out_scores(described, stars)
    found = reference.score(values[None])
    tests = held.tests()
    score = combined(found.tests(), tests)
    everyone = combined(tests, tests)
    p = float(rank_p(score, everyone, stars)[0])
    verdict, reason = _verdict(own.refusal, p, number)
    table = _novelty_rows(described, values, found, held, stars)
    first = {"test": "all", "score": score[0], "p": p}
    table = pd.DataFrame([first, *table], columns=list(NOVELTY)).assign(object=own.name)
    distance = reference.apart(values, described.values)
    return Verdict(
        verdict,
        p,
        reason,
        table,
        _neighbours(own.name, samples, stars, distance),
        false_alarms(samples, described, stars, everyone),
    )


def _verdict(refusal: str, p: float, stars: int) -> tuple[str, str]:
    if refusal:
        return "refused", refusal
    if not is_outside(1 / (stars + 1)):
        fewest = round(1 / P_OUTSIDE) - 1
        return "cannot tell", f"{stars} stars are too few for the novelty test; {fewest} are needed"
    return ("outside" if is_outside(p) else "inside"), ""


def _novelty_rows(
    described: Described, values: np.ndarray, found: Scores, held: Scores, stars: np.ndarray
) -> list[dict[str, object]]:
    """Return the rows of the table below the first: tests, quantities, radii, statistics."""
    rows: list[dict[str, object]] = []

    def add(test: str, score: np.ndarray, others: np.ndarray, **more: object) -> None:
        p = rank_p(np.abs(score), np.abs(others), stars)[0]
        rows.append({"test": test, "score": score[0], "p": p, **more})

    add("distance", found.distance, held.distance)
    for name, z in found.offset_z.items():
        add(
            "offset",
            z,
            held.offset_z[name],
            quantity=name,
            measured=found.offset[name][0],
            unit=UNITS[name],
            training_low=held.offset[name].min(),
            training_high=held.offset[name].max(),
        )
    for name, score in found.by_quantity.items():
        add("quantity", score, held.by_quantity[name], quantity=name)
    for radius, score in found.by_radius.items():
        add("radius", score, held.by_radius[radius], radius_pc=radius)
    for place, quantity in enumerate(described.quantities):
        add(
            "statistic",
            found.z[:, place],
            held.z[:, place],
            quantity=quantity,
            radius_pc=described.radii[place],
            measure=described.measures[place],
            measured=values[place],
            unit=STATISTIC_UNITS[quantity],
            training_low=described.values[:, place].min(),
            training_high=described.values[:, place].max(),
        )
    return rows


def _neighbours(
    name: str, samples: pd.DataFrame, stars: np.ndarray, distance: np.ndarray
) -> pd.DataFrame:
    # A user's own labels stay out.
    table = samples[[name for name in COLUMNS if name in samples and name != "row"]]
    table = table.assign(distance=distance, star=stars)
    nearest = table.sort_values(["distance", "star"], kind="stable").drop_duplicates("star")
    nearest = nearest.drop(columns="star").head(NEIGHBOURS).reset_index(drop=True)
    nearest.insert(0, "rank", np.arange(1, len(nearest) + 1))
    nearest.insert(0, "object", name)
    return nearest


def false_alarms(
    samples: pd.DataFrame, described: Described, stars: np.ndarray, everyone: np.ndarray
) -> dict[str, float]:
    """Return the share of held-out stars that would be called outside, by what is held out.

    It is that of stars whose others are enough: of fewer than 19, none can be called outside, and a
    share of 0 would say nothing. Where none has enough it is nan.
    """
    weights = 1.0 / np.bincount(stars)[stars]
    alone = np.full(len(stars), 1 / len(np.unique(stars)))
    found = {"protostar": _share_outside(held_out_p(everyone, stars), alone, weights)}
    simulations = samples.groupby("simulation", sort=True).ngroup().to_numpy()
    number = simulations.max() + 1
    if number > 1:
        fold = deal_groups(simulations, min(FOLDS, number), np.arange(number))
        p, least = np.ones(len(stars)), np.ones(len(stars))
        for one in range(fold.max() + 1):
            held = fold == one
            rest = Described(
                described.values[~held], described.quantities, described.radii, described.measures
            )
            others = _numbered(stars[~held])
            tests = held_out_scores(rest, others).tests()
            scores = combined(Reference(rest, others).score(described.values[held]).tests(), tests)
            known = combined(tests, tests)
            p[held], least[held] = rank_p(scores, known, others), 1 / (others.max() + 2)
        found["simulation"] = _share_outside(p, least, weights)
    return found


def _share_outside(p: np.ndarray, least: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted share of ranks p [row] called outside, where the least could be."""
    known = is_outside(least)
    if not known.any():
        return float("nan")
    return float(weights[known] @ is_outside(p[known]) / weights[known].sum())


def _numbered(stars: np.ndarray) -> np.ndarray:
    """Number stars from 0 without gaps."""
    return np.unique(stars, return_inverse=True)[1]
