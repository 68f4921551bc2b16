import numpy as np
import pytest

from starmass.config.sentences import validated
from starmass.errors import InputError
from starmass.evaluation.preprocessing import Preprocessing, scale
from starmass.evaluation.samples import Maps


def maps_of(values, star_velocity=0.0, pixel_pc=0.5):
    values = np.asarray(values, np.float32)
    return Maps(
        values,
        ("column_density", "v_los", "sigma_v"),
        np.full(len(values), star_velocity),
        pixel_pc,
    )


@pytest.fixture
def maps():
    generator = np.random.default_rng(0)
    return maps_of(10 ** generator.normal(size=(6, 3, 8, 8)), star_velocity=2.0)


def test_the_published_input_takes_the_log_of_the_column_alone(maps):
    shown = Preprocessing().transform(maps)
    np.testing.assert_allclose(shown[:, 1:], maps.values[:, 1:])
    np.testing.assert_allclose(
        shown[:, 0], np.log10(np.maximum(maps.values[:, 0], 1e10)), rtol=1e-6
    )


def test_transforms_have_their_closed_forms():
    rows, columns = np.mgrid[:8, :8].astype(float)
    values = np.stack([np.full((8, 8), 1e22), 3 * rows - 4 * columns, np.full((8, 8), 0.1)])[None]
    maps = maps_of(values, star_velocity=1.5, pixel_pc=0.5)
    shown = Preprocessing(v_los="log_gradient", sigma_v="log10").transform(maps)
    np.testing.assert_allclose(shown[0, 0], 22.0, rtol=1e-6)
    np.testing.assert_allclose(shown[0, 1], np.log10(5 / 0.5), rtol=1e-6)  # km/s/pc
    np.testing.assert_allclose(shown[0, 2], -1.0, rtol=1e-6)
    np.testing.assert_allclose(
        Preprocessing(v_los="relative").transform(maps)[0, 1], values[0, 1] - 1.5, atol=1e-5
    )


def test_zoom_keeps_the_middle_and_channels_their_order(maps):
    shown = Preprocessing(channels=("sigma_v", "v_los"), zoom=4).transform(maps)
    np.testing.assert_array_equal(shown, maps.values[:, [2, 1], 2:6, 2:6])


def test_training_limits_become_0_and_1(maps):
    shown = Preprocessing().transform(maps)
    train = np.array([0, 2, 3])
    scaled = scale(shown, Preprocessing().find_limits(shown, train))
    np.testing.assert_allclose(scaled[train].min(axis=(0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[train][:, 1:].max(axis=(0, 2, 3)), 1, atol=1e-6)


def test_limits_know_nothing_of_other_rows(maps):
    shown = Preprocessing().transform(maps)
    train = np.array([0, 2, 3])
    garbage = shown.copy()
    garbage[[1, 4, 5]] = 1e6
    np.testing.assert_array_equal(
        Preprocessing().find_limits(shown, train), Preprocessing().find_limits(garbage, train)
    )


def test_each_map_may_be_scaled_by_itself_or_by_the_config(maps):
    shown = Preprocessing().transform(maps)
    own = scale(shown, Preprocessing(scaling="map").find_limits(shown, np.array([0])))
    np.testing.assert_allclose(own[:, 1:].max(axis=(2, 3)), 1, atol=1e-6)
    limits = {"column_density": [20, 24], "v_los": [0, 10], "sigma_v": [0, 5]}
    fixed = scale(
        shown, Preprocessing(scaling="fixed", limits=limits).find_limits(shown, np.array([0]))
    )
    np.testing.assert_allclose(fixed[:, 1], shown[:, 1] / 10, rtol=1e-6)


def test_the_size_of_an_image():
    assert Preprocessing().images_size(64, 8) == 64
    assert Preprocessing(pixels_per_token=2).images_size(64, 8) == 256
    assert Preprocessing(pixels_per_token=1, zoom=16).images_size(16, 16) == 256
    assert Preprocessing(image_size=96).images_size(64, 8) == 96


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda maps: Preprocessing(channels=("colour",)).transform(maps), "no channel 'colour'"),
        (lambda maps: Preprocessing(zoom=5).transform(maps), "zoom of 5"),
        (lambda maps: Preprocessing(zoom=10).transform(maps), "zoom of 10"),
        (
            lambda maps: Preprocessing(scaling="fixed").find_limits(
                Preprocessing().transform(maps), np.array([0])
            ),
            "no entry for 'column_density'",
        ),
        (
            lambda maps: Preprocessing(pixels_per_token=3).images_size(64, 8),
            "no whole number of tokens",
        ),
        (
            lambda maps: validated(Preprocessing, {"pixels_per_token": 2, "image_size": 64}),
            "give one of them",
        ),
    ],
)
def test_mistakes_are_one_sentence(maps, wrong, words):
    with pytest.raises(InputError, match=words):
        wrong(maps)


def test_rounding_of_a_constant_channel_is_not_stretched(maps):
    values = maps.values.copy()
    noise = np.random.default_rng(0).integers(-1, 2, values[:, 1].shape)
    values[:, 1] = np.float32(300) + np.float32(3e-5) * noise
    assert np.ptp(values[:, 1]) > 0
    for scaling in ("training", "map"):
        preprocessing = Preprocessing(scaling=scaling, column_density="none")
        shown = preprocessing.transform(maps_of(values))
        scaled = scale(shown, preprocessing.find_limits(shown, np.arange(4)))
        assert np.abs(scaled[:, 1]).max() < 1e-3
        assert scaled[:4, 0].min() == 0 and scaled[:4, 0].max() == 1
