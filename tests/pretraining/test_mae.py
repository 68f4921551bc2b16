"""MAE: exactly the asked share is hidden, only hidden patches count, and everything that is trained
gets a gradient.
"""

import numpy as np
import pytest
import torch
import yaml

from starmass.errors import InputError
from starmass.pretraining.draws import SampleIndex
from starmass.pretraining.methods.mae import (
    MAE,
    Inputs,
    draw_sample,
    hidden_patches,
    patch_pixels,
    reconstruction_loss,
    sine_positions,
)
from starmass.pretraining.reconstruction import join_patches, read_mae, reconstruct
from starmass.pretraining.samples import RankBatches, Samples, load_batches
from starmass.pretraining.trunk import run_trunk

CPU = torch.device("cpu")
SMALL = {"decoder_width": 32, "decoder_heads": 2}


@pytest.fixture
def method(tiny_recipe):
    return MAE(tiny_recipe(method="mae", mae=SMALL), epoch_steps=4, steps=12)


def first_inputs(method, images):
    recipe = method.recipe
    batches = RankBatches([0], recipe.batch_size, len(images), 0, 0, 1)
    return method.prepare(
        next(iter(load_batches(Samples(images, method.draws), batches, 0, pin=False))), CPU
    )


@pytest.mark.parametrize(
    ("patches", "share", "hidden"),
    [(64, 0.75, 48), (441, 0.75, 331), (16, 0.75, 12), (4, 0.01, 1), (4, 1.0, 3)],
)
def test_the_hidden_share_is_exact(patches, share, hidden):
    assert hidden_patches(patches, share) == hidden


def test_a_samples_patches_depend_on_its_place_alone(tiny_recipe):
    recipe = tiny_recipe(method="mae", mae={**SMALL, "mask_ratio": 0.6})
    seen = {
        (epoch, image): draw_sample(recipe, SampleIndex(3, 5, epoch, image))["seen"]
        for epoch in range(20)
        for image in range(20)
    }
    for places in seen.values():
        assert (
            len(places) == 16 - 10
            and (places[1:] > places[:-1]).all()
            and places[0] >= 0
            and places[-1] < 16
        )
    counts = torch.bincount(
        torch.tensor([place for places in seen.values() for place in places]), minlength=16
    )
    assert (counts - 150).abs().max() < 60  # 400 x 6 / 16 each; six standard deviations
    again = draw_sample(recipe, SampleIndex(8, 0, 7, 11))["seen"]
    assert (again == seen[7, 11]).all() and len({tuple(places) for places in seen.values()}) > 370


def test_the_encoder_sees_what_is_shown_and_nothing_else(method, block_images):
    inputs = first_inputs(method, block_images())
    with torch.no_grad():
        before = run_trunk(method.encoder, inputs.images, seen=inputs.seen)
        hidden = torch.ones(len(inputs.images), 16).scatter_(1, inputs.seen, 0).view(-1, 1, 4, 4)
        changed = inputs.images + 100 * hidden.repeat_interleave(8, 2).repeat_interleave(8, 3)
        assert torch.equal(before, run_trunk(method.encoder, changed, seen=inputs.seen))
        everything = torch.arange(16).expand(len(inputs.images), -1)
        whole = method.encoder.forward_features(inputs.images)
        torch.testing.assert_close(
            run_trunk(method.encoder, inputs.images, seen=everything), whole, atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("registers", [0, 3])
def test_the_decoder_puts_tokens_at_their_places(tiny_recipe, block_images, registers):
    method = MAE(tiny_recipe(method="mae", mae=SMALL, encoder={"registers": registers}), 4, 12)
    inputs = first_inputs(method, block_images())
    tokens = run_trunk(method.encoder, inputs.images, seen=inputs.seen)
    assert tokens.shape[1] == 1 + registers + 4
    method.decoder.blocks = torch.nn.Identity()  # each patch then speaks of itself
    with torch.no_grad():
        painted = method.decoder(tokens, inputs.seen)
        image, place = 2, 1
        patch = int(inputs.seen[image, place])
        own = (
            method.decoder.embed(tokens[image, 1 + registers + place])
            + method.decoder.positions[patch]
        )
        torch.testing.assert_close(
            painted[image, patch], method.decoder.paint(method.decoder.norm(own))
        )
        hidden = next(patch for patch in range(16) if patch not in inputs.seen[image])
        own = method.decoder.mask_token + method.decoder.positions[hidden]
        torch.testing.assert_close(
            painted[image, hidden], method.decoder.paint(method.decoder.norm(own))
        )


def test_only_hidden_patches_count():
    torch.manual_seed(0)
    painted, target = torch.randn(3, 9, 12, requires_grad=True), torch.randn(3, 9, 12)
    seen = torch.stack([torch.randperm(9)[:4].sort().values for _ in range(3)])
    loss = reconstruction_loss(painted, target, seen)
    loss.backward()
    hidden = [
        (image, patch) for image in range(3) for patch in range(9) if patch not in seen[image]
    ]
    expected = sum(((painted[place] - target[place]) ** 2).mean() for place in hidden) / len(hidden)
    torch.testing.assert_close(loss, expected)
    for image in range(3):
        assert (painted.grad[image, seen[image]] == 0).all()
    assert all((painted.grad[place] != 0).all() for place in hidden)


def test_patches_lie_as_the_encoder_takes_them():
    images = torch.randn(2, 3, 24, 24)
    patches = patch_pixels(images, 8, normalise=False)
    second_row_first = images[:, :, 8:16, :8]
    torch.testing.assert_close(patches[:, 3].view(2, 3, 8, 8), second_row_first)
    normal = patch_pixels(images, 8, normalise=True)
    torch.testing.assert_close(normal.mean(-1), torch.zeros(2, 9), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.var(-1), torch.ones(2, 9), atol=1e-4, rtol=0)
    assert patch_pixels(torch.ones(1, 1, 8, 8), 8, normalise=True).isfinite().all()


def test_positions_differ_and_are_as_long_as_each_other():
    positions = sine_positions(14, 64)
    assert (
        positions.shape == (196, 64)
        and torch.cdist(positions, positions).add(torch.eye(196) * 9).min() > 0.1
    )
    torch.testing.assert_close(positions.square().sum(1), torch.full((196,), 32.0))


@pytest.mark.parametrize("half", [False, True])
def test_everything_that_is_trained_gets_a_gradient(method, block_images, half):
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        terms, signs = method(
            first_inputs(method, block_images()), method.schedule(0), diagnose=True
        )
    assert terms["loss"].dtype == torch.float32
    terms["loss"].backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all()
        for parameter in method.parameters()
    )
    assert (
        method.encoder.patch_embed.proj.weight.grad.abs().sum() > 0
        and method.encoder.cls_token.grad.abs().sum() > 0
    )
    assert signs["features"].shape == (8, 24) and method.exported_encoder() is method.encoder


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mae": {"decoder_width": 36, "decoder_heads": 5}}, "mae.decoder_width 36"),
        ({"encoder": {"patch_size": 32}}, "is one patch"),
    ],
)
def test_mistakes_are_named(tiny_recipe, changes, sentence):
    views = {"local_count": 0, "local_size": 32}
    with pytest.raises(InputError, match=sentence):
        MAE(tiny_recipe(method="mae", views=views, **changes), 4, 12)


