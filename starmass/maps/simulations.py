"""What maps need of a simulation of any code: box, time, sinks, and cells near a point.

SFUMATO's dumps are read by our own reader and hand over touched blocks in whole arrays. Any other
grid code is read through a yt region (``yt_simulation``). The region is padded by the coarsest
cell, because yt selects cells by their centres and every cell that reaches into the cube is needed.
Particle codes are in ``particle_simulation``. The projection cuts all of them to the cube
and its lines of sight.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from starmass.errors import InputError
from starmass.maps.descriptor import DESCRIPTOR_NAME, load_descriptor
from starmass.maps.projection import Blocks, Gas
from starmass.maps.sfumato import Dump
from starmass.maps.sinks import Sinks
from starmass.units import KM_CM, PARSEC_CM, SOLAR_MASS_G, YEAR_S

LIGHT_KMS = 299792.458


@dataclass(frozen=True)
class Box:
    """A simulation's box.

    Attributes
    ----------
    left, width : (3,) lower corner and sides [pc]
    periodic : (3,) which axes repeat
    source : who says so
    assumed : it is unknown which repeat: yt calls every box of this code periodic
    """

    left: np.ndarray
    width: np.ndarray
    periodic: np.ndarray
    source: str = ""
    assumed: bool = False

    @property
    def period(self) -> np.ndarray:
        """(3,) width of the box along axes that repeat, infinite along others [pc]."""
        return np.where(self.periodic, self.width, np.inf)

    def describe(self) -> str:
        """The box in words."""
        sides = " x ".join(f"{side:.4g}" for side in self.width)
        axes = [axis for axis, repeats in zip("xyz", self.periodic, strict=True) if repeats]
        repeats = f"repeats along {', '.join(axes)}" if axes else "does not repeat"
        return f"box of {sides} pc, which {repeats} ({self.source})"


class Simulation(ABC):
    """One snapshot of a simulation, opened.

    Attributes
    ----------
    coarsest : (3,) sides of the base grid's cells [pc]
    units_key : where its unit of length is said
    fields_key : where the names and the layout of its fields are said
    """

    source: str
    box: Box
    time_yr: float
    coarsest: np.ndarray
    finest_cell_pc: float
    accretion_radius_pc: float
    description: str
    units_key: str
    fields_key: str = "the simulation's entry"

    @abstractmethod
    def sinks(self) -> Sinks:
        """All sinks of the snapshot, checked."""

    def cells(
        self, centre: np.ndarray, side: float | np.ndarray, fields: Mapping[str, str] | None = None
    ) -> Gas:
        """All gas that may reach into a cube, or into any of several cuboids, about a point.

        Parameters
        ----------
        centre : (3,) [pc]
        side : of the cube, or (n, 3) of the cuboids [pc]
        fields : further quantities, name -> unit

        Raises
        ------
        InputError : a density that is negative, or any value that is not finite
        """
        sides = np.full((1, 3), float(side)) if np.ndim(side) == 0 else np.asarray(side, float)
        gas = self._read_cells(np.asarray(centre, float), sides, fields or {})
        # Particles are checked when they are read, all at once.
        return self._checked(gas) if isinstance(gas, Blocks) else gas

    @abstractmethod
    def _read_cells(self, centre: np.ndarray, sides: np.ndarray, fields: Mapping[str, str]) -> Gas:
        """The gas as it is stored, of cuboids of ``sides`` (n, 3), each element once."""

    def _place(self, corner: np.ndarray) -> str:
        """The file and the place in it of the block with a lower ``corner`` (3,) [pc]."""
        del corner
        return self.source

    def _checked(self, blocks: Blocks) -> Blocks:
        """Refuse gas that can't be; a cell without gas has no velocity and no field."""
        density = np.asarray(blocks.density, float)
        self._refuse(blocks, density, ~(density >= 0) | ~np.isfinite(density), "density [g/cm**3]")
        velocity, fields = np.asarray(blocks.velocity, float), dict(blocks.fields)
        if not np.all(np.abs(velocity) < LIGHT_KMS):
            velocity = np.where((density == 0) & ~np.isfinite(velocity), 0.0, velocity)
            for axis, values in zip("xyz", velocity, strict=True):
                wrong = ~(np.abs(values) < LIGHT_KMS)
                self._refuse(blocks, values, wrong, f"velocity along {axis} [km/s]")
        for name, values in fields.items():
            if not np.isfinite(values).all():
                fields[name] = np.where((density == 0) & ~np.isfinite(values), 0.0, values)
                self._refuse(blocks, fields[name], ~np.isfinite(fields[name]), name)
        return Blocks(blocks.left, blocks.width, density, velocity, fields)

    def _refuse(self, blocks: Blocks, values: np.ndarray, wrong: np.ndarray, name: str) -> None:
        if not wrong.any():
            return
        block, *cell = np.argwhere(wrong)[0]
        corner = np.asarray(blocks.left)[block]
        spot = corner + (np.array(cell) + 0.5) * np.asarray(blocks.width)[block]
        x, y, z = (f"{value:.6g}" for value in spot)
        raise InputError(
            f"{self._place(corner)}: the {name} is {values[block, *cell]:g} in the cell at "
            f"({x}, {y}, {z}) pc; the dump is damaged, or the field's name, order or layout in "
            f"{self.fields_key} does not fit it."
        )


