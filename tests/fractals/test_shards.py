"""Shards: the same images for any boundaries, and a broken file is noticed and named."""

import os
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from starmass.errors import InputError
from starmass.fractals.colours import paint_batch
from starmass.fractals.generation import render_shard
from starmass.fractals.shards import (
    FractalImages,
    FractalPlanes,
    SeededOrder,
    Shard,
    iterate_images,
)

OPTIONS = {"generator": "flame", "seed": 5, "options": {"size": 32}}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    paths = [folder / f"shard-{number:04d}.h5" for number in range(3)]
    for number, path in enumerate(paths):
        render_shard(path, **OPTIONS, start=10 * number, stop=min(10 * number + 10, 25))
    return paths


@pytest.fixture
def copy(shards, tmp_path):
    path = tmp_path / "copy.h5"
    path.write_bytes(shards[1].read_bytes())
    return path


def test_boundaries_and_threads_change_no_image(shards, tmp_path):
    render_shard(tmp_path / "whole.h5", **OPTIONS, start=0, stop=25, threads=2)
    whole, parts = FractalImages([tmp_path / "whole.h5"]), FractalImages(shards)
    assert len(whole) == len(parts) == 25 and whole.shape == parts.shape == (32, 32, 3)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
    with h5py.File(tmp_path / "whole.h5") as one, h5py.File(shards[1]) as other:
        for name in (
            "images",
            "shades",
            "checksum",
            "pairs",
            "palette",
            "coverage",
            "candidate",
            "index",
        ):
            assert np.array_equal(one[name][10:20], other[name][()])


def test_rendering_again_gives_the_same_file(shards, tmp_path):
    render_shard(tmp_path / "again.h5", **OPTIONS, start=10, stop=20, threads=3)
    with h5py.File(tmp_path / "again.h5") as again, h5py.File(shards[1]) as first:
        assert again.attrs["digest"] == first.attrs["digest"]
        if (
            again.attrs["provenance"] == first.attrs["provenance"]
        ):  # the commit may move while tests run
            assert (tmp_path / "again.h5").read_bytes() == shards[1].read_bytes()


def test_images_come_in_the_order_of_their_index_whatever_the_order_of_paths(shards):
    images = FractalImages(reversed(shards))
    assert list(images.indices) == list(range(25))
    assert np.array_equal(images[12], Shard(shards[1]).image(2))
    assert np.array_equal(images[-1], images[24])
    assert len(list(iterate_images(shards))) == 25
    with pytest.raises(IndexError):
        images[25]


def test_a_shard_says_what_it_holds(shards):
    with h5py.File(shards[0]) as file:
        assert file["images"].chunks == (1, 32, 32) and file["images"].dtype == np.uint8
        assert file.attrs["seed"] == 5 and "provenance" in file.attrs
        assert all(
            "description" in dataset.attrs and "unit" in dataset.attrs for dataset in file.values()
        )


def test_a_shard_sums_up_what_it_cost(shards):
    with h5py.File(shards[1]) as file:
        rejections, attributes = file["rejections"][()], dict(file.attrs)
    assert attributes["images"] == 10 and attributes["candidates"] == 10 + rejections.sum()
    causes = [
        attributes[f"rejected_{cause}"]
        for cause in ("unstable", "sparse_preview", "sparse", "flat")
    ]
    assert causes == list(rejections.sum(axis=0)) and sum(causes) > 0
    assert attributes["points"] >= 10 * 8.86 * 32**2


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_other_compressions_hold_the_same_images(shards, tmp_path, compression):
    render_shard(tmp_path / "other.h5", **OPTIONS, start=0, stop=3, compression=compression)
    assert np.array_equal(FractalImages([tmp_path / "other.h5"])[2], FractalImages(shards)[2])


def test_grey_images_have_one_channel(tmp_path):
    render_shard(
        tmp_path / "grey.h5",
        generator="flame",
        seed=5,
        options={"size": 32, "colour": False},
        start=0,
        stop=2,
    )
    images = FractalImages([tmp_path / "grey.h5"])
    assert images.shape == images[0].shape == (32, 32, 1)


def test_a_truncated_shard_is_named(copy):
    copy.write_bytes(copy.read_bytes()[:-1000])
    with pytest.raises(InputError, match=f"{copy}: this HDF5 file is cut short or damaged"):
        FractalImages([copy])


def test_an_altered_pixel_is_noticed_when_read(copy):
    with h5py.File(copy, "r+") as file:
        file["images"][4, 7, 7] ^= 1
    images = FractalImages([copy])
    assert images[3] is not None
    with pytest.raises(InputError, match=f"{copy}: image 14 differs from its checksum"):
        images[4]


