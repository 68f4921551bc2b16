import numpy as np
import pandas as pd
import pytest

from starmass.reporting.figures.examples import choose_protostars
from starmass.reporting.style import format_age


def samples_of(masses: dict[int, list[float]]) -> pd.DataFrame:
    """Protostars (sink id -> mass at each snapshot) seen along three axes."""
    rows = [
        ("cloud", sink, f"{time:04d}", axis, mass)
        for sink, at_times in masses.items()
        for time, mass in enumerate(at_times)
        for axis in range(3)
    ]
    return pd.DataFrame(
        rows, columns=["simulation", "sink_id", "snapshot", "axis_index", "mass_msun"]
    )


@pytest.mark.parametrize("count", [1, 2, 5])
def test_protostars_are_different_and_ordered_by_mass(count):
    random = np.random.default_rng(count)
    chosen = choose_protostars(
        samples_of({sink: list(random.lognormal(size=4)) for sink in range(9)}), count
    )
    assert len({int(rows["sink_id"].iloc[0]) for rows in chosen}) == count
    masses = [float(rows["mass_msun"].iloc[0]) for rows in chosen]
    assert masses == sorted(masses)
    assert all(list(rows["axis_index"]) == [0, 1, 2] for rows in chosen)


def test_fewer_protostars_than_asked_for_are_all_shown():
    assert len(choose_protostars(samples_of({1: [0.1, 0.2, 0.4], 2: [3.0]}), 4)) == 2


def test_choice_spans_the_ranks():
    chosen = choose_protostars(samples_of({sink: [float(sink + 1)] for sink in range(10)}), 2)
    assert [float(rows["mass_msun"].iloc[0]) for rows in chosen] == [3.0, 8.0]


@pytest.mark.parametrize(
    ("years", "text"), [(0, "0 yr"), (250, "250 yr"), (33_000, "33 kyr"), (1.25e6, "1.25 Myr")]
)
def test_ages_read_as_an_astronomer_writes_them(years, text):
    assert format_age(years) == text
