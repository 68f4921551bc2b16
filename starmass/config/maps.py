"""Section ``maps``: dumps of simulations to maps about each sink."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

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
)
from starmass.config.sentences import validated

KIND = (
    "mean of a field by density; part of the mean of a vector field; spectrum:"
    " position-position-velocity cube; components: number of peaks of the line profile"
)
FORMAT = (
    "Where dumps come from: toycloud is computed here, sfumato is read by its run.yaml, yt is"
    " whatever yt.load reads"
)
FOLDER = "Folder of the dumps; {data_root} stands for --config data_root=DIR"
Bounds = Two[float | None]
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
Channels = Annotated[tuple[Text, ...], Field(strict=False)]
Snapshot = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")]
Field_ = Text
AtLeastZero = Annotated[float, Field(ge=0)]


class Projection(Entry):
    """How a map is made, for all simulations alike."""

    side: float = key(0.5, "Side of the cube about each sink [pc]", gt=0, le=1000)
    pixels: int = key(64, "Pixels along each side of a map", ge=4, le=1024)
    velocity_frame: Literal["box", "sink"] = key(
        "box", "What v_los is relative to: the simulation's box, or the sink at the centre"
    )
    channels: Channels = key(
        (),
        "Extra channels beside the three, entries of maps.channels (for a simulation: in place of"
        " maps.projection.channels)",
        refers="maps.channels",
    )
    hydrogen_mass: float = key(
        1.4,
        "Mean mass of gas for each hydrogen nucleus [hydrogen atoms], 1.4 for solar helium; never"
        " for each H2 (2.8) or each free particle (2.33), as maps count nuclei, and N(H2) is"
        " maps.fits.counts: H2",
        ge=1,
        lt=2,
    )


class Channel(Entry):
    """What channels of all kinds share."""

    kind: str = key(..., KIND)
    transform: Literal["none", "log10"] = key(
        "none",
        "How the channel is shown: as it is, or its log10; a way of preprocessing may say otherwise"
        " under transforms",
    )


class MeanChannel(Channel):
    """Mean of a field, weighted by density."""

    kind: Literal["mean"] = key(..., KIND)
    field: Text = key(
        ...,
        'For mean: field of the gas, as "gas temperature"; for vector: what its three components\''
        ' names begin with, as "gas magnetic_field"',
        example="gas temperature",
    )
    unit: str = key(..., "For mean and vector: unit of the map", example="K")


class VectorChannel(Channel):
    """A part of the mean of a vector field, weighted by density."""

    kind: Literal["vector"] = key(..., KIND)
    field: Text = key(
        ...,
        "For vector: what the names of its three components begin with",
        example="gas magnetic_field",
    )
    unit: str = key(..., "Unit of the map", example="uG")
    part: Literal["along", "columns", "rows", "sky"] = key(
        "along",
        "For vector: component along the line of sight (+axis), along the map's columns or rows,"
        " or length of the part in the plane of the sky",
    )


class SpectrumChannel(Channel):
    """A position-position-velocity cube."""

    kind: Literal["spectrum"] = key(..., KIND)
    lowest: float = key(
        ...,
        "For spectrum: lower end of the first velocity channel [km/s], in the velocity_frame",
        example=-4,
    )
    highest: float = key(
        ..., "For spectrum: upper end of the last velocity channel [km/s]", example=4
    )
    count: int = key(
        ...,
        "For spectrum: number of velocity channels; the maps are called NAME_000, NAME_001, ...",
        ge=1,
        le=1000,
        example=16,
    )
    line_width: float = key(
        0, "Dispersion of each cell's own line [km/s]: 0.19 is gas at 10 K", ge=0
    )

    @model_validator(mode="after")
    def _check_order(self) -> "SpectrumChannel":
        if self.lowest >= self.highest:
            raise Contradiction(
                f"{self.lowest:g} has to be below highest ({self.highest:g})", "lowest"
            )
        return self


class ComponentsChannel(Channel):
    """Number of peaks of the line profile."""

    kind: Literal["components"] = key(..., KIND)
    line_width: float = key(
        0.2,
        "Dispersion of each cell's own line [km/s]; what is closer than about two of these is one"
        " peak",
        gt=0,
    )
    prominence: float = key(
        0.1,
        "For components: how far a peak has to stand out to count, in heights of the highest",
        gt=0,
        le=1,
    )


CHANNELS = (MeanChannel, VectorChannel, SpectrumChannel, ComponentsChannel)
if TYPE_CHECKING:
    AnyChannel = MeanChannel | VectorChannel | SpectrumChannel | ComponentsChannel
else:
    AnyChannel = by_key("kind", CHANNELS)


def channel_entry(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of ``maps.channels`` with its defaults; raise InputError where it is wrong."""
    kinds = {model.choice: model for model in CHANNELS}
    model = kinds.get(f"kind: {values.get('kind')}")
    if model is None:
        return dict(values)  # the registry of kinds says what is wrong
    return validated(model, values, f"maps.channels.{name}").plain()


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


