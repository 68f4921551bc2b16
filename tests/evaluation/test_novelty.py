"""The novelty test on maps whose distribution is known: false alarms, power, and the offset."""

import numpy as np
import pytest
from scipy import ndimage

from starmass.evaluation.novelty import (
    Described,
    Reference,
    combined,
    describe_maps,
    held_out_p,
    held_out_scores,
    rank_p,
)
from starmass.evaluation.samples import Maps
from starmass.verdicts import is_outside

CHANNELS = ("column_density", "v_los", "sigma_v")
STARS, EACH, PIXELS = 40, 4, 32


def draw(generator, stars, each):
    """Maps of stars: a power law in radius with lumps of gas, a rotation and a width"""
    middle = (PIXELS - 1) / 2
    y, x = np.mgrid[:PIXELS, :PIXELS] - middle
    radius = np.hypot(x, y)
    maps = []
    for _ in range(stars):
        level, slope, spin, width = generator.normal([22.5, -0.8, 0, -0.4], [0.1, 0.1, 0.3, 0.05])
        for _ in range(each):
            angle = generator.uniform(0, 2 * np.pi)
            along = (x * np.cos(angle) + y * np.sin(angle)) / radius.max()
            white = generator.normal(size=(3, PIXELS, PIXELS))
            lumps = ndimage.gaussian_filter(white, (0, 2, 2), mode="wrap")
            lumps *= 0.15 / lumps.std()
            column = level + slope * np.log10(radius) + lumps[0]
            maps.append([10**column, spin * along + lumps[1], 10 ** (width + lumps[2])])
    return np.array(maps, np.float32), np.repeat(np.arange(stars), each)


def as_maps(values):
    return Maps(values, CHANNELS, np.zeros(len(values)), 0.5 / PIXELS)


@pytest.fixture(scope="module")
def simulated():
    values, stars = draw(np.random.default_rng(0), STARS, EACH)
    return describe_maps(as_maps(values), with_velocity=True), stars


@pytest.fixture(scope="module")
def fresh():
    """Maps of other stars of the same kind, one each"""
    return draw(np.random.default_rng(1), 60, 1)[0]


def p_of(simulated, values):
    described, stars = simulated
    numbers = describe_maps(as_maps(values), with_velocity=True).values
    held = held_out_scores(described, stars).tests()
    found = Reference(described, stars).score(numbers)
    return rank_p(combined(found.tests(), held), combined(held, held), stars), found


def test_false_alarms_are_as_rare_as_promised(simulated, fresh):
    p, _ = p_of(simulated, fresh)
    assert np.mean(is_outside(p)) < 0.12  # 5% of 60, and twice its error
    described, stars = simulated
    held = held_out_scores(described, stars).tests()
    assert np.mean(is_outside(held_out_p(combined(held, held), stars))) <= 0.06


@pytest.mark.parametrize(
    "spoil, quantity, offset",
    [
        (lambda m: m[:, 0].__imul__(10), "column_density", 1.0),
        (lambda m: np.log10(m[:, 0], out=m[:, 0]), "column_density", None),
        (lambda m: m[:, 2].__imul__(2.3548), "sigma_v", 0.372),
        (lambda m: m[:, 1].__iadd__(3), "v_los", 3.0),
        (lambda m: m[:, 1].__imul__(1000), "v_los gradient", 3.0),
    ],
    ids=["ten times", "log10", "FWHM", "frame", "m/s"],
)
def test_a_wrong_unit_is_found_and_its_size_told(simulated, fresh, spoil, quantity, offset):
    values = fresh.copy()
    spoil(values)
    p, found = p_of(simulated, values)
    assert is_outside(p).all()
    if offset is not None:
        assert np.median(found.offset[quantity]) == pytest.approx(offset, abs=0.05)


def test_pure_noise_is_outside(simulated):
    values = np.random.default_rng(3).normal(size=(20, 3, PIXELS, PIXELS)).astype(np.float32)
    p, _ = p_of(simulated, 10**22 * np.abs(values))
    assert is_outside(p).all()


def test_a_map_from_behind_is_as_far_as_the_map(simulated, fresh):
    behind = fresh.copy()
    behind[:, 1] *= -1
    assert p_of(simulated, behind)[1].distance == pytest.approx(
        p_of(simulated, fresh)[1].distance, rel=1e-5
    )


def test_p_counts_stars_not_maps():
    stars = np.array([0, 0, 0, 0, 1, 2])
    others = np.array([9.0, 9, 9, 1, 5, 2])
    assert rank_p(np.array([4.0, 10.0]), others, stars) == pytest.approx([(1 + 1.75) / 4, 1 / 4])
    brute = [
        (1 + sum(np.mean(others[stars == s] >= score) for s in set(stars) - {star})) / 3
        for score, star in zip(others, stars, strict=True)
    ]
    assert held_out_p(others, stars) == pytest.approx(brute)


def test_a_star_scores_without_its_own_maps(simulated):
    """Each held-out distance is that of a reference made by hand from the other stars"""
    described, stars = simulated
    scores = held_out_scores(described, stars)
    own = stars == 7
    labels = described.quantities, described.radii, described.measures
    rest = Described(described.values[~own], *labels)
    by_hand = Reference(rest, np.unique(stars[~own], return_inverse=True)[1])
    assert scores.distance[own] == pytest.approx(by_hand.score(described.values[own]).distance)
