"""The method: the teacher begins as the student and follows it, the student alone learns and alone
is masked.
"""

import numpy as np
import pytest
import torch

from starmass.pretraining.draws import SampleIndex
from starmass.pretraining.methods.dinov2 import DINOv2, draw_sample
from starmass.pretraining.samples import RankBatches, Samples, load_batches
from starmass.pretraining.trunk import run_trunk

CPU = torch.device("cpu")


def first_inputs(method, images):
    recipe = method.recipe
    samples = Samples(images, method.draws)
    return method.prepare(
        next(
            iter(
                load_batches(
                    samples, RankBatches([0], recipe.batch_size, len(images), 0, 0, 1), 0, pin=False
                )
            )
        ),
        CPU,
    )


@pytest.fixture
def method(tiny_recipe):
    return DINOv2(tiny_recipe(), epoch_steps=4, steps=12)


def pairs(method):
    yield from zip(method.encoder.parameters(), method.teacher_encoder.parameters(), strict=True)
    yield from zip(method.heads.parameters(), method.teacher_heads.parameters(), strict=True)


def test_the_teacher_begins_as_the_student_and_gets_no_gradient(method, block_images):
    assert all(
        torch.equal(student, teacher) and not teacher.requires_grad
        for student, teacher in pairs(method)
    )
    assert (
        method.training
        and not method.teacher_encoder.training
        and not method.teacher_heads.training
    )
    terms, signs = method(first_inputs(method, block_images()), method.schedule(0), diagnose=True)
    terms["loss"].backward()
    assert all(teacher.grad is None for _, teacher in pairs(method))
    assert all(
        parameter.grad is not None for parameter in method.parameters() if parameter.requires_grad
    )
    assert set(terms) == {"dino_global", "dino_local", "ibot", "koleo", "loss"}
    assert 0 < signs["target_entropy"] <= 1 and signs["features"].shape == (16, 24)


def test_the_average_follows_its_closed_form(method):
    start = [teacher.clone() for _, teacher in pairs(method)]
    with torch.no_grad():
        for student, _ in pairs(method):
            student.add_(1)
    for _ in range(5):
        method.after_step({"momentum": 0.9})
    for (student, teacher), first in zip(pairs(method), start, strict=True):
        torch.testing.assert_close(
            teacher, student + 0.9**5 * (first - student), atol=1e-6, rtol=1e-5
        )


def test_student_is_masked_and_teacher_is_not(method, block_images):
    inputs = first_inputs(method, block_images())
    assert (inputs.mask.sum(1) > 0).sum() == 8 and len(inputs.masked) == inputs.mask.sum()
    with torch.no_grad():
        method.mask_token.fill_(3)
        seen, *_ = method._look(inputs, 0.04)
        torch.testing.assert_close(
            seen,
            method.teacher_encoder.forward_features(inputs.globals_)[:, 0],
            atol=1e-5,
            rtol=1e-5,
        )
        masked = run_trunk(
            method.encoder, inputs.globals_, mask=inputs.mask, mask_token=method.mask_token
        )
        whole = run_trunk(method.encoder, inputs.globals_)
    changed = (masked - whole).abs().amax(dim=(1, 2)) > 1e-6
    assert torch.equal(changed, inputs.mask.any(dim=1))


def test_masked_patches_are_hidden_from_the_student(method, block_images):
    """Pixels under the mask make no difference to the student's tokens."""
    inputs = first_inputs(method, block_images())
    pixels = inputs.mask.view(-1, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    with torch.no_grad():
        one = run_trunk(
            method.encoder, inputs.globals_, mask=inputs.mask, mask_token=method.mask_token
        )
        other = run_trunk(
            method.encoder,
            torch.where(pixels, 9.0, inputs.globals_),
            mask=inputs.mask,
            mask_token=method.mask_token,
        )
    torch.testing.assert_close(one, other)


def test_weights_of_masked_patches_sum_to_one_per_crop(method, block_images):
    inputs = first_inputs(method, block_images())
    crop = inputs.masked // inputs.mask.shape[1]
    sums = torch.zeros(16).index_add(0, crop, inputs.weights)
    torch.testing.assert_close(sums, inputs.mask.any(dim=1).float())


@pytest.mark.parametrize(
    "changes",
    [
        {"mask_share": 0.0},
        {"separate_heads": True},
        {"targets": "sinkhorn"},
        {"koleo_neighbours": "all"},
    ],
)
def test_every_choice_gives_a_finite_loss_and_all_gradients(tiny_recipe, block_images, changes):
    method = DINOv2(tiny_recipe(dinov2=changes), 4, 12)
    terms, _ = method(first_inputs(method, block_images()), method.schedule(0))
    terms["loss"].backward()
    assert terms["loss"].isfinite() and (terms["ibot"] == 0) == ("mask_share" in changes)
    assert all(
        parameter.grad is not None for parameter in method.parameters() if parameter.requires_grad
    )


def test_without_local_crops(tiny_recipe, block_images):
    method = DINOv2(tiny_recipe(views={"local_count": 0}), 4, 12)
    terms, _ = method(first_inputs(method, block_images()), method.schedule(0))
    assert terms["dino_local"] == 0 and terms["dino_global"] > 0


def test_masks_of_a_global_batch_are_those_of_any_share_of_it(tiny_recipe):
    recipe = tiny_recipe()
    masks = np.stack(
        [
            draw_sample(recipe, SampleIndex(2, position, 0, position + 3))["mask"]
            for position in range(8)
        ]
    )
    assert masks.shape == (8, 2, 16) and (masks.any(2)).sum() == 8
    again = draw_sample(recipe, SampleIndex(2, 5, 0, 8))
    np.testing.assert_array_equal(again["mask"], masks[5])


def test_drop_path_leaves_out_images_and_keeps_the_mean(tiny_recipe):
    method = DINOv2(tiny_recipe(), 4, 12)
    images = torch.rand(10, 3, 32, 32)
    torch.manual_seed(0)
    with torch.no_grad():
        dropped = torch.stack(
            [run_trunk(method.encoder, images, drop_path=0.5) for _ in range(200)]
        ).mean(0)
        whole, none = (
            run_trunk(method.encoder, images),
            run_trunk(method.encoder, images, drop_path=1e-9),
        )
    # One image in ten is left out of each half block even at the smallest rate, by the official
    # rounding.
    assert not torch.equal(whole, none)
    assert (dropped - whole).abs().mean() < 0.1 * whole.abs().mean()
