"""The config, checked before anything runs: every mistake is one sentence with the key and the way out.

Light on imports, because the Snakefile reads it at every parse.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from starmass.errors import InputError, closest

SECTIONS = ("maps", "fractals", "pretraining", "evaluation", "reporting")


def check_config(config: Mapping[str, Any], schemas: str | Path) -> None:
    """Hold the merged config to the schemas, and its named entries to each other.

    Parameters
    ----------
    config : the config as Snakemake merged it
    schemas : folder with ``config.schema.yaml`` and one ``{section}.schema.yaml`` a section

    Raises
    ------
    InputError
        names the first key that is unknown, missing, of the wrong kind or out of range, or the entry that does not exist
    """
    _validate(config, Path(schemas) / "config.schema.yaml", ())
    for section in SECTIONS:
        _validate(config[section], Path(schemas) / f"{section}.schema.yaml", (section,))
    _check_finite(config, "")
    _check_references(config)
    for key, problem in _contradictions(config["evaluation"]):
        raise InputError(f"config key 'evaluation.{key}': {problem}.")
    _check_ranks(config["pretraining"]["encoders"])


def _validate(values: Any, schema_file: Path, above: tuple[str, ...]) -> None:
    schema = yaml.safe_load(schema_file.read_text(encoding="utf-8"))
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(values))
    if error is not None:
        raise InputError(_sentence(error, above))


def _sentence(error: jsonschema.ValidationError, above: tuple[str, ...]) -> str:
    """Turn a schema error into the sentence that a user can act on."""
    path = [*above, *map(str, error.absolute_path)]
    key = ".".join(path) or "(top level)"
    meaning = error.schema.get("description", "").rstrip(".") if isinstance(error.schema, Mapping) else ""
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known = list(error.schema.get("properties", {}))
        unknown = [name for name in error.instance if name not in known]
        full = ".".join([*path, str(unknown[0])])
        return f"config key {full!r} is unknown{closest(unknown[0], known)}; known here: {', '.join(sorted(known))}."
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        description = error.schema.get("properties", {}).get(missing, {}).get("description", "").rstrip(".")
        return f"config key '{'.'.join([*path, missing])}' is missing; add it{f' ({description})' if description else ''}."
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        return f"config key {key!r}: {error.instance!r} can't be a name; use letters, digits and underscores."
    problem = {
        "minimum": lambda: f"{error.instance} is less than {error.validator_value}, the least allowed",
        "exclusiveMinimum": lambda: f"{error.instance} must be more than {error.validator_value}",
        "maximum": lambda: f"{error.instance} is more than {error.validator_value}, the most allowed",
        "exclusiveMaximum": lambda: f"{error.instance} must be less than {error.validator_value}",
        "enum": lambda: (
            f"{error.instance!r} is none of {', '.join(map(str, error.validator_value))}"
            + closest(str(error.instance), map(str, error.validator_value))
        ),
        "type": lambda: f"{error.instance!r} is not of type {_or(error.validator_value)}{_unread_number(error.instance)}",
        "minItems": lambda: "the list is too short",
        "pattern": lambda: f"{error.instance!r} does not have the form {error.validator_value}",
    }.get(str(error.validator), lambda: error.message)()
    return f"config key {key!r}: {problem}; {f'it means: {meaning}' if meaning else 'see config/README.md'}."


def _unread_number(value: Any) -> str:
    """YAML 1.1 takes 1e-5 for text."""
    try:
        return f"; YAML reads {value} as text, write {float(value)!r} with a point in it" if isinstance(value, str) else ""
    except ValueError:
        return ""


def _or(names: str | Iterable[str]) -> str:
    return names if isinstance(names, str) else " or ".join(names)


def _check_finite(value: Any, path: str) -> None:
    """Infinities and not-a-numbers pass every bound of a schema."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            _check_finite(child, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for child in value:
            _check_finite(child, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"config key {path!r}: {value} is not a finite number; give one.")


