import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starmass.errors import InputError
from starmass.evaluation.predictions import Predictions, predict_folds, read_predictions
from starmass.evaluation.samples import protostars, write_table
from starmass.evaluation.splits import draw_split, parts_of, read_split

COLUMNS = {
    "row": [],
    "snapshot": ["simulation", "snapshot"],
    "protostar": ["simulation", "sink_id"],
    "simulation": ["simulation"],
}


def table(simulations, snapshots, sinks, seed=0):
    """Rows of sinks that are born at different times, three axes each."""
    generator = np.random.default_rng(seed)
    rows = [
        (f"s{a}", f"t{t}", k, axis, 1e4 * t + 100 * a)
        for a in range(simulations)
        for t in range(snapshots)
        for k in range(1 + generator.integers(sinks) * (t > 0))
        for axis in "xyz"
    ]
    samples = pd.DataFrame(rows, columns=["simulation", "snapshot", "sink_id", "axis", "time_yr"])
    return samples.assign(row=np.arange(len(samples)))


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(2, 4), st.integers(2, 5), st.integers(2, 6)),
    seed=st.integers(0, 50),
    by=st.sampled_from(list(COLUMNS)),
    how=st.sampled_from(
        [{"test_fraction": 0.25}, {"test_fraction": 0.5}, {"folds": 2}, {"folds": "all"}]
    ),
)
def test_groups_never_straddle_and_every_row_has_its_part(shape, seed, by, how):
    samples = table(*shape, seed)
    split = draw_split(samples, by=by, seed=seed, **how)
    tested = []
    for _, train, test in parts_of(split):
        assert len(train) and len(test)
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), samples["row"])
        if COLUMNS[by]:
            names = [
                set(samples.loc[part, COLUMNS[by]].itertuples(index=False, name=None))
                for part in (train, test)
            ]
            assert not names[0] & names[1]
        tested.append(test)
    if "folds" in how:
        np.testing.assert_array_equal(np.sort(np.concatenate(tested)), samples["row"])
    else:
        assert len(tested) == 1
    if how.get("folds") == "all" and COLUMNS[by]:
        assert len(tested) == len(samples.groupby(COLUMNS[by]))


def test_random_rows_hold_out_the_asked_fraction_exactly():
    samples = table(2, 4, 5)
    split = draw_split(samples, by="row", test_fraction=0.25)
    assert (split["part"] == "test").sum() == round(0.25 * len(samples))


def test_a_split_is_its_seed():
    samples = table(2, 4, 5)
    first, again, other = (
        draw_split(samples, by="protostar", test_fraction=0.3, seed=seed) for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_folds_are_balanced():
    samples = table(3, 5, 8)
    sizes = [len(test) for _, _, test in parts_of(draw_split(samples, by="protostar", folds=4))]
    biggest = np.bincount(protostars(samples)).max()
    assert max(sizes) - min(sizes) <= biggest


def test_time_tests_what_is_later_in_each_simulation():
    samples = table(3, 5, 6)
    ((_, train, test),) = parts_of(draw_split(samples, by="time", test_fraction=0.3))
    for name, part in samples.groupby("simulation"):
        early = part.loc[part["row"].isin(train), "time_yr"]
        late = part.loc[part["row"].isin(test), "time_yr"]
        assert early.max() < late.min(), name
    assert 0.1 < len(test) / len(samples) < 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "row"}, "either test_fraction or folds"),
        ({"by": "row", "test_fraction": 0.5, "folds": 2}, "not both"),
        ({"by": "row", "test_fraction": 1e-6}, "no test rows"),
        ({"by": "row", "test_fraction": 1 - 1e-6}, "no training rows"),
        ({"by": "simulation", "folds": "all"}, "belong to one simulation"),
        ({"by": "protostar", "folds": 1000}, "folds has to be from 2 to"),
        ({"by": "colour", "folds": 2}, "choose one of row"),
        ({"by": "time", "folds": 2}, "give test_fraction instead"),
    ],
)
def test_splits_that_cannot_be_are_one_sentence(options, words):
    with pytest.raises(InputError, match=words):
        draw_split(table(1, 4, 5), **options)


def test_time_with_one_snapshot_has_nothing_to_test():
    with pytest.raises(InputError, match="no test rows"):
        draw_split(table(1, 1, 3), by="time", test_fraction=0.25)


def test_a_snapshot_without_a_time_is_neither_early_nor_late():
    samples = table(1, 4, 3)
    samples.loc[samples["snapshot"] == "t2", "time_yr"] = np.nan
    with pytest.raises(InputError, match="the snapshot t2 of s0 has no time"):
        draw_split(samples, by="time", test_fraction=0.25)


def test_a_saved_split_without_test_rows_is_refused():
    split = pd.DataFrame({"row": [0, 1], "fold": [0, 0], "part": ["train", "train"]})
    with pytest.raises(InputError, match="has no test rows"):
        list(parts_of(split))


def test_a_split_or_samples_that_lost_rows_are_a_sentence(samples, tmp_path):
    split = draw_split(samples, by="protostar", folds=3, seed=0)
    path = tmp_path / "split.csv"
    write_table(path, split)
    assert read_split(path, samples).equals(split)
    for rows, whole in (
        (split.iloc[:-5], samples),
        (split.iloc[:0], samples),
        (split, samples.iloc[:-1]),
    ):
        write_table(path, rows)
        with pytest.raises(InputError, match=r"split\.csv: does not hold the \d+ rows"):
            read_split(path, whole)
    path.write_text(path.read_text()[:-3])
    with pytest.raises(InputError, match="cut short"):
        read_split(path, samples)


def test_predictions_that_lost_rows_are_a_sentence(samples, tmp_path):
    split = draw_split(samples, by="protostar", folds=3, seed=0)
    table, _ = predict_folds(
        samples, split, lambda fold, train, test: Predictions(np.zeros(len(test)))
    )
    path = tmp_path / "seed-0.csv"
    write_table(path, table)
    assert len(read_predictions(path, split)) == len(samples)
    write_table(path, table.iloc[:-1])
    with pytest.raises(InputError, match=r"seed-0\.csv: does not hold the \d+ test rows"):
        read_predictions(path, split)


def test_predictions_that_are_no_numbers_are_a_sentence(samples, tmp_path):
    split = draw_split(samples, by="protostar", folds=3, seed=0)
    with pytest.raises(InputError, match=r"fold 0: the method predicts \d+ of \d+ masses that are"):
        predict_folds(samples, split, lambda *rows: Predictions(np.full(len(rows[2]), np.nan)))
    table, _ = predict_folds(
        samples, split, lambda fold, train, test: Predictions(np.zeros(len(test)))
    )
    table.loc[4, "predicted_log10_mass"] = np.inf
    write_table(tmp_path / "seed-0.csv", table)
    with pytest.raises(InputError, match=rf"seed-0\.csv: .* row {table['row'][4]} are not finite"):
        read_predictions(tmp_path / "seed-0.csv", split)
