"""Views: every operation against torchvision's, draws by place, and the shape and range of what
comes out.
"""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from starmass.config.pretraining import Views
from starmass.pretraining import views as v
from starmass.pretraining.draws import SampleIndex

PLAIN = Views(
    mean=(0.0,) * 3,
    std=(1.0,) * 3,
    jitter=0,
    grey=0,
    blur=(0, 0, 0),
    solarise=(0, 0, 0),
    flip=0,
    local_count=0,
)


def pixels(count=3, size=24, channels=3):
    return torch.from_numpy(
        np.random.default_rng(1).integers(0, 256, (count, size, size, channels), np.uint8)
    )


@pytest.mark.parametrize(("length", "out"), [(24, 8), (24, 24), (10, 16), (17, 5), (1, 4)])
def test_resampling_is_that_of_pillow(length, out):
    line = torch.rand(2, 24)
    start = torch.tensor([0.0, 24.0 - length])
    found = (
        v.resampling_matrices(start, torch.full((2,), float(length)), 24, out) @ line[:, :, None]
    ).squeeze(2)
    for row in range(2):
        cut = line[row, int(start[row]) : int(start[row]) + length][None, None, None]
        expected = torch.nn.functional.interpolate(cut, (1, out), mode="bicubic", antialias=True)
        torch.testing.assert_close(found[row], expected.flatten(), atol=2e-6, rtol=0)


def test_a_crop_is_torchvisions_resized_crop():
    draws = torch.rand(3, v.DRAWS)
    images = pixels().permute(0, 3, 1, 2).float() / 255
    crop = v.Crop(16, (0.2, 0.9), 0, 0)
    found = v._cut(images, draws, crop, PLAIN)
    for number in range(3):
        area = (0.2 + 0.7 * draws[number, v.AREA]) * 24 * 24
        aspect = torch.exp(
            np.log(3 / 4) + draws[number, v.ASPECT] * (np.log(4 / 3) - np.log(3 / 4))
        )
        tall, wide = (
            round(side.item()) for side in ((area / aspect) ** 0.5, (area * aspect) ** 0.5)
        )
        tall, wide = min(tall, 24), min(wide, 24)
        top, left = (
            int(draws[number, v.TOP] * (25 - tall)),
            int(draws[number, v.LEFT] * (25 - wide)),
        )
        expected = reference.resized_crop(
            images[number],
            top,
            left,
            tall,
            wide,
            [16, 16],
            reference.InterpolationMode.BICUBIC,
            antialias=True,
        )
        torch.testing.assert_close(found[number], expected.clamp(0, 1), atol=5e-6, rtol=0)


def test_flips_mirror_the_crop():
    images = pixels().permute(0, 3, 1, 2).float() / 255
    draws = torch.full((3, v.DRAWS), 0.5)
    plain, crop = (
        v._cut(images, draws, v.Crop(16, (0.5, 0.5), 0, 0), PLAIN),
        v.Crop(16, (0.5, 0.5), 0, 0),
    )
    torch.testing.assert_close(v._cut(images, draws, crop, Views(flip=1)), plain.flip(3))
    torch.testing.assert_close(
        v._cut(images, draws, crop, Views(flip=0, flip_vertical=1)), plain.flip(2)
    )


@pytest.mark.parametrize(
    ("key", "column", "function"),
    [
        ("brightness", v.BRIGHTNESS, reference.adjust_brightness),
        ("contrast", v.CONTRAST, reference.adjust_contrast),
        ("saturation", v.SATURATION, reference.adjust_saturation),
        ("hue", v.HUE, lambda image, factor: reference.adjust_hue(image, factor - 1)),
    ],
)
def test_colours_are_those_of_torchvision(key, column, function):
    """Each operation alone, at its full strength of 0.4, applied to the first two samples and not
    to the third.
    """
    strengths = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0) | {key: 0.4}
    draws = torch.zeros(3, v.DRAWS)
    draws[:, v.JITTER] = torch.tensor([0.1, 0.1, 0.9])
    draws[:, column] = torch.tensor([0.05, 0.8, 0.3])
    images = pixels().permute(0, 3, 1, 2).float() / 255
    found = v._colour(images, draws, Views(jitter=0.5, grey=0, **strengths))
    for number in range(2):
        expected = function(images[number], 1 + 0.4 * (2 * draws[number, column].item() - 1))
        torch.testing.assert_close(
            found[number], expected, atol=2e-3, rtol=0
        )  # torchvision's luminance has 4 digits
    torch.testing.assert_close(found[2], images[2], atol=1e-6, rtol=0)


