"""Any grid or octree code, through yt."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yt

from starmass.errors import InputError
from starmass.maps.frontend import SfumatoDataset
from starmass.maps.projection import Gas, single_cells
from starmass.maps.simulations import Box, SfumatoSimulation, Simulation
from starmass.maps.sink_particles import read_sink_particles, unit_in
from starmass.maps.sink_tables import read_sink_columns
from starmass.maps.sinks import QUANTITY, Sinks, SinkSource, check_sinks, no_sinks
from starmass.maps.yt_errors import log_warnings_of_yt, yt_failures

logger = logging.getLogger("starmass")

# Frontends of yt 4.4 that call a box periodic without having read so (their data_structures.py).
PERIODIC_UNREAD = (
    "arepo", "art", "artio", "athena", "athena_pp", "eagle", "enzo_e", "gadget", "gizmo", "owls",
    "ramses", "tipsy",
)  # fmt: skip
WILDCARDS = "[]?!*"  # yt.load takes them for a series of files


def open_with_yt(entry: Mapping[str, Any], files: Sequence[Path], snapshot: str) -> Simulation:
    """Open the first of a dump's files with yt, and take sinks from the second one, if any.

    Raises
    ------
    InputError : what yt can't open; data that are not on a three-dimensional Cartesian grid
    """
    log_warnings_of_yt()
    dump = str(files[0])
    if set(WILDCARDS) & set(dump):
        raise InputError(
            f"{dump}: yt takes each of {' '.join(WILDCARDS)} in a path for a wildcard; "
            "link the folder under a name without them."
        )
    from starmass.maps.particle_simulation import box_stated

    with yt_failures(dump), box_stated(dump):
        dataset = yt.load(dump, **load_arguments(entry, snapshot))
    return open_dataset(dataset, entry, files)


def open_dataset(dataset: Any, entry: Mapping[str, Any], files: Sequence[Path] = ()) -> Simulation:
    """Return a data set of yt as a simulation.

    Parameters
    ----------
    dataset : of any grid, octree, particle or moving-mesh code
    entry : of the config's ``maps.simulations``
    files : of the dump, and of its sinks; none where the data are in memory alone

    Raises
    ------
    InputError : data that are not on a three-dimensional Cartesian grid
    """
    from starmass.maps.particle_simulation import ParticleSimulation, has_particles

    dump = str(files[0] if files else dataset)
    if isinstance(dataset, SfumatoDataset):
        return SfumatoSimulation(dataset.dump)
    if has_particles(dataset):
        return ParticleSimulation(dataset, entry, files)
    with yt_failures(dump):
        dataset.index  # noqa: B018 (yt reads the grid here)
    refuse_other_geometries(dataset, dump)
    return YtSimulation(dataset, entry, files)


def load_arguments(entry: Mapping[str, Any], snapshot: str) -> dict[str, Any]:
    """Keyword arguments of ``yt.load`` from an entry's ``load``.

    ``{snapshot}`` in a text becomes the snapshot's name. Units may be written as YAML can: ``pc``,
    ``1.0 pc`` or ``[1.0, pc]``.
    """

    def filled(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [filled(one) for one in value]
        return value.replace("{snapshot}", snapshot) if isinstance(value, str) else value

    arguments = filled(entry.get("load", {}))
    for key in ("units_override", "unit_base"):
        if isinstance(arguments.get(key), Mapping):
            arguments[key] = {name: _unit(value) for name, value in arguments[key].items()}
    return arguments


def _unit(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    number, _, symbol = value.strip().partition(" ")
    try:
        return (float(number), symbol) if symbol else float(number)
    except ValueError:
        return (1.0, value.strip())


def refuse_other_geometries(dataset: Any, dump: str) -> None:
    """Refuse what exact overlap with a cube's pixels is not defined for."""
    from yt.geometry.grid_geometry_handler import GridIndex
    from yt.geometry.unstructured_mesh_handler import UnstructuredIndex

    index, geometry = dataset.index, str(getattr(dataset.geometry, "value", dataset.geometry))
    if isinstance(index, UnstructuredIndex):
        problem = "is on an unstructured mesh"
    elif geometry != "cartesian":
        problem = f"is on a grid in {geometry} coordinates"
    else:
        flat = isinstance(index, GridIndex) and np.any(np.asarray(dataset.domain_dimensions) == 1)
        if dataset.dimensionality == 3 and not flat:
            return
        problem = "has fewer than three dimensions"
    raise InputError(
        f"{dump}: {problem}; maps are made of three-dimensional Cartesian grids and octrees, "
        "so resample it on one first (in yt: arbitrary_grid)."
    )


def _frontend(dataset: Any) -> str:
    """The name of yt's frontend for a dataset: ``ramses`` of ``yt.frontends.ramses``."""
    parts = type(dataset).__module__.split(".")
    return parts[2] if parts[:2] == ["yt", "frontends"] and len(parts) > 2 else ""


def _widest_cells(dataset: Any) -> np.ndarray:
    """(3,) sides of the widest cells of a stretched grid [pc], 0 for any other."""
    widest = np.zeros(3)
    for grid in getattr(dataset.index, "grids", ()):
        if getattr(grid, "cell_widths", None) is not None:
            sizes = [dataset.arr(widths, "code_length").max() for widths in grid.cell_widths]
            widest = np.maximum(widest, [float(size.to_value("pc")) for size in sizes])
    return widest


