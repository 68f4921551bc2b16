"""A mistake in the config as one sentence: the key, the value, and the way out."""

from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from starmass.config.entry import Contradiction, Entry, keys_of
from starmass.config.text import read_as
from starmass.errors import InputError, closest

M = TypeVar("M", bound=Entry)
TYPES = {
    "int": "integer",
    "float": "number",
    "string": "string",
    "bool": "boolean",
    "list": "list",
    "tuple": "list",
    "dict": "section",
    "model": "section",
    "none": "null",
}
"""Type of value by the first word of pydantic's name for its error."""
BOUNDS = {
    "greater_than_equal": ("ge", "{value} is less than {bound}, the least allowed"),
    "greater_than": ("gt", "{value} must be more than {bound}"),
    "less_than_equal": ("le", "{value} is more than {bound}, the most allowed"),
    "less_than": ("lt", "{value} must be less than {bound}"),
    "multiple_of": ("multiple_of", "{value} is no multiple of {bound}"),
}


def validated(model: type[M], values: Any, above: str = "", what: str = "config key") -> M:
    """Return the values as an entry of a model.

    Parameters
    ----------
    model : what the values are held to
    values : as they were given
    above : path of the section that the values are of; empty for the whole config
    what : how the sentence names a key

    Raises
    ------
    InputError
        names the first key that is unknown, missing, of the wrong type or out of range, or that
        doesn't fit another
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(sentence(error, model, values, above, what)) from None


def sentence(
    error: ValidationError,
    model: type[Entry],
    values: Any,
    above: str = "",
    what: str = "config key",
) -> str:
    """Return the sentence that a user can act on, about the first mistake.

    Parameters
    ----------
    error : what pydantic found
    model : what the values were held to
    values : as they were given
    above : path of the section that the values are of; empty for the whole config
    what : how the sentence names a key
    """
    found = [Mistake(one, model, values, above, what) for one in error.errors(include_url=False)]
    # An unknown key first, for it may be the missing one with a typo.
    found.sort(key=lambda one: (one.kind != "extra_forbidden", one.kind == "missing"))
    return found[0].sentence([one for one in found if one.path == found[0].path])


class Mistake:
    """One error of pydantic's, with its place in what was written."""

    def __init__(self, error: Any, model: type[Entry], values: Any, above: str, what: str):
        self.what = what
        self.kind: str = error["type"]
        self.about: Mapping[str, Any] = error.get("ctx") or {}
        self.value = error["input"]
        self.cause = self.about.get("error")
        place = list(error["loc"])
        self.of_name = place[-1:] == ["[key]"]
        if isinstance(self.cause, Contradiction):
            place += self.cause.keys
        if self.kind in ("no_choice", "wrong_choice"):
            place.append(self.about["key"])
        self.path = [*filter(None, above.split(".")), *map(str, _written(place, values))]
        self.place = Place(model, place)
        self.last_step = place[-1] if place else ""
        self.last = str(self.last_step)

    def sentence(self, same: "list[Mistake]") -> str:
        """Return the sentence; ``same`` are the mistakes at the same place, this one among them."""
        key = ".".join(self.path) or "(top level)"
        if self.kind == "extra_forbidden":
            return self._unknown(key)
        if self.kind == "missing" and isinstance(self.last_step, int):
            return f"{self.what} {key!r}: the list is too short; it means: {self.meaning}."
        if self.kind in ("missing", "no_choice"):
            meaning = f" ({self.meaning})" if self.meaning else ""
            return f"{self.what} {key!r} is missing; add it{meaning}."
        if self.of_name:
            name = self.path[-1]
            above = ".".join(self.path[:-1])
            return (
                f"{self.what} {above!r}: {name!r} can't be a name; use letters, digits and"
                " underscores."
            )
        if isinstance(self.cause, Contradiction):
            return f"{self.what} {key!r}: {self.cause.problem}."
        if isinstance(self.cause, InputError):
            return str(self.cause)
        meaning = f"it means: {self.meaning}" if self.meaning else "see config/README.md"
        return f"{self.what} {key!r}: {self._problem(same)}; {meaning}."

    @property
    def meaning(self) -> str:
        """What the key means, in the words of its model."""
        field = self.place.field
        return ((field.description if field else "") or "").rstrip(".")

    def _unknown(self, key: str) -> str:
        readers = [one for one in self.place.siblings if self.last in keys_of(one)]
        if readers:
            everyone = [one.choice for one in self.place.siblings]
            choices = _readers([one.choice for one in readers], everyone)
            return f"{self.what} {key!r}: only {_or(choices)} reads it; take it away."
        known = sorted({name for one in self.place.models for name in keys_of(one)})
        return (
            f"{self.what} {key!r} is unknown{closest(self.last, known)};"
            f" known here: {', '.join(known)}."
        )

    def _problem(self, same: "list[Mistake]") -> str:
        if self.kind == "wrong_choice":
            return _none_of(self.about["value"], self.about["known"])
        if self.kind in BOUNDS:
            name, words = BOUNDS[self.kind]
            return words.format(value=self.value, bound=_plain(self.about[name]))
        if self.kind == "finite_number":
            return f"{self.value} is not a finite number; give one"
        if self.kind == "string_too_short":
            return "the text is empty"
        if self.kind == "too_short":
            return "the list is too short"
        if self.kind == "too_long":
            return "the list is too long"
        if self.kind == "string_pattern_mismatch":
            return f"{self.value!r} does not have the form {self.about['pattern']}"
        if self.kind == "missing_argument":
            return "the list is too short"
        choices = [word for one in same if one.kind == "literal_error" for word in one.choices()]
        types = [TYPES[word] for one in same if (word := one.kind.split("_")[0]) in TYPES]
        if choices and (isinstance(self.value, str) or not types):
            return _none_of(self.value, choices)
        if types:
            return (
                f"{self.value!r} is not of type {_or(dict.fromkeys(types))}"
                f"{_unread_number(self.value, types)}{_unquoted(self.value, types)}"
            )
        return str(self.about.get("error") or self.kind.replace("_", " "))

    def choices(self) -> list[str]:
        """Return the values that a choice has."""
        return [word.strip("' ") for word in self.about["expected"].replace(" or ", ",").split(",")]


