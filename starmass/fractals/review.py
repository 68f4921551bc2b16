"""A set of images to look at and in numbers.

Contact sheet, nearest neighbours, rejections and cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from starmass.errors import InputError
from starmass.fractals.generation import describe_sums
from starmass.fractals.neighbours import find_neighbours, halves_distance
from starmass.fractals.rendering import VERDICTS
from starmass.fractals.shards import FractalImages, Shard
from starmass.provenance import provenance_json
from starmass.spacing import spread_evenly
from starmass.storage import write_text, written_aside

COLUMNS, LINES = 12, 8  # of the contact sheet
MOST_COMPARED = 2000  # images, evenly spread over the set
SUMS = ("images", "candidates", "points", *(f"rejected_{cause}" for cause in VERDICTS[1:]))
CAUSES = {
    "unstable": "runs away, or shrinks to a point",
    "sparse_preview": "covers too little of the frame, as the preview tells",
    "sparse": "covers too little of the image",
    "flat": "has no structure below 8 pixels beyond chance",
}


@dataclass(frozen=True)
class Likeness:
    """How alike the compared images are.

    Their numbers in the set, distance and number of the nearest, and distance of their halves.
    """

    items: np.ndarray
    distances: np.ndarray
    neighbours: np.ndarray
    halves: np.ndarray

    @property
    def duplicates(self) -> int:
        """Number of images that are as near to another as one picture drawn twice."""
        return int((self.distances < self.halves).sum())


def review_images(
    *,
    name: str,
    shards: Sequence[str | Path],
    outputs: Mapping[str, str | Path],
    facts: Mapping[str, Any],
) -> None:
    """Write the table and the contact sheet of a set.

    Parameters
    ----------
    name : what the set is called
    shards : all its files
    outputs : files by ``csv``, ``md``, ``png``, ``pdf``
    facts : keywords of :func:`starmass.provenance.provenance`
    """
    images = FractalImages(shards)
    likeness = compare_images(images)
    table = tabulate_shards(shards)
    write_text(outputs["csv"], table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    write_text(outputs["md"], describe_set(name, images.shape, table.iloc[-1], likeness))
    figure = draw_sheet(name, images, likeness)
    origin = provenance_json(**facts)
    about: dict[str, Any] = {
        "pdf": {"Title": f"Images {name}", "Subject": origin, "CreationDate": None},
        "png": {"Title": f"Images {name}", "Description": origin, "Software": None},
    }
    with matplotlib.rc_context(
        {"font.family": "STIXGeneral", "mathtext.fontset": "stix", "pdf.fonttype": 42}
    ):
        for kind, metadata in about.items():
            with written_aside(outputs[kind]) as temporary:
                figure.savefig(temporary, format=kind, dpi=150, metadata=metadata)


def tabulate_shards(paths: Sequence[str | Path]) -> pd.DataFrame:
    """One row a shard and one for all.

    Columns are images, candidates, share accepted, points an image, and rejections by cause.
    """
    rows = []
    for path in paths:
        shard = Shard(path, check=False)
        rows.append(
            {
                "shard": Path(path).stem,
                **{key: int(shard.file.attrs[key]) for key in SUMS if key in shard.file.attrs},
            }
        )
        shard.file.close()
    table = pd.DataFrame(rows)
    table.loc[len(table)] = {"shard": "all", **table.drop(columns="shard").sum().to_dict()}
    described = [
        describe_sums({str(key): int(value) for key, value in row.items() if key != "shard"})
        for row in table.to_dict("records")
    ]
    return pd.concat([table["shard"], pd.DataFrame(described)], axis=1)


def compare_images(images: FractalImages) -> Likeness:
    """Compare up to 2000 images, evenly spread over the set, with each other."""
    if len(images) < 2:
        raise InputError(
            "fractals.images: one image has nothing to be compared with; raise the set's count."
        )
    items = spread_evenly(np.arange(len(images)), MOST_COMPARED)
    grey = np.stack([images.planes(int(item))["images"] for item in items])
    distances, neighbours = find_neighbours(grey)
    return Likeness(items, distances, items[neighbours], halves_distance(grey))


def describe_set(name: str, shape: Sequence[int], sums: pd.Series, likeness: Likeness) -> str:
    """Return the numbers of a set as Markdown."""
    least, median = likeness.distances.min(), np.median(likeness.distances)
    lines = [f"# Images {name}", "", f"{sums['images']} images of {' x '.join(map(str, shape))}."]
    if "candidates" in sums:
        lines += [
            "",
            f"{sums['candidates']} candidates were tried, {sums['accepted_share']:.1%} of them"
            " accepted;"
            f" an image took {sums['points_per_image']:.3g} points of the chaos game, its"
            " rejected candidates' included.",
            "",
            "| rejected because a candidate ... | number | share of candidates |",
            "| --- | ---: | ---: |",
        ]
        rejected = {cause: sums[f"rejected_{cause}"] for cause in CAUSES}
        lines += [
            f"| {CAUSES[cause]} (`{cause}`) | {n} | {n / sums['candidates']:.1%} |"
            for cause, n in rejected.items()
        ]
    lines += [
        "",
        f"Nearest neighbours among {len(likeness.items)} images (1 - correlation of 16 x 16"
        " thumbnails, over turns and reflections):"
        f" least {least:.3f}, median {median:.3f}. Closer than the two halves of one image are to"
        " each other, and so duplicates:"
        f" {likeness.duplicates}.",
    ]
    return "\n".join(lines) + "\n"


def draw_sheet(name: str, images: FractalImages, likeness: Likeness) -> Figure:
    """Draw images spread over the set.

    Below them are the most similar pairs, and the distances of nearest neighbours.
    """
    shown = spread_evenly(np.arange(len(images)), COLUMNS * LINES)
    lines = -(-len(shown) // COLUMNS)
    width, head, below = 7.0, 0.3, 1.75  # inches
    tile = width / COLUMNS
    height = head + lines * tile + below
    with matplotlib.rc_context(
        {"font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 9}
    ):
        figure = Figure(figsize=(width, height))
        figure.text(
            0.005, 1 - 0.06 / height, f"{name}: {len(shown)} of {len(images)} images", va="top"
        )
        _draw_tiles(figure, [images[int(item)] for item in shown], 0, head, tile, COLUMNS)
        top = head + lines * tile
        pairs = _closest_pairs(likeness, 6)
        figure.text(
            0.005,
            1 - (top + 0.08) / height,
            f"The {len(pairs)} pairs most alike, one above the other",
            va="top",
        )
        _draw_tiles(
            figure,
            [images[int(item)] for item in np.transpose(pairs).ravel()],
            0,
            top + 0.3,
            tile,
            len(pairs),
        )
        left = 6 * tile + 0.55
        axes = figure.add_axes(
            (left / width, 0.4 / height, (width - left - 0.1) / width, (below - 0.75) / height)
        )
        bins: list[float] = np.linspace(
            0, max(float(np.quantile(likeness.distances, 0.995)), 0.1), 50
        ).tolist()
        axes.hist(
            likeness.distances, bins, histtype="step", color="#0072b2", label="nearest other image"
        )
        axes.hist(likeness.halves, bins, histtype="step", color="#d55e00", label="its own halves")
        axes.set_title(
            f"Nearest neighbours of {len(likeness.items)} images: {likeness.duplicates} duplicates",
            fontsize=9,
        )
        axes.set_xlabel("distance, 1 - correlation of thumbnails", labelpad=1)
        axes.legend(frameon=False, fontsize=8)
        axes.tick_params(direction="in", labelsize=8)
    return figure


def _closest_pairs(likeness: Likeness, count: int) -> list[tuple[int, int]]:
    pairs: dict[tuple[int, int], None] = {}
    for place in np.argsort(likeness.distances, kind="stable"):
        pairs[
            tuple(  # type: ignore[index]
                sorted((int(likeness.items[place]), int(likeness.neighbours[place])))
            )
        ] = None
        if len(pairs) == count:
            break
    return list(pairs)


def _draw_tiles(
    figure: Figure, tiles: Sequence[np.ndarray], left: float, top: float, side: float, columns: int
) -> None:
    """Draw images side by side as one; places and sizes in inches from the upper left corner."""
    width, height = figure.get_size_inches()
    lines, pixels = -(-len(tiles) // columns), tiles[0].shape[0]
    page = np.full((lines * pixels, columns * pixels, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        page[row * pixels : (row + 1) * pixels, column * pixels : (column + 1) * pixels] = tile
    box = (
        left / width,
        1 - (top + lines * side) / height,
        columns * side / width,
        lines * side / height,
    )
    axes = figure.add_axes(box)
    axes.imshow(page, interpolation="antialiased", aspect="auto")
    axes.set_axis_off()
