"""Particle codes through yt: Gadget, GIZMO and similar codes by their kernels, AREPO by its mesh.

All gas is read once, in file order. One compiled pass over the positions (0.05 s for ten million)
finds all gas that may reach into a cuboid, so that a kernel centred outside is never missed. yt's
own index is not built: it would sort all particles, and write its result (and smoothing lengths
that the dump lacks) beside the dump.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from yt.frontends.arepo.data_structures import ArepoHDF5Dataset
from yt.frontends.eagle.data_structures import EagleDataset
from yt.frontends.gadget.data_structures import GadgetDataset
from yt.frontends.owls.data_structures import OWLSDataset
from yt.frontends.swift.data_structures import SwiftDataset
from yt.frontends.tipsy.data_structures import TipsyDataset
from yt.geometry.particle_geometry_handler import ParticleIndex

from starmass.errors import InputError
from starmass.maps.moving_mesh import MovingMesh
from starmass.maps.particle_kernels import find_reaching
from starmass.maps.particles import Particles
from starmass.maps.projection import Gas
from starmass.maps.simulations import LIGHT_KMS
from starmass.maps.yt_errors import yt_failures
from starmass.maps.yt_simulation import YtSimulation
from starmass.units import PARSEC_CM, SOLAR_MASS_G

KERNEL_RADIUS = {SwiftDataset: 1.825742}
"""Radius at which the cubic spline ends, in smoothing lengths of the frontend; 1 where not listed.

Gadget, GIZMO and similar codes store the radius itself. SWIFT stores h, of which the cubic spline's
radius is 1.825742 (Dehnen & Aly 2012, MNRAS 425, 1068, table 1).
"""
UNIT_NAMES = {
    "length": "UnitLength_in_cm",
    "mass": "UnitMass_in_g",
    "velocity": "UnitVelocity_in_cm_per_s",
}
HEADER_UNITS = {
    "length": "UnitLength_In_CGS",
    "mass": "UnitMass_In_CGS",
    "velocity": "UnitVelocity_In_CGS",
}
LOOKS = 16
"""Places along a cuboid's shortest side where the distance to the nearest cell is looked up."""


def has_particles(dataset: Any) -> bool:
    """Whether a yt dataset is a particle code's, which is to be asked before its index is built."""
    return issubclass(dataset._index_class, ParticleIndex)


@contextmanager
def box_stated(dump: str | Path) -> Iterator[None]:
    """A Gadget file whose header has no BoxSize becomes one sentence."""
    try:
        yield
    except KeyError as error:
        if error.args != ("BoxSize",):
            raise
        raise InputError(_no_box(dump)) from error


