"""The patches that are hidden from the student: blocks, as in BEiT and iBOT.

Officially half of a batch's global crops are masked, their ratios spread evenly over 0.1-0.5
(dinov2 `data/collate.py`, `data/masking.py`). Here the number of masked patches is exact: where
blocks do not fit a small grid, single patches are added.
"""

import math

import numpy as np

SMALLEST_BLOCK = 4  # patches; dinov2 data/masking.py
ASPECTS = (0.3, 1 / 0.3)  # height over width of a block
ATTEMPTS = 10  # draws of a block before single patches take over


def mask_ratios(
    crops: int, share: float, bounds: tuple[float, float], random: np.random.Generator
) -> np.ndarray:
    """Share out masks over a global batch: which crops, and what part of each.

    Parameters
    ----------
    crops : global crops in the whole batch, all ranks together
    share : part of them that is masked; exactly ``int(crops * share)`` are
    bounds : lowest and highest ratio; the range is cut into as many strata as there are masked
        crops, one ratio in each
    random : belongs to the step, so that every rank draws the same

    Returns
    -------
    float64 [crops], 0 where a crop is not masked
    """
    masked = int(crops * share)
    edges = np.linspace(*bounds, masked + 1)
    ratios = np.zeros(crops)
    ratios[:masked] = random.uniform(edges[:-1], edges[1:])
    return random.permutation(ratios)


def block_mask(grid: int, ratio: float, random: np.random.Generator) -> np.ndarray:
    """Mask ``max(1, int(ratio * grid**2))`` patches of a square grid in blocks; none for ratio 0.

    Returns
    -------
    bool [grid, grid], True where masked
    """
    mask = np.zeros((grid, grid), bool)
    wanted = max(1, int(ratio * grid * grid)) if ratio > 0 else 0
    while (left := wanted - int(mask.sum())) > 0:
        block = _draw_block(mask, left, random)
        if block is None:
            mask.flat[random.choice(np.flatnonzero(~mask), left, replace=False)] = True
        else:
            mask[block] = True
    return mask


def _draw_block(
    mask: np.ndarray, left: int, random: np.random.Generator
) -> tuple[slice, slice] | None:
    """Return a block that masks 1 to ``left`` new patches, or None when no draw gave one."""
    grid = len(mask)
    for _ in range(ATTEMPTS):
        area = random.uniform(SMALLEST_BLOCK, max(left, SMALLEST_BLOCK))
        aspect = math.exp(random.uniform(math.log(ASPECTS[0]), math.log(ASPECTS[1])))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if not (0 < height < grid and 0 < width < grid):
            continue
        top, side = random.integers(grid - height + 1), random.integers(grid - width + 1)
        block = (slice(top, top + height), slice(side, side + width))
        if 0 < height * width - mask[block].sum() <= left:
            return block
    return None
