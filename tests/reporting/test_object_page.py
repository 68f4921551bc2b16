"""What the page of an object says, verdict by verdict."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from starmass.reporting.object_inputs import ObjectResults, SkyMap
from starmass.reporting.object_words import page_of

OPTIONS = {"position": "here", "study": "mine", "simulations": {"run": "yt"}}
ROW = {
    "method": "ridge", "label": "Ridge", "verdict": "inside", "p": 0.4, "mass_msun": 1.0,
    "lower_msun": 0.5, "upper_msun": 2.0, "interval_dex": 0.3, "calibration_dex": 0.29,
    "distance_dex": 0.08, "n_stars": 25, "calibrated_by": "protostar", "note": np.nan,
}  # fmt: skip
FACTS = {
    "object": "star", "side_pc": 0.5, "beam_arcsec": 18.0, "distance_pc": 140.0,
    "distance_error_pc": 7.0, "pixel_arcsec": 6.0, "missing_field": 0.4, "missing_centre": 0.1,
    "notes": [{"channel": "sigma_v", "level": "assumption", "text": "No thermal width."}],
}  # fmt: skip
MAPS = SkyMap(np.ones((3, 4, 4)), ("cm**-2", "km/s", "km/s"), "star")
COVERAGE = {
    "method": "ridge", "label": "Ridge", "held_out_by": "protostar", "mass_low_msun": 0.0,
    "mass_high_msun": np.inf, "n_stars": 25, "rmse_dex": 0.3, "bias_dex": -0.01,
    "coverage_stars": 0.92, "coverage_maps": 0.95, "false_alarms": 0.02,
}  # fmt: skip
NOVELTY = ["test", "quantity", "radius_pc", "measured", "unit", "p"]


def results(**row):
    return ObjectResults(
        channels=("column_density", "v_los", "sigma_v"),
        without_noise=("v_los",),
        facts=FACTS,
        depth_pc=0.5,
        accretion_pc=0.0156,
        own=MAPS,
        others=(MAPS,),
        prediction=pd.DataFrame([ROW | row]),
        novelty=pd.DataFrame([["offset", "sigma_v", np.nan, 0.372, "dex", 0.03]], columns=NOVELTY),
        neighbours=pd.DataFrame(
            columns=["sink_id", "simulation", "axis", "mass_msun", "age_yr", "distance", "map_file"]
        ),
        coverage=pd.DataFrame([COVERAGE, COVERAGE | {"held_out_by": "simulation"}]),
    )


def said(found):
    page = page_of(found, OPTIONS)
    return " ".join([*page.summary, *page.notes]), page


@pytest.mark.parametrize(
    "row, words, unsaid",
    [
        ({}, "Inside: the maps are like those of the 25 stars of run (p = 0.4;", "relied on"),
        ({"verdict": "outside", "p": 0.04}, "which is not to be relied on", "Inside"),
        (
            {"verdict": "refused", "note": "the centre is missing", "mass_msun": np.nan}
            | {"lower_msun": np.nan, "upper_msun": np.nan},
            "Refused: the centre is missing. No mass is given.",
            "Ridge: ",
        ),
        ({"verdict": "cannot tell", "n_stars": 9}, "9 stars are too few", "Inside"),
        ({"lower_msun": np.nan}, "no interval, for too few stars were held out", "(90%)"),
        ({"note": "differs by more than its interval from B"}, "disagree: Ridge differs by", "nan"),
    ],
    ids=["inside", "outside", "refused", "cannot tell", "no interval", "disagree"],
)
def test_each_verdict_says_what_it_means(row, words, unsaid):
    text, page = said(results(**row))
    assert words in text and unsaid not in text
    refused = row.get("verdict") == "refused"
    assert page.grids[0].caption.startswith("Masses") != refused
    assert ("The mass is what the gas suggests" in text) != refused


def test_the_page_says_what_is_off_and_what_was_assumed():
    text, page = said(results(verdict="outside"))
    for words in (
        "The velocity dispersion is 2.36 times higher (+0.37 dex) than that of simulated stars"
        " whose maps are otherwise alike; check kind",
        "The simulated maps hold 0.5 pc along the line of sight",
        "The beam is 0.012 pc wide",
        "Warning: 40% of the field is missing",
        "The noise of v_los is not given",
        "Assumption: sigma_v: No thermal width.",
    ):
        assert (words in text) == (not words.startswith("The beam"))  # it is below 0.0156 pc
    assert "The beam is 0.012 pc" in said(replace(results(), accretion_pc=0.01))[0]
    assert "Set maps.projection.depth" not in said(replace(results(), depth_pc=4.0))[0]
    # Coverage is shown for what was held out for the interval, and no more.
    assert len(page.grids[1].body) == 1 and "stars that were held out" in page.grids[1].caption
    assert "calls 2% of their stars outside" in page.grids[1].caption
    few = replace(results(), coverage=pd.DataFrame([COVERAGE | {"false_alarms": np.nan}]))
    caption = page_of(few, OPTIONS).grids[1].caption
    assert "Too few stars are left beside them to say how many" in caption and "nan" not in caption
    # Single tests of an object that is inside say nothing.
    assert "velocity dispersion is" not in said(results())[0]
