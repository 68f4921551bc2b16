"""Tables of a study and what figures need, over the plans of the wings."""

from typing import Any

from starmass.plan import paths
from starmass.plan.ablations import AblationsPlan


class StudyPlan(AblationsPlan):
    """What the rules of tables ask."""

    def simulation_formats(self, study: str) -> dict[str, str]:
        """Return the format of each simulation: whatever shows analytic clouds says so.

        A set of images has the format ``images``.
        """
        entry = self.study_entry(study)
        if entry.images:
            return {entry.images: "images"}
        return {name: self.simulation(name).format for name in entry.simulations}

    def information_channels(self, study: str) -> list[str]:
        """Return the channels in which a study looks for information; none if it does not."""
        entry = self.study_entry(study).information
        return self.shown(entry.preprocessing)["channels"] if entry else []

    def summary_files(self, study: str) -> dict[str, str]:
        """Return the tables that a study may have beside that of its methods."""
        entry, folder = self.study_entry(study), f"{paths.EVALUATION}/{study}"
        names = [name for name in ("information", "few_labels") if getattr(entry, name)]
        found = {name: f"{folder}/{name}.csv" for name in names}
        if entry.segmentation:
            found["explained"] = self.segmentation_files(study)["explained"]
        return found

    def summary_rows(self, study: str) -> dict[str, list[Any]]:
        """Return what the table of few labels has to hold, if the study has one."""
        return self.few_labels_rows(study) if self.study_entry(study).few_labels else {}

    def cores(self) -> dict[str, int]:
        """Return the threads of each encoder's ranks."""
        encoders = self.config.pretraining.encoders
        return {name: entry.resources.threads for name, entry in encoders.items()}

    def shard_sizes(self) -> dict[str, dict[str, int]]:
        """Return the number of images of each shard of each set."""
        return {
            images: {shard: stop - start for shard, (start, stop) in self.shards(images).items()}
            for images in self.config.fractals.images
        }

    def textures(self) -> list[str]:
        """Return the sets of images that are no fractals."""
        images = self.config.fractals.images
        return [name for name, entry in images.items() if entry.generator != "flame"]

    def regression_files(self, study: str) -> dict[str, dict[str, Any]]:
        """Return by split what the figure of regression reads; a method has its first seed."""
        features = self.config.reporting.figures.regression.features
        return {
            split: {
                "split": paths.split(study, split),
                "features": paths.features(study, split, features, 0),
                "predictions": predictions,
            }
            for split, predictions in self.shown_predictions(study).items()
        }

    def shown_predictions(self, study: str) -> dict[str, dict[str, str]]:
        """Return split -> method -> the predictions that figures show, those of its first seed.

        A study that has none of the splits (or methods) that are chosen shows its own.
        """
        entry, chosen = self.study_entry(study), self.config.reporting.figures.regression
        splits = [name for name in chosen.splits if name in entry.splits] or list(entry.splits)
        methods = [name for name in chosen.methods if name in entry.methods]
        methods = methods or list(entry.methods[:2])
        return {
            split: {
                method: paths.predictions(study, split, method, self.method(method).seeds[0])
                for method in methods
            }
            for split in splits
        }

    def curve_files(self, study: str) -> list[str]:
        """Return the curves of the pretrainings that a study uses."""
        return [paths.curves(path) for path in self.encoders_of(study)]

    def example_shard(self) -> str:
        """Return the shard of images that a figure shows."""
        return self.shard_files(self.config.reporting.figures.examples.images)[0]

    def simulation_pages(self, study: str) -> list[str]:
        """Return the page of each simulation of a study, and of those that it shows beside them."""
        entry = self.study_entry(study)
        return [
            f"{paths.MAPS}/{simulation}/overview.{kind}"
            for simulation in dict.fromkeys([*(entry.simulations or ()), *(entry.pages or ())])
            for kind in ("pdf", "png")
        ]

    def bare_maps(self, study: str) -> list[str]:
        """Return the maps of a study's simulations, or images, before any observation."""
        entry = self.study_entry(study)
        if entry.images:
            return [self.image_maps(entry.images)]
        names = entry.simulations
        return [path for simulation in names for path in self.simulation_maps(simulation)]

    def table_files(self, study: str) -> list[str]:
        """Return the tables of a study."""
        return [
            f"{paths.TABLES}/{study}/{table}.{kind}"
            for table in (("table",) if self.study_entry(study).target else ("table", "table1"))
            for kind in ("csv", "md", "tex", "html")
        ]
