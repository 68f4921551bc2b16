"""Maps and encoders to evidence: samples, splits, features, predictions."""

from typing import Any

from starmass.channels import BASE
from starmass.config.features import (
    CombinedFeatures,
    EncoderFeatures,
    ForeignEncoderFeatures,
    OwnEncoderFeatures,
    ShippedEncoderFeatures,
)
from starmass.config.methods import FinetunedEncoder, Network, Regressor
from starmass.config.studies import OF_MASSES
from starmass.errors import InputError
from starmass.plan import paths
from starmass.plan.maps import MapsPlan
from starmass.plan.paths import UsersFile
from starmass.plan.pretraining import PretrainingPlan
from starmass.shipped import shipped_file

SMALL = 192
"""Width of an encoder that keeps one core busy."""
PREDICTED_BY = {"regressor": Regressor, "network": Network, "finetuning": FinetunedEncoder}
"""Model of the methods that each kind of rule makes predictions with."""


class EvaluationPlan(MapsPlan, PretrainingPlan):
    """What rules of the wing ``evaluation`` ask."""

    def study_entry(self, name: str) -> Any:
        """Return an entry of ``evaluation.studies``."""
        return self.entry("evaluation.studies", name)

    def features(self, name: str) -> Any:
        """Return an entry of ``evaluation.features``."""
        return self.entry("evaluation.features", name)

    def method(self, name: str) -> Any:
        """Return an entry of ``evaluation.methods``."""
        return self.entry("evaluation.methods", name)

    def shown(self, name: str) -> dict[str, Any]:
        """Return how a map is shown, with the transform of each channel."""
        entry = self.entry("evaluation.preprocessing", name)
        channels = {channel: self.config.maps.channel(channel) for channel in entry.channels}
        own = {channel: found.transform for channel, found in channels.items() if found}
        return {**entry.plain(), "transforms": {**own, **entry.transforms}}

    def target(self, study: str) -> dict[str, Any]:
        """Return what a study predicts, as arguments of Target; empty for the stellar mass."""
        entry = self.study_entry(study).target
        if entry is None:
            return {}
        key = f"evaluation.studies.{study}.target"
        return {**entry.given(), "name": entry.name or entry.column, "key": key}

    def studies_of(self, kind: str) -> str:
        """Return a wildcard's pattern: studies whose target is ``mass``, ``other``, or a kind."""
        names = [
            name
            for name, entry in self.config.evaluation.studies.items()
            if kind in kinds_of_target(entry.target)
        ]
        return "|".join(names) or "(?!)"

    def masses_only(self, study: str, what: str) -> None:
        """Refuse what is of stellar masses alone, for a study with another target.

        Raises
        ------
        InputError
            names the study
        """
        if self.study_entry(study).target:
            raise InputError(
                f"evaluation.studies.{study} has another target than the stellar mass, and {what}"
                " of masses alone; take target away, or ask for something else."
            )

    def part_of_study(self, study: str, part: str, example: str) -> Any:
        """Return a part of a study that it may have.

        Raises
        ------
        InputError
            when it has none; ``example`` says how to add it
        """
        found = getattr(self.study_entry(study), part)
        if part in OF_MASSES:
            self.masses_only(study, f"{part} is")
        if found is None:
            raise InputError(f"evaluation.studies.{study} has no {part}; add it: {example}.")
        return found

    def information(self, study: str) -> Any:
        """Return where a study looks for the information on the maps."""
        example = "information: {split: protostar_folds, preprocessing: whole}"
        return self.part_of_study(study, "information", example)

    def embedding(self, study: str) -> Any:
        """Return which features a study puts in a plane."""
        return self.part_of_study(study, "embedding", "embedding: {features: ...}")

    def segmentation(self, study: str) -> Any:
        """Return how a study divides maps."""
        return self.part_of_study(study, "segmentation", "segmentation: {features: ...}")

    def methods_by(self, kind: str) -> str:
        """Return a wildcard's pattern: the methods that one kind of rule makes predictions with."""
        methods = self.config.evaluation.methods
        names = [name for name, one in methods.items() if isinstance(one, PREDICTED_BY[kind])]
        return "|".join(names) or "(?!)"

    def study_maps(self, study: str) -> list[str]:
        """Return the paths of all maps of a study, as its observation sees them."""
        entry = self.study_entry(study)
        if entry.images:
            return [self.image_set_maps(entry.images, entry.observation)]
        return [
            path
            for simulation in entry.simulations
            for path in (
                self.observed_maps(entry.observation, simulation)
                if entry.observation
                else self.simulation_maps(simulation)
            )
        ]

    def catalogues(self, study: str) -> list[str]:
        """Return the paths of the catalogues of a study's simulations, or of the list of images."""
        if images := self.study_entry(study).images:
            return [self.image_objects(images)]
        return [paths.catalogue(one) for one in self.study_entry(study).simulations]

    def sample_options(self, study: str) -> dict[str, Any]:
        """Return which maps take part in a study."""
        entry = self.study_entry(study)
        own = {"minimum_mass": entry.minimum_mass, "axes": list(entry.axes)}
        return {**own, "images": entry.images} if entry.images else own

    def image_set_maps(self, name: str, observation: str | None = None) -> str:
        """Return the path of a set's file of maps, as an observation sees it if there is one."""
        if observation is None:
            return self.image_maps(name)
        self.entry("maps.observations", observation)
        return f"{paths.OBSERVED}/{observation}/{name}/maps.h5"

    def maps_to_observe(self, name: str, snapshot: str) -> str:
        """Return the file of maps that is observed, of a simulation's snapshot or of a set."""
        if name in self.config.images and snapshot == "maps":
            return self.image_maps(name)
        return f"{paths.MAPS}/{name}/{snapshot}.h5"

    def list_options(self, study: str) -> dict[str, Any]:
        """Return how a study's maps are listed: which take part, and the column of the target."""
        target = self.study_entry(study).target
        return {**self.sample_options(study), **({"label": target.column} if target else {})}

    def split_options(self, split: str) -> dict[str, Any]:
        """Return how rows are divided."""
        return self.entry("evaluation.splits", split).plain()

    def first_split(self, study: str) -> str:
        """Return the name of a study's first split."""
        return self.study_entry(study).splits[0]

    def encoder_files(self, features: str, seed: int = 0) -> dict[str, str]:
        """Return the file of an encoder's weights: a pretraining's, the user's, or none.

        There is none where weights are random without a pretraining, or fetched by timm.
        """
        entry = self.features(features)
        if isinstance(entry, OwnEncoderFeatures):
            # Random weights need the sizes of the encoder alone, which all its seeds share.
            drawn = entry.weights == "random"
            seeds = self.encoder(entry.encoder).seeds
            return {"encoder": self.teacher(entry.encoder, seeds[0] if drawn else seed)}
        if isinstance(entry, ShippedEncoderFeatures):
            return {"encoder": UsersFile(shipped_file(entry.shipped))}
        if isinstance(entry, ForeignEncoderFeatures):
            named = entry.weights not in ("pretrained", "random")
            return {"encoder": UsersFile(entry.weights)} if named else {}
        return {}

    def feature_options(self, features: str) -> dict[str, Any]:
        """Return what shapes features, with the ways in which they show a map."""
        entry = self.features(features)
        return {
            "features": entry.plain(),
            "preprocessing": [self.shown(name) for name in getattr(entry, "preprocessing", ())],
        }

    def seed_of_features(self, features: str, seed: int) -> int:
        """Return the seed of the file of features that a method's seed takes.

        Features without seeds are made once, as seed 0.
        """
        return seed if self.has_seeds(features) else 0

    def feature_parts(self, study: str, split: str, features: str, seed: int) -> list[str]:
        """Return the files that combined features are put together from; of other features none."""
        return [
            paths.features(study, split, part, number)
            for part, number in self.parts_with_seeds(features, seed)
        ]

    def parts_with_seeds(self, features: str, seed: int) -> list[tuple[str, int]]:
        """Return the parts of combined features, and the seed of each; of other features none."""
        entry = self.features(features)
        parts = entry.parts if isinstance(entry, CombinedFeatures) else ()
        return [(part, self.seed_of_features(part, seed)) for part in parts]

    def feature_threads(self, features: str) -> int:
        """Return the threads of a job that makes features; a small encoder does not fill two."""
        entry = self.features(features)
        if not isinstance(entry, EncoderFeatures) or isinstance(entry, ShippedEncoderFeatures):
            return 1
        if isinstance(entry, OwnEncoderFeatures):
            width = self.encoder(entry.encoder).encoder.width
            return 1 if width and width <= SMALL else 2
        return 2

    def has_seeds(self, features: str) -> bool:
        """Whether features differ between the seeds of a method."""
        entry = self.features(features)
        if isinstance(entry, CombinedFeatures):
            return any(map(self.has_seeds, entry.parts))
        if isinstance(entry, OwnEncoderFeatures) and entry.weights == "pretrained":
            return len(self.encoder(entry.encoder).seeds) > 1
        return isinstance(entry, EncoderFeatures) and entry.weights == "random"

    def _with_seed(self, method: str, seed: int) -> Any:
        """Return a method, or raise InputError where it has no such seed."""
        entry = self.method(method)
        if seed not in entry.seeds:
            raise InputError(
                f"the method {method} has no seed {seed}; add it to"
                f" evaluation.methods.{method}.seeds, which are"
                f" {', '.join(map(str, entry.seeds))}."
            )
        return entry

    def features_file(self, study: str, split: str, method: str, seed: int) -> str | list[str]:
        """Return the file of a method's features, or none for a method without any."""
        name = self._with_seed(method, seed).features
        if name is None:
            return []
        return paths.features(study, split, name, self.seed_of_features(name, seed))

    def method_options(self, method: str) -> dict[str, Any]:
        """Return what shapes the predictions of a method, beside its features and seed."""
        return self.method(method).plain("label", "features", "seeds")

    def predictions(self, study: str, few: str = "") -> dict[str, dict[str, list[str]]]:
        """Return split -> method -> files of predictions, one a seed."""
        entry = self.study_entry(study)
        return {
            split: {
                method: [
                    paths.predictions(study, split, method, seed, few)
                    for seed in self.method(method).seeds
                ]
                for method in entry.methods
            }
            for split in entry.splits
        }

    def regressor_module(self, method: str) -> str:
        """Return the module of a method's regressor."""
        return f"starmass.evaluation.regressors.{self.method(method).regressor}"

    def all_predictions(self, study: str) -> list[str]:
        """Return the paths of all predictions of a study."""
        return flat(self.predictions(study))

    def splits(self, study: str) -> list[str]:
        """Return the paths of a study's splits."""
        return [paths.split(study, name) for name in self.study_entry(study).splits]

    def method_facts(self, method: str) -> dict[str, str]:
        """Return what tables say of a method beside its numbers."""
        seeds = " ".join(map(str, self.method(method).seeds))
        return {"label": self.config.evaluation.label(method), "seed": seeds}

    def reference(self, study: str) -> str:
        """Return the method that a study's others are compared with."""
        entry = self.study_entry(study)
        return entry.reference or entry.methods[0]

    def comparison(self, study: str) -> dict[str, Any]:
        """Return what shapes the comparison of a study's methods."""
        entry = self.study_entry(study)
        return {
            "methods": {method: self.method_facts(method) for method in entry.methods},
            "reference": self.reference(study),
            **({} if entry.target else {"overstatement": self.overstated_splits(study)}),
        }

    def split_kinds(self, study: str) -> dict[str, str]:
        """Return what each split of a study keeps apart."""
        splits = self.study_entry(study).splits
        return {name: self.entry("evaluation.splits", name).by for name in splits}

    def overstated_splits(self, study: str) -> list[tuple[str, str]]:
        """Return pairs of a split as published and one that keeps stars or simulations apart."""
        by = self.split_kinds(study)
        published = [name for name in by if by[name] == "row"]
        grouped = [name for name in by if by[name] in ("protostar", "simulation")]
        return [(one, another) for one in published for another in grouped]

    def embedding_files(self, study: str) -> list[str]:
        """Return the table of features in a plane, if the study has one."""
        entry = self.study_entry(study).embedding
        return [f"{paths.EVALUATION}/{study}/embedding/{entry.features}.csv"] if entry else []

    def embedded_features(self, study: str, features: str) -> str:
        """Return the file of features that are put in a plane, those of the first split."""
        return paths.features(study, self.first_split(study), features, 0)

    def embedding_options(self, study: str) -> dict[str, Any]:
        """Return what shapes the embedding of a study."""
        return self.embedding(study).plain("features")

    def segmentation_files(self, study: str) -> dict[str, str]:
        """Return examples (HDF5), what the segments hold, and how much they explain (CSV)."""
        entry = self.segmentation(study)
        folder = f"{paths.EVALUATION}/{study}/segmentation/{entry.features}"
        return {
            "examples": f"{folder}.h5",
            "segments": f"{folder}/segments.csv",
            "explained": f"{folder}/explained.csv",
        }

    def segmentation_options(self, study: str, features: str) -> dict[str, Any]:
        """Return what shapes the segmentation of a study."""
        entry, shown = self.segmentation(study), self.features(features)
        return {
            "features": shown.plain(),
            "preprocessing": self.shown(entry.preprocessing or shown.preprocessing[0]),
            "segmentation": entry.plain("features", "preprocessing"),
            **({"target": target} if (target := self.target(study)) else {}),
        }

    def shows_gas(self, study: str) -> bool:
        """Return whether a study's maps have all channels of maps of gas."""
        images = self.study_entry(study).images
        return not images or set(BASE) <= set(self.image_set(images).channels or ())

    def information_split(self, study: str) -> str:
        """Return the split on which a study looks for information."""
        return paths.split(study, self.information(study).split)

    def information_options(self, study: str) -> dict[str, Any]:
        """Return how maps are shown where a study looks for information."""
        return self.shown(self.information(study).preprocessing)

    def network_options(self, method: str) -> dict[str, Any]:
        """Return what shapes a network that is trained on maps."""
        entry = self.method(method)
        own = entry.plain("label", "preprocessing", "seeds", "weights", "encoder")
        return {"method": own, "preprocessing": self.shown(entry.preprocessing)}

    def network_files(self, method: str, seed: int) -> dict[str, str]:
        """Return the file that a network starts from: a pretraining's, the user's, or none."""
        entry = self._with_seed(method, seed)
        if entry.encoder:
            return {"weights": self.teacher(entry.encoder, seed)}
        return {"weights": UsersFile(entry.weights)} if entry.weights else {}

    def finetuning_files(self, method: str, seed: int) -> dict[str, str]:
        """Return the file of the weights that are trained further."""
        return self.encoder_files(self._with_seed(method, seed).features, seed)

    def finetuning_options(self, method: str) -> dict[str, Any]:
        """Return what shapes an encoder that is trained further on maps."""
        entry = self.method(method)
        features = self.features(entry.features)
        return {
            "finetuning": entry.finetuning.plain(),
            "features": features.plain(),
            "preprocessing": self.shown(features.preprocessing[0]),
        }

    def evaluation_files(self, study: str) -> list[str]:
        """Return the tables of evidence of a study."""
        found = [f"{paths.EVALUATION}/{study}/metrics.csv", *self.embedding_files(study)]
        if "classes" in kinds_of_target(self.study_entry(study).target):
            found.append(f"{paths.EVALUATION}/{study}/confusion.csv")
        if self.study_entry(study).segmentation:
            found += self.segmentation_files(study).values()
        return found

    def encoders_of(self, study: str) -> list[str]:
        """Return the encoders that a study uses: of features, and those networks start from."""
        entry = self.study_entry(study)
        found: list[str] = []
        for name in entry.methods:
            method = self.method(name)
            for seed in method.seeds:
                if isinstance(method, Network):
                    found += [self.teacher(method.encoder, seed)] if method.encoder else []
                elif method.features:
                    found += self._pretrained(method.features, seed)
        for part in (entry.segmentation, entry.embedding):
            found += self._pretrained(part.features, 0) if part else []
        return list(dict.fromkeys(found))

    def _pretrained(self, features: str, seed: int) -> list[str]:
        if parts := self.parts_with_seeds(features, seed):
            return [path for part, number in parts for path in self._pretrained(part, number)]
        own = isinstance(self.features(features), OwnEncoderFeatures)
        return list(self.encoder_files(features, seed).values()) if own else []


def kinds_of_target(target: Any) -> tuple[str, ...]:
    """Return the words for what a study predicts; the entry is none for the stellar mass."""
    return ("other", target.kind) if target else ("mass",)


def flat(nested: Any) -> list[str]:
    """Return the paths in nested dictionaries and lists, in order."""
    if isinstance(nested, str):
        return [nested]
    inner = nested.values() if isinstance(nested, dict) else nested
    return [path for one in inner for path in flat(one)]
