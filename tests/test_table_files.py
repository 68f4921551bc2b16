"""Tables between stages: what is written is what is read, whatever names look like."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starmass.errors import InputError
from starmass.tables import SAMPLE, TEXT, read_samples, read_table, write_table

LIKE_OTHERS = (
    "null", "NULL", "NA", "N/A", "n/a", "nan", "NaN", "-nan", "None", "none", "inf", "-inf", "001",
    "1e5", "1_0", "0x1", "1.0", "-0", "True", "false", "yes", "2020-01-01", " x ", "a,b",
    'a"b', "#",
)  # fmt: skip
NAMES = st.sampled_from(LIKE_OTHERS) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(NAMES, NAMES, st.floats(allow_nan=False)), min_size=1, max_size=6))
def test_names_and_numbers_survive_the_file(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    table = pd.DataFrame(rows, columns=["simulation", "value", "r2"]).assign(sink_id=2**53 + 1)
    write_table(path, table)
    again = read_table(path, ("simulation", "r2"))
    for name in ("simulation", "value"):
        assert again[name].tolist() == table[name].tolist()
    np.testing.assert_allclose(again["r2"], table["r2"], rtol=1e-15)
    assert (again["sink_id"] == 2**53 + 1).all()


def test_every_column_of_names_is_text_and_missing_only_where_empty(tmp_path):
    table = pd.DataFrame({name: list(LIKE_OTHERS) for name in TEXT})
    table.loc[3, list(TEXT)] = None
    write_table(tmp_path / "table.csv", table)
    again = read_table(tmp_path / "table.csv")
    for name in TEXT:
        assert np.flatnonzero(again[name].isna()).tolist() == [3]
        assert again[name].dropna().tolist() == [*LIKE_OTHERS[:3], *LIKE_OTHERS[4:]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study,r2\na,0.5\nb,0.", "its last line is cut short"),
        ("study,r2\na,0.5\nb,nan\n", "the column 'r2' holds 'nan' where a number should be"),
        ("study,r2\na,0.5\nb,few\n", "the column 'r2' holds 'few' where a number should be"),
        ("study\na\n", "the column 'r2' is missing"),
        ("", "not a readable table"),
        ("study,r2\na,1\nb,2,3\n", "not a readable table"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path, text, words):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(InputError, match=f"table.csv: .*{words}.*run Snakemake again"):
        read_table(tmp_path / "table.csv", ("study", "r2"))
    with pytest.raises(InputError, match=r"absent\.csv: there is no such file"):
        read_table(tmp_path / "absent.csv")


@pytest.mark.parametrize("mass", [0.0, -0.2, np.nan, np.inf])
def test_masses_without_a_logarithm_are_refused_by_row(tmp_path, mass):
    rows = [(row, "NA", "001", row + 5, "x", 0.1, 1e4, "maps.h5", row, 0) for row in range(4)]
    table = pd.DataFrame(rows, columns=list(SAMPLE))
    write_table(tmp_path / "samples.csv", table)
    assert read_samples(tmp_path / "samples.csv").equals(table.astype(dict.fromkeys(
        ("simulation", "snapshot", "axis", "map_file"), str)))  # fmt: skip
    table.loc[2, "mass_msun"] = mass
    write_table(tmp_path / "samples.csv", table)
    with pytest.raises(InputError, match=r"samples\.csv: row 2: the mass of sink 7 of NA, 001, is"):
        read_samples(tmp_path / "samples.csv")
    write_table(tmp_path / "samples.csv", table[:0])
    with pytest.raises(InputError, match="the study has no maps"):
        read_samples(tmp_path / "samples.csv")