def _written(place: list[Any], values: Any) -> Iterator[Any]:
    """Yield the steps of a place that were written: neither tags of a choice nor of a union."""
    last = len(place) - 1
    for at, step in enumerate(place):
        if step == "[key]":
            continue
        if _has(values, step):
            values = values[step]
        elif at != last or not isinstance(values, Mapping) or _is_tag(step):
            continue
        yield step


def _has(values: Any, step: Any) -> bool:
    if isinstance(values, list | tuple):
        return isinstance(step, int) and step < len(values)
    return isinstance(values, Mapping) and step in values


def _is_tag(step: Any) -> bool:
    """Whether a step is pydantic's name of a branch, as ``constrained-int`` or ``kind: mean``."""
    return not isinstance(step, str) or any(sign in step for sign in "-[]: ,")


class Place:
    """Where a mistake is among the models, by following the steps of pydantic's location."""

    def __init__(self, model: type[Entry], steps: list[Any]):
        self.models: list[type[Entry]] = [model]
        self.siblings: list[type[Entry]] = []
        self.field: FieldInfo | None = None
        kinds: list[Any] = [model]
        for step in steps:
            kinds = self._follow(kinds, step)

    def _follow(self, kinds: list[Any], step: Any) -> list[Any]:
        """Return the types below; remember the models that have the step, and its field."""
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Entry)]
        for one in models:
            if one.choice and one.choice == step:
                self.models, self.siblings = [one], models
                return [one]
        fields = [
            one.model_fields[keys_of(one)[step]]
            for one in models
            if isinstance(step, str) and step in keys_of(one)
        ]
        if fields:
            self.field = fields[0]
        below = [field.annotation for field in fields]
        for kind in kinds:
            origin, inner = get_origin(kind), get_args(kind)
            if origin is dict:
                below.append(inner[1])
            elif origin in (tuple, list) and isinstance(step, int):
                below.append(inner[0])
        if not below:
            self.field = None if isinstance(step, str) and not _is_tag(step) else self.field
            return kinds
        found = [part for kind in below for part in _parts(kind)]
        models = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Entry)]
        if models:
            self.models, self.siblings = models, models
        return found


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the branches of a type, without what pydantic is told of them."""
    if get_origin(kind) is Annotated:
        yield from _parts(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for branch in get_args(kind):
            yield from _parts(branch)
    else:
        yield kind


def _none_of(value: Any, known: Iterable[Any]) -> str:
    words = list(map(str, known))
    return f"{value!r} is none of {', '.join(words)}{closest(str(value), words)}"


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)


def _readers(choices: Iterable[str], everyone: Iterable[str]) -> list[str]:
    """Return choices as a sentence names them: by the key alone where any value of it will do."""
    choices, everyone = list(choices), list(everyone)
    found: list[str] = []
    for choice in choices:
        for short in (choice.partition(": ")[0], choice.partition(" with ")[0], choice):
            if all(other in choices for other in everyone if other.startswith(short)):
                break
        found.append(short if short == choice or ": " in short else f"an entry with {short}")
    return list(dict.fromkeys(found))


def _plain(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _unread_number(value: Any, types: Iterable[str]) -> str:
    """Say how to write a number: YAML 1.1 takes 1e-5 for text, and 1.0e+3 for no integer."""
    try:
        if isinstance(value, str):
            number = float(value)
            if number.is_integer() and "integer" in types:
                return f"; YAML reads it as text, write {number:.0f}"
            return f"; YAML reads {value} as text, write {number!r} with a point in it"
        if isinstance(value, float) and value.is_integer() and "integer" in types:
            return f"; write {value:.0f}"
    except ValueError:
        pass
    return ""


def _unquoted(value: Any, types: Iterable[str]) -> str:
    """Say what YAML takes a value for where text was meant: null, no and 001 may be names."""
    if "string" not in types or isinstance(value, str | list | dict):
        return ""
    return (
        f"; YAML reads it as {read_as(value)}, so such a name has to be in quotes, in a config file"
    )
