"""Mapping particle codes, against yt's own projections: python benchmarks/particles.py [--particles
1000000 10000000] [--mesh] [--depth box]

Writes a GIZMO-like snapshot with this number of gas particles, most of them in r^-2 cores about the
sinks, into a temporary folder, and maps it in fresh processes that take turns: with starmass (three
axes x three channels about every sink), and the plain way with yt (a projection an axis and field,
each to a fixed-resolution buffer, which yt pixelizes by the same kernel). With --mesh: how exact
moving meshes are, on Voronoi meshes of exact volumes, and the same speeds for an AREPO-like
snapshot. With --depth: starmass alone, without a depth of the lines of sight and with it.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # so that it runs in a checkout that is not installed
from maps import Clock, peak_mb

BOX, RADIUS, NEIGHBOURS, STARS = 10.0, 0.5, 32, 8
PLAIN = 2  # of the sinks are enough to time yt
SIDE, PIXELS = 0.5, 64
PARSEC, SOLAR_MASS = 3.0856775814913673e18, 1.988409870698051e33
UNITS = {"UnitLength_in_cm": PARSEC, "UnitMass_in_g": SOLAR_MASS, "UnitVelocity_in_cm_per_s": 1e5}
ENTRY = {
    "format": "yt",
    "load": {"unit_base": UNITS},
    "sinks": {
        "particles": "PartType5",
        "columns": {"creation_time": "StellarFormationTime"},
        "units": {"time": "code_time"},
    },
}


def write_snapshot(path: Path, count: int, seed: int = 0) -> None:
    """Seven tenths of the gas in cores about the sinks, the rest anywhere; smoothing lengths that
    hold 32 particles."""
    random = np.random.default_rng(seed)
    stars = random.uniform(1.0, BOX - 1.0, (STARS, 3))
    cored = int(0.7 * count)
    direction = random.normal(size=(cored, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    radius = RADIUS * random.uniform(0.001, 1, cored)
    position = np.concatenate(
        [
            stars[np.arange(cored) % STARS] + direction * radius[:, None],
            random.uniform(0, BOX, (count - cored, 3)),
        ]
    )
    position = position[random.permutation(count)]
    near = np.full(count, np.inf)
    for star in stars:
        np.minimum(near, np.linalg.norm(position - star, axis=1), out=near)
    number = (count - cored) / BOX**3 + np.where(
        near < RADIUS, cored / STARS / (4 * np.pi * RADIUS * near**2), 0.0
    )
    length = np.cbrt(3 * NEIGHBOURS / (4 * np.pi * number))
    mass = 1000.0 / count
    with h5py.File(path, "w") as file:
        header = file.create_group("Header").attrs
        numbers = np.array([count, 0, 0, 0, 0, STARS], "u4")
        facts = {
            "NumPart_ThisFile": numbers, "NumPart_Total": numbers,
            "NumPart_Total_HighWord": np.zeros(6, "u4"), "MassTable": np.zeros(6), "Time": 0.5,
            "Redshift": 0.0, "BoxSize": BOX, "NumFilesPerSnapshot": 1,
            "HubbleParam": 1.0, "ComovingIntegrationOn": 0, "Omega0": 0.0, "OmegaLambda": 0.0,
        }  # fmt: skip
        for name, value in facts.items():
            header[name] = value
        if "arepo" in path.name:
            file.create_group("Config").attrs["VORONOI"] = ""
            for name, value in UNITS.items():
                header[name] = value
        else:
            header["GIZMO_version"] = 2022
        gas = file.create_group("PartType0")
        gas["Coordinates"] = position
        gas["Velocities"] = random.normal(0, 2, (count, 3)).astype("f4")
        gas["Masses"] = np.full(count, mass, "f4")
        gas["Density"] = (mass * number).astype("f4")
        gas["InternalEnergy"] = np.ones(count, "f4")
        gas["ParticleIDs"] = np.arange(count, dtype="u4")
        if "arepo" not in path.name:
            gas["SmoothingLength"] = length.astype("f4")
        sinks = file.create_group("PartType5")
        sinks["Coordinates"], sinks["Velocities"] = stars, np.zeros((STARS, 3))
        sinks["Masses"], sinks["ParticleIDs"] = np.ones(STARS), np.arange(STARS)
        sinks["StellarFormationTime"] = np.full(STARS, 0.1)


def measure_ours(path: Path, depth: float | str | None = None) -> dict:
    """Open, which reads all gas, then map every sink."""
    clock = Clock()
    from starmass.maps import moving_mesh
    from starmass.maps.depth import depth_lengths
    from starmass.maps.mapping import map_sink
    from starmass.maps.particles import Particles
    from starmass.maps.projection import Cube, project_cube, single_cells
    from starmass.maps.simulations import open_simulation

    del moving_mesh
    ones, places = np.ones(2), np.full((2, 3), 0.1)
    for gas in (
        Particles(places, ones, ones, places.T),
        single_cells(places, places, ones, places),
    ):
        project_cube(gas, Cube(np.zeros(3), 0.5, 64, np.full(3, 4.0)))
    found = {"import": clock.lap(), "start": peak_mb()}
    opened = open_simulation(ENTRY, path)
    found["open"] = clock.lap()
    opened.cells(np.zeros(3), 1e-6)
    stars = opened.sinks().position
    clock.lap()
    masses = [
        map_sink(
            opened, star, np.zeros(3), side=SIDE, pixels=PIXELS, nucleus_mass=2.3e-24,
            depth=depth_lengths(depth, opened.box),
        )[1]
        for star in stars
    ]  # fmt: skip
    found["sinks"] = clock.lap()
    found["memory"] = peak_mb()
    gas = [opened.cells(star, SIDE) for star in stars]
    found["reading"] = clock.lap()
    found["touched"] = float(np.mean([one.velocity.shape[1] for one in gas]))
    return found | {"masses": masses}


def measure_plain(path: Path) -> dict:
    """Density, and weighted by it velocity and its square, along each axis, each to a buffer."""
    clock = Clock()
    import yt

    yt.set_log_level("error")
    found = {"import": clock.lap(), "start": peak_mb()}
    for left in path.parent.glob("*.ewah"):
        left.unlink()  # a job sees a dump for the first time
    dataset = yt.load(str(path), unit_base=dict(UNITS))
    for axis in "xyz":
        dataset.add_field(
            ("gas", f"square_{axis}"),
            lambda field, data, axis=axis: data["gas", f"velocity_{axis}"] ** 2,
            sampling_type="local", units="cm**2/s**2",
        )  # fmt: skip
    dataset.index  # noqa: B018 (yt sorts the particles here)
    found["open"] = clock.lap()
    stars = dataset.all_data()["PartType5", "particle_position"].to("pc")[:PLAIN]
    clock.lap()
    side = dataset.quan(SIDE, "pc")
    masses = []
    for star in stars:
        cube = dataset.region(star, star - 0.5 * side, star + 0.5 * side)
        for axis in "xyz":
            buffers = []
            for field, weight in (
                ("density", None),
                (f"velocity_{axis}", "density"),
                (f"square_{axis}", "density"),
            ):
                lines = dataset.proj(
                    ("gas", field), axis, weight_field=weight and ("gas", weight), data_source=cube
                )
                buffers.append(lines.to_frb(side, PIXELS, center=star, periodic=True)["gas", field])
            np.sqrt(np.maximum(buffers[2] - buffers[1] ** 2, 0))
        mass = buffers[0].to_value("g/cm**2").sum() * (SIDE / PIXELS * PARSEC) ** 2 / SOLAR_MASS
        masses.append(float(mass))
    return found | {"sinks": clock.lap(), "memory": peak_mb(), "masses": masses}


def in_a_process(kind: str, path: Path, *more: str) -> dict:
    command = [sys.executable, __file__, "--measure", kind, "--folder", str(path), *more]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def compare(folder: Path, code: str, count: int, repeats: int) -> None:
    """Write a snapshot, measure both ways in turn, print the table."""
    path = folder / f"{code}_{count}.hdf5"
    write_snapshot(path, count)
    ours, plain = [], []
    for _ in range(repeats):
        ours.append(in_a_process("ours", path))
        plain.append(in_a_process("plain", path))

    def best(results: list[dict], key: str, per: int = 1) -> tuple[float, float]:
        wall, cpu = (min(result[key][which] for result in results) / per for which in (0, 1))
        return wall, cpu

    print(
        f"\n{code}: {count} particles, {path.stat().st_size / 1e6:.0f} MB, {STARS} sinks;"
        f" best of {repeats}"
    )
    print(f"  {ours[0]['touched']:.0f} particles reach into a cube, or may")
    for key, per in (("open", (1, 1)), ("sinks", (STARS, PLAIN)), ("reading", (STARS, PLAIN))):
        pairs = zip((ours, plain), per, strict=True)
        sides = [best(results, key, count) for results, count in pairs if key in results[0]]
        texts = [f"{wall:.3f} s ({cpu:.3f} s of CPU)" for wall, cpu in sides]
        ratio = (
            f"ratio {sides[1][0] / sides[0][0]:.1f} ({sides[1][1] / sides[0][1]:.1f})"
            if len(sides) > 1
            else ""
        )
        print(f"{key:10}" + "".join(f"{text:32}" for text in texts) + ratio)
    grown = [f"+{side[0]['memory'] - side[0]['start']:.0f} MB" for side in (ours, plain)]
    print(f"{'memory':10}" + "".join(f"{text:32}" for text in grown))
    masses = np.array(plain[0]["masses"]) / np.array(ours[0]["masses"][:PLAIN]) - 1
    print(
        f"yt's mass in a cube along z, against ours: {masses.min():+.4f} to {masses.max():+.4f}",
        flush=True,
    )
    path.unlink()


def compare_depths(folder: Path, count: int, repeats: int, depth: str) -> None:
    """Write a snapshot, measure maps without and with a depth in turn, print the table."""
    path = folder / f"gizmo_{count}.hdf5"
    write_snapshot(path, count)
    found: dict[str, list[dict]] = {"none": [], depth: []}
    for _ in range(repeats):
        found["none"].append(in_a_process("ours", path))
        found[depth].append(in_a_process("ours", path, "--depth", depth))
    print(f"\ngizmo: {count} particles, {STARS} sinks, box of {BOX:g} pc; best of {repeats}")
    for name, results in found.items():
        wall, cpu = (min(one["sinks"][which] for one in results) / STARS for which in (0, 1))
        grown = results[0]["memory"] - results[0]["start"]
        print(
            f"depth {name:8} a sink {wall:.3f} s ({cpu:.3f} s of CPU), {9 / cpu:.2f} maps per"
            f" second of CPU, memory +{grown:.0f} MB",
            flush=True,
        )
    path.unlink()


def voronoi_mesh(count: int, clump: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray, object]:
    """Relaxed points in a periodic box of 1 pc, dense about its middle: places, exact volumes,
    scipy's mesh of all images."""
    from scipy.spatial import ConvexHull, Voronoi

    def tessellate(position: np.ndarray) -> Voronoi:
        shifts = [np.array(s) for s in itertools.product((-1, 0, 1), repeat=3) if any(s)]
        moved = [position + shift for shift in shifts]
        near = [some[np.all((some > -0.25) & (some < 1.25), axis=1)] for some in moved]
        return Voronoi(np.concatenate([position, *near]))

    def cells(position: np.ndarray) -> tuple[np.ndarray, np.ndarray, Voronoi]:
        mesh = tessellate(position)
        volumes, centres = np.empty(len(position)), np.empty_like(position)
        for row in range(len(position)):
            corners = mesh.vertices[mesh.regions[mesh.point_region[row]]]
            hull, middle = ConvexHull(corners), corners.mean(axis=0)
            sides = corners[hull.simplices] - middle
            wedges = (
                np.abs(np.einsum("ij,ij->i", sides[:, 0], np.cross(sides[:, 1], sides[:, 2]))) / 6
            )
            volumes[row] = wedges.sum()
            centres[row] = (
                middle + (wedges[:, None] * sides.sum(axis=1) / 4).sum(axis=0) / wedges.sum()
            )
        return volumes, centres, mesh

    random = np.random.default_rng(seed)
    inner = int(0.7 * count)
    direction = random.normal(size=(inner, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    radius = clump * 10 ** random.uniform(-1.5, 0.6, inner)
    position = np.concatenate(
        [0.5 + direction * radius[:, None], random.random((count - inner, 3))]
    )
    for _ in range(3):
        _, position, _ = cells(position % 1.0)
    position = position % 1.0
    volumes, _, mesh = cells(position)
    return position, volumes, mesh


def exact_mass(mesh: object, density: np.ndarray, volume: np.ndarray, centre: np.ndarray) -> float:
    """Mass in the cube, each cell's polyhedron cut by the faces (to 40^3 points of the part in
    question)."""
    from scipy.spatial import ConvexHull, cKDTree

    tree = cKDTree(mesh.points[: len(density)] % 1.0, boxsize=1.0)  # type: ignore[attr-defined]
    half, total = SIDE / 2, 0.0
    along = (np.arange(40) + 0.5) / 40
    for row, point in enumerate(mesh.points):  # type: ignore[attr-defined]
        region = mesh.regions[mesh.point_region[row]]  # type: ignore[attr-defined]
        if -1 in region or not region:
            continue
        corners = mesh.vertices[region] - centre  # type: ignore[attr-defined]
        if np.any(corners.max(axis=0) <= -half) or np.any(corners.min(axis=0) >= half):
            continue
        cell = row if row < len(density) else tree.query(point % 1.0)[1]
        if np.all(np.abs(corners) <= half):
            total += density[cell] * volume[cell]
            continue
        hull = ConvexHull(corners)
        low, high = np.maximum(corners.min(axis=0), -half), np.minimum(corners.max(axis=0), half)
        points = np.stack(
            np.meshgrid(*(low[:, None] + (high - low)[:, None] * along), indexing="ij"), axis=-1
        ).reshape(-1, 3)
        within = np.all(points @ hull.equations[:, :3].T + hull.equations[:, 3] <= 0, axis=1)
        total += density[cell] * within.mean() * np.prod(high - low)
    return total


def counted(gas: object, cube: object, voxels: int, margin: float) -> tuple[np.ndarray, float]:
    """The alternative: each cell's mass shared by its count of voxels, in a grid that holds the
    cells which reach in."""
    from scipy.spatial import cKDTree

    from starmass.maps.projection import Blocks, project_cube, single_cells

    width = cube.side / voxels  # type: ignore[attr-defined]
    extra = int(np.ceil(margin / width))
    middle = (np.arange(-extra, voxels + extra) + 0.5) * width
    places = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1) + cube.left
    owner = cKDTree(gas.position % 1.0, boxsize=1.0).query(places % 1.0)[1]
    count = np.bincount(owner.ravel(), minlength=len(gas.mass))  # type: ignore[attr-defined]
    scale = SOLAR_MASS / PARSEC**3
    density = gas.mass / np.maximum(count, 1) / width**3 * scale  # type: ignore[attr-defined]
    inner = owner[extra : extra + voxels, extra : extra + voxels, extra : extra + voxels]
    blocks = Blocks(
        cube.left[None],
        np.full((1, 3), width),
        density[inner][None],
        np.zeros((3, 1, *inner.shape)),
    )
    missed = np.flatnonzero(count == 0)
    sides = np.cbrt(gas.volume[missed])  # type: ignore[attr-defined]
    small = single_cells(
        gas.position[missed],
        np.repeat(sides[:, None], 3, axis=1),
        gas.density[missed],
        np.zeros((len(missed), 3)),
    )
    seen = [project_cube(part, cube) for part in (blocks, small)]
    return seen[0].surface_density + seen[1].surface_density, seen[0].mass + seen[1].mass


def measure_meshes(count: int) -> None:
    """Mass in the cube against exact polyhedra, column densities against six voxels along a pixel;
    both ways of sharing."""
    from starmass.maps import moving_mesh
    from starmass.maps.moving_mesh import MovingMesh
    from starmass.maps.projection import Cube, project_cube

    random = np.random.default_rng(11)
    for clump, core in ((0.05, 0.02), (0.15, 0.02), (0.05, 0.002)):
        position, volume, mesh = voronoi_mesh(count, clump)
        density = 1 / (((position - 0.5) ** 2).sum(axis=1) + core**2)
        gas = MovingMesh(position, density * volume, volume, np.zeros((3, count)))
        margin = 1.5 * np.cbrt(volume.max())
        for _ in range(2):
            cube = Cube(0.5 + random.uniform(-0.06, 0.06, 3), SIDE, PIXELS, np.ones(3))
            truth = exact_mass(mesh, density, volume, cube.centre)
            rule = moving_mesh.voxels_along
            moving_mesh.voxels_along = lambda pixels: 6 * pixels
            fine = project_cube(gas, cube).surface_density
            moving_mesh.voxels_along = rule
            gas._laid.clear()
            clock = Clock()
            ours = project_cube(gas, cube)
            spent = clock.lap()[1]
            other, mass = counted(gas, cube, 2 * PIXELS, margin)
            other_spent = clock.lap()[1]
            print(f"{count} cells, clump {clump}, core {core}:", end="")
            for column, seen, seconds in (
                (ours.surface_density, ours.mass, spent),
                (other, mass, other_spent),
            ):
                error = np.abs(column / fine - 1)
                print(
                    f"  mass {seen / truth - 1:+.1e}, map rms {np.sqrt((error**2).mean()):.4f} "
                    f"worst {error.max():.3f}, {seconds:.1f} s of CPU",
                    end=";",
                )
            print("  (ours; counted)", flush=True)


def measure_mesh_depths(count: int, depth: float | str, pixels: int = 32) -> None:
    """Time and accuracy of maps through a mesh: with a voxel a pixel before and behind the cube,
    and with two everywhere; the truth has four."""
    from starmass.maps import moving_mesh
    from starmass.maps.depth import depth_lengths, line_ends
    from starmass.maps.projection import Cube, project_cube
    from starmass.maps.simulations import Box

    position, volumes, _ = voronoi_mesh(count, 0.05)
    random = np.random.default_rng(0)
    distance = np.linalg.norm(position - 0.5, axis=1)
    density = np.exp(random.normal(0, 0.2, count)) / (distance**2 + 0.03**2)
    velocity = random.normal(0, 1, (3, count))
    gas = moving_mesh.MovingMesh(position, density * volumes, volumes, velocity)
    box, centre = Box(np.zeros(3), np.ones(3), np.ones(3, bool)), np.array([0.53, 0.47, 0.56])
    ends = line_ends(depth_lengths(depth, box), centre, box)
    rule, along = moving_mesh.voxels_along, moving_mesh._cuboid_along

    def measure(voxels: int, before: int, line_ends: np.ndarray | None) -> tuple:
        moving_mesh.voxels_along = lambda pixels: voxels * pixels
        moving_mesh._cuboid_along = lambda cube, axis, ends, count: along(
            cube, axis, ends, before * pixels
        )
        clock = Clock()
        seen = project_cube(gas, Cube(centre, 0.25, pixels, box.period, line_ends))
        return seen.surface_density, clock.lap()[1]

    measure(2, 1, ends)
    none, default, fine = measure(2, 1, None), measure(2, 1, ends), measure(2, 2, ends)
    truth, _ = measure(4, 4, ends)
    moving_mesh.voxels_along, moving_mesh._cuboid_along = rule, along
    print(f"\n{count} mesh cells, {pixels} pixels of a quarter of the box; cube {none[1]:.2f} s")
    for name, (column, seconds) in (("a voxel a pixel", default), ("two voxels", fine)):
        error = column / truth - 1
        total = column.sum(axis=(1, 2)) / truth.sum(axis=(1, 2)) - 1
        print(
            f"depth {depth}, {name}: {seconds:.2f} s of CPU, map rms"
            f" {np.sqrt((error**2).mean()):.4f}, mass {np.abs(total).max():.1e}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--particles", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=2, help="the least of this number of counts")
    parser.add_argument(
        "--mesh", action="store_true", help="moving meshes, of the first number alone"
    )
    parser.add_argument(
        "--cells", type=int, default=20_000, help="cells of the exact Voronoi meshes"
    )
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    parser.add_argument("--measure", choices=["ours", "plain"], help=argparse.SUPPRESS)
    parser.add_argument(
        "--depth", help="pc, or box: compare maps without and with it, in place of yt"
    )
    options = parser.parse_args()
    depth = options.depth if options.depth in (None, "box") else float(options.depth)
    if options.measure == "ours":
        print(json.dumps(measure_ours(options.folder, depth)))
        return
    if options.measure:
        print(json.dumps(measure_plain(options.folder)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.depth and options.mesh:
            measure_mesh_depths(options.cells, depth)
            return
        if options.depth:
            for count in options.particles:
                compare_depths(Path(folder), count, options.repeats, options.depth)
            return
        if options.mesh:
            compare(Path(folder), "arepo", options.particles[0], options.repeats)
            measure_meshes(options.cells)
            return
        for count in options.particles:
            compare(Path(folder), "gizmo", count, options.repeats)


if __name__ == "__main__":
    main()
