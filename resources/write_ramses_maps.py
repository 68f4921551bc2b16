"""Write ramses_maps.h5 and ramses_maps.csv: a part of the maps of a RAMSES simulation, rounded.

python resources/write_ramses_maps.py reference_maps.h5 resources
"""

import csv
import sys
from pathlib import Path

import h5py
import numpy as np

MINIMUM_MASS = 0.01  # Msun: newborn sinks have an arbitrary seed mass
STEP = 2  # every second snapshot: those of even numbers
HELD_OUT = 21  # the star of resources/observed_star.fits
BITS = 8  # of the mantissas of column density and dispersion: within 0.2%
VELOCITY = 1 / 128  # step of the velocity [km/s]
LABELS = ("id", "simulation", "snapshot", "axis", "mass_msun", "age_yr", "time_yr", "star_velocity")


def write_set(source: str, folder: str) -> None:
    """Write the maps [row, channel, y, x] and a line of labels for each."""
    with h5py.File(source) as file:
        samples, maps = file["samples"][:], file["maps"][:]  # [sample, axis, channel, y, x]
        about = dict(file.attrs)
    chosen = [place for place, sample in enumerate(samples) if takes_part(sample)]
    rows = maps[chosen].reshape(-1, *maps.shape[2:])
    rounded = np.stack(
        [short(rows[:, 0]), np.round(rows[:, 1] / VELOCITY) * VELOCITY, short(rows[:, 2])], axis=1
    )
    with h5py.File(Path(folder, "ramses_maps.h5"), "w") as file:
        written = file.create_dataset(
            "maps",
            data=rounded.astype(np.float32),
            chunks=(8, 1, *rows.shape[2:]),
            compression="gzip",
            compression_opts=9,
            shuffle=True,
        )
        written.attrs["axes"] = "row of ramses_maps.csv, channel, y, x; the star in the middle"
        written.attrs["channels"] = ["column_density", "v_los", "sigma_v"]
        written.attrs["units"] = ["cm-2, hydrogen nuclei", "km/s, box frame", "km/s"]
        written.attrs["width_pc"] = 0.5
        file.attrs["origin"] = (
            f"simulation {about['simulation']}, made with the public code RAMSES: periodic 4 pc box"
            " of 3024 Msun, 10 K, decaying Mach-10 turbulence, sink particles"
        )
        file.attrs["terms"] = "for testing, not for publishing"
        file.attrs["left_out"] = (
            f"snapshots of odd numbers; stars below {MINIMUM_MASS} Msun; star {HELD_OUT}"
        )
        file.attrs["rounding"] = (
            f"column density and dispersion to {BITS} bits of the mantissa (within"
            f" {100 * 2.0 ** -(BITS + 1):.1g}%), velocity to multiples of 1/{1 / VELOCITY:.0f} km/s"
        )
    with open(Path(folder, "ramses_maps.csv"), "w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(LABELS)
        for sample in samples[chosen]:
            facts = [f"{sample[name]:.6g}" for name in ("mass_msun", "age_yr", "time_yr")]
            for axis in "xyz":
                whose = [sample["sink_id"], "ramses_a", sample["snapshot"].decode(), axis]
                table.writerow([*whose, *facts, f"{sample[f'v{axis}_kms']:.6g}"])


def takes_part(sample: np.void) -> bool:
    """Whether the maps of a star at one time belong to the set."""
    even = int(sample["snapshot"].decode().rpartition("_")[2]) % STEP == 0
    return even and sample["mass_msun"] >= MINIMUM_MASS and sample["sink_id"] != HELD_OUT


def short(values: np.ndarray) -> np.ndarray:
    """Round positive float32 values to ``BITS`` bits of the mantissa."""
    dropped = 23 - BITS
    whole = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((whole + (1 << (dropped - 1))) >> dropped << dropped).astype(np.uint32).view(np.float32)


if __name__ == "__main__":
    write_set(*sys.argv[1:])
