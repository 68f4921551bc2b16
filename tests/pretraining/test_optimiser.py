"""Parameter groups: who has which share of the rate, who decays, who stands still at first."""

import pytest
import torch

from starmass.config.pretraining import Optimiser
from starmass.pretraining.methods.dinov2 import DINOv2
from starmass.pretraining.optimiser import (
    clip_gradients,
    create_optimiser,
    decays,
    layer_of,
    parameter_groups,
    set_rates,
)


@pytest.fixture
def method(tiny_recipe):
    return DINOv2(tiny_recipe(encoder={"registers": 2}), 4, 12)


def test_every_trained_parameter_is_in_one_group(method):
    groups = parameter_groups(method, 2, Optimiser())
    found = [id(parameter) for group in groups for parameter in group["params"]]
    trained = [id(parameter) for parameter in method.parameters() if parameter.requires_grad]
    assert sorted(found) == sorted(trained) and len(set(found)) == len(found)
    teacher = {
        id(parameter)
        for parameter in (*method.teacher_encoder.parameters(), *method.teacher_heads.parameters())
    }
    assert not teacher & set(found)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("encoder.cls_token", 0),
        ("encoder.pos_embed", 0),
        ("encoder.reg_token", 0),
        ("encoder.patch_embed.proj.bias", 0),
        ("mask_token", 0),
        ("encoder.blocks.0.norm1.weight", 1),
        ("encoder.blocks.11.mlp.fc1.weight", 12),
        ("encoder.norm.weight", 13),
        ("heads.class.mlp.0.weight", 13),
    ],
)
def test_layers(name, layer):
    assert layer_of(name, 12) == layer


def test_rates_and_decays(method):
    recipe = Optimiser(layer_decay=0.5, patch_rate=0.2)
    names = {id(parameter): name for name, parameter in method.named_parameters()}
    groups = parameter_groups(method, 2, recipe)
    optimiser = create_optimiser(groups, recipe)
    set_rates(optimiser, 0.1, 0.04, freeze_last_layer=True)
    rates = {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    assert rates["encoder.pos_embed"] == pytest.approx((0.1 / 8, 0.04))
    assert rates["encoder.patch_embed.proj.weight"] == pytest.approx((0.2 * 0.1 / 8, 0.04))
    assert rates["encoder.blocks.1.attn.qkv.weight"] == pytest.approx((0.1 / 2, 0.04))
    assert rates["encoder.blocks.0.ls1.gamma"] == pytest.approx((0.1 / 4, 0.0))
    assert rates["heads.class.mlp.0.weight"] == pytest.approx((0.1, 0.04))
    assert rates["heads.class.last_layer.parametrizations.weight.original1"] == (0.0, 0.04)
    set_rates(optimiser, 0.1, 0.04, freeze_last_layer=False)
    assert {group["lr"] for group in optimiser.param_groups if group["last_layer"]} == {0.1}
    assert not any(decays(name) for name in rates if name.endswith(".bias") or ".norm" in name)


def test_each_part_is_clipped_alone():
    small, large = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    small.grad, large.grad = torch.tensor([0.3, 0.4]), torch.tensor([30.0, 40.0])
    assert clip_gradients([[small], [large]], 3.0).item() == pytest.approx((0.25 + 2500) ** 0.5)
    assert small.grad.norm().item() == pytest.approx(
        0.5
    ) and large.grad.norm().item() == pytest.approx(3.0, rel=1e-4)
    clip_gradients([[small], [large]], 0)
    assert large.grad.norm().item() == pytest.approx(3.0, rel=1e-4)
