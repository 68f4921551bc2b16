"""yt frontend for SFUMATO dumps: with starmass installed, ``yt.load("run/snapshot")`` works.

yt keeps one Python object a block. Building them is put off until something of yt's own asks for
its index, and then made cheap: the grids take their edges and shapes from the index's arrays when
asked. Maps are made from the block table alone (:attr:`SfumatoDataset.dump`), without yt's index.
"""

import re
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from yt.data_objects.index_subobjects.grid_patch import AMRGridPatch
from yt.data_objects.static_output import Dataset
from yt.fields.field_info_container import FieldInfoContainer
from yt.fields.magnetic_field import setup_magnetic_field_aliases
from yt.geometry.grid_geometry_handler import GridIndex
from yt.units.yt_array import YTArray
from yt.utilities.io_handler import BaseIOHandler

from starmass.errors import InputError
from starmass.maps.descriptor import DESCRIPTOR_NAME, load_descriptor
from starmass.maps.sfumato import Dump

SINK_UNITS = {
    "particle_index": "", "particle_mass": "g", "creation_time": "s",
    "particle_position_x": "code_length", "particle_position_y": "code_length",
    "particle_position_z": "code_length",
    "particle_velocity_x": "cm/s", "particle_velocity_y": "cm/s", "particle_velocity_z": "cm/s",
}  # fmt: skip


class SfumatoGrid(AMRGridPatch):
    """One block. What yt usually copies into each grid is looked up in the index when asked for.

    There are tens of thousands of them, and most are never looked at: yt's own set-up of a grid (a
    dozen objects each) waits until something is asked for that only it provides.
    """

    _id_offset = 0
    filename = None
    _last_mask = None
    _last_count = -1
    _last_selector_id = None

    def __init__(self, id: int, index: "SfumatoIndex", level: int):
        self.id = id
        self.Level = level
        self.ds = index.dataset  # type: ignore[assignment]
        self._index = index.proxy

    def __getattr__(self, name: str) -> Any:
        """Let yt set this grid up, at the first attribute that it lacks."""
        if name.startswith("__") or "field_data" in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        super().__init__(self.id, filename=None, index=self.ds.index)
        return getattr(self, name)

    @property
    def Parent(self) -> "SfumatoGrid | None":
        """The block that this one refines."""
        parent = self.index.dump.parents[self.id]
        return self.index.grids[parent] if parent >= 0 else None

    @property
    def Children(self) -> list["SfumatoGrid"]:
        """The eight blocks that refine this one, or none."""
        return [self.index.grids[child] for child in self.index.children_of(self.id)]

    @property
    def ActiveDimensions(self) -> np.ndarray:
        """Cells along each side."""
        return self.index.grid_dimensions[self.id]

    @property
    def LeftEdge(self) -> YTArray:
        """Lower corner."""
        return self.index.grid_left_edge[self.id]

    @property
    def RightEdge(self) -> YTArray:
        """Upper corner."""
        return self.index.grid_right_edge[self.id]

    @property
    def dds(self) -> YTArray:
        """Sides of a cell."""
        return YTArray(self.index.dump.cell_width[self.id], self.index.grid_left_edge.units)

    @property
    def NumberOfParticles(self) -> int:
        """Sinks in this block, where it is a leaf."""
        return int(self.index.grid_particle_count[self.id, 0])

    def _setup_dx(self) -> None:
        """Nothing is kept that would need setting up."""

    def get_global_startindex(self) -> np.ndarray:
        """Index of the first cell among all cells of its level."""
        return self.index.dump.positions[self.id] * self.ActiveDimensions


class SfumatoIndex(GridIndex):
    """yt's index of blocks, filled from the dump's block table in whole arrays."""

    grid = SfumatoGrid

    def __init__(self, ds: "SfumatoDataset", dataset_type: str = "sfumato"):
        self.dataset_type = dataset_type
        self.dump: Dump = ds.dump
        self.index_filename = ds.parameter_filename
        self.directory = str(self.dump.run)
        self.proxy = weakref.proxy(self)
        self._children: tuple[np.ndarray, np.ndarray] | None = None
        super().__init__(ds, dataset_type)

    def children_of(self, block: int) -> np.ndarray:
        """Rows of the blocks that refine a block."""
        if self._children is None:
            order = np.argsort(self.dump.parents, kind="stable")
            self._children = order, self.dump.parents[order]
        order, parents = self._children
        return order[
            np.searchsorted(parents, block, "left") : np.searchsorted(parents, block, "right")
        ]

    def _detect_output_fields(self) -> None:
        self.field_list = [
            ("sfumato", variable.label) for variable in self.dump.descriptor.variables
        ]
        self.field_list += [("sink", name) for name in SINK_UNITS]

    def _count_grids(self) -> None:
        self.num_grids = len(self.dump.levels)

    def _parse_index(self) -> None:
        dump = self.dump
        self.grid_left_edge[:] = self.ds.arr(dump.block_left, "code_length")
        self.grid_right_edge[:] = self.ds.arr(dump.block_left + dump.block_width, "code_length")
        self.grid_dimensions[:] = dump.descriptor.block_cells
        self.grid_levels[:, 0] = dump.levels
        self.sink_blocks = blocks_of_points(dump, dump.sinks.position)
        np.add.at(self.grid_particle_count[:, 0], self.sink_blocks, 1)
        self.max_level = int(dump.levels.max())

    def _populate_grid_objects(self) -> None:
        self.grids = np.empty(len(self.dump.levels), dtype="object")
        for block, level in enumerate(self.dump.levels.tolist()):
            self.grids[block] = self.grid(block, self, level)

    def _get_particle_type_counts(self) -> dict[str, int]:
        return {"sink": len(self.dump.sinks.mass)}


