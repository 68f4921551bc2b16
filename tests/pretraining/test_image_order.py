"""The order of images: every one once a pass, the same for any number of ranks, from any step."""

from collections import Counter

import numpy as np
import pytest

from starmass.pretraining.samples import (
    RankBatches,
    Samples,
    identify_files,
    load_batches,
    sample_indices,
)


@pytest.mark.parametrize(("batch", "images"), [(4, 12), (4, 10), (16, 7)])
def test_every_image_once_a_pass(batch, images):
    stream = [index for step in range(21) for index in sample_indices(step, batch, images, seed=0)]
    passes = [stream[start : start + images] for start in range(0, len(stream) - images, images)]
    assert len(passes) >= 3
    for number, whole in enumerate(passes):
        assert Counter(index.image for index in whole) == Counter(range(images))
        assert {index.epoch for index in whole} == {number}
    assert [index.image for index in passes[0]] != [index.image for index in passes[1]]


def test_ranks_share_out_a_batch():
    whole = list(RankBatches(range(3, 6), 8, 20, 1, 0, 1))
    halves = [list(RankBatches(range(3, 6), 8, 20, 1, rank, 2)) for rank in range(2)]
    assert whole == [first + second for first, second in zip(*halves, strict=True)]
    assert whole == list(RankBatches(range(6), 8, 20, 1, 0, 1))[3:]


def test_loaded_batches_do_not_depend_on_workers(block_images):
    samples = Samples(
        block_images(), lambda index: {"place": np.array([index.step, index.position])}
    )
    loaded = [
        list(load_batches(samples, RankBatches(range(2), 4, 20, 0, 0, 1), workers, pin=False))
        for workers in (0, 2)
    ]
    for one, other in zip(*loaded, strict=True):
        assert one["image"].shape == (4, 40, 40, 3)
        assert all((one[key] == other[key]).all() for key in one)


def test_files_are_told_apart_by_their_ends(tmp_path):
    path = tmp_path / "shard-0000.h5"
    path.write_bytes(b"a" * 100)
    first = identify_files([path])
    assert identify_files([path]) == first and first[0][:2] == ["shard-0000.h5", 100]
    path.write_bytes(b"a" * 99 + b"b")
    assert identify_files([path]) != first
