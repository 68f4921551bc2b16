"""The many-walker chaos game against the textbook's one walker."""

import numpy as np
import pytest

from starmass.fractals import walkers as w


def generator(seed=0):
    return np.random.SeedSequence(seed).generate_state(4, np.uint64)


def affine_system(maps, weights, colours=None):
    table = np.zeros((len(maps), w.ROW), np.float32)
    table[:, :6] = maps
    table[:, 6] = table[:, 10] = 1
    table[:, w.COLOUR] = np.linspace(0, 1, len(maps)) if colours is None else colours
    table[:, w.COLOUR_SPEED] = 0.5
    cumulative = np.cumsum(weights).astype(np.float32)
    cumulative[-1] = 2
    return np.zeros(len(maps), np.int32), table, cumulative


FERN = affine_system(
    [
        [0, 0, 0, 0, 0.16, 0],
        [0.85, 0.04, 0, -0.04, 0.85, 1.6],
        [0.2, -0.26, 0, 0.23, 0.22, 1.6],
        [-0.15, 0.28, 0, 0.26, 0.24, 0.44],
    ],
    [0.02, 0.84, 0.07, 0.07],
)


def play(system, steps, seed=0, burn_in=20):
    words = generator(seed)
    state = w.start_walkers(words)
    spare = state.copy()
    points = []
    for step in range(burn_in + steps):
        w.take_step(words, *system, state, spare)
        state, spare = spare, state
        if step >= burn_in:
            points.append(state[: 3 * w.WALKERS].reshape(3, w.WALKERS).copy())
    return np.concatenate(points, axis=1)


def one_walker(maps, weights, count, seed=0):
    draws = np.random.default_rng(seed)
    x = y = colour = 0.0
    out = np.empty((3, count))
    for i, k in enumerate(draws.choice(len(maps), count, p=weights)):
        a, b, c, d, e, f = maps[k]
        x, y = a * x + b * y + c, d * x + e * y + f
        colour = (colour + k / (len(maps) - 1)) / 2
        out[:, i] = x, y, colour
    return out[:, 50:]


def test_random_words_are_xoshiro256pp():
    # The first outputs of the authors' C code for the state 1, 2, 3, 4.
    state = np.array([1, 2, 3, 4], np.uint64)
    assert [int(w.next_word(state)) for _ in range(3)] == [41943041, 58720359, 3588806011781223]


def test_uniform_draws_fill_the_interval():
    state = generator()
    values = np.array([w.uniform(state, np.float32(-1), np.float32(3)) for _ in range(4000)])
    assert -1 <= values.min() < -0.98 and 2.98 < values.max() < 3
    assert abs(values.mean() - 1) < 0.08


def test_a_step_moves_each_walker_once_and_loses_none():
    identity = affine_system([[1, 0, 0, 0, 1, 0]], [1])
    words, before = generator(), w.start_walkers(generator(5))
    after = before.copy()
    assert w.take_step(words, *identity, before, after) == 0
    assert np.array_equal(np.sort(after[: w.WALKERS]), np.sort(before[: w.WALKERS]))
    pairs = {
        tuple(p) for p in np.stack([before[: w.WALKERS], before[w.WALKERS : 2 * w.WALKERS]], axis=1)
    }
    assert {
        tuple(p) for p in np.stack([after[: w.WALKERS], after[w.WALKERS : 2 * w.WALKERS]], axis=1)
    } == pairs
    assert not np.array_equal(after[: w.WALKERS], before[: w.WALKERS])


def test_pairs_are_taken_as_often_as_their_probability_says():
    weights = [0.5, 0.3, 0.15, 0.05]
    # Maps onto four points: where a walker is, tells which map it took.
    system = affine_system([[0, 0, k, 0, 0, 0] for k in range(4)], weights)
    shares = np.bincount(play(system, 400)[0].astype(int), minlength=4) / (400 * w.WALKERS)
    assert np.abs(shares - weights).max() < 0.005


@pytest.mark.parametrize("which", ["fern", "triangle"])
def test_the_attractor_is_that_of_the_textbook(which):
    if which == "fern":
        system, (maps, weights) = FERN, (FERN[1][:, :6].astype(float), [0.02, 0.84, 0.07, 0.07])
    else:
        maps, weights = (
            [[0.5, 0, 0, 0, 0.5, 0], [0.5, 0, 0.5, 0, 0.5, 0], [0.5, 0, 0.25, 0, 0.5, 0.5]],
            [1 / 3] * 3,
        )
        system = affine_system(maps, weights)
    ours, textbook = play(system, 300), one_walker(maps, weights, 200_000)
    low, high = np.quantile(textbook[:2], 0.001, axis=1), np.quantile(textbook[:2], 0.999, axis=1)
    box = [[low[0], high[0]], [low[1], high[1]]]
    densities = [np.histogram2d(p[0], p[1], 32, box)[0] / p.shape[1] for p in (ours, textbook)]
    assert np.corrcoef(densities[0].ravel(), densities[1].ravel())[0, 1] > 0.995
    assert np.abs(densities[0] - densities[1]).sum() < 0.08
    # Colour follows the maps that were taken: the same mean colour in the same places.
    sums = [
        np.histogram2d(p[0], p[1], 8, box, weights=p[2])[0]
        / np.maximum(np.histogram2d(p[0], p[1], 8, box)[0], 1)
        for p in (ours, textbook)
    ]
    often = np.histogram2d(textbook[0], textbook[1], 8, box)[0] > 1000
    assert np.abs(sums[0] - sums[1])[often].max() < 0.05


def test_walkers_stay_apart_under_contracting_maps():
    system = affine_system(
        [[0.3, 0, 0, 0, 0.3, 0], [0.3, 0, 0.7, 0, 0.3, 0], [0.3, 0, 0, 0, 0.3, 0.7]], [1 / 3] * 3
    )
    last = play(system, 1, burn_in=60)
    assert len(np.unique(last[:2].round(5), axis=1).T) > 0.9 * w.WALKERS


def test_runaways_are_counted_and_sent_home():
    system = affine_system([[3e6, 0, 0, 0, 3e6, 0]], [1])
    words, state = generator(), w.start_walkers(generator(1))
    spare = state.copy()
    escaped = sum(
        int(w.take_step(words, *system, *pair)) for pair in ((state, spare), (spare, state))
    )
    assert escaped > w.WALKERS
    assert np.isfinite(state).all() and np.abs(state[: 2 * w.WALKERS]).max() <= 3.1e6
