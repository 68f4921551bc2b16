"""Frozen ResNets: torchvision's files and those of SimSiam give the networks' pooled features."""

import json

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from configs import default_config, merge

from starmass.config.pretraining import Recipe
from starmass.config.whole import read_config
from starmass.encoders import normalise_pixels, save_weights
from starmass.errors import InputError
from starmass.evaluation.encoding import encode_maps, read_encoder
from starmass.evaluation.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def maps():
    """Maps scaled to 0..1, of a side that is no multiple of the network's stride."""
    return np.random.default_rng(0).random((3, 3, 50, 50)).astype(np.float32)


def drawn(network):
    """A network whose normalisations are no identity, as those of a trained one."""
    random = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if "running" in name:
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=random))
    return network.eval()


def pooled(network, images, mean, std):
    mean, std = (torch.tensor(one)[:, None, None] for one in (mean, std))
    with torch.no_grad():
        return network((torch.from_numpy(images) - mean) / std).numpy()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_file_of_torchvision_gives_its_pooled_features(tmp_path, maps, name):
    network = drawn(torchvision.models.get_model(name))
    tensors = network.state_dict()
    network.fc = torch.nn.Identity()
    right = pooled(network, maps, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.save(
        {"state_dict": {f"module.{key}": one for key, one in tensors.items()}}, tmp_path / "a"
    )
    # Files of 2016 have no counts of batches.
    torch.save({key: one for key, one in tensors.items() if "batches" not in key}, tmp_path / "b")
    safetensors.torch.save_file(tensors, tmp_path / "c.safetensors")
    for file, tokens in (("a", "class"), ("b", "class"), ("c.safetensors", "mean")):
        encoder = read_encoder(tmp_path / file, architecture=name)
        got = encode_maps(encoder, maps, Preprocessing(), tokens)
        np.testing.assert_allclose(got, right, atol=1e-5 * np.ptp(right), rtol=1e-5)
    other = read_encoder(tmp_path / "a", architecture=name, weights="random", seed=1)
    assert (
        np.abs(encode_maps(other, maps, Preprocessing(), "class") - right).max()
        > np.ptp(right) / 10
    )


def test_a_file_of_simsiam_says_how_its_images_are_shown(tmp_path, maps):
    network = drawn(timm.create_model("resnet18", num_classes=0))
    path = tmp_path / "teacher.safetensors"
    views = {"mean": [0.1, 0.2, 0.3], "std": [0.3, 0.2, 0.1]}
    save_weights(path, network, {"network": "resnet18", "recipe": {"views": views}})
    right = pooled(network, maps, *views.values())
    for options in ({}, {"architecture": "resnet18"}, {"architecture": "resnet18", **views}):
        got = encode_maps(read_encoder(path, **options), maps, Preprocessing(), "class")
        np.testing.assert_allclose(got, right, atol=1e-5)
    with pytest.raises(InputError, match=r"describes itself, with architecture resnet18"):
        read_encoder(path, architecture="resnet50")
    # The words of the file are those of a recipe.
    assert set(views) <= set(Recipe.model_fields["views"].annotation.model_fields)
    assert json.dumps(views)


def test_one_channel_is_shown_in_turn(tmp_path, maps):
    torch.save(drawn(timm.create_model("resnet18", in_chans=1)).state_dict(), tmp_path / "grey.pt")
    one = {"mean": [0.5], "std": [0.5]}
    encoder = read_encoder(tmp_path / "grey.pt", architecture="resnet18", **one)
    got = encode_maps(encoder, maps, Preprocessing(), "class")
    last = normalise_pixels(torch.from_numpy(maps[:, 2:]), encoder[1])
    with torch.no_grad():
        right = encoder[0].cpu()(last).numpy()
    np.testing.assert_allclose(got[:, 1024:], right, atol=1e-5)
    with pytest.raises(InputError, match="is made for 1 channel"):
        read_encoder(tmp_path / "grey.pt", architecture="resnet18")


def test_what_is_none_of_a_resnet_is_refused(tmp_path, maps):
    tensors = torchvision.models.resnet18().state_dict()
    torch.save(
        {key: one for key, one in tensors.items() if "layer4.1" not in key}, tmp_path / "cut"
    )
    with pytest.raises(InputError, match=r"10 tensors of the model are missing.*'layer4.1.conv1"):
        read_encoder(tmp_path / "cut", architecture="resnet18")
    torch.save({"stem.weight": torch.zeros(3, 3)}, tmp_path / "other")
    with pytest.raises(InputError, match=r"layouts of timm and torchvision are read"):
        read_encoder(tmp_path / "other", architecture="resnet18")
    with pytest.raises(InputError, match=r"no ResNet of timm \(did you mean 'resnet18'"):
        read_encoder(None, architecture="resnet19", weights="random")
    encoder = read_encoder(None, architecture="resnet18", weights="random")
    with pytest.raises(InputError, match="a ResNet has no tokens"):
        encode_maps(encoder, maps, Preprocessing(), "rings")
    with pytest.raises(InputError, match="pixels_per_token is for the tokens"):
        encode_maps(encoder, maps, Preprocessing(pixels_per_token=2), "class")


def test_a_config_that_asks_a_resnet_for_tokens_is_refused():
    own = {"kind": "encoder", "encoder": "nano_resnet18", "preprocessing": "whole"}
    other = {**own, "encoder": None, "architecture": "resnet50", "weights": "random"}
    base = {"evaluation": {"features": {"own": own, "other": other}}}
    read_config(merge(default_config(), base))

    def refused(**evaluation):
        with pytest.raises(InputError) as error:
            read_config(merge(default_config(), merge(base, {"evaluation": evaluation})))
        return str(error.value)

    for name in ("own", "other"):
        said = refused(features={name: {"tokens": "rings"}})
        assert f"features.{name}.tokens': rings is of a vision transformer" in said
        said = refused(methods={"more": {"features": name, "finetuning": {"mode": "full"}}})
        assert "trained further by a method with network" in said
        said = refused(studies={"demo": {"segmentation": {"features": name}}})
        assert "which has no tokens; name a vision transformer" in said
    ways = {"near": {"pixels_per_token": 2}}
    said = refused(preprocessing=ways, features={"own": {"preprocessing": "near"}})
    assert "near has pixels_per_token" in said
