"""Section ``objects``: observed protostars whose mass is asked for."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from starmass.config.entry import Contradiction, Each, Entry, Name, OneOrMore, Text, Two, key

AboveZero = Annotated[float, Field(gt=0)]
AtLeastZero = Annotated[float, Field(ge=0)]
NEAREST_PC = 10.0
"""Distance below which there is no protostar; those in kpc are."""


class Dust(Entry):
    """How the emission of dust becomes a column density (optically thin)."""

    temperature: float = key(..., "Temperature of the dust [K]", gt=0, le=1e4, example=15)
    opacity: float = key(
        ...,
        "Opacity of the dust at the map's frequency [cm2 per g of gas]",
        gt=0,
        le=1e4,
        example=0.0182,
    )
    frequency: float | None = key(
        None, "Frequency of the map [Hz]; the header's when left out", gt=0, example=3.53e11
    )


class Image(Entry):
    """A FITS file of an object, and what its header lacks or says wrong."""

    file: Text = key(..., "FITS file, may hold {data_root} or {resources}", example="map.fits")
    hdu: Text | int | None = key(
        None, "Name or number of the image in the file; needed where it holds several images"
    )
    beam: (
        Annotated[float, Field(ge=0)]
        | Annotated[tuple[AtLeastZero, AtLeastZero, float], Field(strict=False)]
        | None
    ) = key(
        None,
        "Beam, full width at half maximum [arcsec], or [major, minor, position angle in degrees];"
        " 0 for none; the header's when left out",
        example=18.2,
    )
    blank: OneOrMore[float] | None = key(
        None, "Values that stand for missing pixels, beside NaN", example=0
    )
    equinox: Literal["J2000", "B1950"] | None = key(
        None, "Equinox of the positions, where the header has none or a wrong one"
    )


class MapImage(Image):
    """A map of one quantity."""

    unit: Text | None = key(
        None,
        "Unit of the values, or of 10 to their power where log is true; the header's BUNIT when"
        " left out",
    )
    noise: AboveZero | Text | None = key(
        None,
        "Standard deviation of a pixel, in the unit of the values (dex where log is true): a"
        " number, or a FITS file of the same pixels; the simulated maps get as much",
    )
    noise_hdu: Text | int | None = key(
        None, "Name or number of the image of noise in its file; needed where several would fit"
    )
    noise_width: float | None = key(
        None,
        "Full width at half maximum of the Gaussian that the noise is smooth by [arcsec]: the beam"
        " when left out; 0 where the noise of pixels is independent",
        ge=0,
    )


class ColumnDensity(MapImage):
    """A map of column density, or of what becomes one."""

    counts: Literal["H", "H2"] | None = key(
        None,
        "What the column density counts: hydrogen nuclei or molecules; needed unless the map is a"
        " mass per area or dust emission",
        example="H2",
    )
    mean_mass: float | None = key(
        None,
        "Mean mass of gas for each H2 or H that is counted [hydrogen atoms]; 2.8 or 1.4 when left"
        " out",
        ge=1,
        le=5,
        example=2.8,
    )
    log: bool = key(False, "Whether the values are log10 of the column density in unit")
    scale: float = key(
        1.0,
        "Number that the values are multiplied by, as 1 / abundance of a tracer; an assumption"
        " that the page shows",
        gt=0,
        example=1.0e8,
    )
    dust: Dust | None = key(None, "For a map of dust emission: how it becomes a column density")


class LineVelocity(MapImage):
    """A map of the velocity of a line."""


class LineWidth(MapImage):
    """A map of the width of a line."""

    kind: Literal["sigma", "fwhm", "variance"] | None = key(
        None,
        "What the values are: dispersion, full width at half maximum, or squared dispersion; needed"
        " unless the unit is a squared velocity",
        example="sigma",
    )
    temperature: float | None = key(
        None,
        "Temperature of the gas, whose thermal width is taken off in quadrature [K]; 0 for none,"
        " as of a map that has no thermal part",
        ge=0,
        le=1e5,
        example=15,
    )
    molecule_mass: float | None = key(
        None,
        "Mass of the molecule whose line is observed [hydrogen atoms]: 17 for NH3, 29 for N2H+",
        ge=1,
        le=1000,
        example=17,
    )
    channel: float = key(
        0,
        "Width of a velocity channel [km/s], taken off in quadrature as a full width at half"
        " maximum; 0 where that was done",
        ge=0,
        example=0.07,
    )


class LineCube(Image):
    """A position-position-velocity cube of a line, from which the maps are measured."""

    line: Text = key(..., "Line and transition", example="C18O 2-1")
    rest_frequency: float | None = key(
        None, "Rest frequency of the line [Hz]; the header's when left out", gt=0
    )
    window: Two[float] | None = key(
        None,
        "Velocities between which the line lies [km/s], LSRK; noise is measured outside",
        example=[2, 6],
    )
    isolated: bool = key(
        False,
        "Of a line with hyperfine structure: whether the window holds a single component",
    )
    clip: float = key(
        3,
        "Peak of a spectrum, in standard deviations of the noise, below which a pixel is missing",
        ge=2,
        le=20,
    )
    x_factor: float | None = key(
        None,
        "Column density for each K km/s of the line's integral [cm-2 (K km/s)-1]; an assumption"
        " that the page shows; needed where the object has no column_density",
        gt=0,
        example=2.0e21,
    )
    counts: Literal["H", "H2"] | None = key(
        None, "What x_factor counts: hydrogen nuclei or molecules", example="H2"
    )
    mean_mass: float | None = key(
        None, "For x_factor, as in column_density", ge=1, le=5, example=2.8
    )
    temperature: float | None = key(
        None, "Temperature of the gas, as in sigma_v [K]", ge=0, le=1e5, example=15
    )
    molecule_mass: float | None = key(
        None, "Mass of the molecule, as in sigma_v [hydrogen atoms]", ge=1, le=1000, example=30
    )


class ObservedObject(Entry):
    """A protostar in the sky, its maps, and the simulations that it is compared with."""

    position: Text | Two[float] = key(
        ...,
        'Where the star is (ICRS): "16:26:26.39 -24:24:30.7", "16h26m26.39s -24d24m30.7s" or'
        " [RA, DEC] in degrees",
        example="16:26:26.39 -24:24:30.7",
    )
    distance: Two[float] = key(
        ..., "Distance and its standard error [pc]; an error of 0 is allowed", example=[137, 5]
    )
    velocity: float | None = key(
        None,
        "Systemic velocity of the star [km/s], LSRK; needed unless every method shows v_los as a"
        " gradient",
        ge=-1000,
        le=1000,
        example=3.7,
    )
    column_density: ColumnDensity | None = key(None, "Map of the column density")
    v_los: LineVelocity | None = key(None, "Map of the velocity of a line, LSRK")
    sigma_v: LineWidth | None = key(None, "Map of the width of a line")
    cube: LineCube | None = key(
        None, "Cube of a line, from which the maps that are not given are measured"
    )
    largest_scale: float | None = key(
        None,
        "Of an interferometer without short spacings: largest angular scale that it records"
        " [arcsec]",
        gt=0,
    )
    study: Name = key(
        ...,
        "Entry of studies whose simulations, minimum_mass and axes are taken",
        refers="evaluation.studies",
    )
    methods: Each[Name] = key(
        ...,
        "Entries of methods with a regressor; they are trained on the simulations as this object"
        " was observed",
        refers="evaluation.methods",
    )

    @model_validator(mode="after")
    def _check(self) -> "ObservedObject":
        distance, error = self.distance
        if distance < NEAREST_PC or error < 0:
            raise Contradiction(
                f"[{distance:g}, {error:g}] can't be; give the distance [pc] and its standard"
                " error, as [137, 5]",
                "distance",
            )
        if error > 0.5 * distance:
            raise Contradiction(
                f"an error of {error:g} pc is over half of {distance:g} pc; no field of a fixed"
                " size can be cut out at a distance that is so uncertain",
                "distance",
            )
        if not (self.cube or self.column_density):
            raise Contradiction(
                "it is missing, and there is no cube; give column_density: {file: ..., counts: H2}",
                "column_density",
            )
        return self

    def channels(self) -> tuple[str, ...]:
        """Return the channels that the object has, in the order of a map file."""
        names = ("column_density", "v_los", "sigma_v")
        return tuple(name for name in names if getattr(self, name) or self.cube)

    def images(self) -> dict[str, Any]:
        """Return the entries that name files, by the config's key."""
        names = ("column_density", "v_los", "sigma_v", "cube")
        return {name: getattr(self, name) for name in names if getattr(self, name)}