def blocks_of_points(dump: Dump, points: np.ndarray) -> np.ndarray:
    """Row of the leaf block that holds each point ((n, 3) code lengths).

    A point on the box's upper face belongs to the lower one.
    """
    rows = np.full(len(points), -1)
    inside = dump.box_left + np.mod(points - dump.box_left, dump.box_width)
    leaves = np.flatnonzero(dump.is_leaf)
    left, right = dump.block_left[leaves], dump.block_left[leaves] + dump.block_width[leaves]
    for row, point in enumerate(inside):
        rows[row] = leaves[np.flatnonzero(np.all((left <= point) & (point < right), axis=1))[0]]
    return rows


class SfumatoFieldInfo(FieldInfoContainer):
    """Standard names and units of SFUMATO's variables; the dump is read in cgs."""

    known_particle_fields = tuple((name, (unit, [], None)) for name, unit in SINK_UNITS.items())

    def __init__(self, ds: "SfumatoDataset", field_list: list[tuple[str, str]], **options: Any):
        variables = ds.dump.descriptor.variables
        magnetic = {v.label for v in variables if v.name.startswith("magnetic_field_")}
        self.known_other_fields = tuple(
            (v.label, (v.unit, [] if v.label in magnetic else [v.name], None)) for v in variables
        )
        super().__init__(ds, field_list, **options)

    def setup_fluid_fields(self) -> None:
        """Magnetic field components get yt's aliases, which know the unit system."""
        named = {v.name: v.label for v in self.ds.dump.descriptor.variables}
        labels = [named.get(f"magnetic_field_{axis}") for axis in "xyz"]
        if all(labels):
            setup_magnetic_field_aliases(self, "sfumato", labels)

    def setup_particle_fields(self, ptype: str, *args: Any, **options: Any) -> None:
        """Sinks get an ``age``, counted from their creation."""

        def age(field: Any, data: Any) -> Any:
            return data.ds.current_time - data[ptype, "creation_time"]

        super().setup_particle_fields(ptype, *args, **options)
        self.add_field((ptype, "age"), sampling_type="particle", function=age, units="yr")


class SfumatoIOHandler(BaseIOHandler):
    """Reads the blocks of a chunk in one go."""

    _particle_reader = False
    _dataset_type = "sfumato"

    def io_iter(self, chunks: Any, fields: Any) -> Any:
        """Yield (field, block, cells) for the blocks of all chunks."""
        for chunk in chunks:
            grids = list(chunk.objs)
            if not grids:
                continue
            cells = self.ds.dump.read(
                np.array([grid.id for grid in grids]), [name for _, name in fields]
            )
            for row, field in enumerate(fields):
                for place, grid in enumerate(grids):
                    yield field, grid, cells[row, place]

    def _read_chunk_data(
        self, chunk: Any, fields: Any
    ) -> dict[int, dict[tuple[str, str], np.ndarray]]:
        data: dict[int, dict[tuple[str, str], np.ndarray]] = {grid.id: {} for grid in chunk.objs}
        for field, grid, cells in self.io_iter([chunk], fields):
            data[grid.id][field] = cells
        return data

    def _sinks_in(self, chunks: Any) -> np.ndarray:
        blocks = [grid.id for chunk in chunks for grid in chunk.objs]
        return np.flatnonzero(np.isin(self.ds.index.sink_blocks, blocks))

    def _read_particle_coords(self, chunks: Any, ptf: Any) -> Any:
        position = self.ds.dump.sinks.position[self._sinks_in(chunks)]
        for particle_type in ptf:
            yield particle_type, tuple(position.T), 0.0

    def _read_particle_fields(self, chunks: Any, ptf: Any, selector: Any) -> Any:
        rows = self._sinks_in(chunks)
        sinks = self.ds.dump.sinks
        x, y, z = (np.ascontiguousarray(sinks.position[rows, axis]) for axis in range(3))
        mask = selector.select_points(x, y, z, 0.0)
        if mask is None:
            return
        chosen = rows[mask]
        values = {
            "particle_index": sinks.identity[chosen],
            "particle_mass": sinks.mass[chosen],
        }
        values["creation_time"] = sinks.creation_time[chosen]
        for column, axis in enumerate("xyz"):
            values[f"particle_position_{axis}"] = sinks.position[chosen, column]
            values[f"particle_velocity_{axis}"] = sinks.velocity[chosen, column]
        for particle_type, names in ptf.items():
            for name in names:
                yield (particle_type, name), values[name]


