import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.reporting.figures.attention import attended, choose_heads
from starmass.reporting.inputs import read_segmentation


@pytest.fixture
def file(tmp_path):
    """Return ``write(**changes)``: a segmentation of one example with seven heads, each attending
    to one token more than the last.
    """

    def write(**changes):
        path = tmp_path / "segmentation.h5"
        attention = np.full((1, 8, 4, 4), 1 / 16)
        masks = [(np.arange(16) < 8 - head).reshape(4, 4) for head in range(8)]
        whole = {
            "row": [0],
            "colours": np.zeros((1, 4, 4, 3)),
            "explained": [0.3, 0.2, 0.1],
            "segments": np.ones((1, 4, 4), int),
        }
        whole |= {"attention": attention, "attended": np.stack(masks)[None], **changes}
        with h5py.File(path, "w") as stored:
            for name, values in whole.items():
                if values is not None:
                    stored[name] = values
            stored.attrs.update(segment_count=4, side_pc=0.25, attention_mass=0.6)
        return path

    return write


def test_an_unknown_row_is_one_sentence(tmp_path, drawn, file):
    with pytest.raises(InputError, match="row 999 is not in"):
        drawn(tmp_path, "segmentation", segmentation=file(row=[999]))


def test_colours_are_held_between_0_and_1(file):
    found = read_segmentation(file(colours=np.array([-1.0, 0.5, 2.0]).reshape(1, 1, 1, 3)))
    np.testing.assert_array_equal(found.colours.ravel(), [0, 0.5, 1])
    assert found.side == 0.25


def test_heads_that_look_closest_are_shown(file):
    found = read_segmentation(file())
    assert choose_heads(found) == [
        2,
        3,
        4,
        5,
        6,
    ]  # the mean over heads stands last and is none of them
    shown = attended(found, 0, 3)
    assert (
        np.nansum(shown) == pytest.approx(5) and np.isnan(shown).sum() == 11
    )  # 1 is an even spread


def test_without_a_class_token_figure_3_stands_and_figure_7_says_why_not(tmp_path, drawn, file):
    path = file(attention=None, attended=None)
    assert drawn(tmp_path, "segmentation", segmentation=path)["png"].is_file()
    with pytest.raises(
        InputError,
        match=r"no class token whose attention could be shown; set .*attention_mass to null",
    ):
        drawn(tmp_path, "attention", segmentation=path)


def test_a_file_of_another_version_is_one_sentence(tmp_path, drawn, file):
    with pytest.raises(InputError, match=r"segmentation.*: not a file of its kind"):
        drawn(tmp_path, "segmentation", segmentation=file(segments=None))