def open_simulation(
    entry: Mapping[str, Any], files: str | Path | Sequence[str | Path], snapshot: str = ""
) -> Simulation:
    """Open a dump as an entry of the config's ``maps.simulations`` says.

    Parameters
    ----------
    files : of the dump, as :func:`starmass.maps.discovery.find_snapshots` hands them over; or the
        one that yt opens, for a session by hand
    snapshot : its name
    """
    paths = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
    if entry["format"] == "yt":
        # yt takes seconds to import, and SFUMATO's own reader does without it.
        from starmass.maps.yt_simulation import open_with_yt

        return open_with_yt(entry, paths, snapshot)
    described = next((path for path in paths if path.name == DESCRIPTOR_NAME), None)
    if described is None:
        from starmass.maps.frontend import open_dump

        return SfumatoSimulation(open_dump(paths[0]))
    descriptor, run = load_descriptor(described), described.parent
    cells = [path for path in paths if descriptor.match_cells(path.relative_to(run).as_posix())]
    return SfumatoSimulation(Dump(run, snapshot, descriptor, cells))


class SfumatoSimulation(Simulation):
    """SFUMATO, cells through the block table."""

    def __init__(self, dump: Dump):
        self.dump = dump
        descriptor = dump.descriptor
        self.source = str(dump.files[0].parent)
        self.units_key = f"`length_cm` in {descriptor.source}"
        self.fields_key = f"`variables`, `real_bytes` or `ghost_layers` in {descriptor.source}"
        self.length = descriptor.length_cm / PARSEC_CM
        self.box = Box(
            self.dump.box_left * self.length,
            self.dump.box_width * self.length,
            np.array(descriptor.periodic),
            f"`periodic` in {descriptor.source}",
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
            identity=table.identity,
            mass=table.mass / SOLAR_MASS_G,
            age=table.age / YEAR_S,
            position=table.position * self.length,
            velocity=table.velocity / KM_CM,
        )

    def _read_cells(
        self, centre: np.ndarray, sides: np.ndarray, fields: Mapping[str, str]
    ) -> Blocks:
        """Leaf blocks that touch the cuboids."""
        dump = self.dump
        found = [dump.leaves_touching(centre / self.length, one / self.length) for one in sides]
        blocks = found[0] if len(found) == 1 else np.unique(np.concatenate(found))
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

    def _place(self, corner: np.ndarray) -> str:
        distance = np.abs(self.dump.block_left * self.length - corner).sum(axis=1)
        distance[~self.dump.is_leaf] = np.inf
        return self.dump.place_in_file(int(np.argmin(distance)))


def unit_size(size: float, stated: str, unit: str, where: str) -> float:
    """``size`` of a stated unit in another.

    A unit of another kind is an :class:`InputError` that says ``where``.
    """
    from unyt import unyt_quantity

    try:
        return float(unyt_quantity(size, stated).to_value(unit))
    except Exception as error:
        raise InputError(
            f"{where}: {stated!r} can't be given in {unit!r} ({error}); mend the unit."
        ) from error
