"""What a study found, in sentences, computed from its tables alone: the report's first words."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from starmass.provenance import git_commit
from starmass.reporting.figures.few_labels import read_few_labels
from starmass.reporting.figures.information import read_information
from starmass.reporting.figures.segments import (
    CHANNELS,
    WAYS,
    explained_channels,
    read_explained,
    words_of,
)
from starmass.reporting.grids import has_interval, number, too_few, with_interval
from starmass.reporting.inputs import describe_data, read_table, require_rows
from starmass.reporting.tables import NEEDED, add_differences, findings, read_overstatement
from starmass.reporting.typesetting import Grid, Page, html, markdown
from starmass.storage import write_text

GAS = dict(
    zip(
        CHANNELS,
        (
            "column density (its logarithm)",
            "velocity along the line of sight",
            "velocity dispersion",
        ),
        strict=True,
    )
)
"""Words for the quantities of gas whose variance segments explain; other channels have names."""


BEST = 4
"""Methods in the small table."""


def write_summary(
    *,
    study: str,
    metrics: str | Path,
    differences: str | Path,
    overstatement: str | Path,
    splits: Mapping[str, str],
    methods: Sequence[str],
    simulations: Mapping[str, str],
    outputs: Mapping[str, str | Path],
    information: str | Path | None = None,
    channels: Sequence[str] = (),
    few_labels: str | Path | None = None,
    few_labels_rows: Mapping[str, Iterable[Any]] = MappingProxyType({}),
    explained: str | Path | None = None,
    figures: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write what a study found as Markdown and HTML (files by ``md`` and ``html``).

    Parameters
    ----------
    metrics, differences, overstatement : the study's comparison of its methods
    splits : split -> what it separates (``row``, ``protostar``, ...)
    methods : the study's
    simulations : simulation -> its ``format``
    information, few_labels, explained : tables that a study may have, see the modules
        ``information``, ``few_labels`` and ``segments`` of :mod:`starmass.reporting.figures`
    channels : of the maps of ``information``
    few_labels_rows : what ``few_labels`` has to hold: ``split``, ``method``, ``fraction``
    figures : figure of the study -> its number
    """
    table = read_table(metrics, NEEDED)
    require_rows(metrics, table, split=splits, method=methods)
    table = add_differences(table, differences, splits, methods)
    overstated = read_overstatement(overstatement, splits, methods)
    sentences = [
        f"Study {study}, the mass of protostars from gas maps. Data: {describe_data(simulations)}."
    ]
    sentences += findings(table, overstated, splits)
    if information is not None:
        sentences.append(
            information_finding(
                read_information(information, channels), _number(figures, "information")
            )
        )
    if few_labels is not None:
        few = read_few_labels(few_labels, few_labels_rows)
        sentences += [
            few_labels_finding(rows, _number(figures, "few_labels"))
            for _, rows in few.groupby("split", sort=False)
        ]
    if explained is not None:
        sentences.append(segments_finding(read_explained(explained), _number(figures, "segments")))
    notes = [
        "R² is of log10 mass; brackets hold 95% bootstrap intervals over test protostars.",
        f"The numbers are those of results/evaluation/{study}/. Made at commit {git_commit()}.",
    ]
    grids = [headline(table, list(splits), list(methods), describe_data(simulations))]
    page = Page(title=f"What study {study} found", summary=sentences, grids=grids, notes=notes)
    write_text(outputs["md"], markdown(page))
    write_text(outputs["html"], html(page))


def headline(table: pd.DataFrame, splits: Sequence[str], methods: Sequence[str], data: str) -> Grid:
    """Return R2 of the best methods on the last split, and of the study's first method.

    Parameters
    ----------
    table : rows of metrics by ``split`` and ``method``
    splits, methods : the study's, in order
    data : what the maps are of
    """
    last = table[table["split"] == splits[-1]].sort_values("r2", ascending=False, kind="stable")
    best = list(last["method"])[:BEST]
    shown = [*best, *(method for method in methods[:1] if method not in best)]
    rows = table.set_index(["method", "split"])
    body = [
        [
            str(rows.loc[(method, splits[-1]), "label"]),
            *(with_interval(rows.loc[(method, split)], "r2", 2) for split in splits),
        ]
        for method in shown
    ]
    caption = f"R² of log10 mass by split: the {len(best)} best methods on split {splits[-1]}"
    caption += ", and the first method of the study" * (len(shown) > len(best))
    return Grid(
        f"{caption}. Brackets hold 95% intervals over test protostars.", ["", *splits], body
    )


def _number(figures: Mapping[str, int], name: str) -> str:
    """How a sentence names a figure."""
    return f"figure {figures[name]}" if name in figures else "no figure"


