"""Simulations of the section ``maps``: where dumps come from, and where their sinks are."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from starmass.config.entry import (
    Contradiction,
    Each,
    Entry,
    Many,
    Named,
    Text,
    Two,
    by_key,
    chosen_by,
    key,
    unique,
)

FORMAT = (
    "Where dumps come from: toycloud is computed here, sfumato is read by its run.yaml, yt is"
    " whatever yt.load reads"
)
FOLDER = "Folder of the dumps; {data_root} stands for --config data_root=DIR"
Bounds = Two[float | None]
Channels = Annotated[tuple[Text, ...], Field(strict=False), AfterValidator(unique)]
Snapshot = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")]
LayoutKey = Literal[
    "byte_order",
    "real_bytes",
    "integer_bytes",
    "marker_bytes",
    "ghost_layers",
    "first_index_fastest",
    "record",
    "cells",
    "sinks",
]


class Cuts(Entry):
    """Which samples a catalogue keeps."""

    mass: Bounds = key((None, None), "Least and most mass of the sink [Msun]; null for no bound")
    age: Bounds = key(
        (None, None), "Least and most age, counted from the sink's time of creation [yr]"
    )
    time_since_birth: Bounds = key(
        (None, None),
        "Least and most time since the first snapshot that has the sink [yr]; for codes whose"
        " times of creation can't be trusted",
    )
    refined: Bounds = key(
        (None, None),
        "Least and most share of the cube's volume in cells finer than the base grid's",
    )
    minimum_snapshots: int = key(
        1,
        "Snapshots that a protostar is in, at least, counted after the other cuts",
        ge=1,
    )

    @model_validator(mode="after")
    def _check_order(self) -> "Cuts":
        for name in ("mass", "age", "time_since_birth", "refined"):
            least, most = getattr(self, name)
            if least is not None and most is not None and least > most:
                raise Contradiction(
                    f"[{least:g}, {most:g}] runs backwards; give the least first", name
                )
        return self


class Simulation(Entry):
    """What simulations of all formats share."""

    format: str = key(..., FORMAT)
    channels: Channels | None = key(
        None,
        "Extra channels beside the three, entries of maps.channels (for a simulation: in place of"
        " maps.projection.channels)",
        refers="maps.channels",
    )
    cuts: Cuts | None = key(
        None,
        "Which samples catalogue.csv keeps, applied in this order (for a simulation: in place of"
        " maps.cuts)",
    )


class Toycloud(Simulation):
    """An analytic cloud (formulas, not a solver), written in SFUMATO's format."""

    format: Literal["toycloud"] = key(..., FORMAT)
    seed: int = key(
        ...,
        "For toycloud: seed of the cloud and its stars; another seed is another simulation",
        ge=0,
    )
    snapshots: int = key(
        ...,
        "For toycloud: number of snapshots, 80,000 yr apart; otherwise a list of names to use",
        ge=1,
        le=1000,
    )
    magnetic_field: float = key(
        0,
        "For toycloud: field of gas of mean density at rest, along z [microgauss], written to the"
        " dumps; 0 for none",
        ge=0,
        le=1000,
    )
    layout: dict[LayoutKey, Any] = key(
        {},
        "For toycloud: keys of the SFUMATO descriptor to write another layout, as {byte_order:"
        " big, ghost_layers: 2}; docs/maps.md lists them",
    )


class Sfumato(Simulation):
    """A SFUMATO run."""

    format: Literal["sfumato"] = key(..., FORMAT)
    folder: Text = key(
        ...,
        "Folder of the dumps (for sfumato with a run.yaml in it); {data_root} stands for --config"
        " data_root=DIR",
    )
    snapshots: Each[Snapshot] | None = key(
        None, "Names of the snapshots to use; all that are found when left out"
    )


class SinkColumns(Entry):
    """Names of the sinks' quantities in a code's files, where they differ from ours."""

    id: str | None = key(None, "Identity, the same in all snapshots")
    mass: str | None = key(None, "Mass")
    x: str | None = key(None, "Position")
    y: str | None = key(None, "Position")
    z: str | None = key(None, "Position")
    vx: str | None = key(None, "Velocity")
    vy: str | None = key(None, "Velocity")
    vz: str | None = key(None, "Velocity")
    creation_time: str | None = key(None, "Time of creation; or name age")
    age: str | None = key(None, "Age, where the code writes that instead of the time of creation")


class SinkUnits(Entry):
    """Units of a table of sinks."""

    mass: str = key("Msun", "Unit of mass")
    length: str = key("pc", "Unit of positions")
    velocity: str = key("km/s", "Unit of velocities")
    time: str = key("yr", "Unit of creation_time or age")


