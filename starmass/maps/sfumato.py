"""SFUMATO dumps: a reader and a writer of the same files.

Opening a dump reads the index of all blocks; the cells of chosen blocks are read on demand.

A cell file (one a rank) is: the header records that the descriptor lists; one record with the level
of every block and one with its position (three integers a block, in blocks of its own level, x
first); then the cells, one record a block, or one a block and variable. A sink file is: its header
records, then one record for each item of the sink table.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from starmass.errors import InputError, closest
from starmass.maps.block_tree import find_parents, morton_keys
from starmass.maps.descriptor import DESCRIPTOR_NAME, Descriptor, load_descriptor
from starmass.maps.records import RecordReader, check_markers, record_bytes, value_dtype
from starmass.maps.sinks import Sinks, SinkSource, check_sinks, whole_numbers

logger = logging.getLogger("starmass")


@dataclass(frozen=True)
class SinkTable:
    """Sinks of a dump: ``position`` (n, 3) in code lengths, the rest in cgs, times [s]."""

    identity: np.ndarray
    mass: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    creation_time: np.ndarray
    age: np.ndarray


class Dump:
    """One snapshot of a run: header, block table and sinks in memory, cells read on demand.

    Attributes
    ----------
    header : items of rank 0's header by name (``time`` in code units)
    levels : (block,) refinement level, 0 is the base
    positions : (block, 3) block index along x, y, z on its own level
    parents : (block,) row of the parent, -1 on the base level
    is_leaf : (block,) True where no finer block covers it: these carry the mass
    """

    def __init__(
        self,
        run: str | Path,
        snapshot: str,
        descriptor: Descriptor | None = None,
        files: Sequence[str | Path] = (),
    ):
        """Open a snapshot of the run's folder.

        Parameters
        ----------
        descriptor : of the run; read from its ``run.yaml`` when left out
        files : the snapshot's cell files where they are known; looked for when left out
        """
        self.run = Path(run)
        self.snapshot = snapshot
        self.descriptor = descriptor or load_descriptor(self.run / DESCRIPTOR_NAME)
        self.files = [Path(path) for path in files] or self._find_files()
        self.descriptor.check_ranks(self.run, self.files)
        self._data_start = []
        headers, levels, positions = [], [], []
        for path in self.files:
            reader = RecordReader(path, self.descriptor)
            headers.append(reader.header(self.descriptor.header, "header"))
            count = self._block_count(headers[-1], reader)
            levels.append(reader.values("integer", count, "the block levels", "header"))
            positions.append(
                reader.values("integer", 3 * count, "the block positions", "header").reshape(
                    count, 3
                )
            )
            self._data_start.append(reader.offset)
            self._check_size(path, count, reader)
        self.header: dict[str, Any] = headers[0]
        self.counts = np.array([len(rank) for rank in levels])
        self._first = np.concatenate([[0], np.cumsum(self.counts)])
        self.levels = np.concatenate(levels).astype(np.int64)
        self.positions = np.concatenate(positions).astype(np.int64)
        self._check_headers(headers)
        self.parents = find_parents(
            self.levels,
            self.positions,
            self.descriptor.base_blocks,
            self._where,
            self.descriptor.source,
        )
        self.is_leaf = np.ones(len(self.levels), bool)
        self.is_leaf[self.parents[self.parents >= 0]] = False

    def _find_files(self) -> list[Path]:
        found = self.descriptor.find(self.run, self.snapshot)
        if not found:
            known = sorted(self.descriptor.find(self.run))
            raise InputError(
                f"{self.run}: no cell files of snapshot {self.snapshot!r}"
                f"{closest(self.snapshot, known)}; "
                f"`cells` in {self.descriptor.source} looks for {self.descriptor.cells!r}."
            )
        return found[self.snapshot]

    # --- geometry, in code lengths

    @property
    def box_left(self) -> np.ndarray:
        """Left corner of the box."""
        return np.array(self.descriptor.box_left)

    @property
    def box_width(self) -> np.ndarray:
        """Sides of the box."""
        return np.array(self.descriptor.box_width)

    @cached_property
    def block_width(self) -> np.ndarray:
        """(block, 3) sides of every block."""
        return self.box_width / (
            np.array(self.descriptor.base_blocks) * 2.0 ** self.levels[:, None]
        )

    @cached_property
    def block_left(self) -> np.ndarray:
        """(block, 3) left corner of every block."""
        return self.box_left + self.positions * self.block_width

    @cached_property
    def cell_width(self) -> np.ndarray:
        """(block, 3) sides of a cell of every block."""
        return self.block_width / np.array(self.descriptor.block_cells)

    def leaves_touching(self, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
        """Rows of the leaf blocks that share volume with a cuboid.

        Also those that reach it through the periodic faces of the box.

        Parameters
        ----------
        centre, width : (3,) middle and sides of the cuboid, code lengths
        """
        leaves = np.flatnonzero(self.is_leaf)
        distance = self.block_left[leaves] + 0.5 * self.block_width[leaves] - np.asarray(centre)
        period = np.where(self.descriptor.periodic, self.box_width, np.inf)
        with np.errstate(invalid="ignore"):
            wrapped = distance - np.where(
                np.isfinite(period), period * np.rint(distance / period), 0.0
            )
        touching = np.all(
            np.abs(wrapped) < 0.5 * (self.block_width[leaves] + np.asarray(width)), axis=1
        )
        return leaves[touching]

    # --- contents

    def read(self, blocks: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Read variables of chosen blocks, and only those bytes.

        Parameters
        ----------
        blocks : rows of the block table
        names : labels or names of variables

        Returns
        -------
        float64 (variable, block, x, y, z) in cgs, ghost layers left out
        """
        descriptor = self.descriptor
        chosen = [descriptor.variables.index(descriptor.variable(name)) for name in names]
        blocks = np.asarray(blocks, np.int64)
        cells = np.empty((len(chosen), len(blocks), *descriptor.block_cells))
        ranks = np.searchsorted(self._first, blocks, side="right") - 1
        inner = (
            slice(
                descriptor.ghost_layers,
                None if descriptor.ghost_layers == 0 else -descriptor.ghost_layers,
            ),
        ) * 3
        for rank in np.unique(ranks):
            rows = np.flatnonzero(ranks == rank)
            rows = rows[np.argsort(blocks[rows], kind="stable")]
            local = blocks[rows] - self._first[rank]
            records = self._read_records(rank, local)
            self._check_block_markers(rank, local, records)
            for row, variable in enumerate(chosen):
                place = (
                    (slice(None), 0, variable)
                    if descriptor.record == "block"
                    else (slice(None), variable, 0)
                )
                stored = records["records"]["values"][place]
                stored = stored.transpose(0, 3, 2, 1) if descriptor.first_index_fastest else stored
                cells[row, rows] = stored[(slice(None), *inner)] * np.float64(
                    descriptor.variables[variable].cgs
                )
        return cells

    def _read_records(self, rank: int, local: np.ndarray) -> np.ndarray:
        """Records of a rank's blocks ``local`` (ascending), neighbours in the file in one read."""
        layout = _block_dtype(self.descriptor)
        records = np.empty(len(local), layout)
        cuts = np.flatnonzero(np.diff(local) != 1) + 1
        with open(self.files[rank], "rb", buffering=0) as stream:
            for first, last in zip([0, *cuts], [*cuts, len(local)], strict=True):
                stream.seek(self._data_start[rank] + int(local[first]) * layout.itemsize)
                fill(records[first:last].view(np.uint8).data, stream, self.files[rank])
        return records

    @cached_property
    def sinks(self) -> SinkTable:
        """The sink table, checked; no rows where there is no sink file yet, or an empty one."""
        descriptor = self.descriptor
        path = self.run / descriptor.sinks_path(self.snapshot)
        if not path.is_file() or not path.stat().st_size:
            logger.info("%s: no sink file, or an empty one", path)
            nothing, places = np.empty(0), np.empty((0, 3))
            return SinkTable(np.empty(0, np.int64), nothing, places, places, nothing, nothing)
        reader = RecordReader(path, descriptor)
        count = reader.header(descriptor.sink_header, "sink_header")["sink_count"]
        if not 0 <= count <= reader.size:
            raise InputError(
                f"{path}: speaks of {count} sinks; see `sink_header`, `byte_order` and"
                f" `integer_bytes` in {descriptor.source}."
            )
        table = {
            item.name: reader.values(
                item.kind, count * item.count, f"sink item {item.name}", "sink_items"
            )
            for item in descriptor.sink_items
        }
        if reader.offset != reader.size:
            raise InputError(
                f"{path}: goes on after byte {reader.offset}, where the sink table should end; see"
                f" `sink_items` in {descriptor.source}."
            )
        source = SinkSource(
            row=lambda row: f"{path}: sink {row} (id {table['id'][row]})",
            columns={},
            way_out=f"the file is damaged, or `sink_items` in {descriptor.source} does not fit it",
            units=f"`box_left`, `box_width` and `sink_items` in {descriptor.source}",
        )
        reals = {name: values.astype(float) for name, values in table.items() if name != "id"}
        now = float(self.header["time"])
        sinks = check_sinks(
            Sinks(
                identity=whole_numbers(table["id"], source),
                mass=reals["mass"],
                age=now - reals["creation_time"],
                position=np.stack([reals[name] for name in ("x", "y", "z")], axis=1),
                velocity=np.stack([reals[name] for name in ("vx", "vy", "vz")], axis=1),
            ),
            left=self.box_left,
            width=self.box_width,
            periodic=np.array(descriptor.periodic),
            now=now,
            source=source,
        )
        return SinkTable(
            identity=sinks.identity,
            mass=sinks.mass * descriptor.mass_g,
            position=sinks.position,
            velocity=sinks.velocity * descriptor.length_cm / descriptor.time_s,
            creation_time=reals["creation_time"] * descriptor.time_s,
            age=sinks.age * descriptor.time_s,
        )

    # --- checks

    def _block_count(self, header: dict[str, Any], reader: RecordReader) -> int:
        count = header["block_count"]
        if not 0 <= count <= reader.size:
            raise InputError(
                f"{reader.path}: the header speaks of {count} blocks, more than the file's"
                f" {reader.size} bytes can hold; "
                f"see `header`, `byte_order` and `integer_bytes` in {self.descriptor.source}."
            )
        return int(count)

    def _check_size(self, path: Path, count: int, reader: RecordReader) -> None:
        expected = reader.offset + count * _block_dtype(self.descriptor).itemsize
        if reader.size < expected:
            raise InputError(
                f"{path}: ends at byte {reader.size}, but {count} blocks need {expected}; the dump"
                " is truncated, or `variables`, "
                f"`real_bytes`, `block_cells` or `ghost_layers` in {self.descriptor.source} does"
                " not fit it."
            )
        if reader.size > expected:
            raise InputError(
                f"{path}: goes on after byte {expected}, where its {count} blocks should end, up"
                f" to byte {reader.size}; `variables`, "
                f"`real_bytes`, `block_cells` or `ghost_layers` in {self.descriptor.source} does"
                " not fit it."
            )

    def _check_block_markers(self, rank: int, local: np.ndarray, read: np.ndarray) -> None:
        if not self.descriptor.marker_bytes:
            return
        records = read["records"]
        length = records.dtype["values"].itemsize
        wrong = (records["head"] != length) | (records["tail"] != length)
        if wrong.any():
            row, record = np.argwhere(wrong)[0]
            block = int(local[row])
            pair = (records["head"][row, record].tobytes(), records["tail"][row, record].tobytes())
            offset = (
                self._data_start[rank]
                + block * read.dtype.itemsize
                + int(record) * records.dtype.itemsize
            )
            check_markers(
                self.files[rank],
                self.descriptor,
                offset,
                pair,
                length,
                f"block {block}",
                "variables",
            )

    def _check_headers(self, headers: Sequence[Mapping[str, Any]]) -> None:
        """Refuse cell files of different snapshots, and fewer files than the header speaks of."""
        descriptor, first = self.descriptor, headers[0]
        for place, (path, header) in enumerate(zip(self.files, headers, strict=True)):
            for name in ("time", "step", "rank_count"):
                if name in header and header[name] != first[name]:
                    raise InputError(
                        f"{path}: its header has {name} {header[name]}, but {self.files[0]} has "
                        f"{first[name]}; bring the file of this snapshot, "
                        f"or mend `header` in {descriptor.source}."
                    )
            if header.get("rank", place + descriptor.first_rank) != place + descriptor.first_rank:
                raise InputError(
                    f"{path}: its header is of rank {header['rank']}; bring the file of rank "
                    f"{place + descriptor.first_rank}, or mend `header` in {descriptor.source}."
                )
        ranks = first.get("rank_count", len(self.files))
        if ranks != len(self.files):
            raise InputError(
                f"{self.files[0]}: the header speaks of {ranks} ranks, but {len(self.files)} cell "
                "files were found; bring the missing ones, "
                f"or mend `cells` or `header` in {descriptor.source}."
            )

    def _where(self, block: int) -> str:
        rank = int(np.searchsorted(self._first, block, side="right") - 1)
        place = ", ".join(str(p) for p in self.positions[block])
        return (
            f"{self.files[rank]}: block {block - self._first[rank]}"
            f" (level {self.levels[block]}, position {place})"
        )

    def place_in_file(self, block: int) -> str:
        """File, block and byte of a row of the block table, for error messages."""
        rank = int(np.searchsorted(self._first, block, side="right") - 1)
        size = _block_dtype(self.descriptor).itemsize
        offset = self._data_start[rank] + (block - self._first[rank]) * size
        return f"{self._where(block)}, from byte {offset}"


