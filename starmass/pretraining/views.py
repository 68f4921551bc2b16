"""Crops of a batch of images: one draw per sample, every operation on whole batches of tensors.

They run on CPU or GPU. Crop, flip and blur are linear and separable, so each is a pair of matrices
per sample, ``rows @ image @ columns.T``. Resampling is antialiased bicubic, as in Pillow. Colours
follow torchvision's definitions; brightness, contrast, saturation and hue keep that order
(torchvision shuffles it). Probabilities and ranges: dinov2 `data/augmentations.py`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from starmass.config.pretraining import Views
from starmass.pretraining.draws import RandomStream, SampleIndex, generator

# The order of a crop's uniform numbers.
(
    AREA,
    ASPECT,
    TOP,
    LEFT,
    FLIP,
    FLIP_VERTICAL,
    JITTER,
    BRIGHTNESS,
    CONTRAST,
    SATURATION,
    HUE,
    GREY,
    BLUR,
    SIGMA,
    SOLARISE,
) = range(15)
DRAWS = 15
LUMINANCE = (0.299, 0.587, 0.114)
BLUR_REACH = 4  # pixels each side: the official kernel of 9


@dataclass(frozen=True)
class Crop:
    """How one kind of crop is made."""

    size: int
    area: tuple[float, float]
    blur: float
    solarise: float


def crops_of(views: Views, global_crops: int) -> list[Crop]:
    """List the crops of an image: the global ones, then the local ones."""
    kinds = [
        Crop(views.global_size, views.global_area, views.blur[kind], views.solarise[kind])
        for kind in (0, 1)
    ]
    local = Crop(views.local_size, views.local_area, views.blur[2], views.solarise[2])
    return [kinds[min(number, 1)] for number in range(global_crops)] + [local] * views.local_count


def view_draws(seed: int, index: SampleIndex, crops: int) -> np.ndarray:
    """Return all uniform numbers in 0..1 that a sample's views need, float32 [crops, draws].

    They depend on seed, epoch and image.
    """
    return generator(seed, RandomStream.VIEWS, index.epoch, index.image).random(
        (crops, DRAWS), np.float32
    )


def make_views(images: Tensor, draws: Tensor, crops: list[Crop], views: Views) -> list[Tensor]:
    """Cut and disturb every crop of every image.

    Parameters
    ----------
    images : uint8 [B, H, W, C], on the device where the work is to be done
    draws : float32 [B, crops, 15] on the CPU, see :func:`view_draws`
    crops : what to cut, see :func:`crops_of`
    views : the recipe's section

    Returns
    -------
    one float32 [B, C, size, size] per crop, normalised by the recipe's mean and std
    """
    pixels = images.permute(0, 3, 1, 2).float() / 255
    mean, std = (
        torch.tensor(values, device=images.device)[:, None, None]
        for values in (views.mean, views.std)
    )
    made = []
    for number, crop in enumerate(crops):
        view = _cut(pixels, draws[:, number], crop, views)
        view = _colour(view, draws[:, number], views)
        view = _blur(view, draws[:, number], crop.blur, views.blur_sigma)
        view = _solarise(view, draws[:, number], crop.solarise)
        made.append((view - mean) / std)
    return made


def _cut(pixels: Tensor, draw: Tensor, crop: Crop, views: Views) -> Tensor:
    """Random resized crop and flips.

    A box larger than the image is cut down to it (torchvision draws again).
    """
    height, width = pixels.shape[-2:]
    area = _between(draw[:, AREA], crop.area) * height * width
    aspect = torch.exp(_between(draw[:, ASPECT], tuple(np.log(views.aspect))))
    tall = (area / aspect).sqrt().round().clamp(1, height)
    wide = (area * aspect).sqrt().round().clamp(1, width)
    # A float32 draw may round up to the next pixel at its upper end: hold the box inside the image.
    top = torch.minimum((draw[:, TOP] * (height - tall + 1)).floor(), height - tall)
    left = torch.minimum((draw[:, LEFT] * (width - wide + 1)).floor(), width - wide)
    device = pixels.device
    rows = resampling_matrices(top.to(device), tall.to(device), height, crop.size)
    columns = resampling_matrices(left.to(device), wide.to(device), width, crop.size)
    flipped = (draw[:, FLIP] < views.flip).to(device)[:, None, None]
    upturned = (draw[:, FLIP_VERTICAL] < views.flip_vertical).to(device)[:, None, None]
    rows = torch.where(upturned, rows.flip(1), rows)
    columns = torch.where(flipped, columns.flip(1), columns)
    return (rows[:, None] @ pixels @ columns[:, None].mT).clamp_(0, 1)


def _between(uniform: Tensor, bounds: tuple[float, float]) -> Tensor:
    return bounds[0] + uniform * (bounds[1] - bounds[0])


def resampling_matrices(start: Tensor, length: Tensor, size: int, out: int) -> Tensor:
    """Weights that resample ``length`` pixels from ``start`` on to ``out`` pixels.

    The resampling is antialiased bicubic, as in Pillow.

    Parameters
    ----------
    start, length : float [B], whole pixels of a line of ``size``

    Returns
    -------
    float [B, out, size]; rows sum to 1
    """
    start, length = start[:, None, None], length[:, None, None]
    pixel = torch.arange(size, device=start.device, dtype=start.dtype)
    step = length / out
    centre = (
        start + (torch.arange(out, device=start.device, dtype=start.dtype)[:, None] + 0.5) * step
    )
    distance = (pixel + 0.5 - centre).abs_().div_(step.clamp(min=1))
    # Keys' cubic with a = -0.5: pieces on 0..1 and 1..2, each of which is 0 where the other begins.
    near = distance.clamp(max=1)
    weights = (1.5 * near).sub_(2.5).mul_(near.square_()).add_(1)
    far = distance.clamp_(1, 2)
    weights += (far * -0.5).add_(2.5).mul_(far).sub_(4).mul_(far).add_(2)
    weights *= (pixel >= start) & (pixel < start + length)
    return weights / weights.sum(-1, keepdim=True)


def _colour(view: Tensor, draw: Tensor, views: Views) -> Tensor:
    """Brightness, contrast, saturation and hue at probability ``views.jitter``, then grey."""
    jittered = draw[:, JITTER] < views.jitter

    def factor(column: int, strength: float) -> Tensor:
        return torch.where(jittered, 1 + strength * (2 * draw[:, column] - 1), 1).to(view.device)[
            :, None, None, None
        ]

    if views.jitter > 0 and views.brightness > 0:
        view = (view * factor(BRIGHTNESS, views.brightness)).clamp_(0, 1)
    if views.jitter > 0 and views.contrast > 0:
        middle = _grey(view).mean(dim=(-2, -1), keepdim=True)
        view = torch.lerp(middle, view, factor(CONTRAST, views.contrast)).clamp_(0, 1)
    if views.jitter > 0 and views.saturation > 0:
        view = torch.lerp(_grey(view), view, factor(SATURATION, views.saturation)).clamp_(0, 1)
    if views.jitter > 0 and views.hue > 0:
        view = _turn_hue(view, factor(HUE, views.hue) - 1)
    if views.grey > 0:
        greyed = (draw[:, GREY] < views.grey).to(view.device)[:, None, None, None]
        view = torch.where(greyed, _grey(view), view)
    return view


def _grey(view: Tensor) -> Tensor:
    """Luminance of colours, mean of any other number of channels: [B, 1, H, W]."""
    if view.shape[1] != 3:
        return view.mean(dim=1, keepdim=True)
    red, green, blue = view.split(1, dim=1)
    return LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue


def _turn_hue(view: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of RGB in HSV space by ``turn`` of a full circle; value and saturation stay."""
    red, green, blue = view.split(1, dim=1)
    value, low = view.amax(dim=1, keepdim=True), view.amin(dim=1, keepdim=True)
    chroma = value - low
    scale = 1 / chroma.clamp(min=1e-8)
    hue = torch.where(
        value == red,
        (green - blue) * scale,
        torch.where(value == green, 2 + (blue - red) * scale, 4 + (red - green) * scale),
    )
    hue = hue + 6 * turn
    # Each channel is the value less the chroma times a trapezoid of the hue, shifted by 120
    # degrees.
    shift = torch.tensor([5.0, 3.0, 1.0], device=view.device)[:, None, None]
    angle = torch.remainder(hue + shift, 6)
    return value - chroma * torch.minimum(angle, 4 - angle).clamp_(0, 1)


