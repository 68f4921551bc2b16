"""Files of maps as the mapping stage writes them, from arrays: synthetic ones, and real ones."""

import os
from pathlib import Path

import h5py
import numpy as np

from starmass.channels import BASE
from starmass.maps.mapping import FACTS
from starmass.maps.projection import ORIENTATION
from starmass.provenance import provenance_json
from starmass.units import HYDROGEN_ATOM_G

ROOT = Path(__file__).resolve().parents[1]
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
        for key, fact in FACTS.items():
            dataset.attrs[key] = [getattr(facts, fact) for facts in BASE.values()]
        dataset.attrs["orientation"] = ORIENTATION
        dataset.attrs["spectra"] = "{}"
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
            hydrogen_mass_g=1.4 * HYDROGEN_ATOM_G,
            provenance=provenance_json(config={}, seed=0, inputs=[]),
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


def write_reference_maps(folder):
    """Write the reference maps of ramses_a, one file a snapshot; return the files."""
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
    return files
