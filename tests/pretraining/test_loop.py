"""The loop: same weights twice, bit-identical after an interruption or a kill, and a sentence when
a run is lost.
"""

import json
import os
import platform
import re
import signal
from pathlib import Path

import pytest
import torch
import yaml

from starmass.encoders import load_encoder
from starmass.errors import InputError
from starmass.pretraining.interruption import SUBMIT_AGAIN
from starmass.pretraining.loop import Run
from starmass.pretraining.ranks import Ranks
from starmass.pretraining.samples import RankBatches, Samples, load_batches
from starmass.pretraining.trunk import compile_blocks, run_trunk

ALONE = Ranks(0, 1, 0, torch.device("cpu"))


class Killed(Exception):
    """Stands for what leaves no time to clean up."""


@pytest.fixture
def start(tmp_path, tiny_recipe, block_images):
    """Return ``start(folder, images, **changes)``: a run of the tiny recipe, 12 steps of 8."""

    def start(folder="run", images=None, **changes):
        return Run(
            tiny_recipe(**changes), images or block_images(), ["blocks"], tmp_path / folder, ALONE
        )

    return start


@pytest.fixture
def failing(block_images):
    """Images that do something at the n-th reading."""

    def make(count, action):
        class Failing(block_images):
            left = count

            def __getitem__(self, index):
                self.left -= 1
                if self.left == 0:
                    action()
                return super().__getitem__(index)

        return Failing()

    return make


def flat(run):
    """All numbers that a step leaves behind."""
    state = [*run.method.state_dict().values()]
    for entry in run.optimiser.state_dict()["state"].values():
        state += list(entry.values())
    return state


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(flat(one), flat(other), strict=True))


@pytest.fixture
def finished(start):
    run = start("straight")
    run.train()
    return run


def test_a_run_leaves_encoder_config_and_metrics_and_nothing_else(finished, start):
    assert sorted(path.name for path in finished.output.iterdir()) == [
        "config.yaml",
        "metrics.jsonl",
        "teacher.safetensors",
        "tensorboard",
    ]
    model, description = load_encoder(finished.output / "teacher.safetensors")
    assert description.image_size == 32
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            model.parameters(), finished.method.teacher_encoder.parameters(), strict=True
        )
    )
    config = yaml.safe_load((finished.output / "config.yaml").read_text())
    assert (
        config["recipe"]["dinov2"]["prototypes"] == 64
        and config["resolved"]["steps"] == 12
        and config["provenance"]["commit"]
    )
    records = [
        json.loads(line) for line in (finished.output / "metrics.jsonl").read_text().splitlines()
    ]
    assert [record["step"] for record in records] == [4, 8, 12]
    assert {
        "loss",
        "dino_local",
        "ibot",
        "koleo",
        "learning_rate",
        "target_entropy",
        "rankme",
        "prototypes_used",
        "images_per_second",
        "data_wait",
    } <= set(records[0])
    again = start("again")
    again.train()
    assert (again.output / "teacher.safetensors").read_bytes() == (
        finished.output / "teacher.safetensors"
    ).read_bytes()


