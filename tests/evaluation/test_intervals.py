import numpy as np
import pytest

from starmass.evaluation.intervals import LEVEL, Calibration, calibrate


def one_map_a_star(generator, number, spread=1.0):
    truth = generator.uniform(-1, 1, number)
    predicted = truth + spread * generator.normal(size=number)
    return Calibration(predicted, truth, np.arange(number))


@pytest.mark.parametrize("number", [9, 10, 37, 200])
def test_width_is_the_rank_that_the_theorem_asks_for(number):
    """Where all predictions are equal the scale is one number, and the ranks are those of errors"""
    truth = np.random.default_rng(number).normal(size=number)
    errors = Calibration(np.zeros(number), truth, np.arange(number))
    rank = int(np.ceil(LEVEL * (number + 1)))
    assert errors._quantile(np.abs(truth), errors.weights()) == np.sort(np.abs(truth))[rank - 1]


def test_too_few_stars_promise_nothing_however_many_maps_they_have():
    generator = np.random.default_rng(0)
    errors = Calibration(generator.normal(size=80), generator.normal(size=80), np.arange(80) % 8)
    assert np.isinf(errors.half_widths(np.zeros(3))).all()
    assert not errors.covered().any()


def test_coverage_of_new_stars_is_the_level_at_every_predicted_mass():
    """Errors that are three times as large at one end get intervals as much wider there"""
    generator = np.random.default_rng(0)
    mass, inside = [], []
    for _ in range(600):
        truth = generator.uniform(-1, 1, 60)
        size = np.where(truth < 0, 0.3, 0.1)
        predicted = truth + 0.2 * size * generator.normal(size=60)
        errors = Calibration(predicted[:59], truth[:59], np.arange(59))
        mass.append(truth[59])
        inside.append(abs(truth[59] - predicted[59]) <= errors.half_widths(predicted[59:])[0])
    mass, inside = np.array(mass), np.array(inside)
    # The scale is a mean over 0.3 dex, so that it is neither the one nor the other near the step.
    assert abs(inside.mean() - 0.9) < 0.04
    assert abs(inside[mass < -0.3].mean() - 0.9) < 0.06
    assert inside[mass > 0.3].mean() > 0.84


def test_a_star_counts_once_however_often_it_was_seen():
    """Copies of one star's maps change neither the width nor the coverage"""
    generator = np.random.default_rng(2)
    errors = one_map_a_star(generator, 30)
    rows = np.concatenate([np.arange(30), np.repeat(3, 40)])
    copied = Calibration(errors.predicted[rows], errors.truth[rows], errors.stars[rows])
    at = np.linspace(-1, 1, 5)
    assert copied.half_widths(at) == pytest.approx(errors.half_widths(at), rel=1e-6)
    assert (copied.covered()[:30] == errors.covered()).all()


def test_held_out_stars_are_covered_as_promised():
    generator = np.random.default_rng(3)
    shares = [one_map_a_star(generator, 40, 0.3).covered().mean() for _ in range(50)]
    assert 0.88 < np.mean(shares) < 0.94


def test_stars_that_calibrate_teach_nothing_and_test_rows_play_no_part():
    groups, labels = np.repeat(np.arange(12), 5), np.random.default_rng(1).normal(size=60)
    train, seen = np.arange(50), []

    def predict(teaching, calibrating):
        assert not set(groups[teaching]) & set(groups[calibrating])
        assert set(teaching) | set(calibrating) == set(train)
        seen.extend(calibrating)
        return np.zeros(len(calibrating))

    errors = calibrate(predict, labels, groups, train)
    assert sorted(seen) == list(train)
    assert sorted(errors.truth) == sorted(labels[:50])


def test_one_star_cannot_calibrate():
    labels, one = np.zeros(4), np.zeros(4, int)
    assert calibrate(lambda *_: labels, labels, one, np.arange(4)) is None
