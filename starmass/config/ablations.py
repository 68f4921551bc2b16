"""Ablations as entries of the config: what an ablation varies becomes entries like any other.

A key that is varied is a path, which starts with what it belongs to::

    method.neighbours          of the method itself
    features.tokens            of the features that it uses
    preprocessing.pixels_per_token     of each way in which those show a map
    encoder.epochs             of the pretraining of their encoder (encoder.encoder.depth: of its
                               vision transformer)
    images.count               of the images which that encoder learns from
    study.observation          of the study
    observation.beam           of the observation through which the study looks

``images`` and the like alone are a whole entry, which is replaced. An entry that a variant leaves
as it is keeps its name, and so does all that was made of it; a changed one is called
``{entry}__{ablation}__{value}``.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from starmass.config.features import AnyFeatures, Preprocessing
from starmass.config.fractals import AnyImages
from starmass.config.maps import Observation
from starmass.config.methods import AnyMethod
from starmass.config.pretraining import EncoderEntry
from starmass.config.studies import Study
from starmass.errors import InputError, closest

VARIED: dict[str, Any] = {
    "study": Study,
    "observation": Observation,
    "method": AnyMethod,
    "features": AnyFeatures,
    "preprocessing": Preprocessing,
    "encoder": EncoderEntry,
    "images": AnyImages,
}
"""What a path may start with, and the model of its entries."""
OF_STUDY = ("study", "observation")
OF_STUDIES_ONLY = ("ablations", "few_labels", "information", "segmentation", "reference")
"""What a study has beside its table; its variants have none of it."""


class _Lacks(InputError):
    """An ablation varies what its method or study does not have."""


@dataclass(frozen=True)
class Variant:
    """A value of an ablation as tables show it, and the study and method that have it."""

    value: str
    study: str
    method: str


def add_variants(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with an entry for all that its ablations vary; the given one is unchanged.

    An ablation of what its method does not have is left out here, for it concerns nobody who does
    not ask for it; :func:`variants_of` says what is wrong.

    Parameters
    ----------
    config : as :meth:`starmass.config.whole.Config.written` returns it

    Raises
    ------
    InputError
        when an ablation's key belongs to nothing, two values get one name, or one gets the name of
        an entry that the config has already
    """
    found: dict[str, Any] = copy.deepcopy(dict(config))
    for ablation, entry in (config["evaluation"].get("ablations") or {}).items():
        base_of(ablation, entry)
        for value, changes in changes_of(ablation, entry).items():
            suffix = f"{ablation}__{_slug(value)}"
            for method in methods_of(entry):
                with suppress(_Lacks):
                    _vary_method(found, ablation, method, changes, suffix)
            if any(_root(path) in OF_STUDY for path in changes):
                for study in config["evaluation"]["studies"]:
                    with suppress(_Lacks):
                        _vary_study(
                            found,
                            ablation,
                            study,
                            [_name(found, m, suffix) for m in methods_of(entry)],
                            changes,
                            suffix,
                        )
    return found


def variants_of(config: Mapping[str, Any], study: str, ablation: str, method: str) -> list[Variant]:
    """Return the study and method of each value of an ablation, in what add_variants returned."""
    entry = config["evaluation"]["ablations"][ablation]
    found = []
    for value, changes in changes_of(ablation, entry).items():
        suffix = f"{ablation}__{_slug(value)}"
        # Once more, for what was left out without a word when the config was read.
        again = copy.deepcopy(dict(config))
        _vary_method(again, ablation, method, changes, suffix)
        if any(_root(path) in OF_STUDY for path in changes):
            _vary_study(again, ablation, study, [method], changes, suffix)
        seen = f"{study}__{suffix}" if any(_root(path) in OF_STUDY for path in changes) else study
        if seen not in config["evaluation"]["studies"]:
            raise InputError(
                f"evaluation.ablations.{ablation}: study {study!r} has no observation to vary;"
                " name one in the ablation's"
                " `with: {study.observation: ...}`, or in the study."
            )
        found.append(Variant(value, seen, _name(config, method, suffix)))
    return found


def methods_of(entry: Mapping[str, Any]) -> list[str]:
    """Return the methods that an ablation is of."""
    return _listed(entry["method"])


def _listed(names: Any) -> list[Any]:
    return list(names) if isinstance(names, list | tuple) else [names]


