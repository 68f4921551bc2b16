"""What the page of an observed object says, as sentences and grids of text."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from starmass.reporting.inputs import TOY
from starmass.reporting.object_inputs import ObjectResults
from starmass.reporting.typesetting import Grid, Page
from starmass.verdicts import P_OUTSIDE, is_outside

CHECKS = {
    "column_density": "check counts, unit, log and scale",
    "v_los gradient": "check the unit of v_los",
    "sigma_v": "check kind (a full width at half maximum is 2.35 dispersions), temperature and"
    " channel",
    "v_los": "check the frame of v_los, and velocity",
}
"""What may be wrong with a channel that is off by a constant, by the quantity compared."""
NAMES = {
    "column_density": "column density",
    "v_los gradient": "velocity gradient",
    "sigma_v": "velocity dispersion",
    "v_los": "velocity relative to the star",
}
LEVELS = {"assumption": "Assumption", "warning": "Warning", "note": "Note"}
LARGE_OFFSET = 0.15
"""Offset above which a wrong unit or frame is a cause to look for [dex or km/s]."""
MISSING_MUCH = 0.3
"""Share of the field whose absence the page warns of."""


def page_of(results: ObjectResults, options: Mapping[str, Any]) -> Page:
    """Return the page of an object.

    Parameters
    ----------
    options : ``position``, ``study``, ``simulations``: name -> format
    """
    return Page(
        title=f"{results.name}: the mass of its protostar",
        summary=[*_summary(results, options)],
        grids=[*_grids(results)],
        notes=[*_notes(results, options)],
    )


def _summary(results: ObjectResults, options: Mapping[str, Any]) -> Iterator[str]:
    first = results.prediction.iloc[0]
    simulations = ", ".join(options["simulations"])
    if "toycloud" in options["simulations"].values():
        yield f"The simulations are {TOY}."
    yield _verdict(results, simulations)
    if results.verdict != "refused":
        interval = (
            f"{_number(first['lower_msun'])} to {_number(first['upper_msun'])} M☉ (90%)"
            if np.isfinite(first["lower_msun"])
            else "no interval, for too few stars were held out"
        )
        caution = "" if results.verdict == "inside" else ", which is not to be relied on"
        yield (
            f"{first['label']}: {_number(first['mass_msun'])} M☉, {interval}{caution}."
            f" It is the mass that simulated stars in such gas have in {simulations}."
        )
    if results.without_noise and results.verdict != "refused":
        yield (
            f"The noise of {', '.join(results.without_noise)} is not given, so the simulated maps"
            " have none. The object may be unlike them for its noise alone: add noise to its maps."
        )
    if results.verdict == "outside":
        yield from _offsets(results.novelty)
        off = _off(results.novelty, "radius")
        if len(off):
            radii = ", ".join(f"{radius:.2g}" for radius in off["radius_pc"])
            yield f"Unlike the simulated stars in annuli that end at {radii} pc."
    for row in results.prediction.to_dict("records"):
        if str(row["note"]).startswith("differs"):
            yield f"The methods disagree: {row['label']} {row['note']}."
            break
    if results.depth_pc <= results.side_pc * (1 + 1e-9):
        yield (
            f"The simulated maps hold {results.depth_pc:g} pc along the line of sight, and a"
            " telescope sees the whole cloud. Set maps.projection.depth: box to compare like with"
            " like."
        )


def _verdict(results: ObjectResults, simulations: str) -> str:
    first = results.prediction.iloc[0]
    p, stars = first["p"], int(first["n_stars"])
    if results.verdict == "refused":
        return f"Refused: {first['note']}. No mass is given."
    if results.verdict == "cannot tell":
        return (
            f"Cannot tell whether {simulations} has stars like this one: {stars} stars are too few"
            " to call one in twenty unlike the others."
        )
    if results.verdict == "outside":
        return (
            f"Outside: the maps are unlike those of the {stars} stars of {simulations}"
            f" (p = {p:.2g}; {P_OUTSIDE:g} or less is called outside)."
        )
    return (
        f"Inside: the maps are like those of the {stars} stars of {simulations}"
        f" (p = {p:.2g}; {P_OUTSIDE:g} or less would be called outside)."
    )


def _off(novelty: pd.DataFrame, test: str) -> pd.DataFrame:
    return novelty[(novelty["test"] == test) & is_outside(novelty["p"])]


def _offsets(novelty: pd.DataFrame) -> Iterator[str]:
    """Yield what a whole channel is off by."""
    for row in _off(novelty, "offset").to_dict("records"):
        name, size = NAMES[row["quantity"]], row["measured"]
        if row["unit"] == "dex":
            way = "higher" if size > 0 else "lower"
            by = (
                f"{10 ** abs(size):.3g} times {way} ({_signed(size)} dex) than that of simulated"
                " stars whose maps are otherwise alike"
            )
        else:
            by = f"off by {_signed(size)} {row['unit']}"
        check = f"; {CHECKS[row['quantity']]}" if abs(size) > LARGE_OFFSET else ""
        yield f"The {name} is {by}{check}."


def _grids(results: ObjectResults) -> Iterator[Grid]:
    rows = results.prediction.to_dict("records")
    if results.verdict != "refused":
        yield _masses(rows)
    alarms = _calibrating(results)["false_alarms"].iloc[0]
    way = {"simulation": "simulations", "protostar": "stars"}[str(rows[0]["calibrated_by"])]
    called = (
        f"The novelty test calls {alarms:.0%} of their stars outside."
        if np.isfinite(alarms)
        else "Too few stars are left beside them to say how many the novelty test calls outside."
    )
    yield Grid(
        f"How methods did on {way} that were held out, observed like this object. {called} A star"
        " counts in each mass bin that it grows through; a dash stands for fewer than 5 stars.",
        ("method", "masses [M☉]", "stars", "rms [dex]", "bias [dex]", "coverage, stars",
         "coverage, maps"),
        [
            (
                str(row["label"]),
                _range(row["mass_low_msun"], row["mass_high_msun"]),
                f"{row['n_stars']:.0f}",
                _dex(row["rmse_dex"]),
                _signed(row["bias_dex"]),
                _dex(row["coverage_stars"]),
                _dex(row["coverage_maps"]),
            )
            for row in _calibrating(results).to_dict("records")
        ],
    )  # fmt: skip
    yield Grid(
        "The nearest simulated stars, by the Mahalanobis distance between their statistics and the"
        " object's.",
        ("star", "M [M☉]", "age [kyr]", "Mahalanobis distance", "map file"),
        [
            (
                f"sink {row['sink_id']:.0f} of {row['simulation']}, along {row['axis']}",
                _number(row["mass_msun"]),
                f"{row['age_yr'] / 1e3:.3g}",
                f"{row['distance']:.2f}",
                str(row["map_file"]),
            )
            for row in results.neighbours.to_dict("records")
        ],
    )


def _masses(rows: list[dict[str, Any]]) -> Grid:
    return Grid(
        "Masses. The interval of 90% has two parts, added in quadrature: errors on held-out stars,"
        " and the distance.",
        ("method", "M [M☉]", "90% interval [M☉]", "± [dex]", "by errors", "by distance"),
        [
            (
                str(row["label"]),
                _number(row["mass_msun"]),
                f"{_number(row['lower_msun'])} – {_number(row['upper_msun'])}",
                *(_dex(row[key]) for key in ("interval_dex", "calibration_dex", "distance_dex")),
            )
            for row in rows
        ],
    )


def _calibrating(results: ObjectResults) -> pd.DataFrame:
    """Return the coverage where the same is held out as for the intervals."""
    way = results.prediction["calibrated_by"].iloc[0]
    return results.coverage[results.coverage["held_out_by"] == way]


def _notes(results: ObjectResults, options: Mapping[str, Any]) -> Iterator[str]:
    facts = results.facts
    beam = float(facts["beam_arcsec"])
    distance, error = float(facts["distance_pc"]), float(facts["distance_error_pc"])
    yield (
        f"Position {options['position']} (ICRS), {distance:g} ± {error:g} pc,"
        f" {'beam of ' + format(beam, '.3g') + ' arcsec' if beam else 'no beam'}, pixels of"
        f" {float(facts['pixel_arcsec']):.3g} arcsec, study {options['study']}."
    )
    beam_pc = np.radians(beam / 3600) * distance
    if beam_pc > results.accretion_pc > 0:
        yield (
            f"The beam is {beam_pc:.2g} pc wide, more than the {results.accretion_pc:.2g} pc within"
            " which the simulated stars accrete. It hides the gas nearest to the star; methods are"
            " trained through it, and their intervals are wider for it."
        )
    if float(facts["missing_field"]) > 0:
        word = "Warning: " if float(facts["missing_field"]) > MISSING_MUCH else ""
        yield (
            f"{word}{float(facts['missing_field']):.0%} of the field is missing, and"
            f" {float(facts['missing_centre']):.0%} of its central square, a quarter of the side"
            " wide. The simulated maps have the same pixels missing, and the same fill: the nearest"
            " pixel that is there."
        )
    for note in facts["notes"]:
        where = f"{note['channel']}: " if note["channel"] else ""
        yield f"{LEVELS[note['level']]}: {where}{note['text']}"
    if results.verdict == "refused":
        return
    yield (
        "The mass is what the gas suggests if this star formed as those of the simulations did. It"
        " is no dynamical measurement, and it counts all stars that share the map's central pixels."
    )


def _number(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "–"


def _dex(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _range(low: float, high: float) -> str:
    if low == 0 and not np.isfinite(high):
        return "all"
    return f"above {low:g}" if not np.isfinite(high) else f"{low:g} to {high:g}"