class SfumatoDataset(Dataset):
    """A snapshot: its folder, or one of its cell files, with the run's ``run.yaml`` above it."""

    _index_class = SfumatoIndex
    _field_info_class = SfumatoFieldInfo
    particle_types = ("sink",)
    particle_types_raw = ("sink",)

    def __init__(self, filename: str, dataset_type: str = "sfumato", **options: Any):
        if self._instantiated:
            return
        self.fluid_types += ("sfumato",)
        self.refine_by = 2
        self.dump = open_dump(filename)
        super().__init__(filename, dataset_type, **options)

    @property
    def unique_identifier(self) -> str:
        """Run folder, snapshot and the time that the cell files were written."""
        return (
            f"{self.dump.run.resolve()}:{self.dump.snapshot}"
            f":{self.dump.files[0].stat().st_mtime_ns}"
        )

    @unique_identifier.setter
    def unique_identifier(self, value: str) -> None:
        """Yt may set one; ours is derived."""

    def _set_code_unit_attributes(self) -> None:
        descriptor = self.dump.descriptor
        self.length_unit = self.quan(descriptor.length_cm, "cm")
        self.mass_unit = self.quan(descriptor.mass_g, "g")
        self.time_unit = self.quan(descriptor.time_s, "s")
        self.velocity_unit = self.length_unit / self.time_unit
        self.magnetic_unit = self.quan(
            (descriptor.mass_g / descriptor.length_cm) ** 0.5 / descriptor.time_s, "gauss"
        )

    def _parse_parameter_file(self) -> None:
        dump = self.dump
        self.parameters.update(dump.header, **dump.descriptor.facts)
        self.dimensionality = 3
        self.domain_left_edge = dump.box_left
        self.domain_right_edge = dump.box_left + dump.box_width
        self.domain_dimensions = np.array(dump.descriptor.base_blocks) * np.array(
            dump.descriptor.block_cells
        )
        self._periodicity = dump.descriptor.periodic
        self.current_time = dump.header["time"]
        self.cosmological_simulation = 0
        self.current_redshift = self.omega_lambda = self.omega_matter = self.hubble_constant = 0.0
        self.gamma = 1.0

    @classmethod
    def _is_valid(cls, filename: str, *args: Any, **options: Any) -> bool:
        _tell_gadget_apart()
        return locate_dump(filename) is not None


def open_dump(filename: str | Path) -> Dump:
    """Open the snapshot of a folder or of one of its cell files, given the run.yaml above it."""
    place = locate_dump(filename)
    if place is None:
        raise InputError(
            f"{filename}: not part of a SFUMATO run; a {DESCRIPTOR_NAME} has to lie in a folder "
            "above it."
        )
    return Dump(*place)


def locate_dump(filename: str | Path) -> tuple[Path, str] | None:
    """Return (run folder, snapshot) of a snapshot's folder or of one of its cell files, or None.

    A link is taken where it lies first: what is beside its target may belong to another run.
    """
    places = (Path(filename).absolute(), Path(filename).resolve())
    for path in dict.fromkeys(places):
        for run in list(path.parents)[:3]:
            described = run / DESCRIPTOR_NAME
            if not described.is_file() or not re.search(
                r"(?m)^format:\s*sfumato\b",
                described.read_text(encoding="utf-8", errors="ignore"),
            ):
                continue
            found = load_descriptor(described).find(run)
            holding = [
                snapshot
                for snapshot, files in found.items()
                if path in files or any(file.is_relative_to(path) for file in files)
            ]
            if len(holding) == 1:
                return run, holding[0]
    return None


def _tell_gadget_apart() -> None:
    """Keep yt from taking a cell file for a Gadget snapshot.

    yt takes any file whose first record has 8 bytes for one.

    yt asks every frontend and refuses where two say yes; the descriptor decides which of these two
    it is. Gadget's frontend is not imported for this: yt does so before it asks, and it asks this
    one before those that are imported later.
    """
    gadget = sys.modules.get("yt.frontends.gadget.data_structures")
    looks_like_gadget = vars(gadget.GadgetDataset)["_is_valid"].__func__ if gadget else None
    if looks_like_gadget is None or looks_like_gadget.__module__ == __name__:
        return

    def is_gadget(cls: type, filename: str, *args: Any, **options: Any) -> bool:
        return locate_dump(filename) is None and looks_like_gadget(cls, filename, *args, **options)

    gadget.GadgetDataset._is_valid = classmethod(is_gadget)  # type: ignore[union-attr]


_tell_gadget_apart()
