"""Encoders: built from a seed, kept in one file, loaded by timm alone, and encoding the same
whatever the batch.
"""

import json

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from starmass.encoders import (
    EncoderDescription,
    create_encoder,
    encode,
    load_encoder,
    normalise_pixels,
    save_encoder,
)
from starmass.errors import InputError

TINY = EncoderDescription(
    "vit_tiny_patch16_224",
    32,
    8,
    width=24,
    arguments={"depth": 2, "num_heads": 2, "init_values": 0.1},
)


@pytest.fixture(scope="module")
def model():
    return create_encoder(TINY, seed=3).eval()


def test_weights_come_from_the_seed_alone(model):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again = create_encoder(TINY, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert not torch.equal(create_encoder(TINY, seed=4).pos_embed, model.pos_embed)


def test_a_file_gives_back_model_and_description(model, tmp_path):
    path = tmp_path / "teacher.safetensors"
    save_encoder(path, model, TINY, provenance={"commit": "abc"})
    loaded, description = load_encoder(path)
    assert description == TINY and not loaded.training
    images = torch.rand(3, 3, 32, 32)
    np.testing.assert_array_equal(encode(loaded, images), encode(model, images))
    plain = timm.create_model(description.architecture, **description.timm_arguments())
    plain.load_state_dict(safetensors.torch.load_file(path))
    np.testing.assert_array_equal(encode(plain.eval(), images), encode(model, images))
    first = path.read_bytes()
    save_encoder(path, model, TINY, provenance={"commit": "abc"})
    assert path.read_bytes() == first
    with safetensors.safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["starmass"])["provenance"] == {"commit": "abc"}


def test_the_width_of_an_architecture_is_filled_in(tmp_path):
    description = EncoderDescription("vit_tiny_patch16_224", 32, 16, arguments={"depth": 1})
    save_encoder(tmp_path / "a.safetensors", create_encoder(description, seed=0), description)
    assert load_encoder(tmp_path / "a.safetensors")[1].width == 192


@pytest.mark.parametrize("size", [16, 32, 64])
def test_tokens_are_those_of_timm(model, size):
    images = torch.rand(5, 3, size, size)
    with torch.no_grad():
        sequence = model.forward_features(images).numpy()
    kinds = {
        kind: encode(model, images, tokens=kind, batch_size=2)
        for kind in ("class", "mean", "class_mean", "patches")
    }
    np.testing.assert_allclose(kinds["class"], sequence[:, 0], atol=1e-5)
    np.testing.assert_allclose(kinds["mean"], sequence[:, 1:].mean(1), atol=1e-5)
    np.testing.assert_allclose(
        kinds["class_mean"], np.hstack([kinds["class"], kinds["mean"]]), atol=1e-6
    )
    assert kinds["patches"].shape == (5, size // 8, size // 8, 24)
    np.testing.assert_allclose(kinds["patches"].reshape(5, -1, 24), sequence[:, 1:], atol=1e-5)


def test_registers_are_no_patches():
    description = EncoderDescription(
        "vit_tiny_patch16_224",
        32,
        8,
        width=24,
        arguments={"depth": 1, "num_heads": 2, "reg_tokens": 4},
    )
    model = create_encoder(description, seed=0).eval()
    assert encode(model, torch.rand(2, 3, 32, 32), tokens="patches").shape == (2, 4, 4, 24)


def test_pixels_are_normalised_per_channel():
    description = EncoderDescription(
        "vit_tiny_patch16_224", 32, 8, in_channels=2, mean=(0.0, 1.0), std=(1.0, 2.0)
    )
    values = normalise_pixels(torch.full((1, 2, 1, 1), 3.0), description)
    assert values.flatten().tolist() == [3.0, 1.0]


def test_mistakes_are_named(model, tmp_path):
    with pytest.raises(InputError, match="did you mean 'vit_tiny_patch16_224'"):
        create_encoder(EncoderDescription("vit_tini_patch16_224", 32, 8), seed=0)
    with pytest.raises(InputError, match="2 channel"):
        EncoderDescription("vit_tiny_patch16_224", 32, 8, in_channels=2)
    with pytest.raises(InputError, match="not a multiple of patch_size"):
        EncoderDescription("vit_tiny_patch16_224", 33, 8)
    with pytest.raises(InputError, match="did you mean 'class'"):
        encode(model, torch.rand(1, 3, 32, 32), tokens="clas")
    with pytest.raises(InputError, match="36x36"):
        encode(model, torch.rand(1, 3, 36, 36))
    with pytest.raises(InputError, match="no such file"):
        load_encoder(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="it is no safetensors file"):
        load_encoder(tmp_path / "broken.safetensors")
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="no description"):
        load_encoder(tmp_path / "plain.safetensors")
