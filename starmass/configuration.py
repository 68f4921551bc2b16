"""The config, checked before anything runs: every mistake is one sentence with the key and the way out.

Light on imports, because the Snakefile reads it at every parse.
"""

import copy
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from starmass.errors import InputError, closest
from starmass.maps.channels import channel_facts
from starmass.pretraining.recipe import read_recipe

SECTIONS = ("maps", "fractals", "pretraining", "evaluation", "reporting")
YAML_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, five times as fast, where PyYAML has it: every cluster job reads the schemas."""
BARE = ("column_density", "v_los", "sigma_v")
"""Channels that every map has."""
READ_WITH: dict[tuple[str, str], dict[str | None, tuple[str, ...]]] = {
    ("features", "kind"): {
        "encoder": ("encoder", "architecture", "weights", "tokens", "mean", "std"),
        "statistics": ("statistics",),
    },
    ("methods", "regressor"): {
        "knn": ("neighbours",),
        "ridge": ("alpha",),
        "boosting": ("iterations",),
        "mlp": ("hidden",),
        None: ("whitening",),
    },
    ("methods", "network"): {
        None: (
            "input",
            "weights",
            "encoder",
            "epochs",
            "warmup_epochs",
            "batch_size",
            "optimiser",
            "learning_rate",
            "weight_decay",
            "augment",
        ),
    },
}
"""Keys that only one choice of another key reads (None: whatever it is): elsewhere they would be passed over in silence."""
FIT_READS = {"finetune": ("layer_decay",), "lora": ("rank", "strength")}


def check_config(config: Mapping[str, Any], schemas: str | Path) -> dict[str, Any]:
    """Hold the merged config to the schemas, and its named entries to each other; return it without what null takes away.

    A key that a file lays over another one's can so be taken back: null stands for "not there" wherever it means nothing else.

    Parameters
    ----------
    config : the config as Snakemake merged it
    schemas : folder with ``config.schema.yaml`` and one ``{section}.schema.yaml`` a section

    Raises
    ------
    InputError
        names the first key that is unknown, missing, of the wrong kind or out of range, or the entry that does not exist
    """
    found = copy.deepcopy(dict(config))
    _check_names(found, "")
    _validate(found, read_schema(schemas, "config"), ())
    for section in SECTIONS:
        schema = read_schema(schemas, section)
        _drop_nulls(found[section], schema)
        _validate(found[section], schema, (section,))
    _check_scalars(found, "")
    _check_references(found)
    _check_encoders(found["pretraining"]["encoders"])
    evaluation, encoders = found["evaluation"], found["pretraining"]["encoders"]
    for key, problem in (
        *_unread(evaluation),
        *_contradictions(evaluation, encoders),
        *_unshowable(found),
        *_unaveraged(found),
    ):
        raise InputError(f"config key 'evaluation.{key}': {problem}.")
    return found


def check_recipe(values: Any, schemas: str | Path) -> dict[str, Any]:
    """Hold a recipe given by hand to what the workflow asks of one, in the same words.

    It is an entry of ``pretraining.encoders``, but for the images, which are given beside it.
    Returns the recipe without what null takes away.

    Raises
    ------
    InputError
        names the first key that is unknown, of the wrong kind or out of range, or that doesn't
        fit another
    """
    schema = read_schema(schemas, "pretraining")
    entry = {"images": "given", **values} if isinstance(values, Mapping) else values
    section = {"encoders": {"recipe": copy.deepcopy(entry)}}
    try:
        _check_names(section, "pretraining")
        _drop_nulls(section, schema)
        _validate(section, schema, ("pretraining",))
        _check_scalars(section, "pretraining")
        _check_encoders(section["encoders"])
    except InputError as error:
        own = "config key 'pretraining.encoders.recipe"
        sentence = str(error).replace(f"{own}.", "recipe key '").replace(f"{own}'", "recipe")
        raise InputError(sentence) from None
    return section["encoders"]["recipe"]


@cache  # reading YAML takes longer than checking against it
def read_schema(schemas: str | Path, section: str) -> dict[str, Any]:
    """Read the schema of a section; not to be changed."""
    text = Path(schemas, f"{section}.schema.yaml").read_text(encoding="utf-8")
    schema: dict[str, Any] = yaml.load(text, Loader=YAML_LOADER)
    return schema


def _drop_nulls(values: Any, schema: Mapping[str, Any]) -> None:
    """Take away, in place, each key that is null where the schema knows no null."""
    paths = {
        tuple(error.absolute_path)
        for error in jsonschema.Draft202012Validator(schema).iter_errors(values)
        if error.instance is None
    }
    for *above, key in filter(None, paths):
        place = values
        for part in above:
            place = place[part]
        if isinstance(place, dict):
            del place[key]


def _validate(values: Any, schema: Mapping[str, Any], above: tuple[str, ...]) -> None:
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(values)
    )
    if error is not None:
        raise InputError(_sentence(error, above))


def resolve(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """Follow a ``$ref`` within a schema file, keeping what stands beside it."""
    while isinstance(schema, dict) and "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            target = target[part]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema if isinstance(schema, dict) else {}


def defaults_of(schemas: str | Path, section: str, kind: str) -> dict[str, Any]:
    """Return what an entry (as of the kind ``features`` in ``evaluation``) has where it says nothing, nested as its keys are."""
    root = read_schema(schemas, section)

    def below(schema: Any) -> dict[str, Any]:
        schema = resolve(schema, root)
        found: dict[str, Any] = {}
        for name, child in schema.get("properties", {}).items():
            child = resolve(child, root)
            if name not in schema.get("required", ()):
                found |= (
                    {name: child["default"]}
                    if "default" in child
                    else {name: inside}
                    if (inside := below(child))
                    else {}
                )
        for branch in schema.get("allOf", ()):
            found |= below(branch.get("then"))
        return found

    return below(root["properties"][kind]["additionalProperties"])


def _sentence(error: jsonschema.ValidationError, above: tuple[str, ...]) -> str:
    """Turn a schema error into the sentence that a user can act on."""
    path = [*above, *map(str, error.absolute_path)]
    key = ".".join(path) or "(top level)"
    meaning = (
        error.schema.get("description", "").rstrip(".") if isinstance(error.schema, Mapping) else ""
    )
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known = list(error.schema.get("properties", {}))
        unknown = [name for name in error.instance if name not in known]
        full = ".".join([*path, str(unknown[0])])
        return f"config key {full!r} is unknown{closest(unknown[0], known)}; known here: {', '.join(sorted(known))}."
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        description = (
            error.schema.get("properties", {}).get(missing, {}).get("description", "").rstrip(".")
        )
        return f"config key '{'.'.join([*path, missing])}' is missing; add it{f' ({description})' if description else ''}."
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        return f"config key {key!r}: {error.instance!r} can't be a name; use letters, digits and underscores."
    problem = {
        "minimum": lambda: (
            f"{error.instance} is less than {error.validator_value}, the least allowed"
        ),
        "exclusiveMinimum": lambda: f"{error.instance} must be more than {error.validator_value}",
        "maximum": lambda: (
            f"{error.instance} is more than {error.validator_value}, the most allowed"
        ),
        "exclusiveMaximum": lambda: f"{error.instance} must be less than {error.validator_value}",
        "enum": lambda: (
            f"{error.instance!r} is none of {', '.join(map(str, error.validator_value))}"
            + closest(str(error.instance), map(str, error.validator_value))
        ),
        "type": lambda: (
            f"{error.instance!r} is not of type {_or(error.validator_value)}{_unread_number(error.instance)}"
            + _unquoted(error.instance, error.validator_value)
        ),
        "oneOf": lambda: (
            f"give {_one_of(error.validator_value)}{', not both' if 'valid under each' in error.message else ''}"
        ),
        "minItems": lambda: "the list is too short",
        "pattern": lambda: f"{error.instance!r} does not have the form {error.validator_value}",
    }.get(str(error.validator), lambda: error.message)()
    return f"config key {key!r}: {problem}; {f'it means: {meaning}' if meaning else 'see config/README.md'}."


def _unread_number(value: Any) -> str:
    """YAML 1.1 takes 1e-5 for text."""
    try:
        return (
            f"; YAML reads {value} as text, write {float(value)!r} with a point in it"
            if isinstance(value, str)
            else ""
        )
    except ValueError:
        return ""


def _unquoted(value: Any, wanted: str | list[str]) -> str:
    """Say what YAML takes a value for where text was meant: null, no and 001 may be names."""
    if "string" not in wanted or isinstance(value, str | list | dict):
        return ""
    return f"; YAML reads it as {_read_as(value)}, so such a name has to be in quotes, in a config file"


def _one_of(branches: Iterable[Mapping[str, Any]]) -> str:
    """The keys that the branches of a choice ask for."""
    return " or ".join(name for branch in branches for name in branch.get("required", ()))


def _or(names: str | Iterable[str]) -> str:
    return names if isinstance(names, str) else " or ".join(names)


def _check_names(value: Any, path: str) -> None:
    """Refuse names that YAML reads as something else than text; no schema would say so."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            below = f"{path}.{_as_written(key)}".lstrip(".")
            if not isinstance(key, str) and not path.endswith(".variants"):
                raise InputError(
                    f"config key {below!r}: YAML reads this name as {_read_as(key)}, not as text;"
                    f" put it in quotes."
                )
            _check_names(child, below)