class Observation(Entry):
    """A way of observing the maps."""

    distance: float = key(..., "Distance of the cloud [pc]", gt=0, example=140)
    beam: float = key(
        ...,
        "Full width at half maximum of the Gaussian beam [arcsec]; 0 for none",
        ge=0,
        example=18,
    )
    seed: int = key(0, "Seed of noise and missing pixels", ge=0)
    noise: Named[AtLeastZero] = key(
        {},
        "By channel, standard deviation of the noise of a pixel, in the channel's unit, as"
        " {column_density: 5.0e+20, v_los: 0.05}",
    )
    relative_noise: Named[AtLeastZero] = key(
        {},
        "By channel, standard deviation as a share of the pixel's value; added in quadrature",
    )
    missing_fraction: float = key(
        0,
        "Share of the pixels of each map that are missing, the same in all channels",
        ge=0,
        le=0.9,
    )
    missing_patch: float = key(
        0, "Size of the patches that miss together [pixels]; 0 for single pixels", ge=0, le=100
    )
    missing_fill: Literal["nearest", "nan"] = key(
        "nearest",
        "What stands in place of missing pixels: the nearest one that is there, or NaN (which"
        " encoders can't read)",
    )


class Thermal(Entry):
    """A thermal part of the velocity dispersion."""

    temperature: float = key(..., "Temperature of the gas [K]", gt=0, le=1e5, example=10)
    molecule_mass: float = key(
        ...,
        "Mass of the molecule whose line is observed [hydrogen atoms], 28 for CO",
        ge=1,
        le=1000,
        example=28,
    )


class Fits(Entry):
    """How maps are written as FITS files."""

    distance: float | None = key(
        None,
        "Distance at which maps are put into the sky, with a position [pc]; observed maps have"
        " their observation's, and pixels are offsets in pc without a position",
        gt=0,
        example=140,
    )
    position: Text | Two[float] | None = key(
        None,
        "Where in the sky every star is put: [RA, DEC] in degrees (ICRS), or text as"
        ' "04h31m34s +18d08m05s"',
        example="04h31m34s +18d08m05s",
    )
    counts: Literal["H", "H2"] = key(
        "H", "What column densities count: hydrogen nuclei, or molecules (half of that)"
    )
    thermal: Thermal | None = key(
        None, "A thermal part that is added to sigma_v in quadrature; none when left out"
    )

    @model_validator(mode="after")
    def _check_position(self) -> "Fits":
        if self.distance is not None and self.position is None:
            raise Contradiction(
                "it is missing, and a distance needs one; add it, as 04h31m34s +18d08m05s",
                "position",
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
    density: Field_ = key("gas density", "For yt: field of the gas density, type and name")
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
    smoothing_length: Field_ | None = key(
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


class Maps(Entry):
    """Dumps of simulations to maps about each sink."""

    projection: Projection = key(Projection(), "How a map is made, for all simulations alike")
    channels: Named[AnyChannel] = key(
        {},
        "Channels beyond column_density, v_los and sigma_v, by name; made where projection.channels"
        " or a simulation's channels name them",
    )
    cuts: Cuts = key(
        Cuts(),
        "Which samples catalogue.csv keeps, applied in this order (for a simulation: in place of"
        " maps.cuts)",
    )
    observations: Named[Observation] = key(
        {},
        "Ways of observing the maps, by name; observed maps are"
        " results/observed/NAME/SIMULATION/SNAPSHOT.h5",
    )
    fits: Fits = key(Fits(), "How maps are written as FITS files; a distance needs a position")
    simulations: Named[AnySimulation] = key(
        ...,
        "Simulations by name; the maps are results/maps/NAME/SNAPSHOT.h5",
        min_length=1,
    )

    def channel(self, name: str) -> Channel | None:
        """Return the entry that a map beyond the three is of, as ``ppv`` of ``ppv_003``."""
        return self.channels.get(name) or self.channels.get(name.rpartition("_")[0])

    def channels_of(self, simulation: str) -> tuple[str, ...]:
        """Return the names of the extra channels that a simulation's maps have."""
        own = self.simulations[simulation].channels
        return self.projection.channels if own is None else own
