"""What jobs took, added up: each once, pretraining with all its attempts."""

import json

import pandas as pd
import pytest

from starmass.errors import InputError
from starmass.reporting.cost import collect_cost, duration, write_cost

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def run(tmp_path):
    """Benchmarks of two shards, a snapshot and its catalogue, and a pretraining that took two
    attempts on two GPUs.
    """

    def job(path, seconds, cpu, memory):
        file = tmp_path / "benchmarks/results" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{HEAD}{seconds}\t0:00:01\t{memory}\t1\t1\t1\t-\t0\t100\t{cpu}\n")

    job("fractals/flame/shard-0000.tsv", 3600, 7200, 1024)
    job("fractals/flame/shard-0001.tsv", 1800, 3600, 2048)
    job("maps/cloud/snapshot_0001.tsv", 36, 18, 512)
    job("maps/cloud/catalogue.tsv", 36, 18, 100)
    job("pretraining/large/seed-0.tsv", 10, 1, 100)
    (tmp_path / "logs/large").mkdir(parents=True)
    attempts = [
        {"first_step": 0, "last_step": 5, "seconds": 3600.0, "ranks": 2, "device": "cuda"}
    ] * 2
    (tmp_path / "logs/large/seed-0.attempts.jsonl").write_text(
        "".join(json.dumps(one) + "\n" for one in attempts)
    )
    return tmp_path


def test_hours_memory_and_products(run):
    images = {"flame": {"0000": 10000, "0001": 5000, "0002": 5000}}
    table = collect_cost(
        benchmarks=run / "benchmarks/results",
        attempts=run / "logs",
        cores={"large": 8},
        images=images,
    )
    rows = table.set_index("stage")
    assert list(rows.index) == ["maps", "fractals", "pretraining"]
    assert rows.loc[
        "fractals", ["jobs", "wall_hours", "cpu_hours", "peak_memory_gb", "products"]
    ].tolist() == [2, 1.5, 3.0, 2.0, 15000]
    assert rows.loc["fractals", "cpu_seconds_a_product"] == pytest.approx(10800 / 15000)
    assert rows.loc["maps", ["jobs", "products"]].tolist() == [2, 1]  # the catalogue is no snapshot
    assert rows.loc["pretraining", ["jobs", "wall_hours", "cpu_hours", "gpu_hours"]].tolist() == [
        2,
        2.0,
        32.0,
        4.0,
    ]
    outputs = {"csv": run / "cost.csv", "md": run / "cost.md"}
    write_cost(table, (), outputs)
    assert pd.read_csv(outputs["csv"])["gpu_hours"].sum() == 4.0
    page = outputs["md"].read_text()
    assert "2.67 TFLOP an image" in page and "0.72 per image" in page and "| all |" in page
    write_cost(table, ["flame"], outputs)
    assert "TFLOP an image" not in outputs["md"].read_text()


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0, "–"),
        (0.0005, "1.8 s"),
        (0.01, "36 s"),
        (0.25, "15 min"),
        (2.5, "2.5 h"),
        (12345.6, "12346 h"),
        (999.7, "1000 h"),
        (0.9999, "1 h"),
        (59.99 / 3600, "1 min"),
    ],
)
def test_times_have_the_unit_of_their_size(hours, words):
    assert duration(hours) == words


def test_a_measurement_that_was_cut_is_named(run):
    (run / "benchmarks/results/maps/cloud/catalogue.tsv").write_text(HEAD)
    with pytest.raises(InputError, match=r"catalogue\.tsv: holds no measurement"):
        collect_cost(
            benchmarks=run / "benchmarks/results", attempts=run / "logs", cores={}, images={}
        )


def test_nothing_measured_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="nothing was measured yet"):
        collect_cost(benchmarks=tmp_path, attempts=tmp_path, cores={}, images={})
