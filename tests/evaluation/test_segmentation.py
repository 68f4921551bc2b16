import h5py
import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps, load_maps, protostars
from starmass.evaluation.segmentation import (
    choose_examples,
    fit_baselines,
    fit_palette,
    measure_segments,
    segment,
    show_maps,
    write_segmentation,
)
from starmass.evaluation.segments import (
    compare_segments,
    describe_segments,
    measured_of,
    physical_quantities,
    shows_gas,
)
from starmass.evaluation.splits import draw_split, parts_of
from starmass.evaluation.targets import Target
from starmass.spacing import spread_evenly


def patches(scaled):
    """Stand-in for an encoder: a token holds the means of 4 x 4 pixels, and their squares."""
    cells = scaled.reshape(len(scaled), 3, 4, 4, 4, 4).mean(axis=(3, 5))
    return np.moveaxis(np.concatenate([cells, cells**2], axis=1), 1, -1)


def blind(scaled):
    """An encoder without a class token."""


def test_the_basis_is_the_training_maps_alone(samples):
    maps, split = load_maps(samples), draw_split(samples, by="protostar", test_fraction=0.4)
    ((_, _, test),) = parts_of(split)
    first = segment(samples, show_maps(maps, split, Preprocessing()), patches, blind, examples=3)
    assert set(first.row) <= set(test)
    assert len(set(protostars(samples)[first.row])) == len(first.row) == 3
    assert first.colours.shape == first.components.shape == (3, 4, 4, 3)
    assert 0 <= first.colours.min() < first.colours.max() <= 1
    one = segment(
        samples,
        show_maps(maps, split, Preprocessing()),
        patches,
        blind,
        examples=[int(first.row[1])],
    )
    np.testing.assert_allclose(one.colours[0], first.colours[1], atol=1e-6)
    np.testing.assert_array_equal(one.members[0], first.members[1])
    maps.values[np.setdiff1d(test, first.row)] *= 100
    again = segment(samples, show_maps(maps, split, Preprocessing()), patches, blind, examples=3)
    np.testing.assert_allclose(again.colours, first.colours, atol=1e-6)
    np.testing.assert_array_equal(again.members, first.members)


def test_components_are_ordered_and_denser_gas_is_brighter(samples):
    tokens = patches(
        np.random.default_rng(0).random((20, 3, 16, 16)) * np.array([1, 3, 2])[:, None, None]
    )
    for brightness in (tokens[..., 1], -tokens[..., 1]):
        palette = fit_palette(tokens, brightness)
        components, _ = palette.paint(tokens)
        flat = components.reshape(-1, 3)
        assert (np.diff(flat.var(axis=0)) <= 0).all()
        assert ((flat * (brightness - brightness.mean()).reshape(-1, 1)).sum(axis=0) >= 0).all()
        assert palette.explained.sum() <= 1
        np.testing.assert_allclose(palette.axes.T @ palette.axes, np.eye(3), atol=1e-9)


def test_rounding_has_no_colour():
    """Tokens of two directions in float32 have no third colour, and equal tokens none at all."""
    random = np.random.default_rng(0)
    tokens = (20 + random.normal(size=(10, 4, 4, 2)) @ random.normal(size=(2, 30))).astype(
        np.float32
    )
    palette = fit_palette(tokens, tokens[..., 0])
    components, colours = palette.paint(tokens)
    assert (components[..., 2] == 0).all() and (colours[..., 2] == 0).all()
    assert colours[..., :2].std() > 0.1
    same = fit_palette(np.full((3, 4, 4, 5), 0.1), np.zeros((3, 4, 4)))
    assert (same.paint(np.full((3, 4, 4, 5), 0.1))[1] == 0).all() and (same.explained < 1e-9).all()


def test_examples_go_from_light_to_heavy(samples):
    chosen = choose_examples(samples, np.arange(len(samples)), 5)
    masses = samples.loc[chosen, "mass_msun"].to_numpy()
    assert (np.diff(masses) >= 0).all()
    assert masses[-1] == samples["mass_msun"].max()
    assert len(choose_examples(samples, np.arange(len(samples)), 100)) == 8


