"""Encoders that come with starmass: files with their checksums, cards, and two lines to load."""

import json

import numpy as np
import pytest
import safetensors
import safetensors.torch
import timm
import torch
from configs import default_config, merge

import starmass
from starmass import shipped
from starmass.config.whole import read_config
from starmass.encoders import encode
from starmass.errors import InputError
from starmass.plan import Plan
from starmass.shipped import FOLDER, shipped_encoders, shipped_file

NAMES = list(shipped_encoders())


@pytest.mark.parametrize("name", NAMES)
def test_two_lines_load_it_and_timm_alone_does_too(name):
    model, description = starmass.load_encoder(name)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = encode(model, images, tokens="class_mean")
    path = FOLDER / f"{name}.safetensors"
    plain = timm.create_model(description.architecture, **description.timm_arguments())
    plain.load_state_dict(safetensors.torch.load_file(path))
    np.testing.assert_array_equal(encode(plain.eval(), images, tokens="class_mean"), seen)
    # The card says what the file says of itself.
    with safetensors.safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["starmass"])
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    recipe = facts["recipe"]
    said = [f"seed {facts['provenance']['seed']}", recipe["method"], facts["provenance"]["commit"]]
    said += [f"{sum(tensor.numel() for tensor in plain.state_dict().values()):,}"]
    assert [one for one in said if one.lower() not in card.lower()] == []
    assert path.stat().st_size < 4e6


def test_a_name_that_is_none_or_a_file_that_was_changed_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=f"choose from {NAMES[0]}"):
        starmass.load_encoder("mae_of_everything")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other.safetensors\n")
    (tmp_path / "other.safetensors").write_bytes(b"weights")
    with pytest.raises(InputError, match="not the file that came with starmass"):
        starmass.load_encoder("other")


def test_features_of_a_study_come_from_its_file_and_random_ones_need_its_sizes_alone():
    features = {"kind": "encoder", "shipped": NAMES[0], "preprocessing": "whole"}
    config = merge(
        default_config(),
        {"evaluation": {"features": {"own": features, "drawn": {**features, "weights": "random"}}}},
    )
    plan = Plan(config)
    assert plan.encoder_files("own") == {"encoder": str(shipped_file(NAMES[0]))}
    assert not plan.has_seeds("own") and plan.has_seeds("drawn")
    wrong = {"evaluation": {"features": {"own": {**features, "shipped": NAMES[0] + "0"}}}}
    with pytest.raises(InputError, match=f"did you mean '?{NAMES[0]}"):
        read_config(merge(default_config(), wrong))