class YtSimulation(Simulation):
    """Any grid or octree code that yt reads; ``files`` are the dump and, if any, its sink table."""

    def __init__(self, dataset: Any, entry: Mapping[str, Any], files: Sequence[Path] = ()):
        self.dataset = dataset
        self.entry = entry
        self.source = str(files[0] if files else dataset.filename)
        self.table = files[1] if len(files) > 1 else None
        self.units_key = "`load: {units_override: {length_unit: [1.0, pc], ...}}` of the simulation"
        with yt_failures(self.source):
            periodic, says, assumed = np.array(dataset.periodicity), "as yt reads it", False
            if "periodic" in entry:
                periodic = np.broadcast_to(np.array(entry["periodic"]), 3)
                says = "`periodic` of the config"
                # A region of yt reaches through the faces of a periodic box alone.
                dataset._periodicity = tuple(bool(one) for one in periodic | dataset.periodicity)
            elif _frontend(dataset) in PERIODIC_UNREAD:
                given = getattr(dataset, "specified_parameters", None) or {}
                assumed = "periodicity" not in given and bool(periodic.any())
                says = "yt says so of every box of this code" if assumed else "as `load` says"
            self.box = Box(
                dataset.domain_left_edge.to_value("pc"),
                dataset.domain_width.to_value("pc"),
                periodic,
                says,
                assumed,
            )
            self.time_yr = float(dataset.current_time.to_value("yr"))
            self.finest_cell_pc = float(dataset.index.get_smallest_dx().to_value("pc"))
        self.coarsest = self.box.width / np.array(dataset.domain_dimensions)
        self.widest = np.maximum(self.coarsest, _widest_cells(dataset))
        if np.any(self.widest > 1.001 * self.coarsest) and dataset.index.max_level == 0:
            self.coarsest = np.full(3, np.nan)  # stretched: finer than what it is not refined to
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
        if "table" in where:
            if self.table is None:
                logger.info("%s: no sink table %r beside it", self.source, where["table"])
            found = self._sinks_from_table(self.table, where) if self.table else None
        else:
            with yt_failures(self.source):
                found = read_sink_particles(self.dataset, where)
        if found is None or not len(found[1]["id"]):
            return no_sinks()
        source, values = found
        age = values["age"] if "age" in values else self.time_yr - values["creation_time"]
        sinks = Sinks(
            identity=values["id"],
            mass=values["mass"],
            age=age,
            position=np.stack([values[axis] for axis in "xyz"], axis=1),
            velocity=np.stack([values[f"v{axis}"] for axis in "xyz"], axis=1),
        )
        return check_sinks(
            sinks,
            left=self.box.left,
            width=self.box.width,
            periodic=self.box.periodic,
            now=self.time_yr,
            source=source,
        )

    def _sinks_from_table(
        self, path: Path, where: Mapping[str, Any]
    ) -> tuple[SinkSource, dict[str, np.ndarray]] | None:
        read = read_sink_columns(path, where)
        if read is None:
            logger.info("%s: an empty table", path)
            return None
        table, values = read
        for column, numbers in values.items():
            if column != "id":
                quantity, unit = QUANTITY[column]
                stated = where.get("units", {}).get(quantity, unit)
                values[column] = numbers * unit_in(self.dataset, stated, unit, quantity)
        time = "age" if "age" in values else "creation_time"
        names = {"creation_time": time, **where.get("columns", {})}
        names["creation_time"] = names.get(time, time)
        return SinkSource(table.where, names, "mend the line, or `sinks` of the simulation"), values

    def _read_cells(self, centre: np.ndarray, sides: np.ndarray, fields: Mapping[str, str]) -> Gas:
        """Cells of yt regions that are wider than the cuboids by the widest cell."""
        with yt_failures(self.source):
            regions = [self._region(centre, 0.5 * one + 0.5001 * self.widest) for one in sides]
            region = regions[0] if len(regions) == 1 else self.dataset.union(regions)
            density, *velocity = (region[field] for field in self.fields)
            others = {
                name: region[self._field(name)].to_value(unit) for name, unit in fields.items()
            }
            return single_cells(
                centre=np.stack([region["index", axis].to_value("pc") for axis in "xyz"], axis=1),
                width=np.stack(
                    [region["index", f"d{axis}"].to_value("pc") for axis in "xyz"], axis=1
                ),
                density=density.to_value("g/cm**3"),
                velocity=np.stack([component.to_value("km/s") for component in velocity], axis=1),
                fields=others,
            )

    def _region(self, centre: np.ndarray, half: np.ndarray) -> Any:
        """The yt region that reaches ``half`` (3,) [pc] to both sides, within the box."""
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
        return self.dataset.region(
            self.dataset.arr(0.5 * (left + right), "pc"),
            self.dataset.arr(left, "pc"),
            self.dataset.arr(right, "pc"),
        )

    def _field(self, name: str) -> tuple[str, str]:
        """A yt field from ``"type name"``; one that is not there is an :class:`InputError`."""
        field = tuple(name.split(maxsplit=1)) if " " in name else ("gas", name)
        if field not in self.dataset.field_info:
            near = ", ".join(" ".join(f) for f in self.dataset.field_list[:12])
            raise InputError(
                f"{self.source}: yt knows no field {' '.join(field)!r} here; name one of its"
                " fields "
                f"in the config (on disk: {near}, …)."
            )
        return field[0], field[1]
