"""The analytic cloud: its totals, its stars' lives, and the same bytes for the same seed in any
order.
"""

import itertools

import numpy as np
import pytest

from starmass.errors import InputError
from starmass.maps import toycloud
from starmass.maps.sfumato import Dump

SOLAR_MASS, PARSEC = 1.988409870698051e33, 3.0856775814913673e18


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    toycloud.write_toycloud_descriptor(output=folder / "run.yaml")
    toycloud.write_toycloud(output=folder / "snapshot_0003", seed=5, snapshots=6)
    return folder


def test_totals(run):
    dump = Dump(run, "snapshot_0003")
    leaves = np.flatnonzero(dump.is_leaf)
    density, *velocity = dump.read(leaves, ["density", "velocity_x", "velocity_y", "velocity_z"])
    volume = (dump.cell_width[leaves].prod(axis=1) * PARSEC**3)[:, None, None, None]
    gas = (density * volume).sum() / SOLAR_MASS
    assert gas + dump.sinks.mass.sum() / SOLAR_MASS == pytest.approx(3000.0, rel=1e-5)
    speed = np.sqrt(sum((v**2 * volume).sum() for v in velocity) / (volume.sum() * 512)) / 1e5
    assert speed == pytest.approx(10 * 0.19, rel=0.15)
    base = np.log(Dump(run, "snapshot_0003").read(np.flatnonzero(dump.levels == 0), ["density"]))
    assert base.std() == pytest.approx(np.log1p(16.0) ** 0.5, rel=0.25)


def test_finest_cells_are_about_the_sinks(run):
    dump = Dump(run, "snapshot_0003")
    for place in dump.sinks.position:
        blocks = dump.leaves_touching(place, np.full(3, 0.02))
        assert (dump.levels[blocks] == toycloud.FINEST_LEVEL).all()
    assert 3e-3 < dump.cell_width.min() < 4e-3
    assert (dump.levels == 0).sum() == 512


def test_parents_hold_the_averages_of_their_children(run):
    dump = Dump(run, "snapshot_0003")
    parents = np.flatnonzero(~dump.is_leaf)[::50]
    for parent in parents:
        children = np.flatnonzero(dump.parents == parent)
        means = dump.read(children, ["density"])[0].mean()
        assert dump.read([parent], ["density"]).mean() == pytest.approx(means, rel=1e-5)


def test_envelopes_fall_in():
    """About every star the gas close by moves inwards, the faster the heavier the star."""
    stars = toycloud.make_stars(1, 6e5, 6e5)
    random = np.random.default_rng(0)
    ways = random.normal(size=(200, 3))
    ways *= 0.012 / np.linalg.norm(ways, axis=1, keepdims=True)
    falls = []
    for star in range(len(stars.mass)):
        density, momentum = np.full(200, 47.0), np.zeros((200, 3))
        one = slice(star, star + 1)
        toycloud._add_envelopes(
            stars.position[star] + ways, density, momentum, stars.position[one],
            stars.velocity[one], stars.mass[one], stars.accretion_rate[one], stars.infall[one],
            stars.rotation[one], stars.spin[one], stars.loading[one], stars.reach[one],
            np.exp(-stars.age_yr[one] / 3e5),
        )  # fmt: skip
        velocity = momentum / (density - 47.0)[:, None] - stars.velocity[star]
        falls.append(-(velocity * ways).sum(axis=1).mean() / 0.012)
    assert min(falls) > 0
    assert 0.8 < np.corrcoef(np.log(falls), np.log(stars.mass))[0, 1] < 0.995


def test_stars_are_born_move_and_grow():
    times = [toycloud.snapshot_time(number) for number in range(1, 7)]
    lives = [toycloud.make_stars(1, time, times[-1]) for time in times]
    counts = [len(stars.mass) for stars in lives]
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1] == toycloud.SINK_COUNT
    for before, after in itertools.pairwise(lives):
        same = np.searchsorted(after.identity, before.identity)
        assert (after.mass[same] > before.mass).all()
        assert (after.age_yr[same] > before.age_yr).all()
        moved = after.position[same] - before.position
        moved -= 4.0 * np.rint(moved / 4.0)
        np.testing.assert_allclose(moved, before.velocity * 8e4 * toycloud.KMS_TO_PC_YR, atol=1e-12)
    masses = np.concatenate([stars.mass for stars in lives])
    assert masses.min() > 0.03
    assert masses.max() < 16


def test_snapshots_follow_from_seed_and_time_alone(run, tmp_path):
    toycloud.write_toycloud(output=tmp_path / "snapshot_0003", seed=5, snapshots=6)
    for name in ("cells.00000.bin", "cells.00001.bin", "sinks.bin"):
        assert (tmp_path / "snapshot_0003" / name).read_bytes() == (
            run / "snapshot_0003" / name
        ).read_bytes()
    other = toycloud.make_stars(6, 6e5, 6e5)
    assert not np.array_equal(other.mass, toycloud.make_stars(5, 6e5, 6e5).mass)


def test_says_what_it_is(run):
    assert "not a solver" in (run / "run.yaml").read_text()


def test_a_snapshot_beyond_the_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="snapshots 1 to 6"):
        toycloud.write_toycloud(output=tmp_path / "snapshot_0007", seed=5, snapshots=6)
    assert not list(tmp_path.iterdir())


def test_a_magnetic_field_where_it_is_asked_for(run, tmp_path):
    """Of mean strength and direction as given, the same gas as without it."""
    toycloud.write_toycloud_descriptor(output=tmp_path / "run.yaml", magnetic_field=10.0)
    toycloud.write_toycloud(
        output=tmp_path / "snapshot_0003", seed=5, snapshots=6, magnetic_field=10.0
    )
    plain, magnetic = Dump(run, "snapshot_0003"), Dump(tmp_path, "snapshot_0003")
    leaves = np.flatnonzero(plain.is_leaf)[::20]
    density, *field = magnetic.read(
        leaves, ["density", *(f"magnetic_field_{axis}" for axis in "xyz")]
    )
    np.testing.assert_array_equal(density, plain.read(leaves, ["density"])[0])
    mean = 3000.0 * SOLAR_MASS / (4.0 * PARSEC) ** 3
    near = np.abs(density / mean - 1) < 0.3
    assert field[2][near].mean() == pytest.approx(1e-5, rel=0.3)
    assert abs(field[0][near].mean()) < 4e-6