def fill(buffer: memoryview, stream: BinaryIO, path: Path) -> None:
    """Read until ``buffer`` is full: one read may stop short, at 2 GiB or on a busy file system."""
    done = 0
    while done < len(buffer):
        got = stream.readinto(buffer[done:])  # type: ignore[attr-defined]
        if not got:
            raise InputError(
                f"{path}: ended {len(buffer) - done} bytes early while it was read; it is still "
                "being written, or its file system failed: wait, and run Snakemake again."
            )
        done += got


def write_dump(
    run: str | Path, descriptor: Descriptor, snapshot: str, *, time: float, step: int = 0,
    levels: np.ndarray, positions: np.ndarray, cells: Mapping[str, np.ndarray],
    sinks: Mapping[str, np.ndarray], ranks: int = 1,
) -> None:  # fmt: skip
    """Write one snapshot in the format that the descriptor states.

    Blocks are ordered level by level along a Morton curve, and every level is spread over the
    ranks. Ghost layers, where the descriptor has them, repeat the nearest cell of their own block:
    the reader leaves them out.

    Parameters
    ----------
    time : code units
    levels, positions : (block,) and (block, 3) as in :class:`Dump`
    cells : variable label -> (block, x, y, z) in code units
    sinks : item of the descriptor's sink table -> (sink,) in code units
    """
    run = Path(run)
    order = np.lexsort((morton_keys(positions), levels))
    share = np.empty(len(order), np.int64)
    for level in np.unique(levels):
        rows = np.flatnonzero(levels[order] == level)
        share[rows] = np.arange(len(rows)) * ranks // len(rows)
    facts = {
        "time": np.array([float(time)]),
        "step": np.array([step]),
        "rank_count": np.array([ranks]),
        "sink_count": np.array([len(sinks["id"])]),
    }
    for rank in range(ranks):
        mine = order[share == rank]
        facts |= {"rank": np.array([rank]), "block_count": np.array([len(mine)])}
        path = run / descriptor.cells_path(snapshot, rank)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as stream:
            for record in descriptor.header:
                stream.write(record_bytes(descriptor, *(facts[item.name] for item in record)))
            stream.write(record_bytes(descriptor, np.asarray(levels)[mine]))
            stream.write(record_bytes(descriptor, np.asarray(positions)[mine]))
            _block_records(descriptor, cells, mine).tofile(stream)
    path = run / descriptor.sinks_path(snapshot)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        for record in descriptor.sink_header:
            stream.write(record_bytes(descriptor, *(facts[item.name] for item in record)))
        for item in descriptor.sink_items:
            values = np.asarray(sinks[item.name])
            stream.write(
                record_bytes(descriptor, values.astype(float if item.kind == "real" else np.int64))
            )