def base_of(ablation: str, entry: Mapping[str, Any]) -> str:
    """Return the value that the others are compared with: ``base``, or the first."""
    values = list(changes_of(ablation, entry))
    base = written(entry["base"]) if "base" in entry else values[0]
    if base not in values:
        if entry["base"] is None:  # a null that is no value takes the key away
            return values[0]
        raise InputError(
            f"evaluation.ablations.{ablation}.base: {base!r} is none of its"
            f" values{closest(base, values)}; choose from {', '.join(values)}."
        )
    return base


def changes_of(ablation: str, entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return which keys each value of an ablation sets to what; values as tables show them."""
    if "vary" in entry:
        pairs = [(written(value), {entry["vary"]: value}) for value in entry["values"]]
    else:
        pairs = [(str(name), dict(changes or {})) for name, changes in entry["variants"].items()]
    found: dict[str, dict[str, Any]] = {}
    for value, changes in pairs:
        if _slug(value) in map(_slug, found):
            raise InputError(
                f"evaluation.ablations.{ablation}: two of its values would be called"
                f" {_slug(value)!r}; take one away."
            )
        found[value] = {**entry.get("with", {}), **changes}
        for path in found[value]:
            if _root(path) == "study" and path != "study.observation":
                raise InputError(
                    f"evaluation.ablations.{ablation}: {path!r} can't be varied, for all values"
                    " are tested on the same rows of one study;"
                    " of a study only study.observation can."
                )
            if _root(path) not in VARIED:
                raise InputError(
                    f"evaluation.ablations.{ablation}: {path!r} starts with none of"
                    f" {', '.join(VARIED)}{closest(_root(path), VARIED)}."
                )
    return found


def written(value: Any) -> str:
    """Return a value as tables show it."""
    if isinstance(value, list | tuple):
        return " ".join(map(written, value))
    return (
        {None: "none", True: "yes", False: "no"}[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )


def _slug(value: str) -> str:
    """A value as a part of a file's name."""
    return (
        re.sub(r"\W+", "_", value.replace("-", "minus" if value[:1] == "-" else "_")).strip("_")
        or "none"
    )


def _root(path: str) -> str:
    return path.split(".", 1)[0]


def _name(config: Mapping[str, Any], method: str, suffix: str) -> str:
    """The method of a value: its own, or the ablation's where nothing of it changes."""
    varied = f"{method}__{suffix}"
    return varied if varied in config["evaluation"]["methods"] else method


def _vary_method(
    config: dict[str, Any], ablation: str, method: str, changes: Mapping[str, Any], suffix: str
) -> None:
    """Add the method with its changes, and whatever below it they reach."""
    evaluation = config["evaluation"]
    entry = _changed(evaluation["methods"][method], changes, "method")
    named = {
        path: root
        for path in changes
        if (root := _root(path)) in ("features", "preprocessing", "encoder", "images")
    }

    def lacks(what: str) -> InputError:
        return _Lacks(
            f"evaluation.ablations.{ablation}: {next(iter(named))!r} is varied, but method"
            f" {method!r} has no {what}."
        )

    if named and "network" in entry:
        if "features" in named.values():
            raise lacks("features, for it is a network that learns from maps")
        if "preprocessing" in named.values():
            entry["preprocessing"] = _vary(
                evaluation["preprocessing"],
                entry["preprocessing"],
                changes,
                "preprocessing",
                suffix,
            )
        if {"encoder", "images"} & set(named.values()):
            entry["encoder"] = _vary_encoder(config, entry.get("encoder"), changes, suffix, lacks)
    elif named:
        if not _is_named(entry.get("features"), evaluation["features"]):
            raise lacks(
                f"features{' called ' + repr(entry['features']) if 'features' in entry else ''}"
            )
        features = _changed(evaluation["features"][entry["features"]], changes, "features")
        if "preprocessing" in named.values():
            if "preprocessing" not in features:
                combined = "combined; name a method that has one of the parts alone"
                kind = combined if "parts" in features else "columns of a table"
                raise lacks(f"preprocessing, for its features are {kind}")
            features["preprocessing"] = [
                _vary(evaluation["preprocessing"], name, changes, "preprocessing", suffix)
                for name in _listed(features["preprocessing"])
            ]
        if {"encoder", "images"} & set(named.values()):
            features["encoder"] = _vary_encoder(
                config, features.get("encoder"), changes, suffix, lacks
            )
        entry["features"] = _add(
            evaluation["features"], entry["features"], features, "features", suffix
        )
    _add(evaluation["methods"], method, entry, "method", suffix)


def _vary_encoder(
    config: dict[str, Any],
    name: Any,
    changes: Mapping[str, Any],
    suffix: str,
    lacks: Callable[[str], InputError],
) -> str:
    """Add the pretraining with its changes, and its images if they change."""
    encoders = config["pretraining"]["encoders"]
    if not _is_named(name, encoders):
        raise lacks("encoder of the section pretraining")
    encoder = _changed(encoders[name], changes, "encoder")
    if any(_root(path) == "images" for path in changes):
        if not isinstance(encoder["images"], str):
            raise lacks("synthetic images, for its encoder learns from maps")
        encoder["images"] = _vary(
            config["fractals"]["images"], encoder["images"], changes, "images", suffix
        )
    return _add(encoders, name, encoder, "encoder", suffix)


def _vary_study(
    config: dict[str, Any],
    ablation: str,
    study: str,
    methods: list[str],
    changes: Mapping[str, Any],
    suffix: str,
) -> None:
    """Add the study with its changes and no methods but these, if it has what is varied."""
    entry = _changed(config["evaluation"]["studies"][study], changes, "study")
    entry = {
        key: value
        for key, value in entry.items()
        if key not in OF_STUDIES_ONLY and value is not None
    }
    observations = config["maps"].get("observations", {})
    if any(_root(path) == "observation" for path in changes):
        if "observation" not in entry:
            return
        if not _is_named(entry["observation"], observations):
            raise InputError(
                f"evaluation.ablations.{ablation}: there is no entry {entry['observation']!r} in"
                " maps.observations"
                f"{closest(str(entry['observation']), observations)}; entries:"
                f" {', '.join(observations) or 'none yet'}."
            )
        entry["observation"] = _vary(
            observations, entry["observation"], changes, "observation", suffix
        )
    config["evaluation"]["studies"][f"{study}__{suffix}"] = {**entry, "methods": methods}


def _is_named(name: Any, entries: Mapping[str, Any]) -> bool:
    return isinstance(name, str) and name in entries


def _vary(
    entries: dict[str, Any], name: str, changes: Mapping[str, Any], root: str, suffix: str
) -> str:
    if not _is_named(name, entries):
        raise InputError(
            f"evaluation.ablations: {root} {name!r} is to be varied, but there is no such"
            f" entry{closest(str(name), entries)}."
        )
    return _add(entries, name, _changed(entries[name], changes, root), root, suffix)


def _add(entries: dict[str, Any], name: str, entry: dict[str, Any], root: str, suffix: str) -> str:
    """Return the name of the entry: the old one where nothing has changed, or a new one."""
    if _same(root, entry, entries[name]):
        return name
    varied = f"{name}__{suffix}"
    if varied in entries and not _same(root, entries[varied], entry):
        raise InputError(
            f"config: an entry is called {varied!r}, which is the name that an ablation gives to a"
            " value; call it otherwise."
        )
    entries[varied] = entry
    return varied


def _changed(entry: Mapping[str, Any], changes: Mapping[str, Any], root: str) -> dict[str, Any]:
    """Return a copy of an entry with those keys set that belong to it."""
    changed = copy.deepcopy(dict(entry))
    for path, value in changes.items():
        first, *keys = path.split(".")
        if first == root:
            if not keys:
                if not isinstance(value, Mapping):
                    raise InputError(
                        f"evaluation.ablations: {path!r} is a whole entry, and {value!r} is none;"
                        " give a section of keys, or name one of its keys."
                    )
                changed = copy.deepcopy(dict(value))
                continue
            place = changed
            for key in keys[:-1]:
                place = place.setdefault(key, {})
                if not isinstance(place, dict):
                    raise InputError(
                        f"evaluation.ablations: {path!r} goes below {key!r}, which is no section;"
                        " name a key that is there."
                    )
            place[keys[-1]] = copy.deepcopy(value)
    return changed


@cache
def _adapter(root: str) -> TypeAdapter:
    return TypeAdapter(VARIED[root])


def _same(root: str, one: Any, another: Any) -> bool:
    """Whether two entries have the same values, defaults included."""
    if one == another:
        return True
    try:
        first, second = (_adapter(root).validate_python(entry) for entry in (one, another))
    except ValidationError:  # what is wrong is said when the whole config is checked
        return False
    return bool(first == second)


def varied(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that differ between the values of an ablation."""
    yield from (
        [entry["vary"]]
        if "vary" in entry
        else dict.fromkeys(key for one in entry["variants"].values() for key in one or {})
    )
