"""The detector: its pyramids, its symmetries, and that it learns to find drawn discs."""

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import timm
import torch

from starmass.description import EncoderDescription
from starmass.detection.boxes import SIDES, fixed_boxes
from starmass.detection.metrics import score_boxes
from starmass.detection.pyramids import NetworkPyramid, TransformerPyramid, create_pyramid
from starmass.detection.training import create_detector, detect, turn_and_mirror
from starmass.encoders import create_encoder
from starmass.errors import InputError
from starmass.evaluation.encoding import read_encoder
from starmass.evaluation.resnets import encode_by_resnet

PIXELS = 64


def discs(count, seed=0):
    """Images [row, 3, 64, 64] with one or two discs on noise, and their boxes."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.3, (count, 3, PIXELS, PIXELS)).astype(np.float32)
    grid, lines = np.arange(PIXELS) + 0.5, []
    for row in range(count):
        for middle in (random.uniform(14, 24), random.uniform(40, 50))[: 1 + row % 2]:
            radius, other = random.uniform(7, 13), random.uniform(14, 50)
            inside = np.hypot(grid[None] - middle, grid[:, None] - other) < radius
            images[row, :, inside] += 2
            low, high = (middle - radius, other - radius), (middle + radius, other + radius)
            lines.append([row, *low, *high, "disc"])
    return torch.from_numpy(images), pd.DataFrame(lines, columns=["row", *SIDES, "class"])


def tiny_encoder(patch=8, channels=3):
    half = (0.5,) * channels
    arguments = {"depth": 2, "num_heads": 2}
    description = EncoderDescription(
        "vit_tiny_patch16_224", PIXELS, patch, channels, half, half, 32, arguments
    )
    return create_encoder(description, seed=0)


def test_a_tiny_transformer_learns_to_find_discs():
    images, boxes = discs(72)
    train, test = np.arange(48), np.arange(48, 72)

    def pyramid():
        return TransformerPyramid(tiny_encoder(16), channels=3, in_channels=3, width=16)

    options = {"classes": ["disc"], "frozen": False, "learning_rate": 4e-3, "warmup_epochs": 1}
    found = detect(pyramid, images, boxes, train, test, epochs=8, proposals=32, **options)
    truth = boxes[boxes["row"].isin(test)]
    scored = {
        name: score_boxes(truth, one, test, test, classes=["disc"], draws=1).set_index("metric")
        for name, one in (("found", found), ("fixed", fixed_boxes(boxes, train, test)))
    }
    values = {name: one.loc["AP50", "value"].iloc[0] for name, one in scored.items()}
    assert values["found"] > 0.3 + values["fixed"]
    assert found[list(SIDES)].to_numpy().min() >= 0
    assert found[list(SIDES)].to_numpy().max() <= PIXELS


def test_a_seed_gives_the_same_boxes_and_a_frozen_encoder_stays():
    images, boxes = discs(6)
    rows = np.arange(6)
    for kind in ("transformer", "network"):
        encoders = []

        def pyramid(kind=kind, encoders=encoders):
            if kind == "transformer":
                made = TransformerPyramid(tiny_encoder(), channels=3, in_channels=3, width=8)
            else:
                torch.manual_seed(0)
                made = NetworkPyramid(timm.create_model("resnet18", num_classes=0), width=8)
            encoders.append({k: v.clone() for k, v in made.encoder.state_dict().items()})
            encoders.append(made.encoder.state_dict())
            return made

        options = {"classes": ["disc"], "epochs": 1, "warmup_epochs": 0}
        state = torch.random.get_rng_state()
        one, same = (detect(pyramid, images, boxes, rows, rows, **options) for _ in range(2))
        pd.testing.assert_frame_equal(one, same)
        if kind == "transformer":
            assert torch.equal(state, torch.random.get_rng_state())
        for before, after in (encoders[:2], encoders[2:]):
            assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_detector_finds_discs_by_frozen_resnet_features(tmp_path):
    """The encoder is one of ``features``, from a file, and leaves the training as it was."""
    torch.manual_seed(0)
    given = timm.create_model("resnet18", num_classes=4).state_dict()
    safetensors.torch.save_file(given, tmp_path / "resnet.safetensors")
    network, description = read_encoder(tmp_path / "resnet.safetensors", architecture="resnet18")
    made = create_pyramid(network, channels=3, in_channels=description.in_channels, width=8)
    images, boxes = discs(8)
    with torch.no_grad():
        last = made.encoder(images)["3"].mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(last, encode_by_resnet(network, images), rtol=1e-4, atol=1e-5)
    options = {"classes": ["disc"], "epochs": 1, "warmup_epochs": 0, "frozen": True}
    rows = np.arange(8)
    found = detect(lambda: made, images, boxes, rows[:6], rows[6:], **options)
    assert set(found["row"]) <= {6, 7} and found["score"].between(0, 1).all()
    for name, tensor in made.encoder.state_dict().items():
        torch.testing.assert_close(tensor, given[name])


def test_levels_are_as_fine_as_they_say():
    images = torch.zeros(2, 3, PIXELS, PIXELS)
    network = timm.create_model("resnet18", num_classes=0)
    for made in (
        TransformerPyramid(tiny_encoder(), channels=3, in_channels=3, width=8),
        TransformerPyramid(tiny_encoder(channels=1), channels=3, in_channels=1, width=8),
        NetworkPyramid(network, width=8),
    ):
        levels = made.eval()(images)
        assert [one.shape[1] for one in levels.values()] == [8] * len(made.strides)
        assert [PIXELS // one.shape[-1] for one in levels.values()] == list(made.strides)


def test_boxes_turn_with_their_image():
    torch.manual_seed(0)
    seen = set()
    for _ in range(40):
        image, boxes = torch.zeros(1, 8, 8), torch.tensor([[1.0, 2, 4, 7]])
        image[0, 2:7, 1:4] = 1
        turned, target = turn_and_mirror(image, {"boxes": boxes, "labels": torch.ones(1)})
        left, top, right, bottom = (int(side) for side in target["boxes"][0])
        assert turned[0, top:bottom, left:right].sum() == 15 == turned.sum()
        seen.add((left, top, right, bottom))
    assert len(seen) == 8


def test_an_image_of_an_odd_grid_and_one_without_boxes():
    images, boxes = torch.rand(4, 3, 56, 56), discs(1)[1]
    rows = np.arange(4)

    def pyramid():
        return TransformerPyramid(tiny_encoder(), channels=3, in_channels=3, width=8)

    options = {"classes": ["disc"], "epochs": 1, "batch_size": 2}
    found = detect(pyramid, images, boxes, rows, rows, **options)
    assert list(found) == ["row", *SIDES, "class", "score"]
    assert (found[list(SIDES)].to_numpy() <= 56).all()


def test_what_is_no_pyramid_is_refused():
    with pytest.raises(InputError, match="3 channels are shown to an encoder of 2"):
        TransformerPyramid(tiny_encoder(channels=2), channels=3, in_channels=2, width=8)
    with pytest.raises(InputError, match="patches of 14 pixels"):
        encoder = timm.create_model("vit_tiny_patch16_224", patch_size=14, img_size=56)
        TransformerPyramid(encoder, channels=3, in_channels=3, width=8)
    with pytest.raises(InputError, match="name a ResNet"):
        NetworkPyramid(timm.create_model("vit_tiny_patch16_224"), width=8)


def test_a_loss_that_is_no_number_ends_the_training():
    images, boxes = discs(2)
    rows = np.arange(2)

    def pyramid():
        return TransformerPyramid(tiny_encoder(), channels=3, in_channels=3, width=8)

    with pytest.raises(InputError, match="lower learning_rate"):
        detect(
            pyramid, images, boxes, rows, rows, classes=["disc"], epochs=9, learning_rate=1e30,
            frozen=False,
        )  # fmt: skip


def test_anchors_follow_the_levels():
    made = TransformerPyramid(tiny_encoder(), channels=3, in_channels=3, width=8)
    model = create_detector(made, 3, PIXELS, 2, anchor=4.0, proposals=8)
    assert model.rpn.anchor_generator.sizes == ((8.0,), (16.0,), (32.0,), (64.0,))