def _block_records(
    descriptor: Descriptor, cells: Mapping[str, np.ndarray], rows: np.ndarray
) -> np.ndarray:
    records = np.zeros(len(rows), _block_dtype(descriptor))
    ghosts = descriptor.ghost_layers
    for index, variable in enumerate(descriptor.variables):
        values = np.pad(cells[variable.label][rows], [(0, 0)] + [(ghosts, ghosts)] * 3, mode="edge")
        values = values.transpose(0, 3, 2, 1) if descriptor.first_index_fastest else values
        place = (slice(None), 0, index) if descriptor.record == "block" else (slice(None), index, 0)
        records["records"]["values"][place] = values
    if descriptor.marker_bytes:
        records["records"]["head"] = records["records"]["tail"] = (
            records.dtype["records"].base["values"].itemsize
        )
    return records


def _block_dtype(descriptor: Descriptor) -> np.dtype:
    """Layout of one block in a cell file: ``records`` with ``values`` (variable, cells).

    It has byte counts where the file has them.
    """
    sides = [cells + 2 * descriptor.ghost_layers for cells in descriptor.block_cells]
    if descriptor.first_index_fastest:
        sides.reverse()
    count = len(descriptor.variables)
    variables, records = (count, 1) if descriptor.record == "block" else (1, count)
    parts: list[Any] = [("values", value_dtype(descriptor, "real"), (variables, *sides))]
    if descriptor.marker_bytes:
        marker = value_dtype(descriptor, "marker")
        parts = [("head", marker), *parts, ("tail", marker)]
    return np.dtype([("records", np.dtype(parts), (records,))])
