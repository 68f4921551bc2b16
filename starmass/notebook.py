"""What several wings do together, in one call, for a notebook."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from starmass.channels import BASE
from starmass.evaluation.image_samples import collect_images
from starmass.evaluation.samples import Maps, load_maps, read_samples
from starmass.images.writing import write_image_set
from starmass.tables import write_table


def open_maps(
    file: str | Path, labels: str | Path, *, side: float,
    channels: Sequence[str] = tuple(BASE), columns: Mapping[str, str | None] | None = None,
    dataset: str | None = None, minimum_mass: float = 0.0,
) -> tuple[pd.DataFrame, Maps]:  # fmt: skip
    """Return a labelled set of maps, checked as one of a study (docs/images.md), in memory.

    Parameters
    ----------
    file : one HDF5 or ``.npy`` file of all maps, [row, channel, y, x], in the order of the labels
    labels : CSV file with a line for each map
    side : of a map in the sky [pc]
    channels, columns, dataset : as in an entry of the config's ``images``
    minimum_mass : lighter stars are left out [Msun]

    Returns
    -------
    one row a map: simulation, snapshot, sink, axis, mass and the labels' own columns; the maps.
    ``map_file`` of a row is ``file``, and ``sink_index`` the map's number in it

    Raises
    ------
    InputError
        names the file, and the line, map or pixel, of what can't be used
    """
    name = Path(file).stem
    entry = {"channels": list(channels), "columns": columns, "dataset": dataset, "side": side}
    with TemporaryDirectory() as folder:
        maps, objects, table = (Path(folder, one) for one in ("maps.h5", "objects.csv", "rows.csv"))
        write_image_set(
            output=maps, objects=objects, name=name, labels=labels, images=[file], entry=entry
        )
        write_table(table, collect_images(maps, objects, images=name, minimum_mass=minimum_mass))
        samples = read_samples(table)
        return samples.assign(map_file=str(file)), load_maps(samples)
