import numpy as np
import pytest
import torch

from starmass.encoders import EncoderDescription, create_encoder, normalise_pixels
from starmass.evaluation.attention import attend_maps, class_attention, keep_mass
from starmass.evaluation.preprocessing import Preprocessing


def small(channels=3, **arguments):
    options = {"depth": 2, "num_heads": 2, **arguments}
    return EncoderDescription(
        "vit_tiny_patch16_224", 16, 4, channels, (0.4,) * channels, (0.3,) * channels, 12, options
    )


@pytest.mark.parametrize(
    "arguments",
    [{}, {"reg_tokens": 4}, {"qk_norm": True}],
    ids=["plain", "registers", "normalised"],
)
def test_attention_is_the_softmax_that_the_block_multiplies_values_with(arguments):
    description = small(**arguments)
    model = create_encoder(description, 0).eval()
    images = normalise_pixels(
        torch.rand((5, 3, 16, 24), generator=torch.manual_seed(1)), description
    )
    found = class_attention(model, images, batch_size=2)
    layer, seen = model.blocks[-1].attn, []
    layer.fused_attn = False  # timm then spells the softmax out, and hands it to its dropout
    layer.attn_drop.register_forward_hook(lambda module, given, result: seen.append(result))
    with torch.inference_mode():
        model.forward_features(images)
    expected = seen[0][:, :, 0, model.num_prefix_tokens :].numpy()
    assert found.shape == (5, 2, 4, 6)
    np.testing.assert_allclose(
        found.reshape(5, 2, 24), expected / expected.sum(axis=-1, keepdims=True), rtol=1e-5
    )
    assert not layer._forward_pre_hooks


def test_a_grey_encoder_gives_the_mean_over_channels():
    encoder = create_encoder(small(1), 0).eval(), small(1)
    scaled = np.random.default_rng(0).random((3, 3, 16, 16)).astype(np.float32)
    each = [attend_maps(encoder, scaled[:, [channel]], Preprocessing()) for channel in range(3)]
    np.testing.assert_allclose(
        attend_maps(encoder, scaled, Preprocessing()), np.mean(each, axis=0), rtol=1e-4, atol=1e-7
    )


def test_without_a_class_token_there_is_none():
    encoder = create_encoder(small(class_token=False, global_pool="avg"), 0).eval(), small()
    assert attend_maps(encoder, np.zeros((2, 3, 16, 16), np.float32), Preprocessing()) is None


def test_the_fewest_patches_that_hold_the_share_are_kept():
    attention = np.random.default_rng(0).random((3, 2, 5, 5))
    kept = keep_mass(attention, 0.6)
    for values, chosen in zip(attention.reshape(-1, 25), kept.reshape(-1, 25), strict=True):
        ranked = np.sort(values)[::-1]
        fewest = next(n for n in range(26) if ranked[:n].sum() >= 0.6 * values.sum())
        assert chosen.sum() == fewest and values[chosen].min() >= values[~chosen].max()
    assert keep_mass(np.full((1, 2, 2), 0.25), 0.5).sum() == 2
