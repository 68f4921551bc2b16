"""Detection: the files of each detector, and what shapes its boxes."""

from typing import Any

from starmass.config.detection import EncoderDetector
from starmass.errors import InputError, closest
from starmass.plan import paths
from starmass.plan.evaluation import EvaluationPlan

FILES = ("predictions.csv", "metrics.csv", "examples.png")


class DetectionPlan(EvaluationPlan):
    """What the rules of the wing ``detection`` ask."""

    def detector(self, name: str) -> Any:
        """Return an entry of ``detection``.

        Raises
        ------
        InputError
            when there is none; names the nearest
        """
        known = self.config.detection
        if name not in known:
            raise InputError(
                f"there is no entry {name!r} in detection{closest(name, known)}; entries:"
                f" {', '.join(known) or 'none yet (docs/detection.md)'}."
            )
        return known[name]

    def detection_files(self) -> list[str]:
        """Return what is made of all detectors.

        Raises
        ------
        InputError
            when there are none
        """
        if not self.config.detection:
            raise InputError(
                "the config has no detection; add a detector, detection: {NAME: {images: ...,"
                " boxes: ...}}, as docs/detection.md shows."
            )
        return [paths.detection(name, file) for name in self.config.detection for file in FILES]

    def detector_images(self, name: str) -> dict[str, str]:
        """Return the file of maps of a detector's images (maps), and their list (objects)."""
        images = self.detector(name).images
        return {"maps": self.image_maps(images), "objects": self.image_objects(images)}

    def detector_boxes(self, name: str) -> str:
        """Return the file of boxes of a detector.

        Raises
        ------
        InputError
            when there is no such file of the user
        """
        return self.users_file(self.detector(name).boxes, f"detection.{name}.boxes")

    def detector_weights(self, name: str) -> dict[str, str]:
        """Return the file of weights that a detector starts from (encoder), or none."""
        entry = self.detector(name)
        if isinstance(entry, EncoderDetector):
            return self.encoder_files(entry.features, entry.seed)
        if entry.weights is None:
            return {}
        return {"encoder": self.users_file(entry.weights, f"detection.{name}.weights")}

    def detector_split(self, name: str) -> dict[str, Any]:
        """Return how a detector's images are divided."""
        return self.split_options(self.detector(name).split)

    def boxes_options(self, name: str) -> dict[str, Any]:
        """Return how the boxes of a detector are read."""
        entry = self.detector(name)
        column = self.image_set(entry.images).columns.file
        return {"measured": entry.boxes_side, "file": column or "file"}

    def detector_options(self, name: str) -> dict[str, Any]:
        """Return what shapes the boxes that a detector finds, beside the files of others."""
        entry = self.detector(name)
        not_here = ("images", "boxes", "boxes_side", "split", "examples", "least_score")
        training = entry.plain(*not_here, "features", "network", "preprocessing", "weights")
        width = training.pop("width")
        if isinstance(entry, EncoderDetector):
            features = self.features(entry.features)
            source: dict[str, Any] = {"features": features.plain()}
            way = features.preprocessing[0]
        else:
            source, way = {"network": entry.network}, entry.preprocessing
        shown = self.shown(way)
        return {**source, "width": width, "preprocessing": shown, "training": training}

    def detection_examples(self, name: str) -> dict[str, Any]:
        """Return what shapes the figure of a detector's examples."""
        entry = self.detector(name)
        shown = self.detector_options(name)["preprocessing"]
        return {
            "preprocessing": shown,
            "examples": entry.examples,
            "least_score": entry.least_score,
            "resolution": self.config.reporting.resolution,
        }