def test_segments_that_see_the_gas_beat_those_that_do_not(samples):
    """Tokens made of the channels tell gas apart as pixels do; scrambled tokens do not."""
    maps, split = load_maps(samples), draw_split(samples, by="protostar", test_fraction=0.4)
    shown = show_maps(maps, split, Preprocessing())
    generator = np.random.default_rng(0)
    found = segment(samples, shown, patches, blind, segments=4)
    ways = {"tokens": lambda rows: found.segments.assign(patches(shown.scaled(rows)))}
    ways |= fit_baselines(
        samples, shown, lambda scaled: generator.normal(size=(len(scaled), 4, 4, 5)), segments=4
    )
    rows = spread_evenly(shown.test, 20)
    assert len(rows) == 20 and np.isin(rows, shown.test).all()
    sums = measure_segments(samples, maps, rows, 16, ways, 4)
    for one in sums.values():
        assert one[0].sum() == 20 * 16
        np.testing.assert_allclose(one.sum(axis=2), sums["rings"].sum(axis=2))
    table = compare_segments(sums, draws=200).set_index(["segments", "quantity"])
    column = table.xs(
        "log10_column_density", level="quantity"
    )  # the channel that varies most in these maps
    assert column.loc["random_weights", "eta2"] < 0.1 and column.loc["tokens", "eta2"] > 0.5
    together = table["eta2"].groupby("segments").sum()
    assert together["pixels"] > 2 * together["random_weights"]
    assert column.loc["random_weights", "eta2_difference_low"] > 0
    assert (
        0.1 < column.loc["rings", "eta2"] < column.loc["tokens", "eta2"]
    )  # these maps' column density falls off from the star
    assert table.loc["tokens", "eta2_difference"].isna().all()


def test_examples_of_classes_are_of_each_in_turn(samples):
    stars = protostars(samples)
    table = samples.assign(stage=np.array(["young", "old", "old"])[stars % 3])
    target = Target(kind="classes", column="stage", classes=("young", "old"))
    chosen = choose_examples(table, np.arange(len(table)), 5, target)
    assert table.loc[chosen, "stage"].tolist() == ["young"] * 3 + ["old"] * 2
    assert len(set(stars[chosen])) == 5


def test_images_of_any_channels_are_measured_in_their_own_units():
    """Without gas, side or mass: means of the channels, and distances in pixels."""
    images = np.random.default_rng(0).random((6, 2, 8, 8)).astype(np.float32)
    maps = Maps(images, ("u", "g"), np.zeros(6), float("nan"), units=("nanomaggy", ""))
    measured = measured_of(maps)
    assert not shows_gas(maps) and measured.channels == ("u", "g")
    assert measured.units == {"u": "nanomaggy", "g": "", "distance": "pixel"}
    samples = {"simulation": ["sky"] * 6, "sink_id": range(6)}
    left = np.repeat([[0, 0, 1, 1]], 4, axis=0)[None].repeat(6, axis=0).astype(np.int8)
    ways = {"tokens": lambda rows: left[rows], "rings": lambda rows: left[rows]}
    sums = measure_segments(pd.DataFrame(samples), maps, np.arange(6), 8, ways, 2)
    table = describe_segments(sums["tokens"], measured).set_index(["quantity", "segment"])["mean"]
    assert table["area_fraction", 1] == table["area_fraction", 2] == 0.5
    for place, channel in enumerate(("u", "g")):
        assert table[channel, 1] == pytest.approx(images[:, place, :, :4].mean(), rel=1e-6)
        assert table[channel, 2] == pytest.approx(images[:, place, :, 4:].mean(), rel=1e-6)
    # Middles of cells of two pixels are 1 and 3 pixels from the middle along each axis.
    near, far, corner = np.sqrt(2), np.sqrt(10), np.sqrt(18)
    assert table["distance", 1] == pytest.approx((near + 2 * far + corner) / 4)
    cells = physical_quantities(maps, np.arange(6), 4, 8)[0].reshape(6, 4, 2, 2)
    between = cells.mean(axis=(0, 1, 3)).var() / cells.var()
    compared = compare_segments(sums, measured).set_index(["segments", "quantity"])
    assert set(compared.index.get_level_values("quantity")) == {"u", "g"}
    assert compared.loc[("tokens", "u"), "eta2"] == pytest.approx(between)


def test_the_file(tmp_path, samples):
    split = draw_split(samples, by="protostar", test_fraction=0.4)
    attention = np.random.default_rng(0).random((2, 3, 4, 4))
    found = segment(
        samples,
        show_maps(load_maps(samples), split, Preprocessing()),
        patches,
        lambda scaled: attention,
        examples=2,
    )
    write_segmentation(
        tmp_path / "dinov2.h5", found, side_pc=0.5, attention_mass=0.6, provenance="{}"
    )
    with h5py.File(tmp_path / "dinov2.h5") as file:
        assert (
            file["attention"].shape == file["attended"].shape == (2, 4, 4, 4)
        )  # three heads and their mean
        np.testing.assert_array_equal(file["segments"], found.members + 1)
        assert file.attrs["side_pc"] == 0.5
        np.testing.assert_array_equal(file["row"], found.row)
        np.testing.assert_array_equal(file["colours"], found.colours)
        assert file["components"].attrs["description"]


def test_a_row_that_is_not_there_is_named(samples):
    split = draw_split(samples, by="protostar", test_fraction=0.4)
    with pytest.raises(InputError, match="there is no row 5000"):
        segment(
            samples,
            show_maps(load_maps(samples), split, Preprocessing()),
            patches,
            blind,
            examples=[5000],
        )
