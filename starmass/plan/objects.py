"""Observed objects: the files of each, and what shapes its maps and masses."""

from typing import Any

from starmass.errors import InputError, closest
from starmass.plan import paths
from starmass.plan.evaluation import EvaluationPlan


class ObjectsPlan(EvaluationPlan):
    """What the rules of observed objects ask."""

    def object(self, name: str) -> Any:
        """Return an entry of ``objects``.

        Raises
        ------
        InputError
            when there is none; names the nearest
        """
        objects = self.config.objects
        if name not in objects:
            raise InputError(
                f"there is no entry {name!r} in objects{closest(name, objects)}; entries:"
                f" {', '.join(objects) or 'none yet (docs/objects.md)'}."
            )
        return objects[name]

    def objects(self) -> list[str]:
        """Return the names of all objects.

        Raises
        ------
        InputError
            when there are none
        """
        if not self.config.objects:
            raise InputError(
                "the config has no objects; add an observed protostar, objects: {NAME: {position:"
                " ..., distance: ...}}, as docs/objects.md shows."
            )
        return list(self.config.objects)

    def object_entry(self, name: str) -> dict[str, Any]:
        """Return what shapes the maps of an object, beside its files."""
        return self.object(name).plain("study", "methods")

    def object_inputs(self, name: str) -> dict[str, str]:
        """Return the FITS files of an object: ``column_density``, ``column_density_noise`` ...

        What lies in ``results/`` is made by other rules; all else is the user's.

        Raises
        ------
        InputError
            when a file of the user does not exist
        """
        found = {}
        for key, image in self.object(name).images().items():
            for kind, place in (("file", key), ("noise", f"{key}_noise")):
                given = getattr(image, kind, None)
                if isinstance(given, str):
                    found[place] = self._object_file(given, f"objects.{name}.{key}.{kind}")
        return found

    def _object_file(self, given: str, key: str) -> str:
        if _is_number(given):
            raise InputError(
                f"config key {key!r}: YAML reads {given} as text; write it with a point and a sign,"
                " as 5.0e+20."
            )
        return self.users_file(given, key)

    def object_projection(self) -> dict[str, Any]:
        """Return what the maps of objects share with those of simulations."""
        projection = self.config.maps.projection
        return {key: getattr(projection, key) for key in ("side", "pixels", "hydrogen_mass")}

    def object_simulations(self, name: str) -> dict[str, list[str]]:
        """Return the maps that an object is compared with, by simulation, before observation."""
        study = self.study_entry(self.object(name).study)
        if study.images:
            return {study.images: [self.image_maps(study.images)]}
        return {one: self.simulation_maps(one) for one in study.simulations}

    def object_simulation_files(self, name: str) -> list[str]:
        """Return the same as a list."""
        return [path for files in self.object_simulations(name).values() for path in files]

    def object_catalogues(self, name: str) -> list[str]:
        """Return the catalogues of the simulations that an object is compared with."""
        return self.catalogues(self.object(name).study)

    def object_samples(self, name: str) -> dict[str, Any]:
        """Return which of these maps take part."""
        return self.sample_options(self.object(name).study)

    def object_features(self, name: str) -> dict[str, dict[int, str | None]]:
        """Return method -> seed -> file of features; None for a method without any."""
        found: dict[str, dict[int, str | None]] = {}
        for method in self.object(name).methods:
            entry = self.method(method)
            found[method] = {}
            for seed in entry.seeds:
                found[method][seed] = entry.features and self._object_features(
                    name, entry.features, self.seed_of_features(entry.features, seed)
                )
        return found

    def object_feature_parts(self, name: str, features: str, seed: int) -> list[str]:
        """Return the files that combined features of an object are put together from."""
        return [
            self._object_features(name, part, number)
            for part, number in self.parts_with_seeds(features, seed)
        ]

    def _object_features(self, name: str, features: str, seed: int) -> str:
        return paths.object_file(name, f"features/{features}/seed-{seed}.h5")

    def object_feature_files(self, name: str) -> list[str]:
        """Return all files of features of an object, each once."""
        every = self.object_features(name).values()
        return list(dict.fromkeys(path for one in every for path in one.values() if path))

    def object_methods(self, name: str) -> dict[str, dict[str, Any]]:
        """Return what shapes the masses of an object, by method."""
        return {
            method: {
                "label": self.config.evaluation.label(method),
                "options": self.method_options(method),
            }
            for method in self.object(name).methods
        }

    def object_regressors(self, name: str) -> list[str]:
        """Return the modules of the regressors of an object's methods."""
        return sorted({self.regressor_module(method) for method in self.object(name).methods})

    def object_pages(self) -> list[str]:
        """Return the page of every object."""
        return [paths.object_file(name, "page.html") for name in self.objects()]

    def object_predictions(self) -> list[str]:
        """Return the table of masses of every object."""
        return [paths.object_file(name, "prediction.csv") for name in self.objects()]

    def object_page_options(self, name: str) -> dict[str, Any]:
        """Return what the page of an object says beside its tables."""
        entry, study = self.object(name), self.study_entry(self.object(name).study)
        return {
            "position": entry.plain()["position"],
            "study": entry.study,
            "simulations": {study.images: "images"}
            if study.images
            else {one: self.simulation(one).format for one in study.simulations},
            "palettes": self.config.reporting.palettes.plain(),
            "resolution": self.config.reporting.resolution,
        }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
