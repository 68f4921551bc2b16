"""Boxes from a CSV file: what is read, and what is refused in a sentence."""

import numpy as np
import pandas as pd
import pytest

from starmass.detection.boxes import classes_of, read_boxes
from starmass.errors import InputError

IMAGES = pd.DataFrame({"row": [0, 1, 2], "file": ["a.png", "b.png", "c.png"]})
HEAD = "file,x_min,y_min,x_max,y_max,class\n"


def read(tmp_path, text, **options):
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    return read_boxes(path, IMAGES, **{"pixels": 64, **options})


def test_boxes_name_files_or_rows(tmp_path):
    table = read(tmp_path, HEAD + "b.png,0,1,64,3.5,001\n\na.png, 2,2,4,4,null\n")
    assert table["row"].tolist() == [1, 0] and table["class"].tolist() == ["001", "null"]
    assert table.iloc[0, 1:5].tolist() == [0, 1, 64, 3.5]
    table = read(tmp_path, "class,row,x_min,y_min,x_max,y_max\nstar,2,0,30,300,60\n", measured=300)
    assert table.iloc[0].tolist() == [2, 0, 6.4, 64, 12.8, "star"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "this is no CSV file"),
        (HEAD, "it has no box"),
        ("file,x_min,y_min,x_max,ymax,class\na.png,1,1,2,2,s\n", "'y_max' (did you mean 'ymax'?)"),
        ("x_min,y_min,x_max,y_max,class\n1,1,2,2,s\n", "there is no column 'row'"),
        (HEAD + "d.png,1,1,2,2,s\n", "line 2, column file: 'd.png' is no image of the set"),
        (HEAD + "a.png,1,1,2,2,s\na.png,nan,1,2,2,s\n", "line 3, column x_min: 'nan' is no finite"),
        (HEAD + "a.png,1,,2,2,s\n", "column y_min: '' is no finite number"),
        (HEAD + "a.png,1,1,2,inf,s\n", "column y_max: 'inf' is no finite number"),
        (
            "row," + HEAD + "0,a.png,1,1,2,2,s\n0,b.png,1,1,2,2,s\n",
            "line 3, column row: '0' is another image than file names",
        ),
        (HEAD + "a.png,-1,1,2,2,s\n", "column x_min: '-1' is outside of the image, 0 to 64"),
        (HEAD + "a.png,1,1,2,65,s\n", "column y_max: '65' is outside of the image, 0 to 64"),
        (HEAD + "a.png,2,1,2,2,s\n", "column x_max: '2' is not above x_min"),
        (HEAD + "a.png,1,3,2,2,s\n", "column y_max: '2' is not above y_min"),
        (HEAD + "a.png,1,1,2,2,\n", "column class: '' is empty"),
        (HEAD + "a.png,1,1,2,2,s,7\n", "more fields than its first line names"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path, text, problem):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert problem in str(refused.value) and "boxes.csv" in str(refused.value)


def test_rows_that_are_none_and_labels_without_files(tmp_path):
    with pytest.raises(InputError, match=r"'3' is no image of the set; they are named from 0 to 2"):
        read(tmp_path, HEAD.replace("file", "row") + "3,1,1,2,2,s\n")
    with pytest.raises(InputError, match="the labels of the images have no column 'name'"):
        read(tmp_path, HEAD + "a.png,1,1,2,2,s\n", file="name")
    path = tmp_path / "boxes.csv"
    twice = IMAGES.assign(file="a.png")
    with pytest.raises(InputError, match=r"the labels have a.png twice; name images by row"):
        read_boxes(path, twice, pixels=64)


def test_boxes_are_measured_in_the_squares_that_were_cut(tmp_path):
    text = HEAD + "a.png,0,0,32,16,s\n"
    for side, squares, scale in ((48, [48], 64 / 48), (None, [48], 1), (64, [48, 60], 1)):
        found = read(tmp_path, text, measured=side, squares=squares)
        assert found.iloc[0, 1:5].tolist() == pytest.approx([0, 0, 32 * scale, 16 * scale])
    for side, squares in ((640, [48]), (48, [48, 60])):
        with pytest.raises(
            InputError, match=rf"in images of {side} pixels \(boxes_side\), and those"
        ):
            read(tmp_path, text, measured=side, squares=squares)


def test_each_class_is_learnt_and_something_is_tested():
    boxes = pd.DataFrame({"row": [0, 1, 1], "class": ["b", "a", "b"]})
    assert classes_of(boxes, np.array([1]), np.array([0])) == ("a", "b")
    with pytest.raises(InputError, match="no training image has a box of class 'a'"):
        classes_of(boxes, np.array([0]), np.array([1]))
    with pytest.raises(InputError, match="no test image has a box"):
        classes_of(boxes, np.array([0, 1]), np.array([2]))
