"""Nearest neighbours found by brute force's own hand; tables that add up; a sheet that repeats byte
by byte.
"""

import numpy as np
import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.fractals import neighbours as n
from starmass.fractals.generation import render_shard
from starmass.fractals.review import (
    compare_images,
    draw_sheet,
    review_images,
    tabulate_shards,
)
from starmass.fractals.shards import FractalImages


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    paths = [folder / "shard-0000.h5", folder / "shard-0001.h5"]
    for path, start, stop in zip(paths, (0, 20), (20, 30), strict=True):
        render_shard(path, generator="flame", options={"size": 32}, seed=8, start=start, stop=stop)
    return paths


def outputs(folder):
    return {kind: folder / f"set.{kind}" for kind in ("csv", "md", "png", "pdf")}


def test_neighbours_are_those_of_brute_force():
    images = np.random.default_rng(0).integers(0, 256, (12, 37, 37), np.uint8)
    distances, found = n.find_neighbours(images)
    small = np.array(
        [
            [
                [image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean() for j in range(16)]
                for i in range(16)
            ]
            for image in images
        ]
    )
    for i in range(12):
        correlations = np.full(12, -1.0)
        for j in set(range(12)) - {i}:
            turned = [np.rot90(small[j], k)[:, ::step] for k in range(4) for step in (1, -1)]
            correlations[j] = max(
                np.corrcoef(small[i].ravel(), other.ravel())[0, 1] for other in turned
            )
        assert found[i] == correlations.argmax() and distances[i] == pytest.approx(
            1 - correlations.max(), abs=1e-5
        )


@pytest.mark.parametrize(
    "change",
    [lambda a: np.rot90(a), lambda a: a[::-1], lambda a: a // 2 + 20],
    ids=["turned", "mirrored", "dimmed"],
)
def test_a_copy_is_near_whatever_was_done_to_it(change):
    images = np.random.default_rng(1).integers(0, 256, (6, 32, 32), np.uint8)
    images[4] = change(images[1])
    distances, found = n.find_neighbours(images)
    assert (
        found[4] == 1
        and found[1] == 4
        and distances[[1, 4]].max() < 0.01
        and distances[[0, 2, 3, 5]].min() > 0.3
    )


def test_one_picture_drawn_twice_counts_as_a_duplicate_and_other_pictures_do_not():
    draws = np.random.default_rng(2)
    smooth = np.kron(draws.uniform(2, 12, (8, 8, 8)), np.ones((4, 4)))
    pictures = draws.poisson(smooth).astype(np.uint8)
    pictures[5] = draws.poisson(smooth[2])
    closer = n.find_neighbours(pictures)[0] < n.halves_distance(pictures)
    assert list(np.flatnonzero(closer)) == [2, 5]


def test_black_images_are_no_error():
    assert np.isfinite(n.find_neighbours(np.zeros((3, 32, 32), np.uint8))[0]).all()


def test_the_table_adds_up(shards):
    table = tabulate_shards(shards)
    assert list(table["shard"]) == ["shard-0000", "shard-0001", "all"] and list(
        table["images"]
    ) == [20, 10, 30]
    sums = table.drop(columns=["shard", "accepted_share", "points_per_image"])
    assert (sums.iloc[2] == sums.iloc[:2].sum()).all()
    total = table.iloc[2]
    assert (
        total["candidates"]
        == 30 + total[[name for name in table if name.startswith("rejected_")]].sum()
    )
    assert (
        total["accepted_share"] == 30 / total["candidates"]
        and total["points_per_image"] == total["points"] / 30
    )


def test_a_set_is_reviewed_the_same_way_twice(shards, tmp_path):
    facts = {"config": {"generator": "flame"}, "seed": 8}
    for name in ("first", "second"):
        review_images(name="flame", shards=shards, outputs=outputs(tmp_path / name), facts=facts)
    first, second = (outputs(tmp_path / name) for name in ("first", "second"))
    assert all(first[kind].read_bytes() == second[kind].read_bytes() for kind in first)
    assert len(pd.read_csv(first["csv"])) == 3
    page = first["md"].read_text()
    assert (
        "30 images of 32 x 32 x 3" in page
        and "`sparse_preview`" in page
        and "and so duplicates: " in page
    )


def test_textures_are_reviewed_too(tmp_path):
    render_shard(
        tmp_path / "shard.h5",
        generator="dead_leaves",
        options={"size": 32, "colour": False},
        seed=0,
        start=0,
        stop=3,
    )
    review_images(
        name="leaves",
        shards=[tmp_path / "shard.h5"],
        outputs=outputs(tmp_path),
        facts={"config": {}},
    )
    assert (tmp_path / "set.csv").read_text() == "shard,images\nshard,3\nall,3\n"
    assert "candidates" not in (tmp_path / "set.md").read_text()


def test_the_sheet_shows_images_of_the_whole_set(shards):
    images = FractalImages(shards)
    figure = draw_sheet("flame", images, compare_images(images))
    page = figure.axes[0].images[0].get_array()
    assert page.shape == (3 * 32, 12 * 32, 3)
    assert np.array_equal(page[:32, :32], images[0]) and np.array_equal(
        page[64:, 5 * 32 : 6 * 32], images[29]
    )
    assert (page[64:, 6 * 32 :] == 255).all()


def test_a_single_image_has_no_neighbours(tmp_path):
    render_shard(
        tmp_path / "shard.h5",
        generator="dead_leaves",
        options={"size": 32},
        seed=0,
        start=0,
        stop=1,
    )
    with pytest.raises(InputError, match="one image has nothing to be compared with"):
        review_images(
            name="leaf",
            shards=[tmp_path / "shard.h5"],
            outputs=outputs(tmp_path),
            facts={"config": {}},
        )
