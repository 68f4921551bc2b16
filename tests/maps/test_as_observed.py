"""The simulation as an object was observed: larger pixels against sums by hand, and the steps."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starmass.errors import InputError
from starmass.maps.as_observed import (
    KINDS,
    AsObserved,
    CoarsePixels,
    observe_like_object,
)
from starmass.maps.observation import smooth

PIXELS = 16
ALL = ("column_density", "v_los", "sigma_v")


def draw_maps(seed=0, pixels=PIXELS):
    generator = np.random.default_rng(seed)
    return np.stack(
        [
            10 ** generator.normal(22, 0.3, (pixels, pixels)),
            generator.normal(0, 1, (pixels, pixels)),
            generator.uniform(0.1, 1, (pixels, pixels)),
        ]
    )


def observed(**changes):
    facts = {
        "name": "star",
        "channels": ALL,
        "side": 0.5,
        "pixels": PIXELS,
        "nucleus": 2.3e-24,
        "beam": 0.0,
        "pixel_pc": 0.01,
        "coarse": None,
        "noise": np.zeros((3, PIXELS, PIXELS)),
        "in_dex": np.zeros(3, bool),
        "correlation": np.zeros(3),
        "missing": np.zeros((3, PIXELS, PIXELS), bool),
    }
    return AsObserved(**{**facts, **changes})


@settings(max_examples=25, deadline=None)
@given(factor=st.sampled_from([2, 4]), seed=st.integers(0, 99))
def test_larger_pixels_hold_the_moments_of_those_in_them(factor, seed):
    """Pixels of 2 x 2 or 4 x 4 that begin at the corner: sums by hand, at the centres of a third"""
    maps = draw_maps(seed)
    first = (1 / factor - 1) / 2
    coarse = CoarsePixels.of(np.array([first, 1 / factor, 0, first, 0, 1 / factor]), PIXELS)
    blocks = PIXELS // factor

    def mean(values):
        return values.reshape(blocks, factor, blocks, factor).mean(axis=(1, 3))

    column = mean(maps[0])
    velocity = mean(maps[0] * maps[1]) / column
    square = mean(maps[0] * (maps[1] ** 2 + maps[2] ** 2)) / column
    large = np.stack([column, velocity, np.sqrt(square - velocity**2)])
    area = np.asarray(coarse.gather.sum(axis=1)).ravel()
    assert area[area > 0] == pytest.approx(factor**2)
    # The way back is bilinear between the centres of the large pixels, and constant at the rim.
    at = np.clip((np.arange(PIXELS) + 0.5) / factor - 0.5, 0, blocks - 1)
    low = np.minimum(at.astype(int), blocks - 2)
    part = at - low
    rows = large[:, low] * (1 - part)[:, None] + large[:, low + 1] * part[:, None]
    back = rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part
    assert coarse.resample(maps) == pytest.approx(back, rel=1e-9)


def test_pixels_turned_by_a_quarter_are_the_same_pixels():
    maps = draw_maps()
    straight = CoarsePixels.of(np.array([-0.25, 0.5, 0, -0.25, 0, 0.5]), PIXELS)
    turned = CoarsePixels.of(np.array([7.25, 0, -0.5, -0.25, 0.5, 0]), PIXELS)
    assert turned.resample(maps) == pytest.approx(straight.resample(maps))


def test_steps_come_in_the_order_of_the_telescope():
    """Beam, then noise, then missing pixels that take the nearest that is there"""
    maps = draw_maps()
    missing = np.zeros((3, PIXELS, PIXELS), bool)
    missing[1, 3, :5] = True
    noise = np.full((3, PIXELS, PIXELS), 0.0)
    noise[1] = 0.2
    seen = observed(beam=1.5, noise=noise, missing=missing).observe(maps, ("a", "s", 1, "x"))
    beam_alone = smooth(maps, KINDS, 1.5)
    assert seen[[0, 2]] == pytest.approx(beam_alone[[0, 2]])
    there = ~missing[1]
    assert 0.15 < (seen[1] - beam_alone[1])[there].std() < 0.25
    filled = set(np.round(seen[1, 3, :5], 9))
    assert filled <= set(np.round(seen[1][there], 9))
    again = observed(beam=1.5, noise=noise, missing=missing).observe(maps, ("a", "s", 1, "x"))
    other = observed(beam=1.5, noise=noise, missing=missing).observe(maps, ("a", "s", 1, "y"))
    assert (seen == again).all() and (seen[1] != other[1]).any()


def test_noise_is_as_smooth_as_the_objects():
    """Its deviation is the given one, and neighbours are as alike as such a Gaussian's"""
    bare = np.stack([np.full((PIXELS, PIXELS), value) for value in (1e22, 0.0, 0.5)])
    noise = np.zeros((3, PIXELS, PIXELS))
    noise[1] = 0.2
    for width in (0.0, 1.5):
        seen = observed(noise=noise, correlation=np.array([0, width, 0]))
        drawn = np.stack([seen.observe(bare, ("a", str(one), 1, "x"))[1] for one in range(300)])
        assert drawn.std() == pytest.approx(0.2, rel=0.03)
        alike = (drawn[:, :, 1:] * drawn[:, :, :-1]).mean() / drawn.var()
        assert alike == pytest.approx(np.exp(-0.25 / width**2) if width else 0.0, abs=0.02)


