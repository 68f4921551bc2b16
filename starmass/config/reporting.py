"""Section ``reporting``: evidence to tables and figures."""

from typing import ClassVar, Literal

from starmass.config.entry import Entry, Many, Name, Named, key

Width = Literal["column", "text"]


class Widths(Entry):
    """How wide the figures of curves are."""

    information: Width = key("column", "Width of the figure of where the information is")
    few_labels: Width = key("column", "Width of the figure of few labels")
    ablations: Width = key("column", "Width of the ablations' figures")
    pretraining: Width = key("column", "Width of the curves of a pretraining")


class Palettes(Entry):
    """Matplotlib colour maps by quantity."""

    column_density: str = key("magma", "Colour map of column density")
    v_los: str = key(
        "RdBu_r",
        "Colour map of the line-of-sight velocity; a diverging one whose far end, receding gas, is"
        " red",
    )
    sigma_v: str = key("viridis", "Colour map of the velocity dispersion")
    mass: str = key("viridis", "Colour map of stellar mass")
    age: str = key("cividis", "Colour map of stellar age")
    attention: str = key("YlOrRd", "Colour map of attention")


class Examples(Entry):
    """The figure of fractal images and maps."""

    chosen: ClassVar = ("images",)
    """Keys that choose its files, and shape nothing else."""

    images: Name = key(
        ..., "Entry of fractals.images whose first shard is shown", refers="fractals.images"
    )
    fractals: int = key(12, "Number of fractal images (6 in a line)", ge=1, le=60)
    protostars: int = key(
        2, "Number of protostars (2 in a line), spread over the ranks of mass", ge=1, le=12
    )


class Regression(Entry):
    """The figure of features and predicted masses."""

    chosen: ClassVar = ("splits", "features", "methods")
    """Keys that choose its files, and shape nothing else."""

    splits: Many[Name] = key(
        ...,
        "Entries of evaluation.splits, one line of panels each (those that a study lacks are left"
        " out)",
        refers="evaluation.splits",
    )
    features: Name = key(
        ...,
        "Entry of evaluation.features whose first two principal components are shown",
        refers="evaluation.features",
    )
    methods: Many[Name] = key(
        ...,
        "Entries of evaluation.methods, one panel of predicted against true mass each (those that a"
        " study lacks are left out)",
        refers="evaluation.methods",
        max_length=3,
    )


class Figures(Entry):
    """What each figure shows."""

    examples: Examples = key(..., "The figure of fractal images and maps")
    regression: Regression = key(..., "The figure of features and predicted masses")


class Reporting(Entry):
    """Evidence to tables and figures."""

    resolution: int = key(
        200,
        "Dots per inch of PNG figures, and of what is rasterised inside the PDF ones",
        ge=50,
        le=1200,
    )
    widths: Widths = key(
        Widths(),
        "How wide the figures of curves are, one column of a journal (3.5 inches) or its text (7"
        " inches); images are as wide as the text",
    )
    palettes: Palettes = key(Palettes(), "Matplotlib colour maps by quantity")
    published: Named[str] = key(
        {},
        "Method (an entry of evaluation.methods) to the row of resources/table1_published.csv that"
        " is beside it",
    )
    figures: Figures = key(..., "What each figure shows")
