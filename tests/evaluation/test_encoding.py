import numpy as np
import pytest
import torch

from starmass.encoders import (
    EncoderDescription,
    create_encoder,
    encode,
    normalise_pixels,
    save_encoder,
)
from starmass.errors import InputError
from starmass.evaluation.encoding import encode_maps, read_encoder, resize
from starmass.evaluation.preprocessing import Preprocessing


def tiny(channels=3):
    values = {"mean": (0.4,) * channels, "std": (0.3,) * channels}
    return EncoderDescription(
        "vit_tiny_patch16_224",
        16,
        4,
        channels,
        width=12,
        arguments={"depth": 2, "num_heads": 2},
        **values,
    )


@pytest.fixture
def scaled():
    return np.random.default_rng(0).random((5, 3, 16, 16)).astype(np.float32)


def test_features_are_those_of_the_encoder(scaled):
    model = create_encoder(tiny(), 0).eval()
    expected = encode(
        model, normalise_pixels(torch.from_numpy(scaled), tiny()), tokens="class_mean"
    )
    np.testing.assert_allclose(
        encode_maps((model, tiny()), scaled, Preprocessing(), "class_mean"), expected, rtol=1e-5
    )


def test_the_centre_is_the_mean_of_the_tokens_in_the_middle(scaled):
    encoder = create_encoder(tiny(), 0).eval(), tiny()
    patches = encode_maps(encoder, scaled, Preprocessing(), "patches")
    assert patches.shape == (5, 4, 4, 12)
    np.testing.assert_allclose(
        encode_maps(encoder, scaled, Preprocessing(), "centre"),
        patches[:, 1:3, 1:3].mean(axis=(1, 2)),
        rtol=1e-5,
    )


def test_rings_are_means_of_tokens_by_distance(scaled):
    encoder = create_encoder(tiny(), 0).eval(), tiny()
    patches = encode_maps(encoder, scaled, Preprocessing(), "patches")
    corners, middle = patches[:, ::3, ::3].mean(axis=(1, 2)), patches[:, 1:3, 1:3].mean(axis=(1, 2))
    edges = (16 * patches.mean(axis=(1, 2)) - 4 * corners - 4 * middle) / 8
    np.testing.assert_allclose(
        encode_maps(encoder, scaled, Preprocessing(), "rings"),
        np.hstack([middle, edges, corners]),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_grey_encoder_sees_channel_by_channel(scaled):
    encoder = create_encoder(tiny(1), 0).eval(), tiny(1)
    for tokens, width in (("class", -1), ("patches", -1)):
        together = encode_maps(encoder, scaled, Preprocessing(), tokens)
        each = [
            encode_maps(encoder, scaled[:, [channel]], Preprocessing(), tokens)
            for channel in range(3)
        ]
        np.testing.assert_allclose(together, np.concatenate(each, axis=width), rtol=1e-4, atol=1e-6)


def test_pixels_per_token_magnify(scaled):
    encoder = create_encoder(tiny(), 0).eval(), tiny()
    assert encode_maps(encoder, scaled, Preprocessing(pixels_per_token=1), "patches").shape == (
        5,
        16,
        16,
        12,
    )


def test_resizing_keeps_linear_maps_linear():
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (1, 1, 8, 8)).copy()
    larger = resize(ramp, 16)
    np.testing.assert_allclose(larger[0, 0, 0, 1:-1], (np.arange(1, 15) + 0.5) / 2 - 0.5, atol=1e-5)
    np.testing.assert_allclose(resize(ramp, 4).mean(), ramp.mean(), rtol=1e-5)
    assert resize(ramp, 8) is ramp


def test_random_weights_are_the_seeds_and_not_the_trained_ones(tmp_path, scaled):
    save_encoder(tmp_path / "teacher.safetensors", create_encoder(tiny(), 7), tiny())
    found = {
        name: encode_maps(
            read_encoder(tmp_path / "teacher.safetensors", **options),
            scaled,
            Preprocessing(),
            "class",
        )
        for name, options in {
            "trained": {},
            "random": {"weights": "random", "seed": 1},
            "again": {"weights": "random", "seed": 1},
            "other": {"weights": "random", "seed": 2},
        }.items()
    }
    np.testing.assert_array_equal(found["random"], found["again"])
    assert not np.allclose(found["random"], found["trained"])
    assert not np.allclose(found["random"], found["other"])


def test_mistakes_are_one_sentence(scaled):
    encoder = create_encoder(tiny(), 0).eval(), tiny()
    with pytest.raises(InputError, match="2 channels are shown to an encoder of 3"):
        encode_maps(encoder, scaled[:, :2], Preprocessing(), "class")
    with pytest.raises(InputError, match="did you mean 'class'"):
        encode_maps(encoder, scaled, Preprocessing(), "clas")
    with pytest.raises(InputError, match="no whole number of tokens"):
        encode_maps(encoder, scaled[..., :15, :15], Preprocessing(), "class")
