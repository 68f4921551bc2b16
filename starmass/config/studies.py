"""Studies and ablations of the section ``evaluation``."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from starmass.config.entry import (
    Axis,
    Contradiction,
    Each,
    Entry,
    Name,
    Named,
    OneOrMore,
    Seed,
    Text,
    key,
)
from starmass.config.targets import AnyTarget

Fraction = Annotated[float, Field(gt=0, le=1)]
Row = Annotated[int, Field(ge=0)]
OF_MASSES = ("information", "ablations")
"""Parts of a study that only a study of stellar masses has."""
Scalar = str | int | float | bool | None


class FewLabels(Entry):
    """The same methods when only some of the training protostars have labels."""

    splits: Each[Name] = key(
        ...,
        "Entries of splits whose training protostars are thinned out",
        refers="evaluation.splits",
    )
    methods: Each[Name] | None = key(
        None,
        "Entries of methods; those of the study by default (a network is trained once for every"
        " fraction and draw)",
        refers="evaluation.methods",
    )
    fractions: Each[Fraction] = key(
        (0.1, 0.3, 0.5, 1.0), "Shares of the training protostars, never less than two stars"
    )
    draws: int = key(3, "How often a share is drawn", ge=1)
    seed: Seed = key(0, "What the draws derive from")


class Information(Entry):
    """Where on the maps the information is."""

    split: Name = key(..., "Entry of splits on which it is measured", refers="evaluation.splits")
    preprocessing: Name = key(
        ..., "Entry of preprocessing whose transforms are used", refers="evaluation.preprocessing"
    )


class Embedding(Entry):
    """Features in a plane."""

    features: Name = key(
        ...,
        "Entry of features, as they are shown in the study's first split",
        refers="evaluation.features",
    )
    perplexity: float = key(30, "About how many neighbours of a map t-SNE keeps near", gt=1)
    seed: Seed = key(0, "What t-SNE draws from")


class Segmentation(Entry):
    """Maps coloured and divided by their patch tokens."""

    features: Name = key(
        ...,
        "Entry of features of kind encoder, whose encoder is taken",
        refers="evaluation.features of kind encoder",
    )
    preprocessing: Name | None = key(
        None,
        "Entry of preprocessing that sets how many map pixels a token covers; the features' own by"
        " default",
        refers="evaluation.preprocessing",
    )
    examples: (
        Annotated[int, Field(ge=1)] | Annotated[tuple[Row, ...], Field(strict=False, min_length=1)]
    ) = key(
        4,
        "Number of test maps, spread evenly in mass or over what the target is; or a list of rows"
        " of samples.csv",
    )
    palette_maps: int = key(
        32,
        "Training maps, one a protostar or object, that the basis and the clusters are fitted on",
        ge=1,
    )
    segments: int = key(6, "Number of clusters", ge=2, le=8)
    test_maps: int | None = key(
        None,
        "Test maps whose segments are measured, spread evenly over the rows; null for all",
        ge=1,
    )
    attention_mass: float | None = key(
        0.6,
        "Share of the class token's attention that the patches shown as attended hold, the fewest"
        " that do; null for no attention",
        gt=0,
        lt=1,
    )


class Study(Entry):
    """What is evaluated on which maps."""

    simulations: Each[Name] | None = key(
        None,
        "Entries of maps.simulations whose maps the study looks at; or give images",
        refers="maps.simulations",
    )
    images: Name | None = key(
        None,
        "Instead of simulations: entry of images, whose lines with a mass the study looks at",
        refers="images",
    )
    pages: Each[Name] | None = key(
        None,
        "Entries of maps.simulations that are mapped and get a page in the report, beside the"
        " study's own",
        refers="maps.simulations",
    )
    observation: Name | None = key(
        None,
        "Entry of maps.observations through which the maps are seen; the bare maps when left out",
        refers="maps.observations",
    )
    minimum_mass: float = key(
        0, "Lightest protostar that takes part [Msun], beside the cuts of the maps", ge=0
    )
    axes: Each[Axis] = key(("x", "y", "z"), "Lines of sight that take part")
    target: AnyTarget | None = key(
        None, "What the methods predict; null is the stellar mass, as log10 of Msun"
    )
    splits: Each[Name] = key(
        ..., "Entries of splits on which each method is tested", refers="evaluation.splits"
    )
    methods: Each[Name] = key(
        ...,
        "Entries of methods, the rows of the table in this order",
        refers="evaluation.methods",
    )
    reference: Name | None = key(
        None,
        "Method that every other one is compared with, star by star; the first of methods by"
        " default",
    )
    few_labels: FewLabels | None = key(
        None,
        "The same methods when only some of the training protostars have labels; a figure of the"
        " report",
    )
    ablations: Annotated[tuple[Name, ...], Field(strict=False)] | None = key(
        None,
        "Entries of ablations that the target ablations builds; any other is built by its path",
        refers="evaluation.ablations",
    )
    information: Information | None = key(
        None,
        "R2 with the middle of the maps hidden, with all else hidden, and by channel; a figure of"
        " the report",
    )
    embedding: Embedding | None = key(
        None,
        "Features in the plane of their first principal components and of t-SNE; a figure of the"
        " report",
    )
    segmentation: Segmentation | None = key(
        None,
        "Maps or images coloured by principal components of their patch tokens, and divided into"
        " segments by clusters of them",
    )

    @model_validator(mode="after")
    def _check_maps(self) -> "Study":
        if (self.simulations is None) == (self.images is None):
            given = "both (null takes one away)" if self.images else "neither"
            raise Contradiction(f"give either simulations or images, not {given}")
        return self

    @model_validator(mode="after")
    def _check_target(self) -> "Study":
        for part in OF_MASSES if self.target else ():
            if getattr(self, part):
                raise Contradiction(
                    f"{part} is measured for stellar masses alone, and the study has another"
                    f" target; leave {part} out, or target",
                    part,
                )
        return self


class Ablation(Entry):
    """What a choice is worth."""

    label: str | None = key(None, "What is varied, with its unit: the name of the figure's axis")
    method: OneOrMore[Name] = key(
        ..., "Entry of methods that is varied, or several", refers="evaluation.methods"
    )
    vary: str | None = key(
        None,
        "Key that is varied: method.KEY, or features.KEY, preprocessing.KEY, encoder.KEY,"
        " images.KEY of"
        " what the method uses, or study.KEY, observation.KEY",
        pattern=r"^[\w.]+$",
    )
    values: list[Any] | None = key(None, "For vary: its values", min_length=1)
    variants: dict[Scalar, dict[str, Any] | None] | None = key(
        None,
        "Instead of vary and values, where several keys vary together, or values want a name:"
        " {NAME: {KEY: value, ...}, ...}",
        min_length=1,
    )
    base: Scalar = key(
        None,
        "Value (or name of a variant) that the others are compared with; the first by default",
    )
    labels: Named[Text] = key(
        {},
        "Method to what the ablation calls it; the method's own label by default, which may say"
        " what is varied: {NAME: words}",
    )
    with_: dict[str, Any] = key(
        {},
        "Keys that are set for every value, the base too: {KEY: value, ...}",
        alias="with",
    )

    @model_validator(mode="after")
    def _check_values(self) -> "Ablation":
        given = {name for name in ("vary", "values", "variants") if getattr(self, name) is not None}
        if given not in ({"vary", "values"}, {"variants"}):
            raise Contradiction("give either vary and values, or variants")
        return self
