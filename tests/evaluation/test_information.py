"""Information is found where it was put, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from starmass.evaluation.information import RADII, locate_information, resolution_of
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps, log_mass
from starmass.evaluation.splits import draw_split
from starmass.evaluation.statistics import radii

PIXELS = 16


@pytest.fixture(scope="module")
def samples():
    generator = np.random.default_rng(0)
    rows = [
        (star, axis, 10**mass)
        for star, mass in enumerate(generator.normal(size=40))
        for axis in "xyz"
    ]
    table = pd.DataFrame(rows, columns=["sink_id", "axis", "mass_msun"])
    return table.assign(simulation="a", row=np.arange(len(table)))


def located(samples, channel, mask):
    """Noise, and log mass in one channel under a mask."""
    values = (
        np.random.default_rng(1).normal(size=(len(samples), 3, PIXELS, PIXELS)).astype(np.float32)
    )
    values[:, channel, mask] += 3 * log_mass(samples)[:, None]
    maps = Maps(values, ("column_density", "v_los", "sigma_v"), np.zeros(len(samples)), 0.01)
    split = draw_split(samples, by="protostar", folds=4)
    table = locate_information(samples, maps, split, Preprocessing(column_density="none"), draws=50)
    return table[table["method"] == "ridge"]


def test_a_signal_between_two_radii_is_found_there(samples):
    radius = radii(PIXELS)
    table = located(samples, 2, (radius > 2) & (radius <= 4))
    inside, outside = (
        table[table["part"] == part].set_index("radius_pixels")["r2"]
        for part in ("inside", "outside")
    )
    assert list(inside.index) == [end for end in RADII if end < PIXELS / 2]
    assert (inside[[4, 6]] > 0.9).all() and (inside[[1, 2]] < 0.2).all()
    assert (outside[[1, 2]] > 0.9).all() and (outside[[4, 6]] < 0.2).all()
    assert table.loc[table["part"] == "all", "r2"].item() > 0.9
    np.testing.assert_allclose(table["radius_pc"], 0.01 * table["radius_pixels"])


def test_the_channel_that_carries_it_is_found(samples):
    table = located(samples, 1, radii(PIXELS) < 2).set_index(["part", "channel"])["r2"]
    for channel in ("column_density", "v_los", "sigma_v"):
        assert (table["only", channel] > 0.9) == (channel == "v_los")
        assert (table["without", channel] > 0.9) == (channel != "v_los")


def test_what_the_simulation_resolves_is_read(map_files):
    samples = pd.DataFrame({"map_file": map_files})
    assert resolution_of(samples) == {"finest_cell_pc": 0.5 / 128, "accretion_radius_pc": 0.5 / 32}
