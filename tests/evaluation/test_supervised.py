import math

import numpy as np
import pytest
import torch

from starmass.errors import InputError
from starmass.evaluation.supervised import train_and_predict
from starmass.evaluation.training import turn_and_mirror, warm_up_and_cosine


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks lose more than they win by threads, on a busy machine above all."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def easy(rows=48, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.normal(size=rows)
    images = generator.random((rows, 3, 32, 32)).astype(np.float32) * 0.2
    images[:, 0] += labels[:, None, None].astype(np.float32)
    return images, labels, np.arange(0, rows, 2), np.arange(1, rows, 2)


SHORT = {"epochs": 8, "warmup_epochs": 1, "batch_size": 8}


def test_it_learns_what_is_easy():
    images, labels, train, test = easy()
    found = train_and_predict(images, labels, train, test, **SHORT)
    untrained = train_and_predict(images, labels, train, test, epochs=0)
    error, bare = (np.mean((values - labels[test]) ** 2) for values in (found, untrained))
    assert error < 0.7 * np.var(labels[test]) < bare


def test_the_seed_decides_and_test_rows_do_not():
    images, labels, train, test = easy(24)
    options = {**SHORT, "epochs": 2, "augment": True}
    first = train_and_predict(images, labels, train, test, **options)
    spoilt, answers = images.copy(), labels.copy()
    spoilt[test[1:]], answers[test] = 1e3, np.nan
    after = train_and_predict(spoilt, answers, train, test, **options)
    assert after[0] == pytest.approx(first[0], abs=1e-5)
    assert not np.allclose(train_and_predict(images, labels, train, test, **options, seed=1), first)


def test_untrained_output_knows_no_labels():
    images, labels, train, test = easy(16)
    first = train_and_predict(images, labels, train, test, epochs=0)
    np.testing.assert_array_equal(
        train_and_predict(images, labels + 5, train, test, epochs=0), first
    )


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine():
    rate = warm_up_and_cosine(10, 100)
    assert rate(0) == pytest.approx(0.1)
    assert rate(4) == pytest.approx(0.5)
    assert rate(9) == rate(10) == 1
    assert rate(55) == pytest.approx(0.5)
    assert rate(100) == pytest.approx(0)
    assert rate(32) == pytest.approx(0.5 * (1 + math.cos(math.pi * 22 / 90)))
    assert warm_up_and_cosine(0, 10)(0) == 1


def test_turns_are_turns():
    images = torch.rand(64, 2, 5, 5)
    turned = turn_and_mirror(images, torch.Generator().manual_seed(0))
    kinds = set()
    for before, after in zip(images, turned, strict=True):
        same = [
            (turn, flip)
            for turn in range(4)
            for flip in (False, True)
            if torch.equal(
                after,
                torch.rot90(before, turn, (1, 2)).flip(2)
                if flip
                else torch.rot90(before, turn, (1, 2)),
            )
        ]
        assert len(same) == 1
        kinds.update(same)
    assert len(kinds) == 8


def test_mistakes_are_one_sentence():
    with pytest.raises(InputError, match=r"not a timm model \(did you mean 'resnet18"):
        train_and_predict(*easy(8), network="resnet_18")
    with pytest.raises(InputError, match="lower learning_rate"):
        train_and_predict(*easy(16), epochs=3, warmup_epochs=0, learning_rate=1e30, batch_size=4)