class Sinks(Entry):
    """What tables and particles share."""

    columns: SinkColumns = key(
        SinkColumns(),
        "Names of the table's columns, or of the particle fields, where they differ from id, mass,"
        " x, y, z, vx, vy, vz, creation_time (or age)",
    )
    units: SinkUnits = key(
        SinkUnits(),
        "Units that a table (or particle fields without any) are in: a yt unit such as Msun or"
        " code_mass, or a number with one such as 3.0857e18 cm",
    )


class SinkTable(Sinks):
    """Sinks in a table beside the dump."""

    choice = "an entry with table"
    table: Text = key(
        ...,
        "Table beside the dump, {snapshot} in place of the name, * for anything; its first line"
        " names the columns, which commas, semicolons, tabs or blanks separate",
        example="sinks.{snapshot}.csv",
    )
    names: Many[Text] | None = key(
        None, "Names of all columns in order, for a table that does not name them"
    )


class SinkParticles(Sinks):
    """Sinks that are particles of the dump."""

    choice = "an entry with particles"
    particles: Text = key(..., "Or the yt particle type that the sinks are", example="sink")
    filter: Named[float | str | list[Any]] = key(
        {}, "For particles: field and the value, or list of values, that it must have"
    )


def _table_or_particles(entry: Any) -> str:
    given = [choice for choice in ("table", "particles") if choice in entry]
    if len(given) != 1:
        raise Contradiction(f"give table or particles{', not both' if given else ''}")
    return f"an entry with {given[0]}"


if TYPE_CHECKING:
    AnySinks = SinkTable | SinkParticles
else:
    AnySinks = chosen_by(_table_or_particles, [SinkTable, SinkParticles])


class Yt(Simulation):
    """Any code that yt reads: grid, octree, or particles (SPH and the like, moving mesh)."""

    format: Literal["yt"] = key(..., FORMAT)
    folder: Text = key(..., FOLDER)
    dump: str = key(
        ...,
        "For yt: what yt.load opens, relative to folder, {snapshot} in place of the name, * for"
        " anything",
        pattern="{snapshot}".replace("{", r"\{").replace("}", r"\}"),
        example="{snapshot}/info_*.txt",
    )
    snapshots: Each[Snapshot] | None = key(
        None, "Names of the snapshots to use; all that are found when left out"
    )
    description: str | None = key(None, "For yt: words about the simulation, copied into the files")
    load: dict[str, Any] = key(
        {},
        "For yt: keyword arguments of yt.load, where the code needs any; {snapshot} in a text"
        " becomes the snapshot's name, and a unit is [1.0, pc] or 1.0 pc",
        example={"units_override": {"length_unit": [1.0, "pc"]}},
    )
    periodic: Annotated[tuple[bool, bool, bool], Field(strict=False)] | bool | None = key(
        None,
        "For yt: whether the box repeats along x, y and z, in place of what yt says (yt calls every"
        " box of RAMSES, Athena++, Gadget, GIZMO and AREPO periodic)",
    )
    density: Text = key("gas density", "For yt: field of the gas density, type and name")
    velocity: Annotated[tuple[Text, Text, Text], Field(strict=False)] = key(
        ("gas velocity_x", "gas velocity_y", "gas velocity_z"),
        "For yt: fields of the three velocity components",
    )
    gas: Text | None = key(
        None,
        "For particle codes: yt's particle type of the gas; the frontend's own when left out",
        example="PartType0",
    )
    deposit: Literal["kernel", "mesh"] | None = key(
        None,
        "For particle codes: how gas is spread; kernel: each particle by its SPH kernel; mesh:"
        " Voronoi cells of the particles. mesh for AREPO, kernel for all others when left out",
    )
    smoothing_length: Text | None = key(
        None,
        "For particle codes: field of the smoothing lengths, type and name; the gas's own"
        " smoothing_length when left out",
    )
    kernel_radius: float | None = key(
        None,
        "For particle codes: radius at which the kernel ends, in smoothing lengths; 1 when left out"
        " (1.825742 for SWIFT)",
        gt=0,
        le=10,
        example=2,
    )
    accretion_radius: float | None = key(
        None, "For yt: accretion radius of the sinks [pc], drawn on figures", gt=0
    )
    sinks: AnySinks = key(..., "For yt: where the sinks are, either a table or particles")


if TYPE_CHECKING:
    AnySimulation = Toycloud | Sfumato | Yt
else:
    AnySimulation = by_key("format", [Toycloud, Sfumato, Yt])
