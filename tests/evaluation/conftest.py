"""Map files in the pipeline's format: small synthetic ones, and the reference maps of a real
simulation where they are there.
"""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from starmass.evaluation.samples import collect_samples

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(
    os.environ.get("STARMASS_RAMSES_DATA", ROOT.parent / "shared" / "data" / "ramses_a"),
    "reference_maps.h5",
)


def write_maps(
    path, simulation, snapshot, *, maps, sink_id, mass, age, velocity, time_yr, side_pc=0.5
):
    """Write a file of maps as the mapping stage does, as far as evaluation reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("maps", data=np.asarray(maps, np.float32))
        dataset.attrs["axes"] = ["x", "y", "z"]
        dataset.attrs["channels"] = ["column_density", "v_los", "sigma_v"]
        dataset.attrs["channel_units"] = ["cm**-2", "km/s", "km/s"]
        for name, values in (
            ("sink_id", np.asarray(sink_id, np.int64)),
            ("mass", mass),
            ("age", age),
            ("velocity", velocity),
        ):
            file[name] = values
        file["position"] = np.zeros((len(mass), 3))
        file.attrs.update(
            simulation=simulation,
            snapshot=snapshot,
            time_yr=time_yr,
            side_pc=side_pc,
            pixels=maps.shape[-1],
        )
        file.attrs.update(
            velocity_frame="box",
            finest_cell_pc=side_pc / 128,
            accretion_radius_pc=side_pc / 32,
            description="synthetic",
        )
    return str(path)


def synthetic_simulation(folder, simulation, seed, *, snapshots=3, sinks=4, pixels=16):
    """Sinks that grow; maps whose central column density tells the mass, with noise."""
    generator = np.random.default_rng(seed)
    offset = np.arange(pixels) - (pixels - 1) / 2
    radius = np.hypot(offset[:, None], offset)
    velocity = generator.normal(size=(sinks, 3))
    masses = 10 ** generator.uniform(-1.5, 0.5, sinks)
    files = []
    for snapshot in range(snapshots):
        mass = masses * 1.3**snapshot
        noise = generator.normal(size=(sinks, 3, 3, pixels, pixels))
        column = (
            22 + np.log10(mass)[:, None, None, None] * np.exp(-radius / 4) + 0.1 * noise[:, :, 0]
        )
        maps = np.stack(
            [10**column, velocity[:, :, None, None] + noise[:, :, 1], np.exp(0.1 * noise[:, :, 2])],
            axis=2,
        )
        at = Path(folder) / simulation / f"snapshot_{snapshot:04d}.h5"
        facts = {
            "sink_id": np.arange(sinks) + 1,
            "mass": mass,
            "age": np.full(sinks, 1e4 * snapshot),
            "velocity": velocity,
        }
        files.append(
            write_maps(at, simulation, at.stem, maps=maps, time_yr=1e5 + 1e4 * snapshot, **facts)
        )
    return files


@pytest.fixture
def map_files(tmp_path):
    return [*synthetic_simulation(tmp_path, "a", 1), *synthetic_simulation(tmp_path, "b", 2)]


@pytest.fixture
def samples(map_files):
    return collect_samples(map_files)


@pytest.fixture(scope="session")
def reference_samples(tmp_path_factory):
    """The reference maps of ramses_a, one file a snapshot, as samples of at least 0.01 Msun."""
    if not REFERENCE.is_file():
        pytest.skip(
            f"no {REFERENCE}: set STARMASS_RAMSES_DATA to the folder that holds reference_maps.h5"
            " of ramses_a"
        )
    folder = tmp_path_factory.mktemp("ramses_a")
    with h5py.File(REFERENCE) as file:
        table, maps = file["samples"][:], file["maps"][:]
    files = []
    for snapshot in np.unique(table["snapshot"]):
        part = table["snapshot"] == snapshot
        rows = table[part]
        velocity = np.stack([rows["vx_kms"], rows["vy_kms"], rows["vz_kms"]], axis=1)
        facts = {
            "sink_id": rows["sink_id"],
            "mass": rows["mass_msun"],
            "age": rows["age_yr"],
            "velocity": velocity,
        }
        name = snapshot.decode()
        files.append(
            write_maps(
                folder / f"{name}.h5",
                "ramses_a",
                name,
                maps=maps[part],
                time_yr=rows["time_yr"][0],
                **facts,
            )
        )
    return collect_samples(files, minimum_mass=0.01)