@pytest.mark.parametrize("normalised", [True, False])
def test_reconstructions_have_the_error_that_the_loss_says(
    tiny_recipe, block_images, tmp_path, normalised
):
    """Encoder and decoder come back from their files; patches that are seen stay as they are."""
    recipe = tiny_recipe(method="mae", mae={**SMALL, "normalise_pixels": normalised})
    trained, images = MAE(recipe, epoch_steps=4, steps=12), block_images(size=32)
    teacher, config = tmp_path / "teacher.safetensors", tmp_path / "config.yaml"
    with torch.no_grad():
        trained.decoder.paint.weight.mul_(0.01)  # no pixel is beyond black or white
    trained.save(teacher, {"provenance": {}})
    config.write_text(yaml.safe_dump({"recipe": recipe.plain()}))
    found = reconstruct(read_mae(teacher, config), images, 5)
    assert found.index.tolist() == [0, 5, 10, 14, 19] and found.hidden.shape == (5, 4, 4)
    assert (found.hidden.sum(axis=(1, 2)) == 12).all()
    given = np.stack([images[index] for index in found.index]).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(found.images, given, atol=1e-6)
    mask = found.hidden.repeat(8, axis=1).repeat(8, axis=2)[:, None].repeat(3, axis=1)
    np.testing.assert_allclose(found.painted[~mask], given[~mask], atol=1e-6)
    shown = torch.tensor((given - 0.5) / 0.5, dtype=torch.float32)
    seen = torch.tensor(np.stack([np.flatnonzero(~one.ravel()) for one in found.hidden]))
    loss = trained(Inputs(shown, seen), {})[0]["loss"].item()
    true = patch_pixels(shown, 8, normalise=False)
    torch.testing.assert_close(join_patches(true, 8, 4), shown)
    painted = patch_pixels(torch.tensor((found.painted - 0.5) / 0.5), 8, normalise=False)
    scale = (true.var(dim=-1) + 1e-6) if normalised else torch.ones(true.shape[:2])
    errors = (painted - true).square().mean(dim=-1) / scale
    hidden = torch.tensor(found.hidden).flatten(1)
    assert errors[hidden].mean().item() == pytest.approx(loss, rel=1e-3)
    (tmp_path / "decoder.safetensors").unlink()
    with pytest.raises(InputError, match=r"decoder.safetensors: is not there; it was deleted"):
        read_mae(teacher, config)
    config.write_text(yaml.safe_dump({"recipe": tiny_recipe().plain()}))
    with pytest.raises(InputError, match=r"learned by dinov2, which paints no images"):
        read_mae(teacher, config)
