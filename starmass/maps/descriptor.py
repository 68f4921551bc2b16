"""The descriptor of a SFUMATO run, as YAML: the layout of its binary files.

SFUMATO's dump format is not public. What follows its papers (equal blocks in an oct-tree, variables
in a fixed order, sinks kept apart from the cells, code units) is a default here; what differs from
run to run is read from the run's ``run.yaml``, so that a user adapts the reader to a binary by
editing YAML. The same descriptor drives the writer.

Reads YAML and nothing else, because the Snakefile looks for dumps at every parse.
"""

import glob
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from starmass.errors import InputError, closest

DESCRIPTOR_NAME = "run.yaml"

# SFUMATO's labels: name in starmass and yt, exponents of (mass, length, time) of one code unit, and
# the cgs unit.
KNOWN_VARIABLES: dict[str, tuple[str, tuple[float, float, float], str]] = {
    "MRHO": ("density", (1, -3, 0), "g/cm**3"),
    "MVX": ("velocity_x", (0, 1, -1), "cm/s"),
    "MVY": ("velocity_y", (0, 1, -1), "cm/s"),
    "MVZ": ("velocity_z", (0, 1, -1), "cm/s"),
    "MBX": ("magnetic_field_x", (0.5, -0.5, -1), "gauss"),
    "MBY": ("magnetic_field_y", (0.5, -0.5, -1), "gauss"),
    "MBZ": ("magnetic_field_z", (0.5, -0.5, -1), "gauss"),
    "MP": ("pressure", (1, -1, -2), "dyne/cm**2"),
    "MPSI": ("gravitational_potential", (0, 2, -2), "cm**2/s**2"),
    "MGX": ("acceleration_x", (0, 1, -2), "cm/s**2"),
    "MGY": ("acceleration_y", (0, 1, -2), "cm/s**2"),
    "MGZ": ("acceleration_z", (0, 1, -2), "cm/s**2"),
}
KNOWN_ITEMS = {
    "time": "real", "step": "integer", "rank": "integer", "rank_count": "integer",
    "block_count": "integer", "sink_count": "integer",
    "id": "integer", "mass": "real", "x": "real", "y": "real", "z": "real",
    "vx": "real", "vy": "real", "vz": "real", "creation_time": "real",
}  # fmt: skip
SINK_ITEMS = ("id", "mass", "x", "y", "z", "vx", "vy", "vz", "creation_time")


@dataclass(frozen=True)
class Variable:
    """One cell variable: SFUMATO's label, its name here and in yt, and one code unit in cgs."""

    label: str
    name: str
    cgs: float
    unit: str


@dataclass(frozen=True)
class Item:
    """One entry of a header or of the sink table.

    It has a name, a kind (``integer`` or ``real``) and the number of values that it holds.
    """

    name: str
    kind: str
    count: int = 1


