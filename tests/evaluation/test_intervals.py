import numpy as np
import pytest

from starmass.evaluation.intervals import calibrate, conformal_half_width


@pytest.mark.parametrize("number", [9, 10, 37, 200])
def test_width_is_the_rank_that_the_theorem_asks_for(number):
    errors = np.random.default_rng(number).normal(size=number)
    width = conformal_half_width(errors, 0.9)
    assert np.count_nonzero(np.abs(errors) <= width) == int(np.ceil(0.9 * (number + 1)))


def test_too_few_errors_promise_nothing():
    assert conformal_half_width(np.ones(8), 0.9) == np.inf


def test_coverage_of_new_errors_is_at_least_the_level():
    generator = np.random.default_rng(0)
    covered = [
        abs(generator.normal()) <= conformal_half_width(generator.normal(size=30), 0.9)
        for _ in range(2000)
    ]
    assert 0.88 < np.mean(covered) < 0.93


def test_stars_that_calibrate_teach_nothing_and_test_rows_play_no_part():
    groups, labels = np.repeat(np.arange(12), 5), np.random.default_rng(1).normal(size=60)
    train, seen = np.arange(50), []

    def predict(teaching, calibrating):
        assert not set(groups[teaching]) & set(groups[calibrating])
        assert set(teaching) | set(calibrating) == set(train)
        seen.extend(calibrating)
        return np.zeros(len(calibrating))

    assert calibrate(predict, labels, groups, train, 0.9) == conformal_half_width(labels[:50], 0.9)
    assert sorted(seen) == list(train)


def test_one_star_cannot_calibrate():
    assert np.isnan(
        calibrate(
            lambda teaching, calibrating: labels,
            labels := np.zeros(4),
            np.zeros(4, int),
            np.arange(4),
        )
    )