def test_an_altered_byte_anywhere_in_the_pixels_is_noticed(copy):
    with h5py.File(copy) as file:
        place = file["shades"].id.get_chunk_info(6).byte_offset + 40
    bytes_ = bytearray(copy.read_bytes())
    bytes_[place] ^= 255
    copy.write_bytes(bytes_)
    with pytest.raises(InputError, match=f"{copy}: image 16"):
        FractalImages([copy])[6]


@pytest.mark.parametrize("name", ["palette", "checksum", "coverage", "index"])
def test_altered_facts_are_noticed_when_opened(copy, name):
    with h5py.File(copy, "r+") as file:
        file[name][...] = file[name][()] + 1
    with pytest.raises(InputError, match=f"{copy}: its digest differs"):
        Shard(copy)


def test_what_cannot_be_one_set_is_refused(shards, tmp_path):
    with pytest.raises(InputError, match="no shards"):
        FractalImages([])
    with pytest.raises(InputError, match="there is no such file"):
        FractalImages([tmp_path / "none.h5"])
    with pytest.raises(InputError, match="image 0 is in"):
        FractalImages([shards[0], shards[0]])
    render_shard(
        tmp_path / "larger.h5", generator="flame", seed=5, options={"size": 48}, start=25, stop=26
    )
    with pytest.raises(InputError, match=r"larger\.h5: images of"):
        FractalImages([shards[0], tmp_path / "larger.h5"])
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(InputError, match=r"foreign\.h5: this is no shard"):
        FractalImages([tmp_path / "foreign.h5"])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_for_any_number_of_workers(shards, workers):
    images = FractalImages(shards)
    order = SeededOrder(len(images), seed=1, epoch=3)
    loader = DataLoader(FractalPlanes(images), batch_size=10, sampler=order, num_workers=workers)
    painted = torch.cat([paint_batch(**batch) for batch in loader]).numpy()
    assert np.array_equal(painted, [images[i] for i in order])
    if workers:
        whole = torch.cat(
            list(DataLoader(images, batch_size=10, sampler=order, num_workers=workers))
        ).numpy()
        assert np.array_equal(whole, painted)


def test_orders_are_permutations_by_seed_and_epoch_and_ranks_share_them():
    order = list(SeededOrder(1000, seed=1))
    assert sorted(order) == list(range(1000)) and order == list(SeededOrder(1000, seed=1))
    assert order != list(SeededOrder(1000, seed=1, epoch=1)) and order != list(
        SeededOrder(1000, seed=2)
    )
    assert order[:4] == [458, 323, 622, 828]  # the same in any version of numpy
    parts = [list(SeededOrder(1000, seed=1, rank=rank, ranks=3)) for rank in range(3)]
    assert [part[0] for part in parts] == order[:3] and sorted(
        number for part in parts for number in part
    ) == list(range(1000))
    assert len(SeededOrder(1000, seed=1, rank=2, ranks=3)) == 333


def test_workers_open_files_of_their_own(shards):
    images = FractalImages(shards)
    first = images[0]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, bytes([np.array_equal(images[0], first) and images._open[0] is not None]))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 1) == b"\x01"
    revived = pickle.loads(pickle.dumps(images))
    assert np.array_equal(revived[20], images[20])


def test_few_files_are_open_at_once(shards, monkeypatch):
    monkeypatch.setattr("starmass.fractals.shards.MOST_OPEN", 1)
    images = FractalImages(shards)
    assert all(np.array_equal(images[i], images[i]) for i in (0, 11, 22, 1))
    assert len(images._open) == 1


def test_reading_needs_neither_numba_nor_yt_nor_snakemake(shards):
    program = (
        "import sys; from starmass.fractals.shards import FractalImages; import numpy\n"
        f"print(FractalImages([{str(shards[0])!r}])[3].sum(), [m for m in ('numba', 'yt',"
        " 'snakemake', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=1) == [str(FractalImages(shards)[3].sum()), "[]\n"]


def test_a_missing_plugin_is_a_sentence(shards, monkeypatch):
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(InputError, match="pip install hdf5plugin"):
        Shard(shards[0])


def test_nothing_is_left_when_rendering_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("starmass.fractals.generators.flame.MOST_CANDIDATES", 1)
    with pytest.raises(InputError, match="none of 1 candidates"):
        render_shard(tmp_path / "failed.h5", **OPTIONS, start=0, stop=20, threads=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": 5, "stop": 5}, "no images"),
        ({"seed": -1}, "seed"),
        ({"compression": "zip"}, "compression"),
    ],
)
def test_impossible_ranges_are_sentences(tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        render_shard(tmp_path / "x.h5", **{**OPTIONS, "start": 0, "stop": 1, **change})
