"""A small Athena++ file (.athdf) of one block: a real code's file that a test can write."""

from pathlib import Path

import h5py
import numpy as np

PARSEC = 3.0856775814913673e18
DENSITY = 1e-20  # one code unit [g cm^-3]
UNITS = {
    "length_unit": [1.0, "pc"],
    "time_unit": [1.0, "pc/km*s"],
    "mass_unit": [DENSITY * PARSEC**3, "g"],
}
HEADER = "id,mass,x,y,z,vx,vy,vz,creation_time"


def write_athena(
    path: Path, density: np.ndarray, width, velocity=None, coordinates="cartesian", time=1.0
) -> None:
    """Write ``density`` (nx, ny, nz) and ``velocity`` (3, nx, ny, nz) in a box from 0 to
    ``width``.
    """
    shape = density.shape
    velocity = np.zeros((3, *shape)) if velocity is None else velocity
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # yt keeps the last one open
    with h5py.File(path, "w") as file:
        facts = {
            "NumCycles": 1,
            "Time": float(time),
            "Coordinates": np.bytes_(coordinates),
            "RootGridSize": np.array(shape, "i4"),
            "NumMeshBlocks": 1,
            "MeshBlockSize": np.array(shape, "i4"),
            "MaxLevel": 0,
            "DatasetNames": np.array([b"prim"], "S21"),
            "NumVariables": np.array([4], "i4"),
            "VariableNames": np.array([b"rho", b"vel1", b"vel2", b"vel3"], "S21"),
        }
        for axis, (cells, side) in enumerate(zip(shape, width, strict=True), start=1):
            edges = np.linspace(0, side, cells + 1)
            facts[f"RootGridX{axis}"] = np.array([0.0, side, 1.0])
            file[f"x{axis}f"] = edges[None].astype("f8")
            file[f"x{axis}v"] = (0.5 * (edges[1:] + edges[:-1]))[None].astype("f8")
        file.attrs.update(facts)
        file["Levels"] = np.zeros(1, "i4")
        file["LogicalLocations"] = np.zeros((1, 3), "i8")
        values = np.stack([density, *velocity])
        file["prim"] = values.transpose(0, 3, 2, 1)[:, None].astype("f8")


def write_sinks(path: Path, *rows: tuple, header: str = HEADER) -> None:
    """Write a table of sinks, a row each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *(",".join(str(value) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def cells_of(density: np.ndarray, width, velocity=None):
    """Centres, widths (n, 3), densities [g cm^-3] (n,) and velocities (n, 3) for a judge."""
    sizes = np.array(width) / density.shape
    places = np.stack(np.meshgrid(*map(np.arange, density.shape), indexing="ij"), -1).reshape(-1, 3)
    centre = (places + 0.5) * sizes
    moving = np.zeros((3, density.size)) if velocity is None else velocity.reshape(3, -1)
    return centre, np.broadcast_to(sizes, centre.shape), density.ravel() * DENSITY, moving.T
