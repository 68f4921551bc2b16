"""Checkpoints: the last two stay, a damaged one is passed over and said so."""

import logging

import torch

from starmass.pretraining.checkpoint import load_checkpoint, save_checkpoint


def test_nothing_to_load(tmp_path):
    assert load_checkpoint(tmp_path / "none") is None


def test_the_last_two_stay_and_the_newest_is_loaded(tmp_path):
    for step in (9, 10, 100):
        save_checkpoint(tmp_path, step, {"method": torch.full((2,), float(step))})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010", "step-00000100"]
    state = load_checkpoint(tmp_path)
    assert state["step"] == 100 and state["method"].tolist() == [100, 100]


def test_a_flipped_bit_is_noticed(tmp_path, caplog):
    for step in (1, 2):
        save_checkpoint(tmp_path, step, {"method": torch.arange(1000.0)})
    file = tmp_path / "step-00000002/state.pt"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING, "starmass"):
        assert load_checkpoint(tmp_path)["step"] == 1
    assert "step-00000002 is damaged" in caplog.text
    (tmp_path / "step-00000001/sha256").unlink()
    assert load_checkpoint(tmp_path) is None


def test_saving_again_replaces(tmp_path):
    save_checkpoint(tmp_path, 1, {"method": 1})
    save_checkpoint(tmp_path, 1, {"method": 2})
    assert load_checkpoint(tmp_path)["method"] == 2
