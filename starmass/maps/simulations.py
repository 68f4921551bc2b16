"""What maps need to know of a simulation, whichever code made it: its box, its time, its sinks, and the cells near a point.

SFUMATO's dumps are opened by their yt frontend by name (``yt.load`` would import all others to ask them) and hand over touched blocks in
whole arrays; any other grid code comes through a yt region padded by the coarsest cell, so that every cell which reaches into the cube is
there whole (yt selects cells by their centres). The projection cuts them to the cube. Particle codes are opened in ``particle_simulation``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yt

from starmass.errors import InputError
from starmass.maps.frontend import SfumatoDataset
from starmass.maps.projection import Blocks, Gas, single_cells
from starmass.maps.sinks import Sinks, sinks_from_particles, sinks_from_table
from starmass.maps.units import KM_CM, PARSEC_CM, SOLAR_MASS_G, YEAR_S


@dataclass(frozen=True)
class Box:
    """A simulation's box: ``left`` corner and ``width`` (3,) [pc], and which axes repeat."""

    left: np.ndarray
    width: np.ndarray
    periodic: np.ndarray

    @property
    def period(self) -> np.ndarray:
        """(3,) width of the box along axes that repeat, infinite along others [pc]."""
        return np.where(self.periodic, self.width, np.inf)


class Simulation(ABC):
    """One snapshot of a simulation, opened; ``coarsest`` are the sides of the base grid's cells [pc]."""

    box: Box
    time_yr: float
    coarsest: np.ndarray
    finest_cell_pc: float
    accretion_radius_pc: float
    description: str

    @abstractmethod
    def sinks(self) -> Sinks:
        """All sinks of the snapshot."""

    @abstractmethod
    def cells(
        self, centre: np.ndarray, side: float, fields: Mapping[str, str] | None = None
    ) -> Gas:
        """All gas that may reach into the cube of ``side`` about ``centre`` [pc], with ``fields``: name -> unit."""


def open_simulation(entry: Mapping[str, Any], dump: str | Path) -> Simulation:
    """Open a dump as an entry of the config's ``maps.simulations`` says."""
    yt.set_log_level("error")
    if entry["format"] != "yt":
        # What is said to be SFUMATO's goes straight to its frontend: yt.load would first import all the others.
        with yt_failures(dump):
            return SfumatoSimulation(SfumatoDataset(str(dump), **entry.get("load", {})))
    from starmass.maps.particle_simulation import ParticleSimulation, box_stated, has_particles

    with yt_failures(dump), box_stated(dump):
        dataset = yt.load(str(dump), **entry.get("load", {}))
    if isinstance(dataset, SfumatoDataset):
        return SfumatoSimulation(dataset)
    if has_particles(dataset):
        return ParticleSimulation(dataset, entry)
    return YtSimulation(dataset, entry)


class SfumatoSimulation(Simulation):
    """SFUMATO through its yt dataset, cells through the block table."""

    def __init__(self, dataset: SfumatoDataset):
        self.dump = dataset.dump
        descriptor = self.dump.descriptor
        self.length = descriptor.length_cm / PARSEC_CM
        self.box = Box(
            self.dump.box_left * self.length,
            self.dump.box_width * self.length,
            np.array(descriptor.periodic),
        )
        self.time_yr = self.dump.header["time"] * descriptor.time_s / YEAR_S
        self.coarsest = self.box.width / (
            np.array(descriptor.base_blocks) * np.array(descriptor.block_cells)
        )
        self.finest_cell_pc = float(self.dump.cell_width.min() * self.length)
        self.accretion_radius_pc = float(descriptor.facts.get("accretion_radius_pc", np.nan))
        self.description = descriptor.description

    def sinks(self) -> Sinks:
        """All sinks of the snapshot."""
        table = self.dump.sinks
        return Sinks(
            identity=table.identity, mass=table.mass / SOLAR_MASS_G, age=self.time_yr - table.creation_time / YEAR_S,
            position=table.position * self.length, velocity=table.velocity / KM_CM,
        )  # fmt: skip

    def cells(
        self, centre: np.ndarray, side: float, fields: Mapping[str, str] | None = None
    ) -> Blocks:
        """Leaf blocks that touch the cube."""
        dump, fields = self.dump, fields or {}
        blocks = dump.leaves_touching(
            np.asarray(centre) / self.length, np.full(3, side / self.length)
        )
        named = [name.split()[-1] for name in fields]  # "gas temperature" is "temperature" here
        values = dump.read(blocks, ["density", "velocity_x", "velocity_y", "velocity_z", *named])
        values[1:4] /= KM_CM
        others = {}
        for (name, unit), field, cells in zip(fields.items(), named, values[4:], strict=True):
            stored = dump.descriptor.variable(field).unit
            others[name] = cells * unit_size(1.0, stored, unit, f"maps.channels: {name!r}")
        return Blocks(
            dump.block_left[blocks] * self.length,
            dump.cell_width[blocks] * self.length,
            values[0],
            values[1:4],
            others,
        )


