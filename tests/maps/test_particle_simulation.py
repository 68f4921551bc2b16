"""Particle codes through yt from files on disk: GIZMO-like and AREPO-like, the entries of
docs/maps.md, and what is refused."""

import logging
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from scipy.spatial import cKDTree
from yt.frontends.gadget.testing import fake_gadget_binary

from starmass.errors import InputError
from starmass.maps.catalogue import apply_cuts, read_samples
from starmass.maps.depth import depth_lengths, line_ends
from starmass.maps.mapping import make_maps
from starmass.maps.particles import Particles
from starmass.maps.projection import Cube, project_cube
from starmass.maps.simulations import open_simulation

PARSEC, SOLAR_MASS, NUCLEUS = 3.0856775814913673e18, 1.988409870698051e33, 1.4 * 1.6735328e-24
DOCS = Path(__file__).resolve().parents[2] / "docs" / "maps.md"
UNITS = {"UnitLength_in_cm": PARSEC, "UnitMass_in_g": SOLAR_MASS, "UnitVelocity_in_cm_per_s": 1e5}
STARS = np.array([[2.0, 2.0, 2.0], [0.1, 3.95, 1.0]])
BOX, COUNT = 4.0, 3000


@pytest.fixture(scope="module")
def gas():
    """Position [pc], mass [Msun], radius of the kernel [pc], velocity [km/s], density, energy."""
    random = np.random.default_rng(2)
    position = np.concatenate(
        [random.random((COUNT // 2, 3)) * BOX, random.normal(STARS[0], 0.2, (COUNT // 2, 3))]
    )
    mass = random.uniform(0.01, 0.03, COUNT)
    radius = cKDTree(position).query(position, k=32)[0][:, -1]
    values = {"position": position % BOX, "mass": mass, "radius": radius}
    values |= {
        "velocity": random.normal(0, 2, (COUNT, 3)),
        "energy": random.uniform(5, 50, COUNT),
    }
    return values | {"density": 32 * mass / (4 / 3 * np.pi * radius**3)}


def write(path, gas, *, kind="gizmo", rows=slice(None), files=1, **header):
    """A snapshot, or one file of it; ``header`` replaces attributes (None: takes them out)."""
    count = len(gas["mass"][rows])
    stars = len(STARS) if path.name.endswith((".hdf5",)) and ".1." not in path.name else 0
    with h5py.File(path, "w") as file:
        attributes = file.create_group("Header").attrs
        facts = {
            "NumPart_ThisFile": np.array([count, 0, 0, 0, 0, stars], "u4"),
            "NumPart_Total": np.array([len(gas["mass"]), 0, 0, 0, 0, len(STARS)], "u4"),
            "NumPart_Total_HighWord": np.zeros(6, "u4"), "MassTable": np.zeros(6), "Time": 0.5,
            "Redshift": 0.0, "BoxSize": BOX, "NumFilesPerSnapshot": files, "HubbleParam": 1.0,
            "ComovingIntegrationOn": 0,
            "Omega0": 0.0, "OmegaLambda": 0.0, "Flag_DoublePrecision": 1,
        }  # fmt: skip
        if kind == "gizmo":
            facts["GIZMO_version"] = 2022
        if kind == "arepo":
            file.create_group("Config").attrs["VORONOI"] = ""
            facts |= UNITS
        for name, value in {**facts, **header}.items():
            if value is not None:
                attributes[name] = value
        part = file.create_group("PartType0")
        part["Coordinates"], part["Velocities"] = gas["position"][rows], gas["velocity"][rows]
        part["Masses"], part["Density"] = gas["mass"][rows], gas["density"][rows]
        part["InternalEnergy"], part["ParticleIDs"] = gas["energy"][rows], np.arange(count)
        if kind == "gizmo":
            part["SmoothingLength"] = gas["radius"][rows]
        if stars:
            sinks = file.create_group("PartType5")
            sinks["Coordinates"], sinks["Velocities"] = STARS, np.ones((2, 3))
            sinks["Masses"], sinks["ParticleIDs"] = np.array([0.5, 1.0]), np.array([7, 9])
            sinks["StellarFormationTime"] = np.array([0.1, 0.2])
    return path


def documented(name, folder):
    """An entry of the section on particle codes in docs/maps.md, its folder put here."""
    section = DOCS.read_text().split("## Particle codes")[1]
    entry = yaml.safe_load(section.split("```yaml")[1].split("```")[0])[name]
    return {**entry, "folder": str(folder)}


def maps_of(entry, path, output, **projection):
    settings = {"side": 0.5, "pixels": 16, "velocity_frame": "box", "hydrogen_mass": 1.4}
    energy = {"kind": "mean", "field": "PartType0 InternalEnergy", "unit": "km**2/s**2"}
    make_maps(
        output=output, simulation="a", snapshot="001", dump=[path], entry=entry,
        projection={**settings, **projection}, channels={"energy": energy},
    )  # fmt: skip
    return h5py.File(output)


def test_kernels_of_a_file(gas, tmp_path):
    """Maps of the documented entry are those of the particles themselves; nothing is written beside
    the dump."""
    path = write(tmp_path / "snapshot_001.hdf5", gas)
    entry = {**documented("gizmo_run", tmp_path), "channels": ["energy"]}
    with maps_of(entry, path, tmp_path / "maps" / "m.h5") as file:
        maps = file["maps"][:]
        assert file["sink_id"][:].tolist() == [7, 9]
        np.testing.assert_allclose(file["mass"][:], [0.5, 1.0], rtol=1e-4)
        np.testing.assert_allclose(
            file["age"][:], np.array([0.4, 0.3]) * PARSEC / 1e5 / 3.15576e7, rtol=1e-4
        )
        assert np.isnan(file["refined_fraction"][:]).all()
        assert file.attrs["finest_cell_pc"] == pytest.approx(gas["radius"].min(), rel=1e-6)
        mass = file["gas_mass"][:]
    for row, star in enumerate(STARS):
        # The unit of mass in the documented entry has five digits.
        particles = Particles(
            gas["position"], gas["mass"] * 1.9884e33 / SOLAR_MASS, gas["radius"], gas["velocity"].T
        )
        seen = project_cube(particles, Cube(star, 0.5, 16, np.full(3, BOX)))
        assert mass[row] == pytest.approx(seen.mass, rel=1e-6)
        column = seen.surface_density / NUCLEUS
        np.testing.assert_allclose(maps[row, :, 0], column, rtol=1e-5, atol=1e-7 * column.max())
        np.testing.assert_allclose(maps[row, :, 1], seen.velocity, atol=1e-4)
        np.testing.assert_allclose(maps[row, :, 2], seen.dispersion, atol=1e-4)
        on_map = maps[row, :, 0].sum(axis=(1, 2), dtype=float) * NUCLEUS * (0.5 / 16 * PARSEC) ** 2
        np.testing.assert_allclose(on_map / SOLAR_MASS, mass[row], rtol=1e-6)
    assert np.nanmin(maps[:, :, 3]) > 5 and np.nanmax(maps[:, :, 3]) < 50
    assert sorted(p.name for p in tmp_path.iterdir()) == ["maps", "snapshot_001.hdf5"]
    rows = read_samples([tmp_path / "maps" / "m.h5"])
    assert apply_cuts(rows, {"refined": [None, None]}) == {}
    with pytest.raises(InputError, match=r"maps\.cuts\.refined: a is a particle code's"):
        apply_cuts(rows, {"refined": [0.1, None]})


def test_a_mesh_of_a_file(gas, tmp_path):
    """An AREPO-like file whose cells are those of its points: the mass of a cube by points of space
    by hand."""
    random = np.random.default_rng(1)
    points = random.random((400, 3)) * BOX
    tree = cKDTree(points, boxsize=BOX)
    volume = (
        np.bincount(tree.query(random.random((400_000, 3)) * BOX)[1], minlength=400) / 4e5 * BOX**3
    )
    density = 1.0 + points[:, 0]
    cells = {name: values[:400] for name, values in gas.items()}
    cells |= {"position": points, "density": density, "mass": density * volume}
    path = write(tmp_path / "snap_001.hdf5", cells, kind="arepo")
    entry = documented("arepo_run", tmp_path)
    with maps_of(entry, path, tmp_path / "m.h5", side=2.0) as file:
        column, mass = file["maps"][:, :, 0], file["gas_mass"][:]
        assert file.attrs["finest_cell_pc"] == pytest.approx(np.cbrt(volume.min()), rel=1e-6)
    for row, star in enumerate(STARS):
        places = star + random.uniform(-1, 1, (100_000, 3))
        truth = density[tree.query(places % BOX)[1]].mean() * 8.0
        assert mass[row] == pytest.approx(truth, rel=0.01)
        on_map = column[row].sum(axis=(1, 2), dtype=float) * NUCLEUS * (2.0 / 16 * PARSEC) ** 2
        np.testing.assert_allclose(on_map / SOLAR_MASS, mass[row], rtol=1e-6)
    # The same file by kernels (yt makes their radii of the volumes), and a mesh of no known code.
    smooth = open_simulation({**entry, "deposit": "kernel"}, path).cells(STARS[0], 2.0)
    assert project_cube(smooth, Cube(STARS[0], 2.0, 16)).mass == pytest.approx(mass[0], rel=0.2)
    plain = write(tmp_path / "plain.hdf5", cells, kind="gadget")
    units = {"load": {"unit_base": UNITS}}
    mesh = open_simulation({**entry, **units, "deposit": "mesh"}, plain).cells(STARS[0], 2.0)
    seen = project_cube(mesh, Cube(STARS[0], 2.0, 16, np.full(3, BOX)))
    assert seen.mass == pytest.approx(mass[0], rel=1e-6)
    assert not list(tmp_path.glob("*.hsml.hdf5")) and not list(tmp_path.glob("*.ewah"))


@pytest.mark.parametrize("kind", ["gizmo", "arepo"])
@pytest.mark.parametrize("depth", ["box", 1.5])
def test_depths_of_a_file(gas, tmp_path, kind, depth):
    """What is read reaches far enough: the maps are those of all gas of the file."""
    random = np.random.default_rng(5)
    cells = {name: values[::7] for name, values in gas.items()}
    if kind == "arepo":
        position = np.concatenate([random.random((400, 3)) * BOX, STARS])
        owner = cKDTree(position, boxsize=BOX).query(random.random((400_000, 3)) * BOX)[1]
        volume = np.maximum(np.bincount(owner), 1) / 4e5 * BOX**3
        density = 1.0 + position[:, 0]
        cells = {name: values[:402] for name, values in cells.items()}
        cells |= {"position": position, "density": density, "mass": density * volume}
    path = write(tmp_path / "snap_001.hdf5", cells, kind=kind)
    entry = documented(f"{kind}_run", tmp_path)
    with maps_of(entry, path, tmp_path / "m.h5", side=0.6, depth=depth) as file:
        maps, mass = file["maps"][:], file["gas_mass"][:]
        wanted = BOX if depth == "box" else depth
        np.testing.assert_allclose(file.attrs["depth_pc"], [wanted] * 3, rtol=1e-6)
    with maps_of(entry, path, tmp_path / "cube.h5", side=0.6) as file:
        np.testing.assert_allclose(mass, file["gas_mass"][:], rtol=1e-12)
    opened = open_simulation(entry, path)
    everything = opened.cells(np.full(3, 2.0), BOX)
    for row, star in enumerate(STARS):
        ends = line_ends(depth_lengths(depth, opened.box), star, opened.box)
        seen = project_cube(everything, Cube(star, 0.6, 16, opened.box.period, ends))
        column = seen.surface_density / NUCLEUS
        np.testing.assert_allclose(maps[row, :, 0], column, rtol=1e-6, atol=1e-7 * column.max())
        np.testing.assert_allclose(maps[row, :, 1], seen.velocity, rtol=0, atol=1e-5)
        np.testing.assert_allclose(maps[row, :, 2], seen.dispersion, rtol=0, atol=1e-5)


def test_several_files_are_one_snapshot(gas, tmp_path):
    half = COUNT // 2
    for number, rows in enumerate((slice(0, half), slice(half, None))):
        write(tmp_path / f"snapshot_001.{number}.hdf5", gas, rows=rows, files=2)
    entry = documented("gizmo_run", tmp_path)
    opened = open_simulation(entry, tmp_path / "snapshot_001.0.hdf5")
    whole = opened.cells(np.full(3, 2.0), BOX)
    assert whole.mass.sum() == pytest.approx(gas["mass"].sum() * 1.9884e33 / SOLAR_MASS, rel=1e-9)
    (tmp_path / "snapshot_001.1.hdf5").unlink()
    with pytest.raises(
        InputError, match="1500 PartType0 particles were found, and its header says 3000"
    ):
        open_simulation(entry, tmp_path / "snapshot_001.0.hdf5")


def test_where_kernels_end(gas, tmp_path):
    """SWIFT's smoothing lengths are shorter than its kernels; Gadget's binary files are read as
    well."""
    path = write(tmp_path / "swift_001.hdf5", gas, GIZMO_version=None)
    with h5py.File(path, "a") as file:
        file["Header"].attrs.update(
            {"Code": np.bytes_("SWIFT"), "Dimension": 3, "BoxSize": [BOX] * 3}
        )
        units = {"length": PARSEC, "mass": SOLAR_MASS, "time": PARSEC / 1e5, "temperature": 1.0}
        for letter, (name, size) in zip("LMtT", units.items(), strict=True):
            file.require_group("Units").attrs[f"Unit {name} in cgs (U_{letter})"] = size
        file.create_group("Policy").attrs["cosmological integration"] = 0
        file.create_group("Parameters").attrs["InitialConditions:periodic"] = 0
        file.create_group("HydroScheme"), file.create_group("SubgridScheme")
        for old, new in (("SmoothingLength", "SmoothingLengths"), ("Density", "Densities")):
            file.move(f"PartType0/{old}", f"PartType0/{new}")
    entry = documented("arepo_run", tmp_path)
    del entry["periodic"]  # SWIFT's files say it
    opened = open_simulation(entry, path)
    assert not opened.box.periodic.any()
    whole = opened.cells(np.full(3, 2.0), BOX)
    np.testing.assert_allclose(whole.support, 1.825742 * gas["radius"], rtol=1e-6)
    assert opened.finest_cell_pc == pytest.approx(gas["radius"].min(), rel=1e-6)
    binary = fake_gadget_binary(str(tmp_path / "binary_001"))
    units = {"length": [1.0, "pc"], "mass": [1.0, "Msun"], "velocity": [1.0, "km/s"]}
    opened = open_simulation({**entry, "load": {"unit_base": units}}, binary)
    whole = opened.cells(np.full(3, 0.5), 1.0)
    assert whole.mass.shape == (100,) and opened.box.width == pytest.approx(1.0)


def test_what_is_refused(gas, tmp_path):
    """Each in one sentence that names the file and the way out."""
    logging.getLogger("yt").setLevel(logging.CRITICAL)
    entry = documented("gizmo_run", tmp_path)
    no_units = {key: value for key, value in entry.items() if key != "load"}
    only_length = {**entry, "load": {"unit_base": {"length": [1.0, "pc"]}}}
    other_box = {"load": {**entry["load"], "bounding_box": [[0, BOX]] * 3}}
    spoilt = {name: values.copy() for name, values in gas.items()}

    def spoil(name, value):
        changed = {**spoilt, name: spoilt[name].copy()}
        changed[name][5] = value
        return changed

    cases = [
        (entry, gas, {"BoxSize": 0.0}, "does not say how wide its box is"),
        (entry, gas, {"BoxSize": None}, "does not say how wide its box is"),
        (no_units, gas, {}, "yt finds no unit of length, mass, velocity"),
        (only_length, gas, {"UnitMass_In_CGS": 2e33},
         r"no unit of mass, velocity .*UnitMass_in_g: 2e\+33"),
        (entry, gas, {"UnitLength_In_CGS": 3.0857e21},
         "its header gives 3.0857e\\+21 cm as the unit of length"),
        (entry, gas, {"kind": "gadget"}, "has no smoothing lengths of its gas"),
        ({**entry, "gas": "PartType2"}, gas, {}, "yt knows no field|has no PartType2 particles"),
        (entry, spoil("mass", -1.0), {}, r"the mass of PartType0 particle 5"),
        (entry, spoil("radius", 0.0), {}, r"smoothing_length of PartType0 particle 5 .* is 0.0"),
        ({**entry, "channels": ["energy"]}, spoil("energy", np.nan), {},
         "InternalEnergy of PartType0"),
    ]  # fmt: skip
    for number, (asked, content, header, said) in enumerate(cases):
        path = write(tmp_path / f"snapshot_{number:03d}.hdf5", content, **header)
        with pytest.raises(InputError, match=f"{path.name}.*(?:{said})"):
            maps_of(asked, path, tmp_path / "m.h5")
    assert not (tmp_path / "m.h5").exists()
    # The ways out that the sentences name do work.
    path = write(tmp_path / "open.hdf5", gas, BoxSize=None)
    bounded = {key: value for key, value in entry.items() if key != "periodic"}
    opened = open_simulation({**bounded, **other_box, "kernel_radius": 2}, path)
    assert opened.box.width == pytest.approx(BOX) and not opened.box.periodic.any()
    everything = opened.cells(np.full(3, 2.0), BOX)
    np.testing.assert_allclose(everything.support, 2 * gas["radius"], rtol=1e-6)
