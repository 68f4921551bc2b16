"""What labels say of images, and what of them is refused."""

import numpy as np
import pytest
from image_files import noise, write_labels, write_png

from starmass.errors import InputError
from starmass.images.labels import Facts
from starmass.images.listing import labelled_files, read_labels


def facts(tmp_path, names, *rows, **columns):
    path = write_labels(tmp_path / "labels.csv", rows, names)
    return Facts(read_labels(path), columns, "mine")


def test_columns_that_are_not_there_have_a_value(tmp_path):
    table = facts(tmp_path, ["file", "class"], ["a", "FRI"], ["b", "007"]).table()
    assert list(table["sink_id"]) == [0, 1] and set(table["axis"]) == {"sky"}
    assert set(table["simulation"]) == {"mine"} and set(table["snapshot"]) == {"images"}
    assert set(table["mass_msun"]) == {""} and list(table["class"]) == ["FRI", "007"]
    assert list(table["sink_index"]) == [0, 1] and set(table["axis_index"]) == {0}


def test_columns_may_have_other_names(tmp_path):
    names = ["name", "M", "t", "run"]
    found = facts(
        *(tmp_path, names, ["a", "1.50", "", "r1"], ["a", "2", "3e4", "r2"]),
        id="name", mass="M", age="t", simulation="run",
    )  # fmt: skip
    table = found.table()
    assert list(table["mass_msun"]) == ["1.50", "2"] and list(table["age_yr"]) == ["", "3e4"]
    assert list(table["sink_id"]) == [0, 0] and list(table["simulation"]) == ["r1", "r2"]
    assert list(table["M"]) == ["1.50", "2"]
    assert np.isnan(found.numbers("age", blank=True)[0])


def test_a_group_is_what_lines_of_an_object_share(tmp_path):
    rows = ["a", "7"], ["b", "7"], ["c", "3"]
    assert list(facts(tmp_path, ["id", "g"], *rows, group="g").table()["sink_id"]) == [7, 7, 3]
    twice = ["J1", "7"], ["J1", "7"]
    with pytest.raises(InputError, match=r"lines 2 and 3 are both of id J1 \(id\).*columns.group"):
        facts(tmp_path, ["id", "g"], *twice).table()
    assert list(facts(tmp_path, ["id", "g"], *twice, group="id").table()["sink_id"]) == [0, 0]
    with pytest.raises(InputError, match="column 'g' has 7 and 07, which are one number"):
        facts(tmp_path, ["id", "g"], ["a", "7"], ["b", "07"], group="g").table()
    long = ["9" * 30], ["8"]  # no number of 64 bits
    assert list(facts(tmp_path, ["id"], *long).table()["sink_id"]) == [0, 1]


@pytest.mark.parametrize(
    ("names", "row", "columns", "words"),
    [
        (["mass_msun"], ["0"], {}, "line 2, column mass_msun: 0 Msun has no logarithm"),
        (["M"], ["-1"], {"mass": "M"}, r"column M: -1 Msun .*\(images.mine.columns.mass\)"),
        (["mass_msun"], ["heavy"], {}, "'heavy' is no finite number; mend it"),
        (["mass_msun", "a"], ["nan", "1"], {}, "column mass_msun: 'nan' is no finite number"),
        (["id", "a"], ["", "1"], {}, r"column id: is empty; fill it in"),
        (["axis"], ["up"], {}, "column axis: 'up' is none of x, y, z"),
        (["star_velocity", "a"], ["", "1"], {}, "column star_velocity: is empty"),
        (["id"], ["1"], {"mass": "mas"}, "no column 'mas', which images.mine.columns.mass names"),
        (["map_file"], ["1"], {}, "the column 'map_file' has the name of a column of the list"),
        (["mass_msun", "M"], ["1", "2"], {"mass": "M"}, "the column 'mass_msun' has the name"),
    ],
)
def test_what_can_not_be_is_named(tmp_path, names, row, columns, words):
    with pytest.raises(InputError, match=words):
        found = facts(tmp_path, names, row, **columns)
        found.table()
        found.numbers("mass")
        found.numbers("star_velocity")


def test_a_blank_mass_is_refused_where_others_have_one(tmp_path):
    found = facts(tmp_path, ["file", "mass_msun"], ["a", "1"], ["b", ""])
    with pytest.raises(InputError, match="line 3, column mass_msun: is empty"):
        found.table()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has no lines"),
        ("a,b\n", "it has no line of labels"),
        ("a,a\n1,2\n", "its first line names 'a' twice"),
        ("a,\n1,2\n", "its first line names nothing at column 2"),
        ("a,b\n1,2\n3\n", "line 3 has 1 fields, and the first line names 2"),
        ("a,b\n1,2,3\n", "line 2 has 3 fields"),
        (b"a\n\xff\xfe\n", "this is no CSV file in UTF-8"),
    ],
)
def test_tables_that_can_not_be_read(tmp_path, text, words):
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=words):
        read_labels(path)


def test_files_of_a_folder_and_their_lines_belong_together(tmp_path):
    for name in ("b", "a", "sub/c"):
        write_png(tmp_path / f"{name}.png", noise(4, 4))
    every = [["b.png"], ["a.png"], ["sub/c.png"]]

    def listed(rows, names=("file",), **options):
        labels = read_labels(write_labels(tmp_path / "labels.csv", rows, names))
        return labelled_files(tmp_path, labels, "mine", **options)

    assert listed(every) == [str(tmp_path / row[0]) for row in every]
    assert listed(every, ["name"], column="name") == listed(every)
    assert len(listed(every[1:], unlabelled="ignore")) == 2
    with pytest.raises(InputError, match=r"1 image \(b\.png\) has no line in .*labels\.csv; add"):
        listed(every[1:])
    with pytest.raises(InputError, match=r"2 images \(d\.png, e\.png\) .* are not in"):
        listed([*every, ["d.png"], ["e.png"]])
    with pytest.raises(InputError, match=r"lines 2 and 5 both name b\.png"):
        listed([*every, every[0]])
    with pytest.raises(InputError, match=r"line 3 names no file \(file\)"):
        listed([["b.png", "1"], ["", "2"]], ["file", "mass_msun"])
    with pytest.raises(InputError, match=r"no column 'file' .* images\.mine\.columns\.file"):
        listed(every, ["name"])
    with pytest.raises(InputError, match=r"'images\.mine\.folder': there is no folder"):
        labelled_files(tmp_path / "gone", read_labels(tmp_path / "labels.csv"), "mine")
