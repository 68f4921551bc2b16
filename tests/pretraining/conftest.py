"""What the tests of pretraining share: one thread, a tiny recipe, images of coloured blocks."""

import numpy as np
import pytest
import torch

from starmass.pretraining.recipe import read_recipe

TINY = {
    "batch_size": 8,
    "epochs": 3,
    "epoch_steps": 4,
    "encoder": {
        "architecture": "vit_tiny_patch16_224",
        "patch_size": 8,
        "width": 24,
        "depth": 2,
        "heads": 2,
        "layer_scale": 0.1,
        "drop_path": 0.0,
    },
    "views": {"global_size": 32, "local_size": 16, "local_count": 2},
    "optimiser": {"warmup_epochs": 1, "learning_rate": 0.01},
    "dinov2": {"head_hidden": 32, "head_bottleneck": 16, "prototypes": 64, "first_momentum": 0.9},
    "execution": {"device": "cpu", "workers": 0, "log_steps": 4},
}


class BlockImages:
    """Images of random colour blocks, uint8 [size, size, channels]."""

    def __init__(self, count=20, size=40, channels=3):
        blocks = np.random.default_rng(0).integers(
            0, 256, (count, size // 8, size // 8, channels), np.uint8
        )
        self.pixels = blocks.repeat(8, axis=1).repeat(8, axis=2)
        self.shape = self.pixels.shape[1:]

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        return self.pixels[index]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def block_images():
    return BlockImages


@pytest.fixture
def tiny_recipe():
    """A function that gives the tiny recipe, its sections updated by keyword."""

    def recipe(seed=0, **changes):
        values = {
            key: dict(value) if isinstance(value, dict) else value for key, value in TINY.items()
        }
        for key, value in changes.items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
        return read_recipe(values, seed)

    return recipe
