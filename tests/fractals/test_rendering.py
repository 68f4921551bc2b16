"""Framing, acceptance and tones, each on input whose answer is known."""

import numpy as np
import pytest

from starmass.fractals import rendering as r
from starmass.fractals.colours import SHADES, paint_colour, palette_shades

f32 = np.float32


def histogram_of(counts, colours=None):
    counts = np.asarray(counts, np.uint64)
    colours = np.zeros_like(counts) if colours is None else np.asarray(colours, np.uint64)
    flat = (counts | ((counts * colours) << np.uint64(r.COUNT_BITS))).ravel()
    return np.concatenate([flat, np.full(r.WALKERS, 99, np.uint64)])


@pytest.mark.parametrize("seed", range(20))
def test_selection_is_sorting(seed):
    draws = np.random.default_rng(seed)
    count = draws.integers(1, 200)
    values = (draws.integers(0, 50, count) if seed % 2 else draws.normal(size=count)).astype(f32)
    for rank in draws.integers(0, len(values), 5):
        assert r.find_ranked(values.copy(), int(rank)) == np.sort(values)[rank]


def test_frame_spans_the_quantiles_and_leaves_the_points_alone():
    x, y = np.random.default_rng(0).normal(size=(2, 10000)).astype(f32)
    before = x.copy()
    box, found = r.find_frame(x, y, f32(0.05), f32(0.95), 100)
    assert found and np.array_equal(x, before)
    assert np.allclose(box[:2], np.quantile([x, y], 0.05, axis=1), atol=2e-3)
    assert np.allclose(box[:2] + 100 / box[2:], np.quantile([x, y], 0.95, axis=1), atol=2e-3)


def test_a_point_has_no_frame():
    x = np.full(1000, 0.3, f32)
    assert not r.find_frame(x, np.linspace(0, 1, 1000, dtype=f32), f32(0.05), f32(0.95), 100)[1]
    assert not r.find_frame(np.full(1000, np.nan, f32), x, f32(0.05), f32(0.95), 100)[1]


def test_points_are_counted_where_they_are():
    draws = np.random.default_rng(1)
    size, box = 32, np.array([-1, -0.5, 16, 32], f32)
    walkers = np.zeros(5 * r.WALKERS, f32)
    walkers[: r.WALKERS], walkers[r.WALKERS : 2 * r.WALKERS] = draws.uniform(
        -1.3, 1.3, (2, r.WALKERS)
    )
    walkers[2 * r.WALKERS : 3 * r.WALKERS] = draws.uniform(0, 1, r.WALKERS)
    histogram = np.zeros(size * size + r.WALKERS, np.uint64)
    r.add_points(
        walkers,
        box,
        size,
        np.empty(r.WALKERS, np.uint32),
        np.empty(r.WALKERS, np.uint64),
        histogram,
    )
    x, y, colour = walkers[: 3 * r.WALKERS].reshape(3, -1)
    column, row = (x - f32(-1)) * f32(16), (y - f32(-0.5)) * f32(32)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    expected, colours = np.zeros((2, size, size), int)
    np.add.at(expected, (row[inside].astype(int), column[inside].astype(int)), 1)
    np.add.at(
        colours,
        (row[inside].astype(int), column[inside].astype(int)),
        (colour[inside] * f32(255) + f32(0.5)).astype(int),
    )
    image = histogram[: size * size].reshape(size, size)
    assert np.array_equal(image & r.COUNT_MASK, expected) and np.array_equal(
        image >> np.uint64(r.COUNT_BITS), colours
    )
    assert (histogram[size * size :] & r.COUNT_MASK).sum() == (~inside).sum()


def test_coverage_is_the_share_of_hit_pixels():
    counts = np.zeros((20, 20))
    counts[:5] = 3
    assert r.measure_coverage(histogram_of(counts), 20) == f32(0.25)


def test_preview_coverage_counts_coarse_cells():
    grid = (np.arange(8) + 0.5) / 8
    x, y = (a.ravel().astype(f32) for a in np.meshgrid(grid, grid[:4]))
    assert r.preview_coverage(x, y, np.array([0, 0, 64, 64], f32), 64, 8) == 0.5
    assert r.preview_coverage(x + f32(5), y, np.array([0, 0, 64, 64], f32), 64, 8) == 0


def test_contrast_sees_structure_and_not_noise_nor_gradients_nor_one_spot():
    draws = np.random.default_rng(2)
    flat = draws.poisson(9, (96, 96))
    gradient = draws.poisson(np.linspace(3, 30, 96)[:, None] * np.ones(96))
    filaments = draws.poisson(
        9 * (1 + 0.6 * np.sign(np.sin(np.arange(96) * np.pi / 2))) * np.ones((96, 1))
    )
    spot = flat.copy()
    spot[40, 40] = 100_000
    contrast = {
        name: r.measure_contrast(histogram_of(c), 96)
        for name, c in locals().items()
        if name not in ("draws",)
    }
    assert contrast["flat"] < 0.1 and contrast["gradient"] < 0.1 and contrast["spot"] < 0.1
    assert (
        contrast["filaments"] == pytest.approx(0.6 * np.sqrt(0.5) / 1, rel=0.6)
        and contrast["filaments"] > 0.3
    )
    assert r.measure_contrast(histogram_of(np.zeros((16, 16))), 16) == 0


def test_tones_rise_with_density_from_black_to_white():
    counts = np.random.default_rng(3).geometric(0.05, (64, 64)) - 1
    counts[0, 0] = 1_000_000
    grey, _ = r.paint(histogram_of(counts), 64, f32(2.2))
    order = np.argsort(counts.ravel())
    assert np.all(np.diff(grey.ravel()[order].astype(int)) >= 0)
    assert grey[counts == 0].max() == 0 and grey[0, 0] == 255
    white = np.sort(counts.ravel())[
        -1 - 64 * 64 // 1000
    ]  # one pixel in a thousand may be brighter than white
    n = counts.astype(float)
    expected = np.minimum(255 * (np.log1p(n) / np.log1p(white)) ** (1 / 2.2), 255)
    assert np.abs(grey - expected).max() < 1.5


def test_shades_are_the_mean_colour_coordinate():
    counts, colours = (
        np.random.default_rng(4).integers(0, 50, (2, 32, 32)) * np.array([1, 5])[:, None, None]
    )
    _, shades = r.paint(histogram_of(counts, colours), 32, f32(1))
    assert np.array_equal(
        shades[counts > 0], np.floor(colours[counts > 0] * (SHADES - 1) / 255 + 127 / 255)
    )
    assert shades[counts == 0].max() == 0


def test_colour_is_the_palette_dimmed():
    palette = r.draw_palette(np.random.SeedSequence(1).generate_state(4, np.uint64))
    assert palette.dtype == np.uint8 and (palette.max(axis=1) == 255).all()
    colours = palette_shades(palette)
    assert np.array_equal(colours[0], palette[0]) and np.array_equal(colours[-1], palette[-1])
    grey, shades = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(SHADES, dtype=np.uint8))
    image = paint_colour(grey, shades, palette)
    assert image.shape == (*grey.shape, 3) and image.dtype == np.uint8
    assert np.abs(image - grey[..., None] / 255.0 * colours[shades]).max() <= 0.5
