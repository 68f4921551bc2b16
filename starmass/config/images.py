"""Section ``images``: images, or maps, that others made, with a table of labels."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from starmass.config.entry import Contradiction, Entry, Named, Text, key, unique

Labels = Annotated[tuple[Text, ...], Field(strict=False, min_length=1), AfterValidator(unique)]
ARRAYS = (".h5", ".hdf5", ".npy")


class ImageColumns(Entry):
    """Names of the columns of a set's labels, where they differ from ours."""

    file: Text | None = key(
        None, "Column of the file names, seen from folder; file when left out", example="name"
    )
    id: Text | None = key(
        None,
        "Column of what identifies an object (number or text); id when left out and there, else"
        " each line is an object of its own",
        example="object",
    )
    group: Text | None = key(
        None,
        "Column that lines of one object share, which splits by protostar keep together; the id's"
        " when left out",
        example="galaxy",
    )
    simulation: Text | None = key(
        None, "Column of simulations; simulation when left out and there, else the set's name"
    )
    snapshot: Text | None = key(
        None, "Column of snapshots; snapshot when left out and there, else all are of one"
    )
    axis: Text | None = key(
        None, "Column of lines of sight, x, y or z; axis when left out and there"
    )
    mass: Text | None = key(
        None, "Column of the mass [Msun]; mass_msun when left out and there", example="M_star"
    )
    age: Text | None = key(None, "Column of the age [yr]; age_yr when left out and there")
    time: Text | None = key(
        None, "Column of the time of the snapshot [yr]; time_yr when left out and there"
    )
    star_velocity: Text | None = key(
        None,
        "Column of the star's velocity along the line of sight, in the frame of the channel v_los"
        " [km/s]; star_velocity when left out and there, else v_los is relative to the star",
    )


class ImageSet(Entry):
    """Images that others made, and a line of labels for each."""

    folder: Text | None = key(
        None,
        "Folder of PNG, JPEG or FITS files, which the labels name; may hold {data_root}; or give"
        " file",
        example="{data_root}/cutouts",
    )
    file: Text | None = key(
        None,
        "One HDF5 or .npy file of all images, [row, channel, y, x] or [row, y, x], in the order of"
        " the labels; may hold {data_root}, or {resources} for that folder of the checkout; or"
        " give folder",
        example="{data_root}/maps.h5",
    )
    dataset: Text | None = key(
        None, "For an HDF5 file: name of the array; needed where it holds several", example="maps"
    )
    labels: Text = key(
        ...,
        "CSV file with a line for each image; its first line names the columns; may hold"
        " {data_root} or {resources}",
        example="{data_root}/labels.csv",
    )
    columns: ImageColumns = key(
        ImageColumns(), "Names of the columns of labels, where they differ from ours"
    )
    channels: Labels | None = key(
        None,
        "Names of the channels in order; [grey] for one and [red, green, blue] for three when left"
        " out; column_density [cm-2], v_los and sigma_v [km/s] are what they are in maps",
        example=["column_density", "v_los", "sigma_v"],
    )
    units: Named[str] = key(
        {}, "By channel, its unit, as {flux: Jy/beam}; for other channels than those of maps"
    )
    size: int | None = key(
        None,
        "Side that images are brought to [pixels], after the largest middle square is cut out;"
        " needed where they differ in size or are not square",
        ge=2,
        le=4096,
        example=64,
    )
    side: float | None = key(
        None,
        "Side of an image in the sky [pc]; what needs a length is refused when left out (beam,"
        " gradient of v_los, radii of information)",
        gt=0,
        example=0.5,
    )
    hydrogen_mass: float | None = key(
        None,
        "For a channel column_density: mean mass of gas for each hydrogen nucleus [hydrogen"
        " atoms]; that of maps.projection when left out",
        ge=1,
        lt=2,
        example=1.4,
    )
    unlabelled: Literal["refuse", "ignore"] = key(
        "refuse", "For a folder: what to do about images that no line of the labels names"
    )

    @model_validator(mode="after")
    def _check(self) -> "ImageSet":
        if (self.folder is None) == (self.file is None):
            raise Contradiction(
                f"give either folder or file, not {'both' if self.folder else 'neither'}"
            )
        if self.file and not self.file.lower().endswith(ARRAYS):
            raise Contradiction(
                f"{self.file} ends in none of {', '.join(ARRAYS)}; give one file of all images, or"
                " folder",
                "file",
            )
        if self.dataset and not (self.file or "").lower().endswith(ARRAYS[:2]):
            raise Contradiction("only an HDF5 file has datasets; take it away", "dataset")
        if self.columns.file and self.file:
            raise Contradiction(
                "only images of a folder have files of their own; take it away", "columns", "file"
            )
        for channel in self.units:
            if self.channels and channel not in self.channels:
                raise Contradiction(
                    f"{channel!r} is none of the channels, {', '.join(self.channels)}", "units"
                )
            if channel in ("column_density", "v_los", "sigma_v"):
                raise Contradiction(
                    f"the unit of {channel} is that of maps, cm-2 or km/s; convert the images, or"
                    " give the channel another name",
                    "units",
                )
        return self
