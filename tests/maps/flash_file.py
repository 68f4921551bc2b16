"""A small FLASH plot file with particles: eight blocks of one level, in cgs, as yt reads it."""

import itertools
from pathlib import Path

import h5py
import numpy as np

PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33
CELLS, WIDTH = 8, 4 * PARSEC
PARTICLES = (
    "blk", "creation_time", "mass", "posx", "posy", "posz", "tag", "type", "velx", "vely", "velz",
)  # fmt: skip


def write_flash(path: Path, *, boundary: str = "outflow", particles=(), seed: int = 0):
    """Write random gas and ``particles`` (dicts of :data:`PARTICLES`, cgs); return the cells.

    Returns
    -------
    centre, width (n, 3) [pc], density (n,) [g cm^-3] and velocity (n, 3) [km/s]
    """
    random = np.random.default_rng(seed)
    left = -WIDTH / 2
    shape = (8, CELLS, CELLS, CELLS)
    gas = {"dens": 1e-20 * np.exp(random.normal(0, 1, shape))}
    gas |= {f"vel{axis}": random.normal(0, 1e5, shape) for axis in "xyz"}
    corner = left + np.array(list(itertools.product(range(2), repeat=3))) * WIDTH / 2
    bounds = np.stack([corner, corner + WIDTH / 2], axis=2)
    path.unlink(missing_ok=True)
    with h5py.File(path, "w") as file:
        _parameters(file, "integer scalars", "i4", nxb=CELLS, nyb=CELLS, nzb=CELLS,
                    dimensionality=3, globalnumblocks=8, nstep=1)  # fmt: skip
        _parameters(file, "real scalars", "f8", time=1e13, redshift=0.0)
        _parameters(file, "logical scalars", "i4", corners=0)
        _parameters(file, "string scalars", "S80", geometry="cartesian")
        sizes = {f"nblock{axis}": 2 for axis in "xyz"}
        _parameters(file, "integer runtime parameters", "i4", **sizes, lrefine_max=1, lrefine_min=1)
        edges = {f"{axis}min": left for axis in "xyz"} | {f"{a}max": -left for a in "xyz"}
        _parameters(file, "real runtime parameters", "f8", **edges)
        _parameters(file, "logical runtime parameters", "i4", cosmo=0)
        faces = {f"{axis}{side}_boundary_type": boundary for axis in "xyz" for side in "lr"}
        _parameters(file, "string runtime parameters", "S80", geometry="cartesian", **faces,
                    unitsystem="cgs")  # fmt: skip
        kind = [("file format version", "i4"), ("setup call", "S400"), ("flash version", "S80")]
        file["sim info"] = np.array([(9, b"", b"FLASH 4")], kind)
        file["unknown names"] = np.array([[name.encode()] for name in gas], "S4")
        file["bounding box"], file["coordinates"] = bounds, bounds.mean(axis=2)
        file["block size"] = np.full((8, 3), WIDTH / 2)
        for name, value in (("refine level", 1), ("node type", 1), ("processor number", 0)):
            file[name] = np.full(8, value, "i4")
        file["gid"], file["which child"] = np.full((8, 15), -1, "i4"), np.full(8, -1, "i4")
        for name, values in gas.items():
            file[name] = values  # (block, z, y, x)
        if particles:
            file["localnp"] = np.array([len(particles)] + [0] * 7, "i4")
            file["particle names"] = np.array([[name.ljust(24).encode()] for name in PARTICLES])
            rows = [[float(one.get(name, 0.0)) for name in PARTICLES] for one in particles]
            file["tracer particles"] = np.array(rows)
    size = WIDTH / 2 / CELLS
    places = np.array(list(itertools.product(range(CELLS), repeat=3)))
    centre = np.concatenate([start + (places + 0.5) * size for start in corner]) / PARSEC
    flat = {name: values.transpose(0, 3, 2, 1).ravel() for name, values in gas.items()}
    velocity = np.stack([flat[f"vel{axis}"] for axis in "xyz"], axis=1) / 1e5
    return centre, np.full_like(centre, size / PARSEC), flat["dens"], velocity


def _parameters(file: h5py.File, name: str, kind: str, **values) -> None:
    rows = [
        (key.ljust(80), value.ljust(80) if isinstance(value, str) else value)
        for key, value in values.items()
    ]
    file[name] = np.array(rows, [("name", "S80"), ("value", kind)])
