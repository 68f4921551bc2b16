import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.evaluation.comparison import (
    OVERSTATEMENT,
    compare_methods,
    measure_by_mass,
    measure_overstatement,
)
from starmass.evaluation.metrics import coverage, measure
from starmass.evaluation.samples import log_mass, protostars


def predictions(samples, error, seed, rows=None):
    """A method whose errors are shared by the maps of a star."""
    truth = log_mass(samples)
    shared = np.random.default_rng(seed).normal(size=len(samples))[protostars(samples)]
    table = pd.DataFrame(
        {
            "row": samples["row"],
            "fold": 0,
            "log10_mass": truth,
            "predicted_log10_mass": truth + error * shared,
        }
    )
    return table if rows is None else table.loc[rows].reset_index(drop=True)


def test_differences_are_those_of_the_metrics_and_narrower_than_either_interval(samples):
    good, bad = predictions(samples, 0.20, 3), predictions(samples, 0.22, 3)
    (row,) = compare_methods(samples, {"good": [good], "bad": [bad]}, "good").to_dict("records")
    first, second = (
        measure(one["log10_mass"].to_numpy(), one["predicted_log10_mass"].to_numpy())
        for one in (bad, good)
    )
    assert row["method"] == "bad" and row["reference"] == "good"
    assert row["r2_difference"] == pytest.approx(first["r2"] - second["r2"])
    assert row["rmse_dex_difference"] == pytest.approx(first["rmse_dex"] - second["rmse_dex"])
    assert (
        0
        < row["rmse_dex_difference_low"]
        <= row["rmse_dex_difference"]
        <= row["rmse_dex_difference_high"]
        < 0.06
    )


def test_a_method_equals_itself(samples):
    same = predictions(samples, 0.3, 0)
    (row,) = compare_methods(samples, {"one": [same], "other": [same]}, "one").to_dict("records")
    assert {value for key, value in row.items() if "difference" in key} == {0.0}


def test_a_method_alone_has_nothing_to_differ_from(samples):
    found = compare_methods(samples, {"one": [predictions(samples, 0.3, 0)]}, "one")
    assert found.empty and {"method", "reference", "r2_difference_low"} <= set(found)


def test_mistakes_are_named(samples):
    table = predictions(samples, 0.3, 0)
    with pytest.raises(
        InputError, match=r"'won' is none of the study's methods \(did you mean 'one'\?\)"
    ):
        compare_methods(samples, {"one": [table]}, "won")
    with pytest.raises(InputError, match="predictions of other and one are for different rows"):
        compare_methods(samples, {"one": [table], "other": [table.iloc[1:]]}, "one")


def test_bins_hold_every_row_once_and_their_own_metrics(samples):
    table = predictions(samples, 0.3, 5)
    found = measure_by_mass(samples, {"one": [table]})
    assert found["n_test"].sum() == len(samples)
    for row in found.to_dict("records"):
        inside = samples["mass_msun"].between(
            row["mass_low_msun"], row["mass_high_msun"], inclusive="left"
        )
        expected = measure(
            table["log10_mass"][inside].to_numpy(), table["predicted_log10_mass"][inside].to_numpy()
        )
        for name in ("rmse_dex", "bias_dex", "mae_dex"):
            assert row[name] == pytest.approx(expected[name])
        assert row["rmse_dex_low"] <= row["rmse_dex"] <= row["rmse_dex_high"]


def test_overstatement_of_one_test_set_against_itself_is_nothing_at_all(samples):
    table = predictions(samples, 0.3, 5)
    (row,) = measure_overstatement(samples, {"one": [table]}, {"one": [table]}).to_dict("records")
    assert (
        row["r2_overstatement"] == row["r2_overstatement_low"] == row["r2_overstatement_high"] == 0
    )
    assert set(row) <= set(OVERSTATEMENT)


def test_overstatement_is_the_difference_of_both_splits(samples):
    rows = np.flatnonzero(protostars(samples) < 5)
    by_row, grouped = predictions(samples, 0.1, 5), predictions(samples, 0.5, 6, rows)
    (row,) = measure_overstatement(samples, {"one": [by_row]}, {"one": [grouped]}).to_dict(
        "records"
    )
    assert row["r2_overstatement"] == pytest.approx(row["r2_published"] - row["r2_grouped"])
    assert row["r2_overstatement_low"] < row["r2_overstatement"] < row["r2_overstatement_high"]


def test_coverage_is_counted(samples):
    table = predictions(samples, 0.3, 1).assign(spread_dex=np.nan, interval_dex=0.2)
    error = np.abs(table["predicted_log10_mass"] - table["log10_mass"])
    stars = protostars(samples)
    found = coverage([table, table], stars)
    assert found["coverage_interval"] == pytest.approx(np.mean(error <= 0.2))
    each = (error <= 0.2).groupby(stars).mean()
    assert found["coverage_stars"] == pytest.approx(each.mean())
    assert found["interval_dex"] == pytest.approx(0.2)
    assert np.isnan(found["coverage_spread"])


def only(table, stars, kept):
    return table[np.isin(stars, kept)].reset_index(drop=True)


def test_one_star_is_no_evidence_in_any_comparison(samples):
    stars = protostars(samples)
    tables = {name: [predictions(samples, error, 3)] for name, error in (("a", 0.2), ("b", 0.3))}
    one = {name: [only(*table, stars, [2])] for name, table in tables.items()}
    two = {name: [only(*table, stars, [2, 5])] for name, table in tables.items()}
    for few, many, known in ((one, tables, False), (tables, one, False), (two, tables, True)):
        found = measure_overstatement(samples, few, many)
        assert found["r2_overstatement"].notna().all()
        assert (found.filter(regex="_low|_high").notna().all(axis=None)) == known
    for few, known in ((one, False), (two, True)):
        found = compare_methods(samples, few, "a")
        assert found.filter(regex="_difference$").notna().all(axis=None)
        assert found.filter(regex="rmse_dex.*(_low|_high)").notna().all(axis=None) == known
    heavy = {
        name: [table.assign(log10_mass=table["log10_mass"].mask(stars == 2, 1.0))]
        for name, (table,) in tables.items()
    }
    bins = measure_by_mass(samples, heavy)
    alone = bins["n_protostars"] == 1
    for part, known in ((bins[alone], False), (bins[~alone], True)):
        bounds = part.filter(regex="(rmse_dex|bias_dex)_(low|high)").notna()
        assert len(part) and (bounds == known).all(axis=None)


def test_an_interval_without_bounds_covers_nothing(samples):
    table = predictions(samples, 0.3, 1).assign(spread_dex=0.2, interval_dex=np.inf)
    assert np.isnan(coverage([table], protostars(samples))["coverage_interval"])
