import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.reporting.inputs import read_segmentation


def test_an_unknown_row_is_one_sentence(tmp_path, drawn):
    path = tmp_path / "segmentation.h5"
    with h5py.File(path, "w") as file:
        file["row"], file["colours"], file["explained"] = [999], np.zeros((1, 4, 4, 3)), [0.3, 0.2, 0.1]
    with pytest.raises(InputError, match="row 999 is not in"):
        drawn(tmp_path, "segmentation", segmentation=path)


def test_colours_are_held_between_0_and_1(tmp_path):
    path = tmp_path / "segmentation.h5"
    with h5py.File(path, "w") as file:
        file["row"], file["colours"], file["explained"] = [0], np.array([-1.0, 0.5, 2.0]).reshape(1, 1, 1, 3), [0.3, 0.2, 0.1]
        file.attrs["side_pc"] = 0.25
    found = read_segmentation(path)
    np.testing.assert_array_equal(found.colours.ravel(), [0, 0.5, 1])
    assert found.side == 0.25