@dataclass(frozen=True)
class Descriptor:
    """Everything needed to read, or to write, the dumps of one run.

    The docs of the maps wing explain each key by example.
    """

    length_cm: float
    mass_g: float
    time_s: float
    box_width: tuple[float, float, float]
    periodic: tuple[bool, bool, bool]
    box_left: tuple[float, float, float] = (0.0, 0.0, 0.0)
    byte_order: str = "little"
    real_bytes: int = 8
    integer_bytes: int = 4
    marker_bytes: int = 4
    block_cells: tuple[int, int, int] = (8, 8, 8)
    base_blocks: tuple[int, int, int] = (8, 8, 8)
    ghost_layers: int = 0
    first_index_fastest: bool = True
    record: str = "block"
    variables: tuple[Variable, ...] = ()
    header: tuple[tuple[Item, ...], ...] = ()
    sink_header: tuple[tuple[Item, ...], ...] = ()
    sink_items: tuple[Item, ...] = ()
    cells: str = "{snapshot}/cells.{rank:05d}.bin"
    sinks: str = "{snapshot}/sinks.bin"
    ranks: int | None = None
    first_rank: int = 0
    description: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    source: str = DESCRIPTOR_NAME

    def variable(self, name: str) -> Variable:
        """Return the variable of this label or name; an unknown one is an :class:`InputError`."""
        for variable in self.variables:
            if name in (variable.label, variable.name):
                return variable
        known = [v.label for v in self.variables] + [v.name for v in self.variables]
        raise InputError(
            f"{self.source}: variable {name!r} is not among `variables`"
            f" ({', '.join(v.label for v in self.variables)})"
            f"{closest(name, known)}; add it there in the order of the file, or ask for another."
        )

    def cells_path(self, snapshot: str, rank: int) -> str:
        """Path of a rank's cell file, relative to the run's folder."""
        return self.cells.format(snapshot=snapshot, rank=rank)

    def sinks_path(self, snapshot: str) -> str:
        """Path of a snapshot's sink file, relative to the run's folder."""
        return self.sinks.format(snapshot=snapshot)

    def match_cells(self, path: str) -> tuple[str, int] | None:
        """Return (snapshot, rank) of a cell file's path relative to the run's folder.

        None is returned for any other file.
        """
        found = _pattern_regex(self.cells).fullmatch(path)
        return (found["snapshot"], int(found["rank"])) if found else None

    def find(self, run: Path, snapshot: str | None = None) -> dict[str, list[Path]]:
        """Return the cell files of every snapshot in the run's folder, by rank; nothing is checked.

        Parameters
        ----------
        snapshot : look for this one alone, which is faster where there are thousands
        """
        found: dict[str, list[tuple[int, str, Path]]] = {}
        for path in run.glob(_pattern_glob(self.cells, snapshot)):
            matched = self.match_cells(path.relative_to(run).as_posix())
            if matched and snapshot in (None, matched[0]):
                found.setdefault(matched[0], []).append((matched[1], path.name, path))
        return {name: [path for *_, path in sorted(ranks)] for name, ranks in found.items()}

    def check_ranks(self, run: Path, files: Sequence[Path]) -> None:
        """Refuse cell files of a snapshot of which one is missing or there twice.

        Coarse blocks would silently take the place of those that a lost file held.
        """
        held: dict[int, Path] = {}
        for path in files:
            matched = self.match_cells(path.relative_to(run).as_posix())
            rank = matched[1] if matched else self.first_rank
            if rank in held:
                raise InputError(
                    f"{held[rank]} and {path}: both are rank {rank}'s cells; remove the stale one, "
                    f"or mend `cells` in {self.source}."
                )
            held[rank] = path
        count = self.ranks or len(held)
        wanted = range(self.first_rank, self.first_rank + count)
        lost = [rank for rank in wanted if rank not in held]
        if lost:
            name = f"{files[0].parent}: the cell file of rank {lost[0]} is missing"
            raise InputError(
                f"{name} ({len(held)} of {max(count, max(held) + 1)} are there); bring it, "
                f"or mend `cells`, `ranks` or `first_rank` in {self.source}."
            )
        strange = sorted(set(held) - set(wanted))
        if strange:
            raise InputError(
                f"{held[strange[0]]}: is of rank {strange[0]}, but the ranks run from {wanted[0]}"
                " to "
                f"{wanted[-1]}; remove the file, or mend `ranks` or `first_rank` in {self.source}."
            )


def load_descriptor(path: str | Path) -> Descriptor:
    """Read and check a descriptor.

    Any fault in it is an :class:`InputError` that names file and key.
    """
    path = Path(path)
    try:
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: no readable descriptor ({error.strerror}); a SFUMATO run needs a"
            f" {DESCRIPTOR_NAME} beside its dumps."
        ) from error
    except yaml.YAMLError as error:
        raise InputError(
            f"{path}: not valid YAML ({' '.join(str(error).split())}); mend it."
        ) from error
    return parse_descriptor(mapping, str(path))


def parse_descriptor(mapping: Any, source: str = DESCRIPTOR_NAME) -> Descriptor:
    """Build a :class:`Descriptor` from the mapping in its YAML.

    It raises the same errors as :func:`load_descriptor`.
    """
    if not isinstance(mapping, dict) or mapping.get("format") != "sfumato":
        raise InputError(
            f"{source}: not a SFUMATO descriptor, whose first key is `format: sfumato`."
        )
    given = {key: value for key, value in mapping.items() if key != "format"}
    known = [f.name for f in fields(Descriptor) if f.name != "source"]
    for key in given:
        if key not in known:
            raise InputError(
                f"{source}: unknown key {key!r}{closest(key, known)}; known are {', '.join(known)}."
            )
    if "periodic" not in given:
        raise InputError(
            f"{source}: `periodic` is missing; say whether the box repeats along x, y and z, as "
            "`periodic: [false, false, false]` for open boundaries."
        )
    for key in ("length_cm", "mass_g", "time_s", "box_width"):
        if key not in given:
            raise InputError(
                f"{source}: `{key}` is missing; give it (code units in cgs and the box in code"
                " units have no default)."
            )
    check = _Checker(source, given)
    values: dict[str, Any] = {key: check.positive(key) for key in ("length_cm", "mass_g", "time_s")}
    values["box_width"] = check.triple("box_width", float, smallest=0.0)
    values["box_left"] = check.triple("box_left", float, default=(0.0, 0.0, 0.0))
    values["periodic"] = check.switches("periodic")
    values["byte_order"] = check.choice("byte_order", ("little", "big"), "little")
    values["real_bytes"] = check.choice("real_bytes", (4, 8), 8)
    values["integer_bytes"] = check.choice("integer_bytes", (4, 8), 4)
    values["marker_bytes"] = check.choice("marker_bytes", (0, 4, 8), 4)
    values["record"] = check.choice("record", ("block", "variable"), "block")
    values["first_index_fastest"] = check.choice("first_index_fastest", (True, False), True)
    values["block_cells"] = check.triple("block_cells", int, default=(8, 8, 8), smallest=0)
    values["base_blocks"] = check.triple("base_blocks", int, default=(8, 8, 8), smallest=0)
    values["ghost_layers"] = check.choice("ghost_layers", tuple(range(9)), 0)
    values["ranks"] = check.count("ranks", None, smallest=1)
    values["first_rank"] = check.count("first_rank", 0, smallest=0)
    values["cells"] = check.pattern("cells", Descriptor.cells, ("snapshot", "rank"))
    values["sinks"] = check.pattern("sinks", Descriptor.sinks, ("snapshot",))
    values["description"] = str(given.get("description", ""))
    if not isinstance(given.get("facts") or {}, dict):
        raise check.refuse("facts", "a mapping of names and values")
    values["facts"] = dict(given.get("facts") or {})
    units = (values["mass_g"], values["length_cm"], values["time_s"])
    values["variables"] = check.variables(units)
    values["header"] = check.records(
        "header", ["time", "step", "rank_count", "block_count"], ("time", "block_count")
    )
    values["sink_header"] = check.records("sink_header", ["sink_count"], ("sink_count",))
    values["sink_items"] = tuple(
        item
        for record in check.records("sink_items", list(SINK_ITEMS), SINK_ITEMS)
        for item in record
    )
    return Descriptor(**values, source=source)