class YtSimulation(Simulation):
    """Any grid or octree code that yt reads."""

    def __init__(self, dataset: Any, entry: Mapping[str, Any]):
        self.dataset = dataset
        self.entry = entry
        self.source = dataset.filename
        with yt_failures(self.source):
            dataset.index  # noqa: B018 (yt reads the grid here)
            self.box = Box(
                dataset.domain_left_edge.to_value("pc"),
                dataset.domain_width.to_value("pc"),
                np.array(dataset.periodicity),
            )
            self.time_yr = float(dataset.current_time.to_value("yr"))
            self.finest_cell_pc = float(dataset.index.get_smallest_dx().to_value("pc"))
        self.coarsest = self.box.width / np.array(dataset.domain_dimensions)
        self.accretion_radius_pc = float(entry.get("accretion_radius", np.nan))
        self.description = str(entry.get("description", ""))
        self.fields = [self._field(entry.get("density", "gas density"))]
        self.fields += [
            self._field(name)
            for name in entry.get("velocity", [f"gas velocity_{axis}" for axis in "xyz"])
        ]

    def sinks(self) -> Sinks:
        """Sinks from the table or the particles that the entry names."""
        where = self.entry["sinks"]
        with yt_failures(self.source):
            if "table" in where:
                folder = (
                    Path(self.source) if Path(self.source).is_dir() else Path(self.source).parent
                )
                return sinks_from_table(
                    self.dataset,
                    next(iter(sorted(folder.glob(where["table"])))),
                    where,
                    self.time_yr,
                )
            return sinks_from_particles(self.dataset, where, self.time_yr)

    def cells(
        self, centre: np.ndarray, side: float, fields: Mapping[str, str] | None = None
    ) -> Gas:
        """Cells of a yt region that is wider than the cube by the coarsest cell."""
        half = 0.5 * side + 0.5001 * self.coarsest
        left, right = centre - half, centre + half
        bounded = ~self.box.periodic
        whole = (right - left >= self.box.width) | (
            bounded & (left < self.box.left) & (right > self.box.left + self.box.width)
        )
        left = np.where(
            whole, self.box.left, np.where(bounded, np.maximum(left, self.box.left), left)
        )
        right = np.where(
            whole,
            self.box.left + self.box.width,
            np.where(bounded, np.minimum(right, self.box.left + self.box.width), right),
        )
        with yt_failures(self.source):
            region = self.dataset.region(
                self.dataset.arr(0.5 * (left + right), "pc"),
                self.dataset.arr(left, "pc"),
                self.dataset.arr(right, "pc"),
            )
            density, *velocity = (region[field] for field in self.fields)
            others = {
                name: region[self._field(name)].to_value(unit)
                for name, unit in (fields or {}).items()
            }
            cells = single_cells(
                centre=np.stack([region["index", axis].to_value("pc") for axis in "xyz"], axis=1),
                width=np.stack(
                    [region["index", f"d{axis}"].to_value("pc") for axis in "xyz"], axis=1
                ),
                density=density.to_value("g/cm**3"),
                velocity=np.stack([component.to_value("km/s") for component in velocity], axis=1),
                fields=others,
            )
        if not np.isfinite(cells.density).all():
            raise InputError(
                f"{self.source}: the density has values that are not numbers about {np.round(centre, 3).tolist()} pc; the dump is damaged."
            )
        return cells

    def _field(self, name: str) -> tuple[str, str]:
        """A yt field from ``"type name"``; one that the dataset lacks is an :class:`InputError`."""
        field = tuple(name.split(maxsplit=1)) if " " in name else ("gas", name)
        if field not in self.dataset.field_info:
            near = ", ".join(" ".join(f) for f in self.dataset.field_list[:12])
            raise InputError(
                f"{self.source}: yt knows no field {' '.join(field)!r} here; name one of its fields in the config (on disk: {near}, …)."
            )
        return field[0], field[1]


def unit_size(size: float, stated: str, unit: str, where: str) -> float:
    """``size`` of a stated unit in another; one that is no such unit is an :class:`InputError` that says ``where``."""
    try:
        return float(yt.YTQuantity(size, stated).to_value(unit))
    except Exception as error:
        raise InputError(
            f"{where}: {stated!r} can't be given in {unit!r} ({error}); mend the unit."
        ) from error


@contextmanager
def yt_failures(dump: str | Path) -> Iterator[None]:
    """Whatever yt raises over a dump becomes one sentence that names the dump."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"{dump}: yt could not read it ({type(error).__name__}: {said}); the dump is incomplete or damaged, "
            "or the simulation's entry in the config does not fit it."
        ) from error


def gather(sinks: Sinks, rows: np.ndarray) -> Sinks:
    """The sinks of chosen rows."""
    return Sinks(**{f.name: getattr(sinks, f.name)[rows] for f in fields(Sinks)})
