import argparse

import pytest
import safetensors.torch
import timm
import torch

from starmass.errors import InputError
from starmass.evaluation.encoding import read_encoder
from starmass.evaluation.supervised import create_network
from starmass.evaluation.weights import load_weights


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    torch.manual_seed(3)
    safetensors.torch.save_file(timm.create_model("resnet18", num_classes=10).state_dict(), path)
    return path


def test_a_network_starts_from_the_file_but_for_its_last_layer(file):
    model, plain = create_network("resnet18", 3, 0), create_network("resnet18", 3, 0)
    load_weights(model, file)
    tensors = safetensors.torch.load_file(file)
    assert torch.equal(model.conv1.weight, tensors["conv1.weight"])
    assert torch.equal(model.fc.weight, plain.fc.weight)


def test_a_network_is_found_in_a_checkpoint_and_filled_whole_or_not_at_all(tmp_path, file):
    tensors = safetensors.torch.load_file(file)
    path, model = tmp_path / "checkpoint.pth", create_network("resnet18", 3, 0)
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    torch.save({"state_dict": wrapped, "args": argparse.Namespace(lr=1), "epoch": 3}, path)
    load_weights(model, path)
    name = "layer1.0.conv1.weight"
    assert torch.equal(model.state_dict()[name], tensors[name])
    torch.save(tensors | {"layer1.0.se.weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=r"1 of its 121 tensors have no place there, the first"):
        load_weights(model, path)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_an_encoder_from_a_timm_name_and_a_file(tmp_path, suffix):
    torch.manual_seed(1)
    tensors = timm.create_model("vit_tiny_patch16_224", num_classes=7).state_dict()
    path = tmp_path / f"vit.{suffix}"
    safetensors.torch.save_file(tensors, path) if suffix == "safetensors" else torch.save(
        tensors, path
    )
    model, description = read_encoder(path, architecture="vit_tiny_patch16_224")
    assert torch.equal(model.blocks[3].attn.qkv.weight.cpu(), tensors["blocks.3.attn.qkv.weight"])
    assert (description.patch_size, description.image_size, description.mean) == (
        16,
        224,
        (0.5, 0.5, 0.5),
    )
    random, _ = read_encoder(None, architecture="vit_tiny_patch16_224", weights="random", seed=2)
    assert not torch.equal(random.blocks[3].attn.qkv.weight, model.blocks[3].attn.qkv.weight)


def test_mistakes_are_one_sentence(tmp_path, file):
    with pytest.raises(
        InputError, match=r"no timm vision transformer \(did you mean 'vit_tiny_patch16_224'"
    ):
        read_encoder(None, architecture="vit_tiny_patch16_22")
    with pytest.raises(
        InputError, match=r"tensors of the model are missing, the first 'cls_token'"
    ):
        read_encoder(file, architecture="vit_tiny_patch16_224")
    with pytest.raises(InputError, match="no such file"):
        load_weights(create_network("resnet18", 3, 0), tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="neither whole safetensors nor"):
        load_weights(create_network("resnet18", 3, 0), tmp_path / "bad.pt")
    with pytest.raises(InputError, match="don't fit"):
        load_weights(create_network("resnet18", 4, 0), file)