def descriptor_yaml(descriptor: Descriptor) -> str:
    """The descriptor as YAML that :func:`load_descriptor` reads back to the same."""
    mapping: dict[str, Any] = {"format": "sfumato"}
    for key, value in asdict(descriptor).items():
        if key in ("header", "sink_header"):
            value = [record[0] if len(record) == 1 else list(record) for record in value]
        if key != "source":
            mapping[key] = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None, width=120)


class _Checker:
    """Takes values out of the YAML one key at a time.

    Every error names the file, the key and what is allowed.
    """

    def __init__(self, source: str, given: Mapping[str, Any]):
        self.source = source
        self.given = given

    def refuse(self, key: str, expected: str) -> InputError:
        return InputError(
            f"{self.source}: `{key}: {self.given[key]}` should be {expected}; mend the descriptor."
        )

    def positive(self, key: str) -> float:
        try:
            value = float(self.given[key])  # YAML reads 1e33 as text
        except (TypeError, ValueError):
            value = 0.0
        if not 0 < value < math.inf:
            raise self.refuse(key, "a number above zero")
        return value

    def choice(self, key: str, allowed: tuple[Any, ...], default: Any) -> Any:
        value = self.given.get(key, default)
        if not any(value == a and type(value) is type(a) for a in allowed):
            raise self.refuse(key, f"one of {', '.join(str(a).lower() for a in allowed)}")
        return value

    def triple(
        self,
        key: str,
        kind: type,
        default: tuple[Any, Any, Any] | None = None,
        smallest: float | None = None,
    ) -> tuple[Any, Any, Any]:
        value = self.given.get(key, default)
        if isinstance(value, bool | int | float | str):
            value = [value] * 3
        try:
            first, second, third = value  # type: ignore[misc]
            triple = (kind(first), kind(second), kind(third))
            if kind is int and triple != (first, second, third):
                raise ValueError("not whole")
        except (TypeError, ValueError):
            raise self.refuse(key, f"one or three values ({kind.__name__})") from None
        if not all(math.isfinite(v) for v in triple):
            raise self.refuse(key, "finite numbers")
        if smallest is not None and any(v <= smallest for v in triple):
            raise self.refuse(key, f"above {smallest}")
        return triple

    def switches(self, key: str) -> tuple[bool, bool, bool]:
        """One or three of true and false; a text such as 'false' would be true."""
        value = self.given[key]
        found = [value] * 3 if isinstance(value, bool) else value
        if not isinstance(found, list | tuple) or [type(one) for one in found] != [bool] * 3:
            raise self.refuse(key, "true or false for each of x, y and z")
        return (found[0], found[1], found[2])

    def count(self, key: str, default: int | None, smallest: int) -> int | None:
        value = self.given.get(key, default)
        if value is not None and (type(value) is not int or value < smallest):
            raise self.refuse(key, f"a whole number, {smallest} or more")
        return value

    def pattern(self, key: str, default: str, names: tuple[str, ...]) -> str:
        value = self.given.get(key, default)
        used = set(re.findall(r"{(\w+)[^}]*}", value)) if isinstance(value, str) else set()
        if used != set(names):
            raise self.refuse(
                key,
                "a path relative to the run's folder with"
                f" {' and '.join('{' + n + '}' for n in names)}, like {default!r}",
            )
        return str(value)

    def variables(self, units: tuple[float, float, float]) -> tuple[Variable, ...]:
        entries = self.given.get("variables", ["MRHO", "MVX", "MVY", "MVZ"])
        if not isinstance(entries, list) or not entries:
            raise self.refuse("variables", "a list of labels in the order of the file")
        variables = tuple(self._variable(entry, units) for entry in entries)
        labels = [v.label for v in variables]
        names = [v.name for v in variables]
        if len(set(labels)) != len(labels) or len(set(names)) != len(names):
            raise self.refuse("variables", "a list without repeated labels or names")
        for variable in variables:
            if not 0 < variable.cgs < math.inf:
                raise InputError(
                    f"{self.source}: `cgs` of the variable {variable.label} is {variable.cgs}; "
                    "give one code unit of it in cgs, above zero."
                )
        return variables

    def _variable(self, entry: Any, units: tuple[float, float, float]) -> Variable:
        given = {"label": entry} if isinstance(entry, str) else entry
        if (
            not isinstance(given, dict)
            or "label" not in given
            or not set(given) <= {"label", "name", "cgs", "unit"}
        ):
            raise InputError(
                f"{self.source}: `variables` holds {entry!r}, which should be a label or a mapping"
                " of label, name, cgs and unit."
            )
        label = str(given["label"])
        if label in KNOWN_VARIABLES:
            name, exponents, unit = KNOWN_VARIABLES[label]
            cgs = units[0] ** exponents[0] * units[1] ** exponents[1] * units[2] ** exponents[2]
        elif {"name", "cgs", "unit"} <= set(given):
            name, cgs, unit = "", 1.0, ""
        else:
            raise InputError(
                f"{self.source}: `variables` holds the unknown label"
                f" {label!r}{closest(label, KNOWN_VARIABLES)}; "
                "give it as a mapping of label, name, cgs (one code unit in cgs) and unit (its cgs"
                " unit, '' for none)."
            )
        return Variable(
            label,
            str(given.get("name", name)),
            float(given.get("cgs", cgs)),
            str(given.get("unit", unit)),
        )

    def records(
        self, key: str, default: list[Any], required: tuple[str, ...]
    ) -> tuple[tuple[Item, ...], ...]:
        """A list of records; an entry that is a list holds the items that share one record."""
        entries = self.given.get(key, default)
        if not isinstance(entries, list):
            raise self.refuse(key, "a list of items in the order of the file")
        records = tuple(
            tuple(self._item(key, e) for e in (entry if isinstance(entry, list) else [entry]))
            for entry in entries
        )
        names = [item.name for record in records for item in record]
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"{self.source}: `{key}` holds {name!r} twice; give each item a name of its"
                    " own."
                )
        for name in required:
            if name not in names:
                raise InputError(
                    f"{self.source}: `{key}` holds no {name!r}, which is needed; name the item of"
                    " the file that has it."
                )
        return records

    def _item(self, key: str, entry: Any) -> Item:
        given = {"name": entry} if isinstance(entry, str) else entry
        if (
            not isinstance(given, dict)
            or "name" not in given
            or not set(given) <= {"name", "kind", "count"}
        ):
            raise InputError(
                f"{self.source}: `{key}` holds {entry!r}, which should be a name or a mapping of"
                " name, kind and count."
            )
        name = str(given["name"])
        kind = given.get("kind", KNOWN_ITEMS.get(name))
        if kind not in ("integer", "real"):
            raise InputError(
                f"{self.source}: `{key}` holds the unknown item"
                f" {name!r}{closest(name, KNOWN_ITEMS)}; "
                "give it as a mapping with kind: integer or real."
            )
        return Item(name, kind, int(given.get("count", 1)))


def _pattern_regex(pattern: str) -> re.Pattern[str]:
    """Return a file pattern as a regular expression.

    A name that occurs twice has to match the same text twice.
    """
    parts, seen = [], set()
    for text, name in re.findall(r"([^{]*)(?:{(\w+)[^}]*})?", pattern):
        parts.append(re.escape(text))
        if name:
            parts.append(
                f"(?P={name})"
                if name in seen
                else rf"(?P<{name}>\d+)"
                if name == "rank"
                else rf"(?P<{name}>[^/]+)"
            )
            seen.add(name)
    return re.compile("".join(parts))


def _pattern_glob(pattern: str, snapshot: str | None) -> str:
    if snapshot is not None:
        pattern = re.sub(r"{snapshot[^}]*}", lambda _: glob.escape(snapshot), pattern)
    return re.sub(r"{\w+[^}]*}", "*", pattern)
