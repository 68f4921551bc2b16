"""The same methods with few labels: a split's training protostars thinned out."""

from typing import Any

from starmass.plan import paths
from starmass.plan.evaluation import EvaluationPlan, flat


class FewLabelsPlan(EvaluationPlan):
    """What the rules of few labels ask."""

    def few_labels(self, study: str) -> Any:
        """Return how a study thins out the training protostars."""
        return self.part_of_study(study, "few_labels", "few_labels: {splits: [protostar]}")

    def few_labels_methods(self, study: str) -> list[str]:
        """Return the methods that are tried with few labels."""
        return list(self.few_labels(study).methods or self.study_entry(study).methods)

    def few_labels_predictions(self, study: str) -> dict[str, dict[str, list[str]]]:
        """Return split -> method -> files of predictions, one a seed."""
        return {
            split: {
                method: [
                    paths.predictions(study, split, method, seed, "few_labels/")
                    for seed in self.method(method).seeds
                ]
                for method in self.few_labels_methods(study)
            }
            for split in self.few_labels(study).splits
        }

    def few_labels_splits(self, study: str) -> dict[str, str]:
        """Return split -> the file of its thinned-out parts."""
        return {
            split: f"{paths.EVALUATION}/{study}/{split}/few_labels/split.csv"
            for split in self.few_labels(study).splits
        }

    def few_labels_options(self, study: str) -> dict[str, Any]:
        """Return how training protostars are thinned out."""
        return self.few_labels(study).plain("splits", "methods")

    def few_labels_rows(self, study: str) -> dict[str, list[Any]]:
        """Return what the table's columns have to hold, in every combination."""
        entry = self.few_labels(study)
        return {
            "split": list(entry.splits),
            "method": self.few_labels_methods(study),
            "fraction": list(entry.fractions),
        }

    def few_labels_names(self, study: str) -> dict[str, str]:
        """Return method -> what tables call it."""
        return {one: self.config.evaluation.label(one) for one in self.few_labels_methods(study)}

    def all_few_labels_predictions(self, study: str) -> list[str]:
        """Return the paths of all predictions from few labels."""
        return flat(self.few_labels_predictions(study))