def _blur(view: Tensor, draw: Tensor, probability: float, sigma: tuple[float, float]) -> Tensor:
    """Gaussian blur that reaches 4 pixels, mirrored at the edges, for the samples that drew it."""
    chosen = torch.nonzero(draw[:, BLUR] < probability).squeeze(1)
    if not len(chosen):
        return view
    matrices = blur_matrices(_between(draw[chosen, SIGMA], sigma).to(view.device), view.shape[-1])[
        :, None
    ]
    chosen = chosen.to(view.device)
    return view.index_copy(0, chosen, matrices @ view[chosen] @ matrices.mT)


def blur_matrices(sigma: Tensor, size: int) -> Tensor:
    """Matrices [B, size, size] that blur a line by a Gaussian of ``sigma`` [B] pixels.

    The Gaussian is cut at 4 pixels; the line is mirrored at both ends.
    """
    reach = torch.arange(-BLUR_REACH, BLUR_REACH + 1, device=sigma.device)
    kernel = torch.exp(-0.5 * (reach / sigma[:, None]).square())
    kernel = kernel / kernel.sum(1, keepdim=True)
    target = (torch.arange(size, device=sigma.device)[:, None] + reach).abs()
    target = torch.where(target >= size, 2 * (size - 1) - target, target)
    matrices = torch.zeros(len(sigma), size, size, device=sigma.device)
    return matrices.scatter_add_(
        2, target.expand(len(sigma), -1, -1), kernel[:, None, :].expand(-1, size, -1)
    )


def _solarise(view: Tensor, draw: Tensor, probability: float) -> Tensor:
    """Invert what is brighter than one half, for the samples whose draw says so."""
    if probability == 0:
        return view
    chosen = (draw[:, SOLARISE] < probability).to(view.device)[:, None, None, None]
    return torch.where(chosen & (view >= 0.5), 1 - view, view)