def test_an_interrupted_run_goes_on_bit_by_bit(finished, start, failing):
    interrupted = start("stopped", failing(5 * 8 + 3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(SystemExit) as ended:
        interrupted.train()
    assert ended.value.code == SUBMIT_AGAIN and interrupted.step == 6
    assert not (interrupted.output / "teacher.safetensors").exists()
    resumed = start("stopped")
    assert resumed.step == 6 and same(resumed, interrupted)
    resumed.train()
    assert same(resumed, finished)
    straight, pieced = (
        (run.output / "metrics.jsonl").read_text().splitlines() for run in (finished, resumed)
    )
    assert [json.loads(line)["step"] for line in pieced] == [4, 8, 12]
    assert json.loads(pieced[2])["loss"] == json.loads(straight[2])["loss"]


def test_a_killed_run_loses_the_steps_since_its_checkpoint(finished, start, failing):
    def kill():
        raise Killed

    killed = start("killed", failing(9 * 8 + 2, kill), execution={"checkpoint_minutes": 0.0})
    with pytest.raises(Killed):
        killed.train()
    state = killed.resume / "step-00000009/state.pt"
    state.write_bytes(state.read_bytes()[:-100])
    resumed = start("killed")
    assert resumed.step == 8
    resumed.train()
    assert same(resumed, finished)


def test_a_changed_recipe_never_meets_old_weights(start, failing):
    interrupted = start("changed", failing(20, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(SystemExit):
        interrupted.train()
    assert (
        start("changed", seed=1).step == 0
        and start("changed", execution={"log_steps": 2}).step == interrupted.step
    )


def test_drop_path_is_resumed_too(start, failing):
    changes = {"encoder": {"drop_path": 0.3}}
    straight = start("straight", **changes)
    straight.train()
    with pytest.raises(SystemExit):
        start(
            "stopped", failing(30, lambda: os.kill(os.getpid(), signal.SIGTERM)), **changes
        ).train()
    resumed = start("stopped", **changes)
    resumed.train()
    assert resumed.step == 12 and same(resumed, straight)


@pytest.mark.parametrize("drop_path", [0.0, 0.3])
def test_another_method_has_the_same_loop(start, failing, drop_path):
    changes = {
        "method": "mae",
        "mae": {"decoder_width": 32, "decoder_heads": 2},
        "encoder": {"drop_path": drop_path},
    }
    straight = start("straight", **changes)
    straight.train()
    with pytest.raises(SystemExit) as ended:
        start(
            "stopped", failing(30, lambda: os.kill(os.getpid(), signal.SIGTERM)), **changes
        ).train()
    assert ended.value.code == SUBMIT_AGAIN
    resumed = start("stopped", **changes)
    assert resumed.step == 4
    resumed.train()
    assert same(resumed, straight)
    records = [
        json.loads(line) for line in (straight.output / "metrics.jsonl").read_text().splitlines()
    ]
    assert (
        records[-1]["loss"] < records[0]["loss"]
        and {"learning_rate", "rankme", "spread", "images_per_second"} <= records[0].keys()
    )
    model, _ = load_encoder(straight.output / "teacher.safetensors")
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.parameters(), straight.method.encoder.parameters(), strict=True)
    )


def test_collapse_stops_the_run_with_a_sentence(start, block_images):
    class Same(block_images):
        def __getitem__(self, index):
            return self.pixels[0] * 0 + 99

    plain = {"jitter": 0.0, "grey": 0.0, "solarise": [0, 0, 0]}
    with pytest.raises(InputError, match="collapsed by step 8: all images get the same features"):
        start(
            "same",
            Same(),
            views=plain,
            execution={"log_steps": 1},
            dinov2={"mask_share": 0.0},
            optimiser={"warmup_epochs": 1.5},
        ).train()


def test_a_loss_that_is_no_number_stops_the_run(start, failing):
    interrupted = start("broken", failing(20, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(SystemExit):
        interrupted.train()
    run = start("broken")
    with torch.no_grad():
        run.method.mask_token.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite at step 4"):
        run.train()
    assert start("broken").step == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"views": {"mean": [0.5] * 2, "std": [0.5] * 2, "saturation": 0, "hue": 0, "grey": 0}},
            "names 2 channel",
        ),
        ({"batch_size": 1}, "'batch_size': 1 is less than 2"),
        ({"execution": {"accumulation": 3}}, "8 images can't be shared out evenly over 3 parts"),
        ({"encoder": {"architecture": "vit_tini"}}, "not a timm vision transformer"),
    ],
)
def test_mistakes_are_named_before_the_first_step(start, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        start("wrong", **changes)


def test_a_high_rate_is_warned_of(start, caplog):
    with caplog.at_level("WARNING", "starmass"):
        start("high", optimiser={"learning_rate": 0.04})._announce()
    assert "0.04 is above 0.01" in caplog.text


@pytest.mark.skipif(platform.machine() != "x86_64", reason="torch tells of x86 processors alone")
def test_bfloat16_is_warned_of_where_the_processor_lacks_it(start, caplog):
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    with caplog.at_level("WARNING", "starmass"):
        start("full")._announce()
        assert "bfloat16" not in caplog.text
        start("half", precision="bfloat16")._announce()
    slow = not re.search(r"\b(avx512_bf16|amx_bf16)\b", flags)
    assert slow == ("no instructions for it" in caplog.text)


def test_fewer_images_than_a_batch_are_named_with_it(start, block_images, caplog):
    with pytest.raises(
        InputError, match=r"takes 8 images, but there are 7, so an epoch has no step"
    ):
        start("none", images=block_images(7), epoch_steps=None)
    assert start("some", images=block_images(8), epoch_steps=None).epoch_steps == 1
    with caplog.at_level("WARNING", "starmass"):
        start("enough", images=block_images(8))._announce()
        assert "more than once" not in caplog.text
        start("repeats", images=block_images(7))._announce()
    assert "a step takes 8 images, but there are 7, so each step shows some" in caplog.text


def first_step(run):
    """Take a run's first step; return its gradients, laid end to end."""
    recipe = run.recipe
    batches = RankBatches([0], recipe.batch_size, len(run.images), recipe.seed, 0, 1)
    run.take_step(
        next(iter(load_batches(Samples(run.images, run.method.draws), batches, 0, pin=False))),
        diagnose=True,
    )
    return torch.cat(
        [
            parameter.grad.flatten()
            for parameter in run.method.parameters()
            if parameter.grad is not None
        ]
    )


@pytest.mark.parametrize("method", ["dinov2", "mae"])
def test_a_batch_in_parts_is_the_batch(start, method):
    changes = {
        "method": method,
        "mae": {"decoder_width": 32, "decoder_heads": 2},
        "dinov2": {"koleo_weight": 0.0},
    }
    whole, pieced = (start(**changes, execution={"accumulation": parts}) for parts in (1, 4))
    gradients = first_step(whole)
    assert (first_step(pieced) - gradients).norm() < 1e-6 * gradients.norm()
    if method == "dinov2":
        torch.testing.assert_close(
            pieced.method.class_center.center,
            whole.method.class_center.center,
            atol=1e-7,
            rtol=1e-5,
        )
        torch.testing.assert_close(
            pieced.method.patch_center.center,
            whole.method.patch_center.center,
            atol=1e-7,
            rtol=1e-5,
        )


@pytest.mark.parametrize("drop_path", [0.0, 0.4])
def test_recomputed_blocks_change_no_number(start, drop_path):
    kept, recomputed = (
        start(encoder={"drop_path": drop_path}, execution={"recompute": choice})
        for choice in (False, True)
    )
    assert recomputed.method.encoder.grad_checkpointing
    assert torch.equal(first_step(kept), first_step(recomputed))


def test_bfloat16_differs_by_its_rounding_alone(start):
    """With blocks computed again, which have to choose the same attention going backwards as they
    did going forwards.
    """
    full = first_step(start("full"))
    half = first_step(start("half", precision="bfloat16", execution={"recompute": True}))
    assert torch.isfinite(half).all()
    assert 0 < (half - full).norm() < 0.05 * full.norm()


@pytest.mark.parametrize("drop_path", [0.0, 0.4])
def test_compiled_blocks_give_the_same_tokens(start, drop_path):
    model = start().method.encoder
    images = torch.rand(4, 3, 32, 32)

    def tokens():
        torch.manual_seed(0)
        return run_trunk(model, images, drop_path=drop_path)

    before = tokens()
    compile_blocks(model, drop_path, backend="eager")
    torch.testing.assert_close(tokens(), before)
    assert all("_orig_mod" not in name for name in model.state_dict())
