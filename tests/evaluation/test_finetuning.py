"""Fine-tuning learns at the rates it says, low-rank adaptation trains its additions alone, and both
learn what is easy.
"""

import copy

import numpy as np
import pytest
import torch

from starmass.encoders import EncoderDescription, create_encoder
from starmass.errors import InputError
from starmass.evaluation.finetuning import (
    Regressor,
    add_low_rank,
    finetune_and_predict,
    layer_of,
    merge_low_rank,
    rate_groups,
)

DEPTH = 2
DESCRIPTION = EncoderDescription(
    "vit_tiny_patch16_224", 16, 4, width=24, arguments={"depth": DEPTH, "num_heads": 2}
)


@pytest.fixture
def encoder():
    return create_encoder(DESCRIPTION, 0).eval(), DESCRIPTION


def easy(rows=48):
    generator = np.random.default_rng(0)
    labels = generator.normal(size=rows)
    images = generator.random((rows, 3, 16, 16)).astype(np.float32) * 0.1
    images[:, 0, 4:12, 4:12] += labels[:, None, None].astype(np.float32)
    return images, labels, np.arange(0, rows, 2), np.arange(1, rows, 2)


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_it_learns_what_is_easy_from_training_rows_alone(encoder, mode):
    before = copy.deepcopy(encoder[0].state_dict())
    images, labels, train, test = easy()
    options = {
        "mode": mode,
        "tokens": "class_mean",
        "epochs": 15,
        "warmup_epochs": 2,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "rank": 4,
    }
    found = finetune_and_predict(encoder, images, labels, train, test, **options)
    assert np.mean((found - labels[test]) ** 2) < 0.3 * np.var(labels[test])
    spoilt = labels.copy()
    spoilt[test] = np.nan
    np.testing.assert_array_equal(
        finetune_and_predict(encoder, images, spoilt, train, test, **options), found
    )
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in encoder[0].state_dict().items()
    )


def test_rates_fall_from_the_head_to_the_patches(encoder):
    model = Regressor(encoder[0], "class", channels=3, in_channels=3)
    rates = {
        parameter: group
        for group in rate_groups(model, DEPTH, 1.0, 0.5, 0.1)
        for parameter in group["params"]
    }
    expected = {
        "patch_embed": 0.125,
        "cls_token": 0.125,
        "pos_embed": 0.125,
        "blocks.0": 0.25,
        "blocks.1": 0.5,
        "norm": 1.0,
        "head": 1.0,
    }
    for name, parameter in model.named_parameters():
        start = next(part for part in expected if name.removeprefix("encoder.").startswith(part))
        assert rates[parameter]["lr"] == expected[start], name
        matrix = name.endswith("weight") and "norm" not in name
        assert rates[parameter]["weight_decay"] == (0.1 if matrix else 0.0), name
    assert layer_of("head.weight", 12) == 13


def test_low_rank_additions_alone_are_trained_and_can_be_merged(encoder):
    model, images = (
        encoder[0],
        torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0)),
    )
    plain = model(images)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    add_low_rank(model, rank=3, lora_scale=2.0)
    torch.testing.assert_close(model(images), plain, rtol=0, atol=0)  # they start at nothing
    still = {
        name: parameter.clone()
        for name, parameter in model.named_parameters()
        if not name.endswith((".up", ".down"))
    }
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert sum(map(torch.numel, learning)) == DEPTH * 3 * ((24 + 72) + (24 + 24))
    optimiser = torch.optim.AdamW(rate_groups(model, DEPTH, 0.01, 1.0, 0.05))
    for _ in range(3):
        optimiser.zero_grad()
        model(images).square().sum().backward()
        optimiser.step()
    adapted = model(images)
    assert (adapted - plain).abs().max() > 1e-2
    assert all(
        torch.equal(parameter, still[name])
        for name, parameter in model.named_parameters()
        if name in still
    )
    merge_low_rank(model)
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes
    torch.testing.assert_close(model(images), adapted, rtol=1e-4, atol=1e-5)


def test_grey_encoders_see_channel_after_channel():
    grey = EncoderDescription(
        "vit_tiny_patch16_224",
        16,
        4,
        in_channels=1,
        mean=(0.5,),
        std=(0.5,),
        width=24,
        arguments={"depth": 1, "num_heads": 2},
    )
    images, labels, train, test = easy(12)
    found = finetune_and_predict(
        (create_encoder(grey, 0), grey), images, labels, train, test, epochs=1, warmup_epochs=0
    )
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "ful"}, "did you mean 'full'"),
        ({"mode": "lora", "rank": 99}, "rank 99"),
        ({"tokens": "rings"}, "'rings' can't be"),
    ],
)
def test_mistakes_are_sentences(encoder, options, words):
    with pytest.raises(InputError, match=words):
        finetune_and_predict(encoder, *easy(8), **options)
