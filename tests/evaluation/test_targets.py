"""What is predicted: labels are checked where they are read, and a map file's data set is one."""

import h5py
import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.evaluation.few_labels import measure_by_fraction, thin_split
from starmass.evaluation.predictions import predict_folds, read_predictions
from starmass.evaluation.samples import collect_samples, write_table
from starmass.evaluation.splits import draw_split, parts_of
from starmass.evaluation.targets import MASS, Target, read_target
from starmass.tables import read_samples

CLASSES = {"kind": "classes", "column": "shape", "name": "shape", "key": "studies.x.target"}


def samples_of(**columns):
    """Samples of an image set: objects without a mass, with labels of their own."""
    rows = len(next(iter(columns.values())))
    facts = {"simulation": "sky", "snapshot": "0", "axis": "sky", "map_file": "maps.h5"}
    numbers = {"row": range(rows), "sink_id": range(rows), "sink_index": range(rows)}
    empty = {"mass_msun": np.nan, "age_yr": np.nan, "time_yr": np.nan, "axis_index": 0}
    return pd.DataFrame({**numbers, **columns}).assign(**facts, **empty)


@pytest.fixture
def classes(tmp_path):
    write_table(tmp_path / "samples.csv", samples_of(shape=["001", "null", "1e5"] * 4))
    return tmp_path / "samples.csv"


def test_the_default_is_the_mass_with_its_own_columns(samples):
    np.testing.assert_array_equal(MASS.values(samples), np.log10(samples["mass_msun"]))
    assert MASS.is_mass and MASS.columns.truth == "log10_mass"
    with pytest.raises(InputError, match="no logarithm"):
        MASS.values(samples_of(shape=["a", "b"]))


def test_classes_are_text_whatever_they_look_like(classes):
    target, samples = read_target(classes, CLASSES)
    assert target.classes == ("001", "1e5", "null")
    assert list(target.values(samples)[:3]) == [0, 2, 1]
    ordered, _ = read_target(classes, {**CLASSES, "classes": ["null", "1e5", "001"]})
    assert list(ordered.values(samples)[:3]) == [2, 0, 1]


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (["a", "b", None, "a", "b"], {}, r"row 2: the column 'shape' .* is empty"),
        (["a", "b", "c", "a", "b"], {"classes": ["a", "b"]}, "row 2: .*'c', which is none of"),
        (["a", "b", "a", "a", "a"], {}, "the class 'b' of column 'shape' has 1 object"),
        (["a"] * 5, {}, "the class 'a' alone"),
        (["a", "b"] * 2, {"column": "shap"}, "no column 'shap'.*did you mean 'shape'"),
        (["1", "2", "x", ""], {"kind": "number", "transform": "none"}, "row 2 .*no finite number"),
        (["1", "0", "2"], {"kind": "number", "transform": "log10"}, "row 1: .*no logarithm"),
        (["1", "inf", "2"], {"kind": "number", "transform": "none"}, "row 1: .*no finite number"),
    ],
)
def test_a_wrong_label_is_one_sentence(tmp_path, labels, options, words):
    write_table(tmp_path / "samples.csv", samples_of(shape=labels))
    with pytest.raises(InputError, match=words) as caught:
        read_target(tmp_path / "samples.csv", {**CLASSES, **options})
    assert str(caught.value).startswith(str(tmp_path / "samples.csv"))


def test_a_data_set_of_the_map_files_becomes_a_column(map_files):
    for path in map_files:
        with h5py.File(path, "r+") as file:
            sinks = len(file["mass"])
            file["rate"] = 2.0 * file["sink_id"][:]
            file["stage"] = np.array(["0", "I"] * sinks)[:sinks].astype(object)
    table = collect_samples(map_files, label="rate")
    np.testing.assert_array_equal(table["rate"], 2.0 * table["sink_id"])
    stages = collect_samples(map_files, label="stage")
    assert set(stages["stage"]) == {"0", "I"}
    assert "age" not in collect_samples(map_files, label="age_yr")
    with pytest.raises(InputError, match=r"no data set 'rat'.*did you mean 'rate'"):
        collect_samples(map_files, label="rat")


def test_predicted_classes_are_read_as_they_were_written(classes, tmp_path):
    target, samples = read_target(classes, CLASSES)
    split = draw_split(samples, by="row", folds=3)
    chance = np.random.default_rng(0)

    def predict(fold, train, test):
        from starmass.evaluation.predictions import Predictions

        return Predictions(chance.dirichlet(np.ones(3), len(test)))

    table, _ = predict_folds(samples, split, predict, target=target)
    write_table(tmp_path / "p.csv", table)
    again = read_predictions(tmp_path / "p.csv", split, target)
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    scores = again[target.scores].to_numpy()
    assert list(again["predicted"]) == [target.classes[at] for at in scores.argmax(axis=1)]
    write_table(tmp_path / "p.csv", table.assign(predicted="other"))
    with pytest.raises(InputError, match=r"classes or scores of row .* not those of the target"):
        read_predictions(tmp_path / "p.csv", split, target)


def test_few_labels_are_drawn_of_each_class_by_itself():
    names = ["rare"] * 10 + ["common"] * 90
    samples = samples_of(shape=names)
    target = Target(**CLASSES, classes=("rare", "common"))
    places = target.values(samples)
    split = draw_split(samples, by="protostar", folds=2)
    thinned = thin_split(samples, split, fractions=[0.1, 0.5, 1.0], draws=2, classes=places)
    whole = {fold: np.bincount(places[train]) for fold, train, _ in parts_of(split)}
    tables = []
    for fold, train, test in parts_of(thinned):
        facts = thinned[thinned["fold"] == fold].iloc[0]
        wanted = [max(2, round(facts["fraction"] * n)) for n in whole[facts["from_fold"]]]
        np.testing.assert_array_equal(np.bincount(places[train]), wanted)
        right = facts["fraction"] == 1.0
        scores = np.eye(2)[places[test] if right else 1 - places[test]]
        told = {"truth": np.array(target.classes)[places[test]], "predicted": "rare"}
        tables.append(
            pd.DataFrame({"row": test, "fold": fold, **told}).assign(
                score_0=scores[:, 0], score_1=scores[:, 1]
            )
        )
    found = measure_by_fraction(samples, thinned, {"m": [pd.concat(tables)]}, target)
    assert list(found["accuracy"]) == [0, 0, 1] and list(found["accuracy_draw_highest"]) == [
        0,
        0,
        1,
    ]


def test_samples_without_any_mass_are_read_and_a_single_gap_is_not(tmp_path):
    table = samples_of(shape=["a", "b", "a", "b"])
    write_table(tmp_path / "samples.csv", table)
    assert len(read_samples(tmp_path / "samples.csv")) == 4
    write_table(tmp_path / "samples.csv", table.assign(mass_msun=[1.0, np.nan, 1.0, 1.0]))
    with pytest.raises(InputError, match="no logarithm"):
        read_samples(tmp_path / "samples.csv")
