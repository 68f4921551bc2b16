"""Losses and targets against numbers made once with lightly, against lightly itself where it is
installed, and against brute force.
"""

import math

import pytest
import torch

from starmass.pretraining.losses.dino import dino_loss
from starmass.pretraining.losses.ibot import ibot_loss
from starmass.pretraining.losses.koleo import koleo_loss
from starmass.pretraining.losses.targets import Center, prototypes_in_use, sinkhorn, target_entropy


def wave(*shape, seed):
    """Numbers in -1..1 that are the same on every machine."""
    return (
        torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) ** 1.5 * 0.37 + seed)
        .view(shape)
        .float()
    )


def patch_case():
    """Scores of the masked patches of four crops on a 3x3 grid, one crop without: student, teacher,
    mask, weights.
    """
    mask = torch.zeros(4, 3, 3, dtype=torch.bool)
    mask[0, 0] = mask[2, 1:, 1] = mask[3, 2, 2] = True
    counts = mask.sum(dim=(1, 2))
    patches = int(counts.sum())
    return (
        wave(patches, 16, seed=6),
        wave(patches, 16, seed=5),
        mask,
        1 / counts.repeat_interleave(counts),
    )


@pytest.mark.parametrize(("temperature", "expected"), [(0.04, 12.038352), (0.07, 11.866503)])
def test_dino_has_the_reference_value(temperature, expected):
    center = Center(16, 0.9)
    center.center.copy_(wave(16, seed=4) * 0.1)
    teacher, globals_, locals_ = (
        wave(2, 5, 16, seed=1),
        wave(2, 5, 16, seed=2),
        wave(3, 5, 16, seed=3),
    )
    across, down = dino_loss(
        globals_, locals_, center.targets(teacher.flatten(0, 1), temperature).view(2, 5, 16), 0.1
    )
    assert (across + down).item() == pytest.approx(expected, abs=1e-5)
    center.add(teacher.flatten(0, 1))
    center.move()
    torch.testing.assert_close(
        center.center[:4],
        torch.tensor([-0.0710171, -0.0407306, -0.1036378, -0.0236917]),
        atol=1e-6,
        rtol=0,
    )


def test_ibot_has_the_reference_value():
    student, teacher, mask, weights = patch_case()
    targets = Center(16, 0.9).targets(teacher, 0.05)
    assert ibot_loss(student, targets, weights, len(mask), 0.1).item() == pytest.approx(
        4.3664627, abs=1e-5
    )


def test_koleo_has_the_reference_value():
    assert koleo_loss(wave(7, 6, seed=7), across_ranks=False).item() == pytest.approx(
        -0.0133805, abs=1e-5
    )
    assert koleo_loss(torch.ones(4, 6), across_ranks=False).item() == pytest.approx(
        17.182455, abs=1e-4
    )


def test_sinkhorn_has_the_reference_value():
    expected = [
        0.1907193,
        0.7271827,
        1.84174e-05,
        3.80025e-12,
        3.84946e-12,
        2.18367e-07,
        0.0624633,
        0.0196160,
    ]
    torch.testing.assert_close(
        sinkhorn(wave(6, 8, seed=8), 0.05)[0], torch.tensor(expected), atol=1e-6, rtol=1e-4
    )


def test_everything_agrees_with_lightly():
    loss = pytest.importorskip(
        "lightly.loss", reason="lightly, the oracle of the development extra, is not installed"
    )
    swav = pytest.importorskip("lightly.loss.swav_loss")
    torch.manual_seed(0)
    for _ in range(3):
        teacher, globals_, locals_ = (
            torch.randn(2, 6, 32),
            torch.randn(2, 6, 32),
            torch.randn(4, 6, 32),
        )
        theirs = loss.DINOLoss(32)(list(teacher), [*globals_, *locals_], teacher_temp=0.05)
        ours = sum(dino_loss(globals_, locals_, torch.softmax(teacher / 0.05, -1), 0.1))
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
        features = torch.randn(9, 12)
        torch.testing.assert_close(
            koleo_loss(features, across_ranks=False),
            loss.KoLeoLoss()(features),
            rtol=1e-5,
            atol=1e-5,
        )
        torch.testing.assert_close(
            sinkhorn(teacher[0] / 5, 0.06),
            swav.sinkhorn(teacher[0] / 5, 3, 0.06),
            rtol=1e-5,
            atol=1e-6,
        )
    student, teacher, mask, weights = patch_case()
    theirs = loss.IBOTPatchLoss(16)(teacher, student, mask, teacher_temp=0.05)
    torch.testing.assert_close(
        ibot_loss(student, torch.softmax(teacher / 0.05, -1), weights, 4, 0.1),
        theirs,
        rtol=1e-5,
        atol=1e-5,
    )


