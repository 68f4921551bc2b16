import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.evaluation.inputs import Input
from starmass.evaluation.samples import load_maps, protostars
from starmass.evaluation.segmentation import choose_examples, fit_palette, segment, shrink, write_segmentation
from starmass.evaluation.splits import draw_split, parts_of


def patches(scaled):
    """Stand-in for an encoder: a token holds the means of 4 x 4 pixels, and their squares."""
    cells = scaled.reshape(len(scaled), 3, 4, 4, 4, 4).mean(axis=(3, 5))
    return np.moveaxis(np.concatenate([cells, cells**2], axis=1), 1, -1)


def test_the_basis_is_the_training_maps_alone(samples):
    maps, split = load_maps(samples), draw_split(samples, by="protostar", test_fraction=0.4)
    ((_, _, test),) = parts_of(split)
    first = segment(samples, maps, split, patches, Input(), examples=3)
    assert set(first.row) <= set(test)
    assert len(set(protostars(samples)[first.row])) == len(first.row) == 3
    assert first.colours.shape == first.components.shape == (3, 4, 4, 3)
    assert 0 <= first.colours.min() < first.colours.max() <= 1
    one = segment(samples, maps, split, patches, Input(), examples=[int(first.row[1])])
    np.testing.assert_allclose(one.colours[0], first.colours[1], atol=1e-6)
    maps.values[np.setdiff1d(test, first.row)] *= 100
    np.testing.assert_allclose(segment(samples, maps, split, patches, Input(), examples=3).colours, first.colours, atol=1e-6)


def test_components_are_ordered_and_denser_gas_is_brighter(samples):
    tokens = patches(np.random.default_rng(0).random((20, 3, 16, 16)) * np.array([1, 3, 2])[:, None, None])
    for brightness in (tokens[..., 1], -tokens[..., 1]):
        palette = fit_palette(tokens, brightness)
        components, _ = palette.paint(tokens)
        flat = components.reshape(-1, 3)
        assert (np.diff(flat.var(axis=0)) <= 0).all()
        assert ((flat * (brightness - brightness.mean()).reshape(-1, 1)).sum(axis=0) >= 0).all()
        assert palette.explained.sum() <= 1
        np.testing.assert_allclose(palette.axes.T @ palette.axes, np.eye(3), atol=1e-9)


def test_examples_go_from_light_to_heavy(samples):
    chosen = choose_examples(samples, np.arange(len(samples)), 5)
    masses = samples.loc[chosen, "mass_msun"].to_numpy()
    assert (np.diff(masses) >= 0).all()
    assert masses[-1] == samples["mass_msun"].max()
    assert len(choose_examples(samples, np.arange(len(samples)), 100)) == 8


def test_shrinking_averages_whatever_the_sizes():
    maps = np.random.default_rng(0).random((2, 12, 12))
    np.testing.assert_allclose(shrink(maps, 4), maps.reshape(2, 4, 3, 4, 3).mean(axis=(2, 4)))
    np.testing.assert_allclose(shrink(maps, 5).mean(), maps.mean())
    np.testing.assert_allclose(shrink(maps, 24), maps.repeat(2, axis=1).repeat(2, axis=2))


def test_the_file(tmp_path, samples):
    split = draw_split(samples, by="protostar", test_fraction=0.4)
    found = segment(samples, load_maps(samples), split, patches, Input(), examples=2)
    write_segmentation(tmp_path / "dinov2.h5", found, provenance="{}")
    with h5py.File(tmp_path / "dinov2.h5") as file:
        np.testing.assert_array_equal(file["row"], found.row)
        np.testing.assert_array_equal(file["colours"], found.colours)
        assert file["components"].attrs["description"]


def test_a_row_that_is_not_there_is_named(samples):
    split = draw_split(samples, by="protostar", test_fraction=0.4)
    with pytest.raises(InputError, match="there is no row 5000"):
        segment(samples, load_maps(samples), split, patches, Input(), examples=[5000])
