"""Masks: the asked number of crops, the asked number of patches, on every grid, and blocks where
blocks fit.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starmass.pretraining.masks import block_mask, mask_ratios


@pytest.mark.parametrize("grid", [4, 6, 8, 14, 21])
@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.1, 0.3, 0.5])
def test_a_mask_has_exactly_the_asked_patches(grid, ratio):
    for seed in range(5):
        mask = block_mask(grid, ratio, np.random.default_rng(seed))
        assert mask.shape == (grid, grid)
        assert mask.sum() == (max(1, int(ratio * grid * grid)) if ratio else 0)


@given(crops=st.integers(1, 200), share=st.floats(0, 1), seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_ratios_are_shared_out_in_strata(crops, share, seed):
    ratios = mask_ratios(crops, share, (0.1, 0.5), np.random.default_rng(seed))
    masked = np.sort(ratios[ratios > 0])
    assert len(ratios) == crops and len(masked) == int(crops * share)
    edges = np.linspace(0.1, 0.5, len(masked) + 1)
    assert np.all(masked >= edges[:-1] - 1e-12) and np.all(masked <= edges[1:] + 1e-12)


def test_masks_are_blocks():
    """Masked patches lie together: far more of their neighbours are masked than if patches were
    drawn singly.
    """
    together = []
    for seed in range(30):
        mask = block_mask(14, 0.3, np.random.default_rng(seed))
        together.append((mask[1:] & mask[:-1]).sum() / mask[1:].sum())
    assert np.mean(together) > 0.6


def test_no_place_is_left_out():
    """Blocks cover corners less than the middle, but no corner is left out."""
    total = sum(block_mask(8, 0.3, np.random.default_rng(seed)).astype(int) for seed in range(400))
    assert total.min() > 400 * 0.03 and total.max() < 400 * 0.6