def test_dino_pairs_a_crop_with_the_other_crops_target():
    """The mean over pairs, by hand; each crop's own target never counts."""
    globals_, locals_, targets = (
        wave(2, 3, 8, seed=1),
        wave(2, 3, 8, seed=2),
        torch.softmax(wave(2, 3, 8, seed=3), -1),
    )
    student = [*globals_, *locals_]
    pairs = [
        -(targets[j] * torch.log_softmax(student[i] / 0.1, -1)).sum(-1).mean()
        for i in range(4)
        for j in range(2)
        if i != j
    ]
    assert len(pairs) == 6
    torch.testing.assert_close(
        sum(dino_loss(globals_, locals_, targets, 0.1)), torch.stack(pairs).mean()
    )
    across, none = dino_loss(globals_, globals_[:0], targets, 0.1)
    assert none == 0 and across.item() == pytest.approx(
        torch.stack([pairs[0], pairs[1]]).mean().item(), rel=1e-5
    )


def test_gradients_are_those_of_the_plain_form():
    globals_, locals_ = (
        wave(2, 3, 8, seed=1).requires_grad_(),
        wave(2, 3, 8, seed=2).requires_grad_(),
    )
    targets = torch.softmax(wave(2, 3, 8, seed=3), -1)
    (ours,) = torch.autograd.grad(sum(dino_loss(globals_, locals_, targets, 0.1)), locals_)
    plain = -(targets[:, None] * torch.log_softmax(locals_ / 0.1, -1)).sum(-1).mean(-1).sum() / 6
    (theirs,) = torch.autograd.grad(plain, locals_)
    torch.testing.assert_close(ours, theirs)


def test_ibot_without_masked_patches_is_zero():
    loss = ibot_loss(
        torch.zeros(0, 8, requires_grad=True), torch.zeros(0, 8), torch.zeros(0), 4, 0.1
    )
    assert loss == 0
    loss.backward()


def test_a_center_without_rows_stays():
    center = Center(4, 0.9)
    center.add(torch.ones(3, 4))
    center.move()
    before = center.center.clone()
    center.add(torch.zeros(0, 4))
    center.move()
    assert torch.equal(center.center, before) and before.tolist() == pytest.approx([0.1] * 4)


def test_sinkhorn_survives_what_overflows_the_official_form():
    scores = torch.tensor([[4.0, 3.0, 2.0], [4.0, 3.5, 3.2], [2.5, 3.0, 4.1]])
    assert not torch.isfinite(torch.exp(scores / 0.04)).all()
    exact = torch.exp((scores.double() - scores.max()) / 0.04).T
    for _ in range(3):
        exact /= exact.sum(1, keepdim=True)
        exact /= exact.sum(0, keepdim=True)
    torch.testing.assert_close(sinkhorn(scores, 0.04).double(), exact.T, atol=1e-6, rtol=1e-4)
    far = sinkhorn(torch.cat([scores, torch.tensor([[-60.0, -61.0, -62.0]])]), 0.04)
    torch.testing.assert_close(far.sum(1), torch.ones(4))


def test_sinkhorn_uses_all_prototypes_equally():
    found = sinkhorn(wave(64, 8, seed=1), 0.5, iterations=30)
    torch.testing.assert_close(found.sum(0), torch.full((8,), 8.0), rtol=1e-3, atol=0)


def test_entropy_and_use_of_prototypes():
    uniform, same, spread = torch.full((6, 8), 1 / 8), torch.eye(8)[[3] * 6], torch.eye(8)
    assert target_entropy(uniform).item() == pytest.approx(1) and target_entropy(same) == 0
    assert prototypes_in_use(same).item() == pytest.approx(1) and prototypes_in_use(
        spread
    ).item() == pytest.approx(8)
