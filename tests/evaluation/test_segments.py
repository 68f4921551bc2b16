import numpy as np
import pytest

from starmass.channels import BASE
from starmass.evaluation.samples import Maps, load_maps
from starmass.evaluation.segments import (
    CHANNELS,
    QUANTITIES,
    compare_segments,
    describe_segments,
    fit_segments,
    physical_quantities,
    ring_segments,
    shrink,
    tally,
)


def blobs(generator, count=400):
    """Tokens about three places, and a brightness that grows from the second to the first to the
    third.
    """
    member = generator.integers(0, 3, (count, 2, 2))
    tokens = np.array([[0.0, 0.0, 5.0], [5.0, 0.0, 0.0], [0.0, 5.0, 0.0]])[
        member
    ] + 0.1 * generator.normal(size=(count, 2, 2, 3))
    return tokens, np.array([1.0, 0.0, 2.0])[member], np.array([1, 0, 2])[member]


def test_clusters_are_found_and_ordered_by_density():
    tokens, brightness, expected = blobs(np.random.default_rng(0))
    found = fit_segments(tokens, brightness, 3)
    np.testing.assert_array_equal(found.assign(tokens), expected)
    np.testing.assert_array_equal(fit_segments(tokens, brightness, 3).centres, found.centres)


def test_many_tokens_are_thinned_by_the_seed_alone(monkeypatch):
    monkeypatch.setattr("starmass.evaluation.segments.TOKENS_AT_MOST", 300)
    tokens, brightness, expected = blobs(np.random.default_rng(1))
    found = fit_segments(tokens, brightness, 3, seed=4)
    np.testing.assert_array_equal(found.assign(tokens), expected)
    np.testing.assert_array_equal(
        fit_segments(tokens, brightness, 3, seed=4).centres, found.centres
    )


def test_rings_have_equal_areas_and_grow_outwards():
    rings = ring_segments(8, 4)
    assert np.bincount(rings.ravel()).tolist() == [16] * 4
    assert rings[3, 3] == 0 and rings[0, 0] == 3
    assert set(ring_segments(7, 5).ravel()) == set(range(5))


def test_quantities_are_physical(samples):
    maps = load_maps(samples)
    rows = np.array([0, 5])
    found = physical_quantities(maps, rows, 8, 16)
    named = dict(zip(QUANTITIES, found, strict=True))
    expected = np.log10(
        maps.values[rows, 0].reshape(2, 8, 2, 8, 2).mean(axis=(2, 4), dtype=np.float64)
    )
    np.testing.assert_allclose(named["log10_column_density"], expected, rtol=1e-6)
    np.testing.assert_allclose(
        named["sigma_v"].mean(axis=(1, 2)), maps.values[rows, 2].mean(axis=(1, 2)), rtol=1e-5
    )
    np.testing.assert_allclose(
        named["v_los"] - named["v_los_from_star"],
        maps.star_velocity[rows][:, None, None] + np.zeros((1, 8, 8)),
    )
    assert named["distance"][0, 0, 0] == pytest.approx(np.hypot(7, 7) * maps.pixel_pc)
    np.testing.assert_allclose(
        physical_quantities(maps, rows, 4, 8), found[:, :, 2:6, 2:6], rtol=1e-6
    )  # the same cells of the middle


def test_noise_below_zero_does_not_outweigh_the_gas():
    generator = np.random.default_rng(0)
    values = np.ones((2, 3, 32, 32), np.float32)
    values[:, 0] = 1e21 * (1 + 0.6 * generator.normal(size=(2, 32, 32)))
    values[1, 0] = np.maximum(values[1, 0], 1e17)
    found = physical_quantities(Maps(values, tuple(BASE), np.zeros(2), 0.01), np.arange(2), 32, 32)
    assert (values[0, 0] <= 0).mean() > 0.02  # a floor of 1e10 would shift the mean by 0.3 dex
    assert np.abs(found[0].mean(axis=(1, 2)) - np.log10(values.clip(1e18)[:, 0]).mean()).max() < 0.1
    np.testing.assert_allclose(found[0][1], np.log10(values[1, 0]), rtol=1e-6)


