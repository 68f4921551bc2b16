"""What a choice is worth: every value of an ablation is an evaluation like any other."""

from math import pi
from typing import Any

from starmass.config.ablations import Variant, base_of, methods_of, variants_of, varied
from starmass.errors import InputError
from starmass.plan import paths
from starmass.plan.evaluation import flat
from starmass.plan.few_labels import FewLabelsPlan

ARCSEC = pi / 180 / 3600  # [radian]


class AblationsPlan(FewLabelsPlan):
    """What the rules of ablations ask."""

    def ablation(self, name: str) -> dict[str, Any]:
        """Return an ablation as it was written."""
        return self.entry("evaluation.ablations", name).model_dump(
            by_alias=True, exclude_unset=True
        )

    def variants(self, study: str, ablation: str) -> dict[str, list[Variant]]:
        """Return method -> the study and method of each value."""
        self.masses_only(study, "an ablation is")
        config = self.config.written()
        return {
            method: variants_of(config, study, ablation, method)
            for method in methods_of(self.ablation(ablation))
        }

    def ablation_predictions(
        self, study: str, ablation: str
    ) -> dict[str, dict[str, dict[str, list[str]]]]:
        """Return method -> split -> value -> files of predictions, one a seed."""
        return {
            method: {
                split: {
                    one.value: [
                        paths.predictions(one.study, split, one.method, seed)
                        for seed in self.method(one.method).seeds
                    ]
                    for one in variants
                }
                for split in self.study_entry(study).splits
            }
            for method, variants in self.variants(study, ablation).items()
        }

    def ablation_splits(self, study: str) -> dict[str, str]:
        """Return split -> its file."""
        return {name: paths.split(study, name) for name in self.study_entry(study).splits}

    def beam_pc(self, study: str) -> float | None:
        """Return the beam through which a study looks, full width at half maximum [pc], if any."""
        name = self.study_entry(study).observation
        if not name:
            return None
        entry = self.entry("maps.observations", name)
        return float(entry.beam * ARCSEC * entry.distance)

    def ablation_facts(self, study: str, ablation: str) -> dict[str, Any]:
        """Return what an ablation's table says beside its numbers."""
        entry, variants = self.ablation(ablation), self.variants(study, ablation)
        label = self.config.evaluation.label
        renamed = entry.get("labels", {})
        return {
            "varied": " ".join(varied(entry)),
            "base": base_of(ablation, entry),
            "labels": {method: renamed.get(method, label(method)) for method in variants},
            "beams_pc": {
                one.value: self.beam_pc(one.study) for one in next(iter(variants.values()))
            },
        }

    def ablation_label(self, ablation: str) -> str:
        """Return what is varied, for people."""
        entry = self.ablation(ablation)
        return str(entry.get("label", " ".join(varied(entry))))

    def ablation_words(self, ablation: str) -> dict[str, str]:
        """Return the words of the config that an ablation's caption has."""
        base = base_of(ablation, self.ablation(ablation))
        return {"label": self.ablation_label(ablation), "base": base}

    def ablation_rows(self, study: str, ablation: str) -> dict[str, list[str]]:
        """Return what the table's columns have to hold, in every combination."""
        files = self.ablation_predictions(study, ablation)
        splits = next(iter(files.values()))
        values = list(next(iter(splits.values())))
        return {"method": list(files), "split": list(splits), "value": values}

    def all_ablation_predictions(self, study: str, ablation: str) -> list[str]:
        """Return the paths of all predictions of an ablation."""
        return flat(self.ablation_predictions(study, ablation))

    def ablation_figure_options(self, ablation: str) -> dict[str, Any]:
        """Return what shapes the figure of an ablation."""
        reporting = self.config.reporting
        return {
            "label": self.ablation_label(ablation),
            "width": reporting.widths.ablations,
            "resolution": reporting.resolution,
        }

    def ablation_figure(self, study: str, ablation: str) -> str:
        """Return the path of an ablation's figure."""
        return f"{paths.FIGURES}/{study}/ablation_{ablation}.png"

    def ablation_files(self, study: str) -> list[str]:
        """Return the tables and figures of the ablations that a study names.

        Raises
        ------
        InputError
            when it names none
        """
        self.masses_only(study, "ablations are")
        names = self.study_entry(study).ablations or ()
        if not names or not self.config.evaluation.ablations:  # null takes them all away
            raise InputError(
                f"evaluation.studies.{study} has no ablations; add some of evaluation.ablations:"
                " ablations: [neighbours, ...]."
            )
        return [
            path
            for name in names
            for path in (
                f"{paths.EVALUATION}/{study}/ablations/{name}.csv",
                self.ablation_figure(study, name),
            )
        ]

    def declared_ablation_figures(self, study: str) -> list[str]:
        """Return the figures that the ablations of the config have, whether made or not."""
        return [self.ablation_figure(study, name) for name in self.declared.evaluation.ablations]
