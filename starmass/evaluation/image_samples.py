"""Which images of a set a study looks at: one row an image, with all that its labels say."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from starmass.errors import InputError, closest
from starmass.evaluation.preprocessing import Preprocessing, scale
from starmass.evaluation.samples import COLUMNS, Maps
from starmass.files import check_readable
from starmass.storage import create_hdf5, open_hdf5, write_dataset

SKY = "sky"
"""Line of sight of images whose labels have none."""


def collect_images(
    map_file: str | Path,
    objects: str | Path,
    *,
    images: str,
    minimum_mass: float = 0.0,
    axes: Sequence[str] = ("x", "y", "z"),
    label: str | None = None,
) -> pd.DataFrame:
    """List the images of a set, of those with a mass the ones of ``minimum_mass`` [Msun] or more.

    Parameters
    ----------
    map_file : file of maps of the set, as it is or as observed
    objects : the set's list of images
    images : name of the set
    axes : lines of sight that take part; images without one always do
    label : column of what is predicted in place of the mass; masses are then not needed, and are
        left out where some are missing

    Returns
    -------
    the columns of a list of maps, then those of the labels; all but whole numbers is text, which is
    written as it was

    Raises
    ------
    InputError
        when the labels have no mass or ``label``, or no image is left
    """
    check_readable(objects)
    table = pd.read_csv(objects, dtype=str, keep_default_na=False)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise InputError(
            f"{objects}: the column {lacking[0]!r} is missing; delete the file and run Snakemake"
            " again to remake it."
        )
    if label is not None and label not in table:
        raise InputError(
            f"images.{images}: its labels have no column {label!r}{closest(label, table)}, which"
            f" the study's target names; its columns are {', '.join(table)}."
        )
    massless = table["mass_msun"] == ""
    if massless.any() and (label is None or minimum_mass > 0):
        asked = "predicts" if label is None else "has a minimum_mass of"
        raise InputError(
            f"images.{images}: its labels have no mass, which the study {asked}; name the column of"
            f" masses [Msun] by images.{images}.columns.mass, give the study a target"
            " (docs/images.md), or use the set for a pretraining."
        )
    if massless.any():
        table["mass_msun"], heavy = "", np.ones(len(table), bool)
    else:
        heavy = table["mass_msun"].astype(float) >= minimum_mass
    kept = table[heavy & table["axis"].isin([*axes, SKY])].reset_index(drop=True)
    if kept.empty:
        raise InputError(
            f"{objects}: none of its {len(table)} images has {minimum_mass} Msun or more and one of"
            f" the axes {', '.join(axes)}; change the study's minimum_mass or axes."
        )
    kept = kept.astype(dict.fromkeys(("sink_id", "sink_index", "axis_index"), np.int64))
    return kept.assign(row=np.arange(len(kept)), map_file=str(map_file))


def list_all_images(map_file: str | Path, objects: str | Path, *, images: str) -> pd.DataFrame:
    """List all images of a set, with or without masses, as :func:`collect_images` does.

    Their times are numbers.
    """
    table = collect_images(map_file, objects, images=images, label="row")
    return table.assign(time_yr=pd.to_numeric(table["time_yr"]))


def show_images(path: str | Path, preprocessing: Preprocessing) -> np.ndarray:
    """Return all images of a set as a way of preprocessing shows them.

    Parameters
    ----------
    path : file of maps of the set
    preprocessing : its limits are those of all images

    Returns
    -------
    float32 [image, channel, row, column] with the limits at 0 and 1
    """
    with open_hdf5(path) as file:
        maps = file["maps"]
        velocity = file["velocity"][:, 0] if "velocity" in file else np.zeros(len(maps))
        given = Maps(
            maps[:, 0],
            tuple(str(one) for one in maps.attrs["channels"]),
            velocity,
            float(file.attrs["side_pc"]) / maps.shape[-1],
        )
    shown = preprocessing.transform(given)
    return scale(shown, preprocessing.find_limits(shown, np.arange(len(shown))))


def write_shown_images(path: str | Path, shown: np.ndarray, *, provenance: str) -> None:
    """Write them as HDF5 for a pretraining, whole or not at all."""
    with create_hdf5(path) as file:
        write_dataset(
            file,
            "images",
            shown,
            unit="",
            description="image, channel, row, column; 0 and 1 are the limits of all images",
            chunks=(1, *shown.shape[1:]),
        )
        file.attrs["labels"] = "none"
        file.attrs["provenance"] = provenance
