"""A simulation's page: which maps it shows, that it is drawn with and without samples, and that its
bytes repeat.
"""

import csv

import h5py
import numpy as np
import pandas as pd
import pytest

from starmass.reporting.simulations import choose_triplets, plot_simulation

PALETTES = {"column_density": "magma", "v_los": "RdBu_r", "sigma_v": "viridis"}


@pytest.fixture
def catalogue(tmp_path):
    """Five samples of three protostars, one of them cut away."""
    random = np.random.default_rng(0)
    rows = []
    for number, sinks in ((1, [1, 2]), (2, [1, 2, 3])):
        path = tmp_path / f"s{number}.h5"
        with h5py.File(path, "w") as file:
            maps = file.create_dataset(
                "maps", data=np.exp(random.normal(size=(len(sinks), 3, 3, 8, 8)))
            )
            maps.attrs.update(
                channels=["column_density", "v_los", "sigma_v"],
                channel_units=["cm**-2", "km/s", "km/s"],
            )
            file.attrs.update(side_pc=0.5, simulation="mine")
        for index, sink in enumerate(sinks):
            facts = {
                "simulation": "mine",
                "snapshot": f"s{number}",
                "time_yr": 1e5 * number,
                "sink_id": sink,
                "mass_msun": 0.1 * sink * number,
            }
            place = {
                "age_yr": 1e4 * number,
                "x_pc": sink,
                "y_pc": 1.0,
                "map_file": path,
                "sink_index": index,
                "kept": int(sink < 3),
            }
            rows.append({**facts, **place})
    with open(tmp_path / "catalogue.csv", "w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return tmp_path / "catalogue.csv"


def draw(catalogue, name, **change):
    outputs = {"png": catalogue.parent / f"{name}.png", "pdf": catalogue.parent / f"{name}.pdf"}
    box = np.exp(np.random.default_rng(1).normal(size=(16, 16)))
    given = {
        "box_left": [0.0, 0.0],
        "box_side": 4.0,
        "snapshot": "s2",
        "gallery": 4,
        "palettes": PALETTES,
        "resolution": 50,
        "toy": True,
    }
    plot_simulation(
        box=box, catalogue=catalogue, outputs=outputs, facts={"config": {}}, **{**given, **change}
    )
    return [path.read_bytes() for path in outputs.values()]


def test_the_same_bytes_twice(catalogue):
    first = draw(catalogue, "1")
    assert first == draw(catalogue, "2")
    assert first[0][1:4] == b"PNG"
    assert first != draw(catalogue, "3", toy=False)


def test_a_simulation_without_samples_has_a_page(catalogue):
    header = catalogue.read_text().splitlines()[0]
    catalogue.write_text(header + "\n")
    assert draw(catalogue, "none")[1][:4] == b"%PDF"


def test_maps_are_spread_over_the_ranks_of_mass():
    samples = pd.DataFrame({"mass_msun": np.arange(10.0)})
    assert choose_triplets(samples, 4)["mass_msun"].tolist() == [0, 3, 6, 9]
    assert choose_triplets(samples.iloc[:3], 16)["mass_msun"].tolist() == [0, 1, 2]