def information_finding(table: pd.DataFrame, figure: str) -> str:
    """Return what the ridge predicts from parts of the maps, as a sentence.

    The parts are within and beyond the radius nearest the accretion radius, and the best channel.
    """
    ridge = table[table["method"] == "ridge"]
    radii = np.unique(ridge["radius_pc"].dropna())
    accretion = float(ridge["accretion_radius_pc"].iloc[0])
    known = accretion > 0
    radius = radii[np.abs(np.log(radii / accretion)).argmin()] if known else radii[0]
    whole, inside, outside = (
        ridge[
            (ridge["part"] == part) & (ridge["radius_pc"].isna() | (ridge["radius_pc"] == radius))
        ].iloc[0]
        for part in ("all", "inside", "outside")
    )
    sentence = (
        f"Where the information is ({figure}; split {whole['split']}, ridge on rings about the"
        f" star): R² = {with_interval(whole, 'r2', 2)}"
        f" from whole maps, {with_interval(inside, 'r2', 2)} from within {radius:.2g} pc alone"
        + (f" (the sinks accrete within {accretion:.2g} pc)" if known else "")
        + f", {with_interval(outside, 'r2', 2)} from beyond."
    )
    if few := too_few(ridge):
        return f"{sentence} {few.capitalize()}."
    alone = ridge[ridge["part"] == "only"]
    if alone["r2"].notna().any():
        best = alone.loc[alone["r2"].idxmax()]
        name = GAS.get(best["channel"], GAS.get(f"log10_{best['channel']}", best["channel"])).split(
            " ("
        )[0]
        sentence += (
            f" Of single channels the {name} tells most, R² = {with_interval(best, 'r2', 2)}."
        )
    return sentence


def few_labels_finding(rows: pd.DataFrame, figure: str) -> str:
    """Return the best method at the least and at the largest share of labels, of one split."""
    few = too_few(rows)
    parts, level = [], 0
    for fraction in dict.fromkeys((rows["fraction"].min(), rows["fraction"].max())):
        shared = rows[rows["fraction"] == fraction]
        share = (
            f"with labels for {100 * fraction:.3g}% of the training protostars"
            f" ({shared['n_train_protostars'].iloc[0]:.3g})"
        )
        if shared["r2"].isna().all():
            parts.append(f"{share} no method has an R²")
            continue
        best = shared.loc[shared["r2"].idxmax()]
        others = shared.drop(index=best.name)
        place = f"comes first of {len(shared)}, " if len(others) and not few else "has "
        parts.append(f"{share} {best['label']} {place}R² = {with_interval(best, 'r2', 2)}")
        if has_interval(best) and len(others) and not few:
            overlapping = int((others["r2_high"] >= best["r2_low"]).sum())
            level += overlapping
            parts[-1] += f" ({_overlaps(overlapping, len(others))})"
    caveat = (
        f" {few.capitalize()}."
        if few
        else " These intervals are not paired: where they overlap, the order is open."
        if level
        else ""
    )
    return f"Few labels ({figure}; split {rows['split'].iloc[0]}): {'; '.join(parts)}.{caveat}"


def _overlaps(count: int, others: int) -> str:
    """Say how many of the others' intervals overlap with one."""
    if count == 0:
        return "no other interval overlaps with it"
    every = {1: "the other interval", 2: "both other intervals"}.get(
        others, f"all {others} other intervals"
    )
    return (
        f"{every if count == others else f'{count} of {others} other intervals'}"
        f" {'overlaps' if count == 1 else 'overlap'} with it"
    )


def segments_finding(table: pd.DataFrame, figure: str) -> str:
    """Return the share of the channels' variance that the encoder's segments explain, in words.

    It also says of which channels they explain more or less than other ways to segment.
    """
    channels = explained_channels(table)
    gas = set(CHANNELS) <= set(channels)
    called = GAS if gas else {name: name for name in channels}
    own = table[table["segments"] == "tokens"].set_index("quantity").loc[list(called)]
    shares = ", ".join(
        f"{with_interval(row, 'eta2', 2)} of {'the ' if gas else ''}{called[name]}"
        for name, row in own.iterrows()
    )
    sentence = (
        f"Segments ({figure}): those of the encoder's tokens explain a share η² of the variance of"
        f" {'the gas' if gas else 'the channels'}, {shares}."
    )
    if few := (too_few(table) if gas else too_few(table, "test object")):
        return f"{sentence} {few.capitalize()}."
    article = "the " if gas else ""
    for way in WAYS:
        if way == "tokens":
            continue
        rows = table[table["segments"] == way].set_index("quantity").loc[list(called)]
        more = rows.index[rows["eta2_difference_low"] > 0]
        less = rows.index[rows["eta2_difference_high"] < 0]
        level = [name for name in rows.index if name not in more and name not in less]
        kinds = (
            (f"more of {article}", more),
            (f"less of {article}", less),
            (f"no difference beyond the interval for {article}", level),
        )
        told = [
            how + ", ".join(
                f"{called[name].split(' (')[0]} ({number(rows.loc[name, 'eta2_difference'])}"
                f" [{number(rows.loc[name, 'eta2_difference_low'])},"
                f" {number(rows.loc[name, 'eta2_difference_high'])}])"
                for name in names
            )
            for how, names in kinds if len(names)
        ]  # fmt: skip
        sentence += f" Against {words_of(way, table)}: {'; '.join(told)}."
    return sentence
