"""The figures of a study: one table, of which the rules are made and by which they are numbered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starmass.channels import BASE
from starmass.errors import InputError
from starmass.plan import paths
from starmass.plan.evaluation import flat, kinds_of_target
from starmass.plan.study import StudyPlan

Answer = Callable[[StudyPlan, str], Mapping[str, Any]]
"""Of the plan and the name of a study."""


def _nothing(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Figure:
    """A figure of a study.

    Attributes
    ----------
    name : of the file, of the module of starmass.reporting.figures, and of the caption
    title : heading in the report
    inputs : files that it is drawn from, by the keyword of the module's function ``plot``
    palettes : colour maps that it uses
    options : further keywords of ``plot``
    files : the same, whose values are paths of preprocessing by split and method
    words : words of its caption that come from the config
    beside : the figure that its caption refers to, if any
    part : part of the study that brings it; none for a figure that every study has
    target : what a study has to predict: ``mass``, ``number`` or ``classes``; any where it is empty
    memory_mb : what its job asks for [MB]
    """

    name: str
    title: str
    inputs: Answer
    palettes: tuple[str, ...] = ()
    options: Answer = _nothing
    files: Answer = _nothing
    words: Answer = _nothing
    part: str = ""
    target: str = ""
    beside: str = ""
    memory_mb: int = 1000


def _samples(study: str) -> dict[str, str]:
    return {"samples": paths.samples(study)}


def _examples(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"shard": plan.example_shard(), **_samples(study)}


def _regression(plan: StudyPlan, study: str) -> dict[str, Any]:
    files = plan.regression_files(study)
    evidence = [
        path
        for one in files.values()
        for path in (one["split"], one["features"], *one["predictions"].values())
    ]
    metrics = f"{paths.EVALUATION}/{study}/metrics.csv"
    return {"evidence": evidence, "metrics": metrics, **_samples(study)}


def _scatter(plan: StudyPlan, study: str) -> dict[str, Any]:
    evidence = flat(plan.shown_predictions(study))
    return {"evidence": evidence, "metrics": f"{paths.EVALUATION}/{study}/metrics.csv"}


def _confusion(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"confusion": f"{paths.EVALUATION}/{study}/confusion.csv"}


def _target(plan: StudyPlan, study: str) -> dict[str, Any]:
    target = plan.target(study)
    return {"target": target} if target else {}


def _shown(plan: StudyPlan, study: str) -> dict[str, Any]:
    shown = plan.shown_predictions(study)
    labels = {name: plan.config.evaluation.label(name) for name in next(iter(shown.values()))}
    return {"splits": list(shown), "labels": labels, **_target(plan, study)}


def _segmentation(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"segmentation": plan.segmentation_files(study)["examples"], **_samples(study)}


def _segments(plan: StudyPlan, study: str) -> dict[str, Any]:
    files = plan.segmentation_files(study)
    return {"segments": files["segments"], "explained": files["explained"]}


def _information(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"information": f"{paths.EVALUATION}/{study}/information.csv"}


def _embedding(plan: StudyPlan, study: str) -> dict[str, Any]:
    plan.embedding(study)  # says what is missing
    return {"embedding": plan.embedding_files(study)[0], **_samples(study)}


def _few_labels(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"few_labels": f"{paths.EVALUATION}/{study}/few_labels.csv"}


def _example_words(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"images": plan.config.reporting.figures.examples.images}


def _brightness(plan: StudyPlan, study: str) -> str:
    """Return words for the channel that segments are numbered by."""
    options = plan.segmentation_options(study, plan.segmentation(study).features)
    channels = options["preprocessing"]["channels"]
    return "column density" if "column_density" in channels else channels[0]


def _segmentation_options(plan: StudyPlan, study: str) -> dict[str, Any]:
    return {"brightness": _brightness(plan, study), **_target(plan, study)}


def _segmentation_words(plan: StudyPlan, study: str) -> dict[str, Any]:
    entry = plan.segmentation(study)
    return {
        "features": entry.features,
        "segments": entry.segments,
        "attention_mass": entry.attention_mass,
        "split": plan.first_split(study),
        "gas": plan.shows_gas(study),
        "brightness": _brightness(plan, study),
    }


FIGURES = (
    Figure(
        "examples",
        "Fractals and maps",
        _examples,
        palettes=("column_density", "v_los", "sigma_v"),
        words=_example_words,
    ),
    Figure(
        "regression",
        "Features and masses",
        _regression,
        palettes=("mass",),
        files=lambda plan, study: {"splits": plan.regression_files(study)},
        words=lambda plan, study: {
            "kinds": {name: plan.split_kinds(study)[name] for name in plan.regression_files(study)}
        },
        target="mass",
        memory_mb=2000,
    ),
    Figure(
        "segmentation",
        "Segmentation",
        _segmentation,
        palettes=("column_density", "v_los", "sigma_v", "attention"),
        options=_segmentation_options,
        words=_segmentation_words,
        part="segmentation",
    ),
    Figure(
        "information",
        "Where the information is",
        _information,
        options=lambda plan, study: {
            "channels": plan.information_channels(study),
            "beam_pc": plan.beam_pc(study),
        },
        part="information",
    ),
    Figure(
        "embedding",
        "Features in a plane",
        _embedding,
        palettes=("mass", "age"),
        options=lambda plan, study: {"split": plan.first_split(study), **_target(plan, study)},
        words=lambda plan, study: {
            "features": plan.embedding(study).features,
            "split": plan.first_split(study),
            **_target(plan, study),
        },
        part="embedding",
    ),
    Figure(
        "segments",
        "What the segments hold",
        _segments,
        words=_segmentation_words,
        part="segmentation",
        beside="segmentation",
    ),
    Figure(
        "attention",
        "Attention",
        _segmentation,
        palettes=("column_density", "attention"),
        options=_target,
        words=lambda plan, study: {"gas": plan.shows_gas(study)},
        part="segmentation",
        beside="segmentation",
    ),
    Figure(
        "few_labels",
        "Few labels",
        _few_labels,
        options=lambda plan, study: {"rows": plan.few_labels_rows(study), **_target(plan, study)},
        words=_target,
        part="few_labels",
    ),
    Figure(
        "scatter",
        "Predicted and true values",
        _scatter,
        options=_target,
        files=lambda plan, study: {"predictions": plan.shown_predictions(study)},
        words=_target,
        target="number",
    ),
    Figure(
        "confusion",
        "Confusion of classes",
        _confusion,
        options=_shown,
        words=_target,
        target="classes",
    ),
)
"""In the order in which they are numbered."""


class FiguresPlan(StudyPlan):
    """What the rules of figures ask."""

    def figures_of(self, study: str) -> list[Figure]:
        """Return the figures that a study has."""
        entry = self.study_entry(study)
        known = kinds_of_target(entry.target)
        found = [
            figure
            for figure in FIGURES
            if (not figure.part or getattr(entry, figure.part)) and figure.target in ("", *known)
        ]
        if entry.segmentation and entry.segmentation.attention_mass is None:
            found = [figure for figure in found if figure.name != "attention"]
        if not self.shows_gas(study):
            found = [figure for figure in found if figure.name != "examples"]
        return found

    def figure_files(self, study: str) -> list[str]:
        """Return the paths of a study's figures."""
        return [
            f"{paths.FIGURES}/{study}/{figure.name}.{kind}"
            for figure in self.figures_of(study)
            for kind in ("pdf", "png")
        ]

    def drawn_files(self, study: str) -> list[str]:
        """Return all that is drawn for a study: figures, curves of pretrainings, contact sheet."""
        review = self.review(self.config.reporting.figures.examples.images)
        return [*self.figure_files(study), *self.curve_files(study), review]

    def figure_inputs(self, name: str, study: str) -> dict[str, Any]:
        """Return what a figure is drawn from.

        Raises
        ------
        InputError
            when the study predicts something else than what the figure shows, or its images are no
            maps
        """
        entry = self.study_entry(study)
        if name == "examples" and name not in self.figure_numbers(study):
            raise InputError(
                f"the figure {name} shows maps of {', '.join(BASE)}, which the images"
                f" {entry.images} of study {study} don't have."
            )
        figure = _named(name)
        if figure.target and figure.target not in kinds_of_target(entry.target):
            raise InputError(
                f"evaluation.studies.{study} has no figure {name}, which is of the target"
                f" {figure.target}; its figures are {', '.join(self.figure_numbers(study))}."
            )
        return dict(figure.inputs(self, study))

    def figure_paths(self, name: str, study: str) -> dict[str, Any]:
        """Return the paths that a figure is told of beside its inputs."""
        return dict(_named(name).files(self, study))

    def figure_options(self, name: str, study: str) -> dict[str, Any]:
        """Return what shapes a figure: its own entry, colour maps, width and resolution."""
        figure, reporting = _named(name), self.config.reporting
        own = getattr(reporting.figures, name, None)
        width = reporting.widths.plain().get(name)
        options = dict(figure.options(self, study))
        if own:
            shown = own.plain(*type(own).chosen)
            options = {**shown, **options}
        if figure.palettes:
            colours = reporting.palettes.plain()
            options["palettes"] = {quantity: colours[quantity] for quantity in figure.palettes}
        if width:
            options["width"] = width
        return {**options, "resolution": reporting.resolution}

    def figure_numbers(self, study: str) -> dict[str, int]:
        """Return the number of each figure that a study has."""
        names = [figure.name for figure in self.figures_of(study)]
        return {name: number for number, name in enumerate(names, start=1)}

    def figure_words(self, name: str, study: str) -> dict[str, Any]:
        """Return what a caption says of the config, with the numbers of figures in it."""
        figure, numbers = _named(name), self.figure_numbers(study)
        return {
            **figure.words(self, study),
            "number": numbers[name],
            "beside": numbers.get(figure.beside),
            "simulations": self.simulation_formats(study),
        }

    def figure_heading(self, name: str, study: str) -> str:
        """Return the heading of a figure in the report, with its number in the study."""
        return f"{self.figure_numbers(study)[name]} {_named(name).title} ({study})"


def _named(name: str) -> Figure:
    return next(figure for figure in FIGURES if figure.name == name)
