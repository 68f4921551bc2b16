"""Structural colour at load: from grey image, place along a palette and palette to RGB.

Stored separately, a colour image takes half the room of its three channels. All arithmetic is in
whole numbers, and needs numpy alone.
"""

from typing import Any

import numpy as np

ANCHORS = 6  # colours that a palette passes through, joined by straight lines
SHADES = 32  # distinct places along a palette


def palette_shades(palette: np.ndarray) -> np.ndarray:
    """Return the colours of all places along a palette: uint8 [ANCHORS, 3] -> uint8 [SHADES, 3]."""
    anchors = palette.astype(np.int64)
    last = SHADES - 1
    position = np.arange(SHADES) * (ANCHORS - 1)
    anchor = np.minimum(position // last, ANCHORS - 2)
    share = (position - anchor * last)[:, None]
    return ((anchors[anchor] * (last - share) + anchors[anchor + 1] * share) // last).astype(
        np.uint8
    )


def paint_colour(grey: np.ndarray, shades: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Return the image in colour.

    Parameters
    ----------
    grey : brightness, uint8 [row, column]
    shades : place along the palette, below ``SHADES``, uint8 [row, column]
    palette : uint8 [ANCHORS, 3]

    Returns
    -------
    uint8 [row, column, 3]
    """
    # Each brightness of each colour, divided by 255 and rounded (numpy divides whole numbers
    # slowly, and is fast along 256 levels).
    products: np.ndarray = palette_shades(palette).astype(np.uint16)[:, :, None] * np.arange(
        256, dtype=np.uint16
    ) + np.uint16(128)
    products += products >> 8
    table = (products >> 8).astype(np.uint8).transpose(0, 2, 1).reshape(-1, 3)
    place = shades.astype(np.uint16)
    place <<= 8
    place |= grey
    return np.take(table, place, axis=0)


def paint_batch(images: Any, shades: Any, palette: Any) -> Any:
    """Return what :func:`paint_colour` gives for each image of a batch of torch tensors.

    They are painted on the device that holds them.

    Parameters
    ----------
    images, shades : uint8 [image, row, column]
    palette : uint8 [image, ANCHORS, 3], on any device

    Returns
    -------
    uint8 [image, row, column, 3]
    """
    import torch

    if images.device.type == "cpu":  # numpy's table is quicker there
        return torch.from_numpy(
            np.stack(list(map(paint_colour, images.numpy(), shades.numpy(), palette.numpy())))
        )
    colours = torch.from_numpy(np.stack([palette_shades(one) for one in palette.cpu().numpy()])).to(
        images.device
    )
    image = torch.arange(len(images), device=images.device)[:, None, None]
    return ((colours[image, shades.long()].int() * images[..., None] + 127) // 255).to(torch.uint8)