class ParticleSimulation(YtSimulation):
    """Any particle code that yt reads."""

    def __init__(self, dataset: Any, entry: Mapping[str, Any], *rest: Any):
        source = dataset.filename
        kinds = getattr(dataset, "_sph_ptypes", ())
        if "gas" not in entry and not kinds:
            raise InputError(
                f"{source}: yt does not say which of its particles are gas; "
                "name their type with `gas`."
            )
        self.gas = str(entry.get("gas", kinds[0] if kinds else ""))
        mesh = isinstance(dataset, ArepoHDF5Dataset)
        self.is_mesh = entry.get("deposit", "mesh" if mesh else "kernel") == "mesh"
        if dataset.domain_left_edge is None:
            raise InputError(_no_box(source))
        with yt_failures(source):
            _check_units(dataset, entry)
        made_up = getattr(dataset, "gen_hsmls", False) and not (mesh or self.is_mesh)
        if made_up or isinstance(dataset, TipsyDataset):
            raise InputError(
                f"{source}: has no smoothing lengths of its gas; write it as Gadget's HDF5 with "
                "SmoothingLength, or say `deposit: mesh` in the simulation's entry if the code has "
                "a moving mesh."
            )
        _leave_unsorted(dataset)
        velocity = [f"{self.gas} particle_velocity_{axis}" for axis in "xyz"]
        super().__init__(
            dataset, {"density": f"{self.gas} density", "velocity": velocity, **entry}, *rest
        )
        self.coarsest = np.full(3, np.nan)
        self._others: dict[tuple[str, str], np.ndarray] = {}
        self._read_gas()

    def _read_cells(self, centre: np.ndarray, sides: np.ndarray, fields: Mapping[str, str]) -> Gas:
        found = [self._find(centre, one) for one in sides]
        rows = found[0] if len(found) == 1 else np.unique(np.concatenate(found))
        others = {name: self._other(name, unit)[rows] for name, unit in fields.items()}
        velocity = np.stack([component[rows] for component in self._velocity])
        if self.is_mesh:
            volume = self._size[rows] ** 3
            return MovingMesh(
                self._position[rows], self._mass[rows], volume, velocity, others, str(self.source)
            )
        return Particles(self._position[rows], self._mass[rows], self._size[rows], velocity, others)

    def _read_gas(self) -> None:
        """Read all gas, with the radius of each kernel or the width of each cell."""
        density, *velocity = self.fields
        if self.is_mesh:
            size = (density, "g/cm**3")
        else:
            name = self.entry.get("smoothing_length", f"{self.gas} smoothing_length")
            size = (self._field(name), "pc")
        position, mass, size_or_density, *self._velocity = self._read(
            [
                (self._field(f"{self.gas} particle_position"), "pc"),
                (self._field(f"{self.gas} particle_mass"), "g"),
                size,
                *((field, "km/s") for field in velocity),
            ]
        )
        self._check("mass", mass, mass >= 0.0)
        self._check(" ".join(size[0]), size_or_density, size_or_density > 0.0)
        self._check("position", position, True)
        for component in self._velocity:
            self._check("velocity", component, np.abs(component) < LIGHT_KMS)
        # In our own solar mass: yt's differs in the sixth digit.
        self._position, self._mass = position, mass / SOLAR_MASS_G
        if self.is_mesh:
            self._size = np.cbrt(mass / size_or_density) / PARSEC_CM
            self._check("mass", mass, mass > 0.0)
            self.finest_cell_pc = float(self._size.min())
        else:
            self.finest_cell_pc = float(size_or_density.min())
            default = next(
                (r for kind, r in KERNEL_RADIUS.items() if isinstance(self.dataset, kind)), 1.0
            )
            self._size = size_or_density * float(self.entry.get("kernel_radius", default))

    def _read(self, wanted: Sequence[tuple[tuple[str, str], str]]) -> list[np.ndarray]:
        """Columns of all gas in file order, one for each (field, unit)."""
        with yt_failures(self.source):
            count = int(self.dataset.particle_type_counts.get(self.gas, 0))
            stated = _stated_count(self.dataset, self.gas)
            if stated is not None and stated != count:
                raise InputError(
                    f"{self.source}: {count} {self.gas} particles were found, and its header says "
                    f"{stated}; bring all files of the snapshot together."
                )
            if count == 0:
                raise InputError(
                    f"{self.source}: has no {self.gas} particles; name the gas's type with `gas`."
                )
            columns: list[np.ndarray] = []
            filled = 0
            for chunk in self.dataset.all_data().chunks([field for field, _ in wanted], "io"):
                parts = [chunk[field].to_value(unit) for field, unit in wanted]
                columns = columns or [np.empty((count, *part.shape[1:])) for part in parts]
                for column, part in zip(columns, parts, strict=True):
                    column[filled : filled + len(part)] = part
                filled += len(parts[0])
        if filled != count:
            raise InputError(
                f"{self.source}: {filled} {self.gas} particles could be read of {count}; "
                "the dump is damaged."
            )
        return columns

    def _other(self, name: str, unit: str) -> np.ndarray:
        if (name, unit) not in self._others:
            (values,) = self._read([(self._field(name), unit)])
            self._check(name, values, True)
            self._others[name, unit] = values
        return self._others[name, unit]

    def _check(self, name: str, values: np.ndarray, allowed: np.ndarray | bool) -> None:
        wrong = ~(np.isfinite(values) & allowed)
        if wrong.any():
            row = int(np.argwhere(wrong)[0, 0])
            raise InputError(
                f"{self.source}: the {name} of {self.gas} particle {row} (counted from 0) is "
                f"{values[row]}; the dump is damaged, or the simulation's entry in the config"
                " names "
                "another field."
            )

    def _find(self, centre: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Rows of all gas of which any may lie in the cuboid of ``sides`` (3,)."""
        if not self.is_mesh:
            return find_reaching(self._position, self._size, centre, sides, self.box.period)
        # No point of the cuboid is farther from its mesh-generating point than `reach`: the
        # distance to the nearest of some points is an upper bound, and changes by no more than the
        # way between two places.
        some = find_reaching(self._position, 2.0 * self._size, centre, sides, self.box.period)
        some = some if len(some) else np.arange(len(self._position))
        looks = np.ceil(LOOKS * sides / sides.min() - 1e-9).astype(int).clip(max=LOOKS**2)
        steps = sides / looks
        along = [
            (np.arange(count) + 0.5) * step - 0.5 * side
            for count, step, side in zip(looks, steps, sides, strict=True)
        ]
        places = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 3)
        period = np.where(np.isfinite(self.box.period), self.box.period, 0.0)
        distance = self._position[some] - centre
        shift = np.where(period > 0.0, np.rint(distance / np.where(period > 0.0, period, 1.0)), 0.0)
        tree = cKDTree(distance - shift * period)
        reach = tree.query(places)[0].max() + 0.5 * np.sqrt(3) * steps.max()
        margin = np.full(len(self._position), reach)
        return find_reaching(self._position, margin, centre, sides, self.box.period)


def _no_box(source: str | Path) -> str:
    return (
        f"{source}: does not say how wide its box is (BoxSize), and yt would make one up from the "
        "particles; give `load: {bounding_box: [[0, X], [0, Y], [0, Z]]}` in code units in the "
        "simulation's entry."
    )


def _check_units(dataset: Any, entry: Mapping[str, Any]) -> None:
    """Refuse a Gadget file whose units are stated nowhere, or differently in two places."""
    if not isinstance(dataset, GadgetDataset) or isinstance(dataset, OWLSDataset | EagleDataset):
        return
    given = set(entry.get("load", {}).get("unit_base") or {})
    own = dataset._get_uvals() if isinstance(dataset, ArepoHDF5Dataset) else None
    given |= set(own or {})
    header = {}
    for quantity, names in UNIT_NAMES.items():
        for name in (names, HEADER_UNITS[quantity]):
            if name in dataset.parameters:
                header[quantity] = float(dataset.parameters[name])
    missing = [q for q, name in UNIT_NAMES.items() if q not in given and name not in given]
    if missing:
        values = ", ".join(f"{name}: {header.get(q, '...')}" for q, name in UNIT_NAMES.items())
        raise InputError(
            f"{dataset.filename}: yt finds no unit of {', '.join(missing)} and would take kpc, "
            f"1e10 Msun or km/s; give `load: {{unit_base: {{{values}}}}}` in the simulation's"
            " entry."
        )
    if dataset.cosmological_simulation:
        return
    cgs = {"length": "cm", "mass": "g", "velocity": "cm/s"}
    for quantity, size in header.items():
        used = float(getattr(dataset, f"{quantity}_unit").to_value(cgs[quantity]))
        if abs(used / size - 1.0) > 1e-3:
            raise InputError(
                f"{dataset.filename}: its header gives {size:.6g} {cgs[quantity]} as the unit of "
                f"{quantity}, and `load: unit_base` gives {used:.6g}; mend the entry, or take it"
                " out."
            )


def _stated_count(dataset: Any, gas: str) -> int | None:
    """Gas particles in all files of the snapshot, by a Gadget-like header; None without one."""
    total = dataset.parameters.get("NumPart_Total", dataset.parameters.get("Nall"))
    if total is None or gas not in ("PartType0", "Gas"):
        return None
    upper = np.atleast_1d(dataset.parameters.get("NumPart_Total_HighWord", 0))
    return int(np.atleast_1d(total)[0]) + (int(upper[0]) << 32)


def _leave_unsorted(dataset: Any) -> None:
    """Have yt list files and fields alone: its sorting is slow, and it writes beside the dump."""

    class UnsortedIndex(dataset._index_class):  # type: ignore[misc]
        def _initialize_index(self) -> None:
            self.regions = SimpleNamespace(nfiles=len(self.data_files))
            self._initialize_frontend_specific()

    dataset._index_class = UnsortedIndex
    if dataset.domain_dimensions is None:  # SWIFT's
        dataset.domain_dimensions = np.ones(3, int)
    if getattr(dataset, "_domain_override", False):
        # A box of the entry's own does not repeat, and yt would leave out what lies beyond it.
        dataset._periodicity, dataset._domain_override = (False, False, False), False
