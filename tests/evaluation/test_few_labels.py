"""With few labels only the training side shrinks, by whole protostars, and the curve is what the
draws give.
"""

import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.evaluation.few_labels import measure_by_fraction, thin_split
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import log_mass, protostars
from starmass.evaluation.splits import draw_split, parts_of


@pytest.fixture(scope="module")
def samples():
    rows = [(star, axis, 10 ** (0.1 * star)) for star in range(25) for axis in "xyz"]
    table = pd.DataFrame(rows, columns=["sink_id", "axis", "mass_msun"])
    return table.assign(simulation="a", row=np.arange(len(table)))


@pytest.fixture(scope="module")
def split(samples):
    return draw_split(samples, by="protostar", folds=5)


def test_whole_protostars_go_and_the_test_rows_stay(samples, split):
    thinned, stars = (
        thin_split(samples, split, fractions=[0.1, 0.5, 1.0], draws=3),
        protostars(samples),
    )
    whole = {fold: (train, test) for fold, train, test in parts_of(split)}
    taught: dict[tuple, set] = {}
    for fold, train, test in parts_of(thinned):
        facts = thinned[thinned["fold"] == fold].iloc[0]
        all_train, all_test = whole[facts["from_fold"]]
        np.testing.assert_array_equal(test, all_test)
        assert np.isin(train, all_train).all()
        used = set(stars[train])
        assert len(used) == max(2, round(facts["fraction"] * 20))
        assert len(train) == 3 * len(used)  # every map of those stars
        taught[facts["from_fold"], facts["draw"], facts["fraction"]] = used
    assert len(taught) == 5 * (3 + 3 + 1)
    for fold in range(5):
        for draw in range(3):
            assert taught[fold, draw, 0.1] < taught[fold, draw, 0.5] < taught[fold, 0, 1.0]
        assert len({frozenset(taught[fold, draw, 0.5]) for draw in range(3)}) == 3
    pd.testing.assert_frame_equal(
        thinned, thin_split(samples, split, fractions=[0.1, 0.5, 1.0], draws=3)
    )


def test_one_training_protostar_can_not_be_thinned_out(samples):
    rows = samples[samples["sink_id"] < 2].reset_index(drop=True)
    with pytest.raises(InputError, match="1 training protostar"):
        thin_split(rows, draw_split(rows, by="protostar", folds=2))


def test_the_curve_is_the_mean_over_draws_with_their_range(samples, split):
    thinned, labels = thin_split(samples, split, fractions=[0.5, 1.0], draws=2), log_mass(samples)
    # Errors of 0.1 dex in draw 0 and of 0.3 dex in draw 1 at a half, none at all with all stars.
    parts = []
    for fold, _, test in parts_of(thinned):
        facts = thinned[thinned["fold"] == fold].iloc[0]
        error = {0.5: 0.1 + 0.2 * facts["draw"], 1.0: 0.0}[facts["fraction"]]
        parts.append(
            pd.DataFrame(
                {
                    "row": test,
                    "fold": fold,
                    "log10_mass": labels[test],
                    "predicted_log10_mass": labels[test] + error,
                }
            )
        )
    half, all_of_them = measure_by_fraction(samples, thinned, {"one": [pd.concat(parts)]}).to_dict(
        "records"
    )
    lowest, highest = (1 - error**2 / labels.var() for error in (0.3, 0.1))
    assert (half["fraction"], half["n_draws"], half["n_train_protostars"], half["n_train"]) == (
        0.5,
        2,
        10,
        30,
    )
    assert half["r2"] == pytest.approx((lowest + highest) / 2)
    assert (half["r2_draw_lowest"], half["r2_draw_highest"]) == pytest.approx((lowest, highest))
    assert half["r2_low"] < half["r2"] < half["r2_high"]
    assert half["mae_dex"] == pytest.approx(0.2)
    assert (all_of_them["r2"], all_of_them["n_draws"], all_of_them["n_train_protostars"]) == (
        1,
        1,
        20,
    )


def test_differences_from_the_reference_are_of_the_same_stars_and_labels(samples, split):
    thinned, labels = thin_split(samples, split, fractions=[0.5, 1.0], draws=3), log_mass(samples)
    noise = np.random.default_rng(1).normal(scale=0.3, size=len(samples))

    def predicted(better):  # the same errors for both methods, but for the share `better` of a draw
        tables = []
        for fold, _, test in parts_of(thinned):
            share = better[thinned[thinned["fold"] == fold].iloc[0]["draw"]]
            guess = labels[test] + (1 - share) * noise[test]
            tables.append(pd.DataFrame({"row": test, "fold": fold, "log10_mass": labels[test]}))
            tables[-1]["predicted_log10_mass"] = guess
        return [pd.concat(tables)]

    given = {"base": predicted([0, 0, 0]), "other": predicted([0.5, 0.5, -0.1])}
    found = measure_by_fraction(samples, thinned, given, reference="base").set_index(
        ["method", "fraction"]
    )
    half, base = found.loc["other", 0.5], found.loc["base", 0.5]
    assert half["r2_difference"] == pytest.approx(half["r2"] - base["r2"])
    assert 0 < half["r2_difference_low"] < half["r2_difference"] < half["r2_difference_high"]
    # The errors are the same but for a factor: the difference is far surer than either number.
    assert half["r2_difference_high"] - half["r2_difference_low"] < half["r2_high"] - half["r2_low"]
    assert half["r2_draws_higher"] == pytest.approx(2 / 3)
    assert found.loc["other", 1.0]["r2_draws_higher"] == 1
    assert np.isnan(base["r2_difference"]) and np.isnan(base["r2_draws_higher"])
    alone = measure_by_fraction(samples, thinned, given, reference="third")
    assert "r2_difference" not in alone


@pytest.mark.parametrize(
    "options",
    [
        {"regressor": "knn", "neighbours": 20},
        {"regressor": "knn", "neighbours": [1, 20, 30], "whitening": [2, 32]},
        {"regressor": "ridge", "whitening": 32},
    ],
)
def test_where_few_rows_teach_neighbours_and_components_are_lowered_to_them(samples, options):
    features = np.random.default_rng(0).normal(size=(len(samples), 4))
    train, test = np.arange(6), np.arange(30, 40)
    with pytest.raises(InputError):
        predict(features, log_mass(samples), protostars(samples), train, test, **options)
    found = predict(
        features, log_mass(samples), protostars(samples), train, test, clamp_to_data=True, **options
    )
    assert np.isfinite(found.values).all()
    if options.get("neighbours") == 20:
        same = predict(
            features,
            log_mass(samples),
            protostars(samples),
            train,
            test,
            regressor="knn",
            neighbours=6,
        )
        np.testing.assert_array_equal(found.values, same.values)
