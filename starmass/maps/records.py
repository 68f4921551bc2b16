"""Fortran records: values between byte counts, of either endianness, or a plain stream."""

from pathlib import Path
from typing import Any

import numpy as np

from starmass.errors import InputError
from starmass.maps.descriptor import Descriptor, Item


class RecordReader:
    """Reads a file's leading records in order, and keeps the byte offset for error messages."""

    def __init__(self, path: Path, descriptor: Descriptor):
        self.path = path
        self.descriptor = descriptor
        self.offset = 0
        self.size = path.stat().st_size

    def values(self, kind: str, count: int, what: str, key: str) -> np.ndarray:
        """Read one record of ``count`` values of a kind (``integer`` or ``real``).

        ``key`` is the descriptor's key that errors name.
        """
        return self.items([(kind, count)], what, key)[0]

    def items(self, layout: list[tuple[str, int]], what: str, key: str) -> list[np.ndarray]:
        """Read one record that holds several runs of values."""
        dtypes = [value_dtype(self.descriptor, kind) for kind, _ in layout]
        length = sum(
            dtype.itemsize * count for dtype, (_, count) in zip(dtypes, layout, strict=True)
        )
        marker = self.descriptor.marker_bytes
        start = self.offset
        if start + length + 2 * marker > self.size:
            raise InputError(
                f"{self.path}: ends at byte {self.size}, but {what} needs bytes {start} to"
                f" {start + length + 2 * marker}; "
                f"the dump is truncated, or `{key}`, `marker_bytes`, `real_bytes` or `byte_order`"
                f" in {self.descriptor.source} is wrong."
            )
        with open(self.path, "rb") as stream:
            stream.seek(start)
            data = stream.read(length + 2 * marker)
        if len(data) != length + 2 * marker:
            raise InputError(
                f"{self.path}: ended early while {what} was read; it is still being written, "
                "or its file system failed: wait, and run Snakemake again."
            )
        if marker:
            check_markers(
                self.path,
                self.descriptor,
                start,
                (data[:marker], data[-marker:]),
                length,
                what,
                key,
            )
        self.offset += length + 2 * marker
        found, position = [], marker
        for dtype, (_, count) in zip(dtypes, layout, strict=True):
            found.append(
                np.frombuffer(data, dtype, count, position).astype(dtype.newbyteorder("="))
            )
            position += dtype.itemsize * count
        return found

    def header(self, records: tuple[tuple[Item, ...], ...], key: str) -> dict[str, Any]:
        """Read the descriptor's header records; an item of one value comes back as a number."""
        header: dict[str, Any] = {}
        for record in records:
            names = ", ".join(item.name for item in record)
            for item, values in zip(
                record,
                self.items([(i.kind, i.count) for i in record], f"header item {names}", key),
                strict=True,
            ):
                header[item.name] = values[0].item() if item.count == 1 else values
        return header


def value_dtype(descriptor: Descriptor, kind: str) -> np.dtype:
    """Type of a stored ``integer``, ``real`` or record ``marker``."""
    order = "<" if descriptor.byte_order == "little" else ">"
    if kind == "real":
        return np.dtype(f"{order}f{descriptor.real_bytes}")
    return np.dtype(
        f"{order}i{descriptor.integer_bytes if kind == 'integer' else descriptor.marker_bytes}"
    )


def check_markers(
    path: Path,
    descriptor: Descriptor,
    offset: int,
    markers: tuple[bytes, bytes],
    length: int,
    what: str,
    key: str,
) -> None:
    """Refuse a record whose byte counts before and after are not its length."""
    dtype = value_dtype(descriptor, "marker")
    for place, marker in zip(
        (offset, offset + descriptor.marker_bytes + length), markers, strict=True
    ):
        said = int(np.frombuffer(marker, dtype)[0])
        if said != length:
            raise InputError(
                f"{path}: the record marker at byte {place} says {said} bytes where {what} has"
                f" {length}; the file is damaged, "
                f"or `{key}`, `marker_bytes`, `real_bytes`, `integer_bytes` or `byte_order` in"
                f" {descriptor.source} does not fit it."
            )


def record_bytes(descriptor: Descriptor, *arrays: np.ndarray) -> bytes:
    """Arrays as the bytes of one record: floating-point arrays as reals, others as integers."""
    parts = [
        np.asarray(a)
        .astype(value_dtype(descriptor, "real" if np.asarray(a).dtype.kind == "f" else "integer"))
        .tobytes()
        for a in arrays
    ]
    data = b"".join(parts)
    if not descriptor.marker_bytes:
        return data
    marker = np.array(len(data), value_dtype(descriptor, "marker")).tobytes()
    return marker + data + marker