def _contradictions(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key of the section evaluation, what is wrong with it and the way out) where single keys are right and do not go together."""
    for name, entry in evaluation["splits"].items():
        given = [key for key in ("test_fraction", "folds") if entry.get(key) is not None]
        if len(given) != 1:
            yield f"splits.{name}", f"give either test_fraction or folds, not {'both (null takes one away)' if given else 'neither'}"
        if entry["by"] == "time" and "folds" in given:
            yield f"splits.{name}.folds", "late snapshots are tested once; give test_fraction instead"
    for name, entry in evaluation["inputs"].items():
        pairs = {f"limits.{channel}": pair for channel, pair in entry.get("limits", {}).items()}
        for key, (low, high) in {**pairs, "percentiles": entry.get("percentiles", (0, 100))}.items():
            if low >= high:
                yield f"inputs.{name}.{key}", f"[{low}, {high}] runs backwards; give the lower one first"
        if entry.get("image_size") and entry.get("pixels_per_token"):
            yield f"inputs.{name}", "image_size and pixels_per_token both set the image's side; give one of them"
    for name, entry in evaluation["methods"].items():
        ways = [key for key in ("network", "fit", "regressor") if key in entry]
        if len(ways) > 1:
            yield f"methods.{name}", f"{' and '.join(ways)} are different methods; give one of them"
        if "encoder" in entry and ("network" not in entry or "weights" in entry):
            yield f"methods.{name}.encoder", "it is for a network, in the place of weights; features name the encoders of other methods"
        shown = evaluation["features"].get(entry.get("features"), {})
        several = len(_listed(shown.get("encoder", "one")))
        if several > 1 and max(entry.get("seeds", [0])) >= several:
            yield (
                f"methods.{name}.seeds",
                f"features {entry['features']!r} name pretrainings for seeds 0 to {several - 1} alone",
            )
        if "fit" in entry and (shown.get("kind") != "encoder" or shown.get("tokens", "class") not in ("class", "mean", "class_mean")):
            yield f"methods.{name}.fit", "only an encoder learns on, read at its class token, the mean or both; name such features"
        if "fit" in entry and (isinstance(shown["input"], list) or shown.get("average", "none") != "none"):
            yield f"methods.{name}.fit", "an encoder learns on from one input, not averaged; name such features (fit.augment turns maps)"
    for name, entry in (evaluation.get("ablations") or {}).items():
        if {"vary", "values", "variants"} & entry.keys() not in ({"vary", "values"}, {"variants"}):
            yield f"ablations.{name}", "give either vary and values, or variants"


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _channel_references(maps: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """The same for channels of maps and what observations say of them."""
    extra = maps.get("channels", {})
    known = {**dict.fromkeys(("column_density", "v_los", "sigma_v")), **extra}
    where = {"projection": maps["projection"], **{f"simulations.{name}": entry for name, entry in maps["simulations"].items()}}
    for key, entry in where.items():
        for channel in entry.get("channels", ()):
            yield f"maps.{key}.channels", channel, "maps.channels", extra
    for name, entry in maps.get("observations", {}).items():
        for key in ("noise", "relative_noise"):
            for channel in entry.get(key, ()):
                if channel.rpartition("_")[0] not in extra:  # a channel of a spectrum, NAME_000
                    yield f"maps.observations.{name}.{key}", channel, "maps.channels (or the three that are always there)", known


def _check_ranks(encoders: Mapping[str, Any]) -> None:
    """A batch is shared out evenly over ranks, and they over nodes; each has one GPU or none has."""
    for name, encoder in encoders.items():
        asked = encoder.get("resources", {})
        ranks, nodes, gpus = asked.get("ranks", 1), asked.get("nodes", 1), asked.get("gpus", 0)
        key = f"pretraining.encoders.{name}.resources"
        if ranks % nodes:
            raise InputError(f"config key '{key}.ranks': {ranks} ranks can't be shared out evenly over {nodes} nodes; make it a multiple.")
        if gpus not in (0, ranks):
            raise InputError(
                f"config key '{key}.gpus': {gpus} GPUs for {ranks} ranks; a rank has one GPU, so write {ranks}, or 0 for none."
            )
        batch, parts = encoder.get("batch", 1024), ranks * encoder.get("execution", {}).get("accumulation", 1)
        if batch % parts:
            raise InputError(
                f"config key 'pretraining.encoders.{name}.batch': {batch} images can't be shared out evenly over {parts} parts"
                " (resources.ranks times execution.accumulation); make it a multiple."
            )


def _check_references(config: Mapping[str, Any]) -> None:
    """Every entry that another entry names has to exist."""
    for key, name, section, entries in _references(config):
        if name not in entries:
            listed = ", ".join(map(str, entries)) or "none yet"
            raise InputError(f"config key {key!r}: there is no entry {name!r} in {section}{closest(name, entries)}; entries: {listed}.")


def _references(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Yield (key, name it holds, section that must have it, entries of that section)."""
    evaluation = config["evaluation"]
    studies, encoders, images = evaluation["studies"], config["pretraining"]["encoders"], config["fractals"]["images"]
    yield "study", config["study"], "evaluation.studies", studies
    yield from _channel_references(config["maps"])
    for encoder, recipe in encoders.items():
        if isinstance(recipe.get("images"), str):
            yield f"pretraining.encoders.{encoder}.images", recipe["images"], "fractals.images", images
        for use in ("images", "check"):
            if isinstance(recipe.get(use), Mapping):
                whole = {name: split for name, split in evaluation["splits"].items() if split.get("folds") is None}
                key, maps = f"pretraining.encoders.{encoder}.{use}", recipe[use]
                yield f"{key}.study", maps["study"], "evaluation.studies", studies
                yield f"{key}.split", maps["split"], "evaluation.splits without folds", whole
                yield f"{key}.input", maps.get("input", "whole"), "evaluation.inputs", evaluation["inputs"]
    for name, features in evaluation["features"].items():
        for shown in _listed(features["input"]):
            yield f"evaluation.features.{name}.input", shown, "evaluation.inputs", evaluation["inputs"]
        tokens = {key: entry for key, entry in encoders.items() if entry.get("method") != "simsiam"}  # a ResNet has none
        for encoder in _listed(features.get("encoder", [])):
            yield f"evaluation.features.{name}.encoder", encoder, "pretraining.encoders of transformers", tokens
    for name, method in evaluation["methods"].items():
        if "features" in method:
            yield f"evaluation.methods.{name}.features", method["features"], "evaluation.features", evaluation["features"]
        if "encoder" in method:
            learnt = {key: entry for key, entry in encoders.items() if entry.get("method") == "simsiam"}
            yield f"evaluation.methods.{name}.encoder", method["encoder"], "pretraining.encoders of method simsiam", learnt
        if "input" in method:
            yield f"evaluation.methods.{name}.input", method["input"], "evaluation.inputs", evaluation["inputs"]
    for study, entry in studies.items():
        if "observation" in entry:
            observations = config["maps"].get("observations", {})
            yield f"evaluation.studies.{study}.observation", entry["observation"], "maps.observations", observations
        for name in entry.get("ablations") or ():
            yield f"evaluation.studies.{study}.ablations", name, "evaluation.ablations", evaluation.get("ablations") or {}
        few = entry.get("few_labels") or {}
        for kind in ("splits", "methods"):
            for name in few.get(kind, ()):
                yield f"evaluation.studies.{study}.few_labels.{kind}", name, f"evaluation.{kind}", evaluation[kind]
        if entry.get("information"):
            for kind in ("split", "input"):
                name, section = entry["information"][kind], f"{kind}s"
                yield f"evaluation.studies.{study}.information.{kind}", name, f"evaluation.{section}", evaluation[section]
        embedding = entry.get("embedding") or {}
        if embedding:
            yield f"evaluation.studies.{study}.embedding.features", embedding["features"], "evaluation.features", evaluation["features"]
        colours = entry.get("segmentation") or {}
        for kind, section in (("features", "evaluation.features"), ("input", "evaluation.inputs")):
            if kind in colours:
                known = evaluation[section.split(".")[1]]
                if kind == "features":  # only an encoder has patch tokens to colour by
                    known = {name: features for name, features in known.items() if features["kind"] == "encoder"}
                    section = "evaluation.features of kind encoder"
                yield f"evaluation.studies.{study}.segmentation.{kind}", colours[kind], section, known
        for kind, section, entries in (
            ("simulations", "maps.simulations", config["maps"]["simulations"]),
            ("splits", "evaluation.splits", evaluation["splits"]),
            ("methods", "evaluation.methods", evaluation["methods"]),
        ):
            for name in entry.get(kind, ()):
                yield f"evaluation.studies.{study}.{kind}", name, section, entries
        if "reference" in entry:
            methods: dict[str, Any] = {name: {} for name in entry["methods"]}
            yield f"evaluation.studies.{study}.reference", entry["reference"], f"evaluation.studies.{study}.methods", methods
    for name, entry in (evaluation.get("ablations") or {}).items():
        for method in [entry["method"]] if isinstance(entry["method"], str) else entry["method"]:
            yield f"evaluation.ablations.{name}.method", method, "evaluation.methods", evaluation["methods"]
        varied = dict.fromkeys([entry["method"]] if isinstance(entry["method"], str) else entry["method"])
        for method in entry.get("labels", {}):
            yield f"evaluation.ablations.{name}.labels", method, f"evaluation.ablations.{name}.method", varied
    reporting = config["reporting"]
    for method in reporting["published"]:
        yield "reporting.published", method, "evaluation.methods", evaluation["methods"]
    yield "reporting.figures.examples.images", reporting["figures"]["examples"]["images"], "fractals.images", images
    regression = reporting["figures"]["regression"]
    yield "reporting.figures.regression.features", regression["features"], "evaluation.features", evaluation["features"]
    for kind in ("splits", "methods"):
        for name in regression[kind]:
            yield f"reporting.figures.regression.{kind}", name, f"evaluation.{kind}", evaluation[kind]
