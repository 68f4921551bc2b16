"""SimSiam: its loss, what gets gradients, a run from images to a ResNet that timm loads."""

import json
import os
import signal

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from starmass.errors import InputError
from starmass.pretraining.interruption import SUBMIT_AGAIN
from starmass.pretraining.loop import Run
from starmass.pretraining.methods.simsiam import simsiam_loss
from starmass.pretraining.optimiser import decays
from starmass.pretraining.ranks import Ranks

ALONE = Ranks(0, 1, 0, torch.device("cpu"))
CHANGES = {
    "method": "simsiam",
    "encoder": {"architecture": "resnet18"},
    "simsiam": {"projection": 32, "prediction": 16},
    "optimiser": {"learning_rate": 0.002, "warmup_epochs": 0.5},
}


@pytest.fixture
def start(tmp_path, tiny_recipe, block_images):
    def start(folder, images=None, **changes):
        return Run(
            tiny_recipe(**CHANGES, **changes),
            images or block_images(count=40),
            ["blocks"],
            tmp_path / folder,
            ALONE,
        )

    return start


def test_the_loss_is_minus_the_mean_cosine_and_projections_stand_still():
    random = np.random.default_rng(0)
    p, z = random.normal(size=(2, 2, 5, 7))
    expected = 0.0
    for one, other in ((0, 1), (1, 0)):
        for row in range(5):
            cosine = (
                p[one, row]
                @ z[other, row]
                / np.linalg.norm(p[one, row])
                / np.linalg.norm(z[other, row])
            )
            expected -= cosine / 10
    predicted = [torch.tensor(one, requires_grad=True) for one in p]
    projected = [torch.tensor(one, requires_grad=True) for one in z]
    loss = simsiam_loss(predicted, projected)
    loss.backward()
    assert loss.item() == pytest.approx(expected)
    assert all(one.grad is not None for one in predicted) and all(
        one.grad is None for one in projected
    )


def test_a_run_learns_resumes_bit_by_bit_and_leaves_a_network_for_timm(start, block_images):
    straight = start("straight", epochs=6)
    straight.train()
    records = [
        json.loads(line) for line in (straight.output / "metrics.jsonl").read_text().splitlines()
    ]
    assert records[-1]["loss"] < records[0]["loss"] < 1 and records[-1]["spread"] > 0.1

    class Interrupting(block_images):
        left = 70

        def __getitem__(self, index):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().__getitem__(index)

    with pytest.raises(SystemExit) as ended:
        start("stopped", Interrupting(count=40), epochs=6).train()
    assert ended.value.code == SUBMIT_AGAIN
    resumed = start("stopped", epochs=6)
    assert 0 < resumed.step < resumed.steps
    resumed.train()
    one, other = (
        safetensors.torch.load_file(run.output / "teacher.safetensors")
        for run in (straight, resumed)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)

    model = timm.create_model("resnet18", num_classes=0)
    model.load_state_dict(one)
    images = torch.rand(4, 3, 40, 40)
    features = straight.method.describe(images)
    assert torch.allclose(model.eval()((images - 0.5) / 0.5), features, atol=1e-5)
    assert straight.method.encoder.training


def test_normalisation_does_not_decay(start):
    names = [
        name for name, parameter in start("names").method.named_parameters() if parameter.ndim == 1
    ]
    norms = [name for name in names if not name.endswith(".bias") and "encoder" in name]
    assert len(norms) == 20 and not any(decays(name) for name in norms)
    assert decays("encoder.layer1.0.conv1.weight") and decays(
        "encoder.layer2.0.downsample.0.weight"
    )


def test_methods_and_networks_that_do_not_go_together_are_a_sentence(tiny_recipe):
    with pytest.raises(InputError, match="method simsiam takes, which is resnet18"):
        tiny_recipe(method="simsiam")
    with pytest.raises(InputError, match="method mae takes, which is vit_large"):
        tiny_recipe(method="mae", encoder={"architecture": "resnet18"})
