"""A few of many, evenly along them."""

import numpy as np
import pytest

from starmass.spacing import spread_evenly


@pytest.mark.parametrize(
    ("total", "most", "places"),
    [
        (5, 12, [0, 1, 2, 3, 4]),
        (5, None, [0, 1, 2, 3, 4]),
        (1_000_000, 3, [0, 500_000, 999_999]),
        (9, 1, [0]),
        (9, 0, []),
        (0, 4, []),
    ],
)
def test_values_are_spread_evenly(total, most, places):
    values = np.arange(total) + 0.5
    assert spread_evenly(values, most).tolist() == [place + 0.5 for place in places]
