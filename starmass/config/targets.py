"""What the methods of a study predict, where it is not the stellar mass."""

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from starmass.config.entry import Contradiction, Each, Entry, Text, by_key, key


class Target(Entry):
    """What is predicted; what both kinds share."""

    kind: str = key(..., "Whether the target is a number, or one of several classes")
    column: Text = key(
        ...,
        "Column of samples.csv that holds it: a label of an image set, or a data set of the map"
        " files with one value a sink",
        example="age_yr",
    )
    name: Text | None = key(
        None, "What tables and figures call it; the column's name by default", example="redshift"
    )


class Number(Target):
    """A number."""

    choice = "kind: number"
    kind: Literal["number"] = key(
        ..., "Whether the target is a number, or one of several classes", example="number"
    )
    transform: Literal["none", "log10"] = key(
        "none", "For a number: what is predicted, the number itself or its decimal logarithm"
    )
    unit: str = key("", "For a number: its unit, for tables and figures", example="yr")
    metrics: Literal["errors", "redshift"] = key(
        "errors",
        "For a number: errors (R2, RMSE and others), or redshift: sigma_MAD, mean and outlier"
        " share of (predicted - true) / (1 + true)",
    )

    @model_validator(mode="after")
    def _check_metrics(self) -> "Number":
        if self.metrics == "redshift" and self.transform == "log10":
            raise Contradiction(
                "the metrics of a redshift are of the redshift itself; leave transform: log10 out",
                "transform",
            )
        return self


class Classes(Target):
    """One of several classes."""

    choice = "kind: classes"
    kind: Literal["classes"] = key(
        ..., "Whether the target is a number, or one of several classes", example="number"
    )
    classes: Each[Text] | None = key(
        None,
        "For classes: their names in the order of tables and figures; those of the column, in"
        " alphabetical order, by default",
        example=["spiral", "elliptical"],
    )

    @model_validator(mode="after")
    def _check_classes(self) -> "Classes":
        if self.classes and len(self.classes) < 2:
            raise Contradiction("one class leaves nothing to predict; give two or more", "classes")
        return self


if TYPE_CHECKING:
    AnyTarget = Number | Classes
else:
    AnyTarget = by_key("kind", [Number, Classes])