@pytest.fixture
def cells():
    """Segments and quantities of 12 maps of 4 protostars, the first quantity tied to the
    segment.
    """
    generator = np.random.default_rng(2)
    members = generator.integers(0, 3, (12, 4, 4)).astype(np.int8)
    quantities = generator.normal(size=(len(QUANTITIES), 12, 4, 4))
    quantities[0] = 21 + members + 0.5 * quantities[0]
    return members, quantities, np.arange(12) % 4


def test_what_a_segment_holds_is_the_mean_over_its_cells(cells):
    members, quantities, places = cells
    table = describe_segments(tally(members, quantities, places, 3, 4)).set_index(
        ["quantity", "segment"]
    )
    for segment in range(3):
        for values, quantity in zip(quantities, QUANTITIES, strict=True):
            row = table.loc[(quantity, segment + 1)]
            assert row["mean"] == pytest.approx(values[members == segment].mean())
            assert row["mean_low"] < row["mean"] < row["mean_high"]
            own = [
                values[places == star][members[places == star] == segment].mean()
                for star in range(4)
            ]
            assert row["spread"] == pytest.approx(np.std(own, ddof=1))
    assert table.loc["area_fraction"]["mean"].sum() == pytest.approx(1)


def test_eta_squared_is_the_share_between_segments(cells):
    members, quantities, places = cells
    sums = {
        "tokens": tally(members, quantities, places, 3, 4),
        "one": tally(np.zeros_like(members), quantities, places, 3, 4),
    }
    table = compare_segments(sums).set_index(["segments", "quantity"])
    for values, channel in zip(quantities, CHANNELS, strict=False):
        between = sum(
            (members == k).sum() * (values[members == k].mean() - values.mean()) ** 2
            for k in range(3)
        )
        row = table.loc[("tokens", channel)]
        assert row["eta2"] == pytest.approx(between / np.sum((values - values.mean()) ** 2))
        assert table.loc[("one", channel), "eta2"] == pytest.approx(0, abs=1e-9)
        assert table.loc[("one", channel), "eta2_difference"] == pytest.approx(row["eta2"])
    assert table.loc[("tokens", "log10_column_density"), "eta2_low"] > 0.5


def test_a_segment_that_no_cell_has_is_empty(cells):
    members, quantities, places = cells
    table = describe_segments(tally(members, quantities, places, 4, 4)).set_index(
        ["quantity", "segment"]
    )
    assert (
        table.loc[("area_fraction", 4), "mean"] == 0
        and table.loc[("area_fraction", 4), "n_protostars"] == 0
    )
    assert np.isnan(table.loc[("sigma_v", 4), "mean"])


def test_shrinking_averages_whatever_the_sizes():
    maps = np.random.default_rng(0).random((2, 12, 12))
    np.testing.assert_allclose(shrink(maps, 4), maps.reshape(2, 4, 3, 4, 3).mean(axis=(2, 4)))
    np.testing.assert_allclose(shrink(maps, 5).mean(), maps.mean())
    np.testing.assert_allclose(shrink(maps, 24), maps.repeat(2, axis=1).repeat(2, axis=2))


def test_what_one_protostar_tells_alone_has_no_interval():
    generator = np.random.default_rng(0)
    members = np.zeros((6, 4, 4), int)
    members[:, 1:] = 1
    members[2:4, 0, 0] = 2  # a segment of the second protostar alone
    quantities = (
        generator.normal(size=(len(QUANTITIES), 6, 4, 4)) + np.arange(6)[:, None, None] // 2
    )
    sums = tally(members, quantities, np.arange(6) // 2, 3, 3)
    found = describe_segments(sums).set_index(["segment", "quantity"])
    for name in QUANTITIES:
        assert np.isnan(found.loc[(3, name), ["mean_low", "mean_high"]].astype(float)).all()
        assert found.loc[(1, name), "mean_low"] < found.loc[(1, name), "mean_high"]
        assert np.isfinite(found.loc[(3, name), "mean"])
    alone = tally(members[:2], quantities[:, :2], np.zeros(2, int), 3, 1)
    for table in (describe_segments(alone), compare_segments({"a": alone, "b": alone})):
        assert table.filter(regex="_low|_high").isna().all(axis=None)
