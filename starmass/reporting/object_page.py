"""The page of an observed object: HTML that stands alone, and its figure as PDF and PNG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starmass.reporting import style
from starmass.reporting.object_figure import draw
from starmass.reporting.object_inputs import read_results
from starmass.reporting.object_words import page_of
from starmass.reporting.typesetting import html as as_html
from starmass.storage import write_text


def write_object_page(
    *,
    html: str | Path,
    pdf: str | Path,
    png: str | Path,
    maps: str | Path,
    prediction: str | Path,
    novelty: str | Path,
    neighbours: str | Path,
    coverage: str | Path,
    options: Mapping[str, Any],
) -> None:
    """Write the page of an object.

    Parameters
    ----------
    html, pdf, png : files to write
    maps : map file of the object
    prediction, novelty, neighbours, coverage : its tables
    options : ``palettes``, ``resolution``, and what :func:`object_words.page_of` takes
    """
    results = read_results(maps, prediction, novelty, neighbours, coverage)
    facts = {"config": dict(options), "inputs": [maps, prediction, novelty, neighbours, coverage]}
    with style.journal_style():
        style.save_figure(
            draw(results, options["palettes"]),
            {"pdf": pdf, "png": png},
            resolution=options["resolution"],
            title=f"Object: {results.name}",
            facts=facts,
        )
    words = f"Maps of {results.name} above those of its nearest simulated stars; masses; profiles."
    write_text(html, as_html(page_of(results, options), Path(png).read_bytes(), words))