def test_blur_and_solarise_are_those_of_torchvision():
    images = torch.rand(3, 3, 16, 16)
    draws = torch.zeros(3, v.DRAWS)
    draws[:, v.BLUR], draws[:, v.SIGMA] = (
        torch.tensor([0.1, 0.9, 0.1]),
        torch.tensor([0.0, 0.0, 1.0]),
    )
    found = v._blur(images, draws, 0.5, (0.3, 2.0))
    for number, sigma in ((0, 0.3), (2, 2.0)):
        torch.testing.assert_close(
            found[number],
            reference.gaussian_blur(images[number], [9, 9], [sigma, sigma]),
            atol=1e-5,
            rtol=0,
        )
    assert torch.equal(found[1], images[1])
    draws[:, v.SOLARISE] = torch.tensor([0.1, 0.9, 0.1])
    found = v._solarise(images, draws, 0.5)
    torch.testing.assert_close(found[0], reference.solarize(images[0], 0.5))
    assert torch.equal(found[1], images[1])


def test_views_have_their_sizes_and_normalisation():
    recipe = Views(global_size=16, local_size=8, local_count=3, mean=(0.2,) * 3, std=(0.5,) * 3)
    crops = v.crops_of(recipe, 2)
    draws = torch.from_numpy(
        np.stack([v.view_draws(0, SampleIndex(0, 0, 0, image), len(crops)) for image in range(3)])
    )
    made = v.make_views(pixels(), draws, crops, recipe)
    assert [tuple(view.shape) for view in made] == [(3, 3, 16, 16)] * 2 + [(3, 3, 8, 8)] * 3
    for view in made:
        assert view.isfinite().all() and view.min() >= -0.4 - 1e-5 and view.max() <= 1.6 + 1e-5


def test_a_samples_views_do_not_depend_on_its_batch():
    recipe = Views(global_size=16, local_size=8, local_count=2)
    crops = v.crops_of(recipe, 2)
    draws = torch.from_numpy(
        np.stack([v.view_draws(0, SampleIndex(0, 0, 1, image), len(crops)) for image in range(3)])
    )
    together = v.make_views(pixels(), draws, crops, recipe)
    alone = v.make_views(pixels()[1:2], draws[1:2], crops, recipe)
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(many[1:2], one, atol=1e-5, rtol=0)


def test_draws_follow_from_seed_epoch_and_image_alone():
    draw = v.view_draws(0, SampleIndex(5, 3, 1, 7), 4)
    np.testing.assert_array_equal(draw, v.view_draws(0, SampleIndex(9, 0, 1, 7), 4))
    for other in (
        v.view_draws(1, SampleIndex(5, 3, 1, 7), 4),
        v.view_draws(0, SampleIndex(5, 3, 2, 7), 4),
        v.view_draws(0, SampleIndex(5, 3, 1, 8), 4),
    ):
        assert not np.array_equal(draw, other)


def test_any_number_of_channels():
    recipe = Views(
        global_size=16, mean=(0.5,) * 5, std=(0.5,) * 5, saturation=0, hue=0, grey=0, local_count=0
    )
    crops = v.crops_of(recipe, 2)
    made = v.make_views(pixels(channels=5), torch.rand(3, 2, v.DRAWS), crops, recipe)
    assert made[0].shape == (3, 5, 16, 16)
