"""Section ``maps``: dumps of simulations to maps about each sink."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from starmass.channels import BASE
from starmass.config.entry import (
    Contradiction,
    Entry,
    Named,
    Text,
    Two,
    by_key,
    key,
)
from starmass.config.sentences import validated
from starmass.config.simulations import AnySimulation, Channels, Cuts

KIND = (
    "mean of a field by density; part of the mean of a vector field; spectrum:"
    " position-position-velocity cube; components: number of peaks of the line profile"
)
Depth = Annotated[float, Field(gt=0)]
AtLeastZero = Annotated[float, Field(ge=0)]


class Projection(Entry):
    """How a map is made, for all simulations alike."""

    side: float = key(0.5, "Side of the cube about each sink [pc]", gt=0, le=1000)
    depth: Depth | Literal["box"] | None = key(
        None,
        "Length of the lines of sight, centred on the sink [pc], or box for the whole box of the"
        " simulation; null is the side of the cube; field and pixels stay, and a depth beyond the"
        " box is the box's",
        example="box",
    )
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

    def options(self) -> dict[str, Any]:
        """Return what shapes the maps of all simulations; no depth where it is the cube's."""
        return self.plain("channels", *(["depth"] if self.depth is None else []))


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
    """Return an entry of ``maps.channels`` with its defaults, or raise InputError."""
    kinds = {model.choice: model for model in CHANNELS}
    model = kinds.get(f"kind: {values.get('kind')}")
    if model is None:
        return dict(values)  # the registry of kinds says what is wrong
    return validated(model, values, f"maps.channels.{name}").plain()


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


class Maps(Entry):
    """Dumps of simulations to maps about each sink."""

    @model_validator(mode="after")
    def _check_names(self) -> "Maps":
        for name in self.channels:
            if name in BASE:
                raise Contradiction(
                    "this is the name of a channel that every map has; choose another",
                    "channels",
                    name,
                )
        return self

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
