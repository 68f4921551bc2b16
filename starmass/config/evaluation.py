"""Section ``evaluation``: maps and encoders to evidence.

Preprocessing and features, methods, studies and ablations have modules of their own.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from starmass.config.entry import Contradiction, Entry, Named, Seed, key
from starmass.config.features import AnyFeatures, Preprocessing
from starmass.config.methods import AnyMethod
from starmass.config.studies import Ablation, Study


class Split(Entry):
    """Which rows train and which test."""

    by: Literal["row", "snapshot", "protostar", "simulation", "time"] = key(
        ...,
        "What is never in both parts; row is the published protocol, time tests each simulation's"
        " late snapshots",
    )
    test_fraction: float | None = key(
        None, "Share of the rows that are held out once; or give folds", gt=0, lt=1
    )
    folds: Annotated[int, Field(ge=2)] | Literal["all"] | None = key(
        None,
        "Number of folds, every row being tested in one; all leaves one group out at a time; or"
        " give test_fraction",
    )
    seed: Seed = key(0, "What the draw derives from")

    @model_validator(mode="after")
    def _check_parts(self) -> "Split":
        if (self.test_fraction is None) == (self.folds is None):
            given = "neither" if self.folds is None else "both (null takes one away)"
            raise Contradiction(f"give either test_fraction or folds, not {given}")
        if self.by == "time" and self.folds is not None:
            raise Contradiction(
                "late snapshots are tested once; give test_fraction instead", "folds"
            )
        return self


class Evaluation(Entry):
    """Maps and encoders to evidence."""

    studies: Named[Study] = key(
        ...,
        "What is evaluated on which maps; the result folder results/evaluation/NAME and the table"
        " results/tables/NAME/",
    )
    ablations: Named[Ablation] = key(
        {},
        "What a choice is worth; results/evaluation/STUDY/ablations/NAME.csv and"
        " results/figures/STUDY/ablation_NAME.pdf",
    )
    splits: Named[Split] = key(
        ...,
        "Which rows train and which test; drawn once, saved, shared by every method",
    )
    preprocessing: Named[Preprocessing] = key(
        ...,
        "How a map is shown, the same for every encoder, network and statistic; what is fitted is"
        " fitted on training rows",
    )
    features: Named[AnyFeatures] = key(..., "Maps to numbers")
    methods: Named[AnyMethod] = key(..., "Numbers, or maps, to log10 mass")

    def label(self, method: str) -> str:
        """Return what tables and figures call a method."""
        return self.methods[method].label or method