def _as_written(value: Any) -> str:
    """Return a scalar as one would write it in YAML."""
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def _read_as(value: Any) -> str:
    """Say what YAML takes a scalar for that looks like a name."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int | float) else "a date"


def _check_scalars(value: Any, path: str) -> None:
    """What no schema catches: infinities and not-a-numbers pass every bound."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            _check_text(
                str(key), f"{path}.{key}", r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
            )
            _check_scalars(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for child in value:
            _check_scalars(child, path)
    elif isinstance(value, str):
        _check_text(value, path, r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"config key {path!r}: {value} is not a finite number; give one.")


def _check_text(text: str, path: str, control: str) -> None:
    """What no page shows as it stands: each format escapes all else that a text may hold."""
    if found := re.search(control, text):
        raise InputError(
            f"config key {path!r}: the text has a control character (U+{ord(found[0]):04X});"
            " take it away."
        )
    if found := re.search("</script|<!--", text, flags=re.IGNORECASE):
        raise InputError(
            f"config key {path!r}: {found[0]!r} would end the script in which Snakemake's report"
            " keeps its parameters; write it in another way."
        )


def _unread(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key of the section evaluation, what to do) for keys that would be passed over in silence."""
    for (kind, chooser), choices in READ_WITH.items():
        for name, entry in evaluation[kind].items():
            for choice, keys in choices.items():
                reads = chooser in entry if choice is None else entry.get(chooser) == choice
                for key in (key for key in keys if key in entry and not reads):
                    yield (
                        f"{kind}.{name}.{key}",
                        f"only {chooser}{f': {choice}' if choice else ''} reads it; take it away",
                    )


def _contradictions(
    evaluation: Mapping[str, Any], encoders: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield (key of the section evaluation, what is wrong with it and the way out) where single keys are right and do not go together."""
    for name, entry in evaluation["splits"].items():
        given = [key for key in ("test_fraction", "folds") if entry.get(key) is not None]
        if len(given) != 1:
            yield (
                f"splits.{name}",
                f"give either test_fraction or folds, not {'both (null takes one away)' if given else 'neither'}",
            )
        if entry["by"] == "time" and "folds" in given:
            yield (
                f"splits.{name}.folds",
                "late snapshots are tested once; give test_fraction instead",
            )
    for name, entry in evaluation["inputs"].items():
        pairs = {f"limits.{channel}": pair for channel, pair in entry.get("limits", {}).items()}
        for key, (low, high) in {
            **pairs,
            "percentiles": entry.get("percentiles", (0, 100)),
        }.items():
            if low >= high:
                yield (
                    f"inputs.{name}.{key}",
                    f"[{low}, {high}] runs backwards; give the lower one first",
                )
        if entry.get("image_size") and entry.get("pixels_per_token"):
            yield (
                f"inputs.{name}",
                "image_size and pixels_per_token both set the image's side; give one of them",
            )
    for name, entry in evaluation["features"].items():
        first, *others = _listed(entry.get("encoder", ""))
        for other in others:
            one, another = (
                {"images": encoders[key]["images"], **asdict(read_recipe(encoders[key]))}
                for key in (first, other)
            )
            apart = [
                key for key in one if key not in ("seed", "execution") and one[key] != another[key]
            ]
            if apart:
                yield (
                    f"features.{name}.encoder",
                    f"{first} and {other} differ by {apart[0]}; a list is of pretrainings that differ by their seed",
                )
        if "encoder" in entry and "architecture" in entry:
            yield f"features.{name}.architecture", "it stands in the place of encoder; give one"
        scaled = [key for key in ("mean", "std") if key in entry]
        if scaled and "architecture" not in entry and entry["kind"] == "encoder":
            yield (
                f"features.{name}.{scaled[0]}",
                "only architecture reads it: an entry of pretraining.encoders says its own; take it"
                " away",
            )
        if len({len(entry[key]) for key in scaled}) > 1:
            yield (
                f"features.{name}.{scaled[1]}",
                "it has another number of channels than mean; give as many",
            )
    for name, entry in evaluation["methods"].items():
        ways = [key for key in ("network", "fit", "regressor") if key in entry]
        if len(ways) > 1:
            yield f"methods.{name}", f"{' and '.join(ways)} are different methods; give one of them"
        if "encoder" in entry and "weights" in entry:
            yield f"methods.{name}.encoder", "it stands in the place of weights; give one of them"
        if (
            "encoder" in entry
            and (learnt := encoders[entry["encoder"]]["encoder"]["architecture"])
            != entry["network"].split(".")[0]
        ):
            yield (
                f"methods.{name}.network",
                f"{entry['network']} can't start from {entry['encoder']}, a {learnt}; name the same network",
            )
        shown = evaluation["features"].get(entry.get("features"), {})
        several = len(_listed(shown.get("encoder", "one")))
        if several > 1 and max(entry.get("seeds", [0])) >= several:
            yield (
                f"methods.{name}.seeds",
                f"features {entry['features']!r} name pretrainings for seeds 0 to {several - 1} alone",
            )
        if "fit" in entry and (
            shown.get("kind") != "encoder"
            or shown.get("tokens", "class") not in ("class", "mean", "class_mean")
        ):
            yield (
                f"methods.{name}.fit",
                "only an encoder learns on, read at its class token, the mean or both; name such features",
            )
        if "fit" in entry and (
            isinstance(shown["input"], list) or shown.get("average", "none") != "none"
        ):
            yield (
                f"methods.{name}.fit",
                "an encoder learns on from one input, not averaged; name such features (fit.augment turns maps)",
            )
        for way, keys in FIT_READS.items():
            for key in (
                key for key in keys if key in entry.get("fit", {}) and entry["fit"]["by"] != way
            ):
                yield f"methods.{name}.fit.{key}", f"only by: {way} reads it; take it away"
    yield from _namesakes(evaluation)
    for name, entry in (evaluation.get("ablations") or {}).items():
        if {"vary", "values", "variants"} & entry.keys() not in ({"vary", "values"}, {"variants"}):
            yield f"ablations.{name}", "give either vary and values, or variants"


def _namesakes(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same for methods that stand in one table under one label, where nobody could tell them apart."""
    tables: list[tuple[str, list[str], Mapping[str, str]]] = [
        (f"study {name}", entry["methods"], {}) for name, entry in evaluation["studies"].items()
    ]
    for name, entry in evaluation["studies"].items():
        tables.append(
            (f"few_labels of study {name}", (entry.get("few_labels") or {}).get("methods", []), {})
        )
    for name, entry in (evaluation.get("ablations") or {}).items():
        tables.append((f"ablation {name}", _listed(entry["method"]), entry.get("labels") or {}))
    for table, methods, renamed in tables:
        labels: dict[str, str] = {}
        for name in methods:
            label = renamed.get(name, evaluation["methods"][name].get("label", name))
            if (first := labels.setdefault(label, name)) != name:
                yield (
                    f"methods.{name}.label",
                    f"{label!r} is what {first} is called too, and {table} has both; call one of them otherwise",
                )


def _unshowable(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same for ways of showing a map that the chosen study uses, where the maps or an encoder's tokens have no place for them."""
    evaluation, encoders = config["evaluation"], config["pretraining"]["encoders"]
    study = evaluation["studies"][config["study"]]
    users = {f"methods.{name}": evaluation["methods"][name] for name in study["methods"]}
    users |= {
        f"studies.{config['study']}.{key}": study[key]
        for key in ("information", "embedding", "segmentation")
        if study.get(key)
    }
    for user, entry in users.items():
        features = evaluation["features"].get(entry.get("features"), {})
        patches = [
            read_recipe(encoders[name]).encoder.patch_size
            for name in _listed(features.get("encoder", []))
        ]
        for name in _listed(entry.get("input") or features.get("input", [])):
            for problem in _misshown(
                evaluation["inputs"][name], config["maps"], patches[0] if patches else 1
            ):
                yield f"inputs.{name}", f"{problem} (evaluation.{user} uses it)"


def _unaveraged(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same for averages over views in which a channel becomes another.

    Turned with the sky, a vector's columns and rows do; from behind, a spectrum's velocities.
    """
    evaluation, extra = config["evaluation"], config["maps"].get("channels", {})
    for name, features in evaluation["features"].items():
        average = features.get("average", "none")
        for shown in _listed(features["input"]) if average != "none" else ():
            for channel in evaluation["inputs"][shown].get("channels", BARE):
                facts = channel_facts(channel, extra)
                if facts is None:
                    continue  # _misshown says it
                if not facts.turns or (not facts.from_behind and average == "sky_and_behind"):
                    least = "sky" if facts.turns else "none"
                    yield (
                        f"features.{name}.average",
                        f"{average} would mix up the channel {channel} of inputs.{shown}, which is "
                        f"another in other views; use {least}, or show other channels",
                    )


def _misshown(entry: Mapping[str, Any], maps: Mapping[str, Any], patch_size: int) -> Iterator[str]:
    """Yield what an entry of inputs asks for in vain; see :class:`starmass.evaluation.inputs.Input`, which says it of maps."""
    pixels, extra = maps["projection"]["pixels"], maps.get("channels", {})
    known, shown = (*BARE, *extra), entry.get("channels", BARE)
    for channel in shown:
        if (
            channel not in known and channel.rpartition("_")[0] not in extra
        ):  # a channel of a spectrum, NAME_000
            yield f"there is no channel {channel!r}{closest(channel, known)}; there are {', '.join(known)}"
    for channel in entry.get("blank", ()):
        if channel not in shown:
            yield f"{channel!r} is to be blank and is none of the channels shown, {', '.join(shown)}"
    lacking = [channel for channel in shown if channel not in entry.get("limits", {})]
    if entry.get("scaling") == "fixed" and lacking:
        yield f"scaling is fixed; give [lowest, highest] of {lacking[0]} under limits too"
    zoom = entry.get("zoom") or pixels
    if zoom > pixels or (pixels - zoom) % 2:
        yield f"zoom: {zoom} pixels have no place in the middle of {pixels}; choose an even difference below it"
    token = entry.get("pixels_per_token")
    side, patch = (zoom, token) if token else (entry.get("image_size") or zoom, patch_size)
    if side < patch or side % patch:
        yield f"{side} pixels are no whole number of tokens of {patch:g} pixels; change image_size, pixels_per_token or zoom"


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _channel_references(
    maps: Mapping[str, Any],
) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """The same for channels of maps and what observations say of them."""
    extra = maps.get("channels", {})
    known = {**dict.fromkeys(BARE), **extra}
    where = {
        "projection": maps["projection"],
        **{f"simulations.{name}": entry for name, entry in maps["simulations"].items()},
    }
    for key, entry in where.items():
        for channel in entry.get("channels", ()):
            yield f"maps.{key}.channels", channel, "maps.channels", extra
    for name, entry in maps.get("observations", {}).items():
        for key in ("noise", "relative_noise"):
            for channel in entry.get(key, ()):
                if channel.rpartition("_")[0] not in extra:  # a channel of a spectrum, NAME_000
                    yield (
                        f"maps.observations.{name}.{key}",
                        channel,
                        "maps.channels (or the three that are always there)",
                        known,
                    )


def _check_encoders(encoders: Mapping[str, Any]) -> None:
    """A recipe's parts fit each other; a batch is shared out evenly over ranks, and they over nodes; each has one GPU or none has."""
    for name, encoder in encoders.items():
        try:
            read_recipe(encoder)
        except InputError as error:
            raise InputError(f"config key 'pretraining.encoders.{name}': {error}") from None
        asked = encoder.get("resources", {})
        ranks, nodes, gpus = asked.get("ranks", 1), asked.get("nodes", 1), asked.get("gpus", 0)
        key = f"pretraining.encoders.{name}.resources"
        if ranks % nodes:
            raise InputError(
                f"config key '{key}.ranks': {ranks} ranks can't be shared out evenly over {nodes} nodes; make it a multiple."
            )
        if gpus not in (0, ranks):
            raise InputError(
                f"config key '{key}.gpus': {gpus} GPUs for {ranks} ranks; a rank has one GPU, so write {ranks}, or 0 for none."
            )
        batch, parts = (
            encoder.get("batch", 1024),
            ranks * encoder.get("execution", {}).get("accumulation", 1),
        )
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
            raise InputError(
                f"config key {key!r}: there is no entry {name!r} in {section}{closest(name, entries)}; entries: {listed}."
            )


def _references(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Yield (key, name it holds, section that must have it, entries of that section)."""
    evaluation = config["evaluation"]
    studies, encoders, images = (
        evaluation["studies"],
        config["pretraining"]["encoders"],
        config["fractals"]["images"],
    )
    yield "study", config["study"], "evaluation.studies", studies
    yield from _channel_references(config["maps"])
    for encoder, recipe in encoders.items():
        if isinstance(recipe.get("images"), str):
            yield (
                f"pretraining.encoders.{encoder}.images",
                recipe["images"],
                "fractals.images",
                images,
            )
        for use in ("images", "check"):
            if isinstance(recipe.get(use), Mapping):
                whole = {
                    name: split
                    for name, split in evaluation["splits"].items()
                    if split.get("folds") is None
                }
                key, maps = f"pretraining.encoders.{encoder}.{use}", recipe[use]
                yield f"{key}.study", maps["study"], "evaluation.studies", studies
                yield f"{key}.split", maps["split"], "evaluation.splits without folds", whole
                yield (
                    f"{key}.input",
                    maps.get("input", "whole"),
                    "evaluation.inputs",
                    evaluation["inputs"],
                )
    for name, features in evaluation["features"].items():
        for shown in _listed(features["input"]):
            yield (
                f"evaluation.features.{name}.input",
                shown,
                "evaluation.inputs",
                evaluation["inputs"],
            )
        tokens = {
            key: entry for key, entry in encoders.items() if entry.get("method") != "simsiam"
        }  # a ResNet has none
        for encoder in _listed(features.get("encoder", [])):
            yield (
                f"evaluation.features.{name}.encoder",
                encoder,
                "pretraining.encoders of transformers",
                tokens,
            )
    for name, method in evaluation["methods"].items():
        if "features" in method:
            yield (
                f"evaluation.methods.{name}.features",
                method["features"],
                "evaluation.features",
                evaluation["features"],
            )
        if "encoder" in method:
            learnt = {
                key: entry for key, entry in encoders.items() if entry.get("method") == "simsiam"
            }
            yield (
                f"evaluation.methods.{name}.encoder",
                method["encoder"],
                "pretraining.encoders of method simsiam",
                learnt,
            )
        if "input" in method:
            yield (
                f"evaluation.methods.{name}.input",
                method["input"],
                "evaluation.inputs",
                evaluation["inputs"],
            )
    for study, entry in studies.items():
        if "observation" in entry:
            observations = config["maps"].get("observations", {})
            yield (
                f"evaluation.studies.{study}.observation",
                entry["observation"],
                "maps.observations",
                observations,
            )
        for name in (
            (entry.get("ablations") or ()) if evaluation.get("ablations") else ()
        ):  # without them a study has none
            yield (
                f"evaluation.studies.{study}.ablations",
                name,
                "evaluation.ablations",
                evaluation["ablations"],
            )
        few = entry.get("few_labels") or {}
        for kind in ("splits", "methods"):
            for name in few.get(kind, ()):
                yield (
                    f"evaluation.studies.{study}.few_labels.{kind}",
                    name,
                    f"evaluation.{kind}",
                    evaluation[kind],
                )
        if entry.get("information"):
            for kind in ("split", "input"):
                name, section = entry["information"][kind], f"{kind}s"
                yield (
                    f"evaluation.studies.{study}.information.{kind}",
                    name,
                    f"evaluation.{section}",
                    evaluation[section],
                )
        embedding = entry.get("embedding") or {}
        if embedding:
            yield (
                f"evaluation.studies.{study}.embedding.features",
                embedding["features"],
                "evaluation.features",
                evaluation["features"],
            )
        colours = entry.get("segmentation") or {}
        for kind, section in (("features", "evaluation.features"), ("input", "evaluation.inputs")):
            if kind in colours:
                known = evaluation[section.split(".")[1]]
                if kind == "features":  # only an encoder has patch tokens to colour by
                    known = {
                        name: features
                        for name, features in known.items()
                        if features["kind"] == "encoder"
                    }
                    section = "evaluation.features of kind encoder"
                yield (
                    f"evaluation.studies.{study}.segmentation.{kind}",
                    colours[kind],
                    section,
                    known,
                )
        for kind, section, entries in (
            ("simulations", "maps.simulations", config["maps"]["simulations"]),
            ("splits", "evaluation.splits", evaluation["splits"]),
            ("methods", "evaluation.methods", evaluation["methods"]),
        ):
            for name in entry.get(kind, ()):
                yield f"evaluation.studies.{study}.{kind}", name, section, entries
        if "reference" in entry:
            methods: dict[str, Any] = {name: {} for name in entry["methods"]}
            yield (
                f"evaluation.studies.{study}.reference",
                entry["reference"],
                f"evaluation.studies.{study}.methods",
                methods,
            )
    for name, entry in (evaluation.get("ablations") or {}).items():
        for method in [entry["method"]] if isinstance(entry["method"], str) else entry["method"]:
            yield (
                f"evaluation.ablations.{name}.method",
                method,
                "evaluation.methods",
                evaluation["methods"],
            )
        varied = dict.fromkeys(
            [entry["method"]] if isinstance(entry["method"], str) else entry["method"]
        )
        for method in entry.get("labels", {}):
            yield (
                f"evaluation.ablations.{name}.labels",
                method,
                f"evaluation.ablations.{name}.method",
                varied,
            )
    reporting = config["reporting"]
    for method in reporting["published"]:
        yield "reporting.published", method, "evaluation.methods", evaluation["methods"]
    yield (
        "reporting.figures.examples.images",
        reporting["figures"]["examples"]["images"],
        "fractals.images",
        images,
    )
    regression = reporting["figures"]["regression"]
    yield (
        "reporting.figures.regression.features",
        regression["features"],
        "evaluation.features",
        evaluation["features"],
    )
    for kind in ("splits", "methods"):
        for name in regression[kind]:
            yield (
                f"reporting.figures.regression.{kind}",
                name,
                f"evaluation.{kind}",
                evaluation[kind],
            )