def test_noise_of_a_logarithm_is_a_factor():
    noise = np.zeros((3, PIXELS, PIXELS))
    noise[0] = 0.2
    seen = observed(noise=noise, in_dex=np.array([True, False, False]))
    maps = draw_maps()
    drawn = np.stack([seen.observe(maps, ("a", "s", one, "x"))[0] for one in range(50)])
    assert (drawn > 0).all()
    assert np.log10(drawn / maps[0]).std() == pytest.approx(0.2, rel=0.05)


def test_an_object_without_a_channel_still_has_the_beam_widen_its_lines():
    maps = draw_maps()
    only = observed(
        channels=("column_density", "sigma_v"),
        beam=1.5,
        noise=np.zeros((2, PIXELS, PIXELS)),
        in_dex=np.zeros(2, bool),
        correlation=np.zeros(2),
        missing=np.zeros((2, PIXELS, PIXELS), bool),
    )
    seen = only.observe(maps, ("a", "s", 1, "x"))
    assert seen == pytest.approx(smooth(maps, KINDS, 1.5)[[0, 2]])


def write_object(path, **changes):
    """What of an object's map file is read here; objects without noise, all pixels there"""
    with h5py.File(path, "w") as file:
        facts = {
            "object": "star",
            "side_pc": 0.5,
            "pixels": PIXELS,
            "hydrogen_mass_g": 2.3e-24,
            "beam_pixels": 0.0,
            "pixel_pc": 0.01,
            "coarse_grid": np.empty(0),
            "noise_pixels": np.zeros(3),
            "noise_in_dex": np.zeros(3, bool),
        }
        file.attrs.update({**facts, **changes})
        maps = file.create_dataset("maps", data=np.ones((1, 1, 3, PIXELS, PIXELS)))
        maps.attrs["channels"] = list(ALL)
        file["noise"] = np.zeros((3, PIXELS, PIXELS))
        file["missing_channels"] = np.zeros((1, 1, 3, PIXELS, PIXELS), bool)
    return path


def write_simulation(path, velocity):
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "maps", data=np.stack([draw_maps(seed) for seed in range(3)])[None]
        )
        dataset.attrs["axes"] = ["x", "y", "z"]
        dataset.attrs["channels"] = list(ALL)
        for key in ("units", "kinds", "definitions", "from_behind", "turns"):
            dataset.attrs[f"channel_{key}"] = ["", "", ""]
        for key in ("channel_transforms", "channel_wants_gradient"):
            dataset.attrs[key] = ["", "", ""]
        dataset.attrs["orientation"] = "rows up"
        file["sink_id"] = [7]
        file["velocity"] = np.array([[velocity, 0.0, -0.1]])
        file.attrs.update(
            simulation="a",
            snapshot="s1",
            side_pc=0.5,
            pixels=PIXELS,
            hydrogen_mass_g=2.3e-24,
            velocity_frame="box",
            accretion_radius_pc=0.02,
            provenance=json.dumps({"inputs": {}}),
        )
    return path


def test_velocities_are_those_relative_to_the_star(tmp_path):
    file = write_simulation(tmp_path / "s1.h5", velocity=0.4)
    (written,) = observe_like_object(
        folder=tmp_path / "seen", object_maps=write_object(tmp_path / "o.h5"), maps={"a": [file]}
    )
    with h5py.File(written) as seen, h5py.File(file) as bare:
        given, found = bare["maps"][0], seen["maps"][0]
        own = np.array([0.4, 0.0, -0.1])[:, None, None]
        assert found[:, 1] == pytest.approx(given[:, 1] - own, abs=1e-6)
        assert found[:, [0, 2]] == pytest.approx(given[:, [0, 2]], rel=1e-6)
        assert seen.attrs["velocity_frame"] == "sink"


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"side_pc": 0.4}, r"s1\.h5: the side \[pc\] of its maps is 0\.5, and .* star is 0\.4"),
        ({"hydrogen_mass_g": 2e-24}, "mass of gas for each hydrogen nucleus"),
        (
            {"pixel_pc": 0.03, "coarse_grid": np.array([0, 0.5, 0, 0, 0, 0.5])},
            r"objects\.star: a pixel of its maps is 0\.03 pc wide, more than the 0\.02 pc",
        ),
    ],
)
def test_maps_that_do_not_fit_the_object_are_refused(tmp_path, changes, words):
    file = write_simulation(tmp_path / "s1.h5", velocity=0)
    with pytest.raises(InputError, match=words):
        observe_like_object(
            folder=tmp_path / "seen",
            object_maps=write_object(tmp_path / "o.h5", **changes),
            maps={"a": [file]},
        )
    assert not [*(tmp_path / "seen").rglob("*.h5")]
