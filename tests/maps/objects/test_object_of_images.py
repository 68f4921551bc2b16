"""An object compared with maps that others made, through Snakemake."""

import csv

import numpy as np
import pandas as pd
import pytest
from object_files import entry_of, simulated, sky, write_images

STARS, EACH, PIXELS = 24, 2, 16


@pytest.fixture
def config(tmp_path):
    """A set of maps with masses, and a star that is none of them"""
    maps = np.stack([simulated(star, PIXELS) for star in range(STARS * EACH + 1)])
    masses = np.median(maps[:, 0], axis=(1, 2)) / 1e22
    np.save(tmp_path / "maps.npy", maps[:-1].astype(np.float32))
    with open(tmp_path / "labels.csv", "w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "group", "mass_msun"])
        table.writerows([row, f"star{row // EACH}", mass] for row, mass in enumerate(masses[:-1]))
    write_images(tmp_path, maps[-1], sky(PIXELS, finer=PIXELS / 64))
    star = entry_of(tmp_path) | {"study": "elsewhere", "methods": ["statistics_ridge"]}
    made = {
        "file": str(tmp_path / "maps.npy"),
        "labels": str(tmp_path / "labels.csv"),
        "columns": {"group": "group"},
        "channels": ["column_density", "v_los", "sigma_v"],
        "side": 0.5,
    }
    study = {"images": "made", "splits": ["protostar"], "methods": ["statistics_ridge"]}
    return {
        "maps": {"projection": {"pixels": PIXELS}},
        "images": {"made": made},
        "evaluation": {"studies": {"elsewhere": study}},
        "objects": {"star": star},
    }


def test_an_object_is_weighed_by_maps_made_elsewhere(run_snakemake, config, tmp_path):
    prediction, page = (f"results/objects/star/{name}" for name in ("prediction.csv", "page.html"))
    done = run_snakemake(tmp_path, "-c2", prediction, overlay=config)
    assert done.returncode == 0, done.stderr[-3000:]
    (row,) = pd.read_csv(tmp_path / prediction).to_dict("records")
    assert row["n_stars"] == STARS and row["n_maps"] == STARS * EACH
    assert row["lower_msun"] < row["mass_msun"] < row["upper_msun"]
    assert row["verdict"] in ("inside", "outside") and row["calibrated_by"] == "protostar"
    config["images"]["made"].pop("side")
    said = run_snakemake(tmp_path, "-n", page, overlay=config)
    assert said.returncode and "add images.made.side" in said.stderr
