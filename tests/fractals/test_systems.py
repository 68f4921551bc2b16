"""Systems are drawn as their samplers promise."""

import numpy as np
import pytest

from starmass.fractals import systems as s
from starmass.fractals.generators.flame import Options
from starmass.fractals.variations import CATALOGUE


def generator(seed):
    return np.random.SeedSequence(seed).generate_state(4, np.uint64)


def draw(seed, **options):
    return s.sample_system(generator(seed), Options(**options).system_options())


@pytest.mark.parametrize("maps", [2, 3, 6])
def test_sigma_factor_lies_in_the_published_range(maps):
    for seed in range(100):
        affine = s.sample_sigma_factor(generator(seed), maps)
        singular = np.linalg.svd(
            affine[:, [0, 1, 3, 4]].astype(float).reshape(-1, 2, 2), compute_uv=False
        )
        assert singular.max() <= 1 + 1e-5
        factor = (singular[:, 0] + 2 * singular[:, 1]).sum()
        assert (5 + maps) / 2 - 1e-4 <= factor <= (6 + maps) / 2 + 1e-4
        assert np.abs(affine[:, [2, 5]]).max() <= 1


def test_sigma_factor_maps_turn_and_reflect():
    affine = np.concatenate([s.sample_sigma_factor(generator(seed), 4) for seed in range(200)])
    reflected = affine[:, 0] * affine[:, 4] < affine[:, 1] * affine[:, 3]
    assert 0.4 < reflected.mean() < 0.6
    assert np.abs(affine[:, [0, 1, 3, 4]].mean(axis=0)).max() < 0.06


def test_rotation_shift_maps_are_rotations_that_shrink():
    affine = np.concatenate(
        [s.sample_rotation_shift(generator(seed), 4) for seed in range(100)]
    ).astype(float)
    assert np.allclose(affine[:, 0], affine[:, 4]) and np.allclose(affine[:, 1], -affine[:, 3])
    scale = np.hypot(affine[:, 0], affine[:, 3])
    assert 0.4 <= scale.min() < 0.45 and 0.95 < scale.max() <= 1 + 1e-6


def test_maps_and_variations_number_what_was_asked():
    counts = set()
    for seed in range(200):
        variations, table, cumulative = draw(seed, maps=(2, 4), variations_per_system=(1, 3))
        kinds = len(np.unique(variations))
        counts.add((len(variations) // kinds, kinds))
        assert len(variations) == len(table) == len(cumulative) and len(variations) % kinds == 0
        assert np.all(np.diff(cumulative) > 0) and cumulative[-1] == 2 and cumulative[0] > 0
    assert counts == {(maps, kinds) for maps in (2, 3, 4) for kinds in (1, 2, 3)}


def test_only_listed_variations_are_drawn_with_their_parameters():
    seen = set()
    for seed in range(100):
        variations, table, _ = draw(
            seed, variations=("blob", "waves", "linear"), variations_per_system=(1, 5)
        )
        for number, row in zip(variations, table, strict=True):
            seen.add(int(number))
            entry = next(v for v in CATALOGUE if v.number == number)
            for position, (low, high) in enumerate(entry.ranges):
                assert low <= row[s.PARAMETERS + position] <= high
                assert position not in entry.whole or row[s.PARAMETERS + position] == int(
                    row[s.PARAMETERS + position]
                )
            assert np.array_equal(
                row[s.PARAMETERS :][: len(entry.coefficients)], row[list(entry.coefficients)]
            )
    assert seen == {0, 15, 23}


def test_post_transforms_and_symmetry_are_drawn_with_their_probability():
    identity = np.array([1, 0, 0, 0, 1, 0])
    assert all((draw(seed)[1][:, 6:12] == identity).all() for seed in range(50))
    followed = np.concatenate(
        [
            (draw(seed, post_transforms=0.5)[1][:, 6:12] != identity).any(axis=1)
            for seed in range(200)
        ]
    )
    assert 0.4 < followed.mean() < 0.6
    symmetric = []
    for seed in range(200):
        variations, table, cumulative = draw(seed, symmetry=0.5, variations=("bubble",))
        extra = table[variations == 0]
        symmetric.append(len(extra) > 0)
        if len(extra):
            steps = np.diff(cumulative, prepend=0)[variations == 0][:-1]
            assert np.allclose(
                steps, 1 / (len(extra) + 1), atol=1e-5
            )  # each as probable as all the maps together
            assert (extra[:, s.COLOUR_SPEED] == 0).all()
            matrices = extra[:, [0, 1, 3, 4]].reshape(-1, 2, 2).astype(float)
            assert np.allclose(matrices @ matrices.transpose(0, 2, 1), np.eye(2), atol=1e-6)
            assert len(variations) <= Options(symmetry=0.5).system_options().most_pairs
    assert 0.4 < np.mean(symmetric) < 0.6
