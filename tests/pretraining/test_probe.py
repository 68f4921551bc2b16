"""Maps to learn from and to be tried on, and planes that are painted where the training is."""

import json

import h5py
import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsRegressor

from starmass.encoders import encode, normalise_pixels
from starmass.errors import InputError
from starmass.fractals.generation import render_shard
from starmass.fractals.shards import FractalImages
from starmass.pretraining.loop import Run
from starmass.pretraining.map_images import MapImages
from starmass.pretraining.probe import Probe
from starmass.pretraining.ranks import Ranks
from starmass.pretraining.samples import (
    RankBatches,
    Samples,
    load_batches,
    open_images,
    unpack_images,
)

ALONE = Ranks(0, 1, 0, torch.device("cpu"))


@pytest.fixture
def maps_file(tmp_path):
    """Maps of 10 protostars, 4 each, whose brightness tells the mass."""
    random = np.random.default_rng(0)
    star = np.repeat(np.arange(10), 4)
    images = star[:, None, None, None] / 10 + 0.05 * random.normal(size=(40, 3, 32, 32))
    path = tmp_path / "training_maps.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["log10_mass"], file["protostar"] = (
            images.astype(np.float32),
            star / 5.0 - 1,
            star,
        )
    return path


def test_maps_become_eight_bit_images_whose_labels_are_never_read(maps_file):
    images = MapImages(maps_file)
    with h5py.File(maps_file, "a") as file:
        expected = np.round(255 * file["images"][7].clip(0, 1)).transpose(1, 2, 0)
        del file["log10_mass"]
    assert images.shape == (32, 32, 3) and len(images) == 40
    assert np.array_equal(images[7], expected) and images[7].dtype == np.uint8


def test_a_check_is_nearest_neighbours_among_other_protostars(
    maps_file, tiny_recipe, block_images, tmp_path
):
    description = tiny_recipe().description()
    method = Run(tiny_recipe(), block_images(), ["blocks"], tmp_path, ALONE).method
    with h5py.File(maps_file) as file:
        images, labels, star = (
            torch.from_numpy(file["images"][()]),
            file["log10_mass"][()],
            file["protostar"][()],
        )
    features = encode(
        method.exported_encoder(), normalise_pixels(images, description), tokens="class_mean"
    )
    found = Probe(maps_file, description).score(method)
    # Any way of dealing whole protostars to five folds gives numbers of this kind; by row it would
    # be near 1.
    error = 0.0
    for fold in range(5):
        test = star % 5 == fold
        regressor = KNeighborsRegressor(5, weights="distance").fit(features[~test], labels[~test])
        error += ((regressor.predict(features[test]) - labels[test]) ** 2).sum()
    assert found == pytest.approx(1 - error / ((labels - labels.mean()) ** 2).sum(), abs=0.15)
    assert 0.5 < found < 0.99


def test_a_run_is_tried_every_epoch_and_learns_the_same(
    maps_file, tiny_recipe, block_images, tmp_path
):
    plain = Run(tiny_recipe(), block_images(), ["blocks"], tmp_path / "plain", ALONE)
    plain.train()
    recipe = tiny_recipe(execution={"log_steps": 5})
    tried = Run(
        recipe,
        block_images(),
        ["blocks"],
        tmp_path / "tried",
        ALONE,
        Probe(maps_file, recipe.description()),
    )
    tried.train()
    records = [
        json.loads(line) for line in (tmp_path / "tried/metrics.jsonl").read_text().splitlines()
    ]
    assert [(record["step"], "probe_r2" in record) for record in records] == [
        (4, True),
        (5, False),
        (8, True),
        (10, False),
        (12, True),
    ]
    assert (
        records[0]["probe_r2_untrained"]
        == records[-1]["probe_r2_untrained"]
        != records[-1]["probe_r2"]
    )

    assert torch.equal(
        *(
            torch.cat([p.flatten() for p in run.method.exported_encoder().parameters()])
            for run in (plain, tried)
        )
    )


def test_files_that_hold_no_maps_or_too_few_stars_are_sentences(maps_file, tiny_recipe, tmp_path):
    description = tiny_recipe().description()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros((2, 3, 8, 8))
    with pytest.raises(InputError, match="holds no training maps"):
        Probe(tmp_path / "other.h5", description)
    with h5py.File(maps_file, "a") as file:
        file["protostar"][...] = 1
    with pytest.raises(InputError, match="one protostar only"):
        Probe(maps_file, description)
    with pytest.raises(InputError, match="3 channels, and the encoder takes 1"):
        Probe(
            maps_file,
            tiny_recipe(
                views={"mean": [0.5], "std": [0.5], "saturation": 0, "hue": 0, "grey": 0}
            ).description(),
        )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("log10_mass", -np.inf, "labels or pixels that are not finite"),
        ("images", np.nan, "labels or pixels that are not finite"),
        ("log10_mass", None, "all 40 maps have one label"),
    ],
)
def test_a_check_has_labels_to_be_held_to(maps_file, tiny_recipe, name, value, words):
    """Of one mass for all, scikit-learn's R2 would be 1."""
    with h5py.File(maps_file, "a") as file:
        file[name][... if value is None else 3] = -1.0 if value is None else value
    with pytest.raises(InputError, match=words):
        Probe(maps_file, tiny_recipe().description())


def test_classes_have_a_balanced_accuracy_by_object(maps_file, tiny_recipe, block_images, tmp_path):
    """Three of ten objects are bright; labels without relation to the maps are worth chance."""
    recipe, random = tiny_recipe(execution={"log_steps": 5}), np.random.default_rng(1)
    method = Run(recipe, block_images(), ["blocks"], tmp_path / "untrained", ALONE).method
    with h5py.File(maps_file, "a") as file:
        bright = (file["log10_mass"][()] > 0.3).astype(np.int64)
        del file["log10_mass"]
        file["label"] = bright
        file["label"].attrs["kind"] = "classes"
    probe = Probe(maps_file, recipe.description())
    told, drawn = probe.score(method), []
    for _ in range(5):
        probe.labels = random.permutation(bright[::4]).repeat(4)
        drawn.append(probe.score(method))
    assert told > 0.85 > 0.7 > np.mean(drawn)
    probe = Probe(maps_file, recipe.description())
    Run(recipe, block_images(), ["blocks"], tmp_path / "run", ALONE, probe).train()
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert "probe_balanced_accuracy_untrained" in json.loads(lines[-1])
    assert "probe_r2" not in json.loads(lines[-1])


@pytest.mark.parametrize("colour", [True, False])
def test_a_batch_of_planes_becomes_the_images_that_the_shard_holds(
    tmp_path, colour, tiny_recipe, maps_file
):
    shard = tmp_path / "shard-0000.h5"
    render_shard(
        shard, generator="flame", seed=0, options={"size": 32, "colour": colour}, start=0, stop=6
    )
    whole = FractalImages([shard])
    images = open_images([shard])
    assert len(images) == 6 and images.shape == whole.shape == (32, 32, 3 if colour else 1)
    samples = Samples(images, lambda index: {"number": np.array(index.image)})
    batch = next(iter(load_batches(samples, RankBatches([0], 4, 6, 0, 0, 1), 0, pin=False)))
    expected = np.stack([whole[int(number)] for number in batch["number"]])
    assert np.array_equal(unpack_images(batch, torch.device("cpu")).numpy(), expected)
    assert isinstance(open_images([maps_file]), MapImages)
