"""What all entries of the config share: how a key is declared, and how a choice is made.

A key is a field of a model. It says there, and nowhere else, its type, default, bounds, unit and
meaning. The check, the sentences about mistakes, the page of keys and the JSON Schema follow.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

T = TypeVar("T")


class Contradiction(ValueError):
    """Keys that are right one by one and do not go together.

    Parameters
    ----------
    problem : what is wrong and the way out, without a point
    keys : path of the key that is blamed, below the entry that raises it
    """

    def __init__(self, problem: str, *keys: str):
        super().__init__(problem)
        self.problem, self.keys = problem, keys


class Entry(BaseModel):
    """A mapping of keys in the config. Unknown keys are refused, and null takes a key away."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        validate_default=True,
    )
    choice: ClassVar[str] = ""
    """The key and value that choose this entry among others, as ``kind: encoder``."""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        kept = nullable(cls)
        return {
            key: value
            for key, value in values.items()
            if value is not None or key in kept or key not in keys_of(cls)
        }

    def plain(self, *without: str) -> dict[str, Any]:
        """Return all values as YAML holds them, defaults and null included; ``without`` some."""
        return self.model_dump(mode="json", by_alias=True, exclude=set(without))

    def given(self, *without: str) -> dict[str, Any]:
        """Return the same without keys that are null."""
        return self.model_dump(mode="json", by_alias=True, exclude=set(without), exclude_none=True)


@cache
def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the keys of a model as they are written, each with the name of its field."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


@cache
def nullable(model: type[BaseModel]) -> frozenset[str]:
    """Return the keys of a model for which null is a value."""
    types = {key: model.model_fields[name].annotation for key, name in keys_of(model).items()}
    return frozenset(
        key for key, kind in types.items() if kind is Any or NoneType in get_args(kind)
    )


def key(
    default: Any,
    meaning: str,
    *,
    refers: str | Callable[..., str] | None = None,
    example: Any = None,
    **bounds: Any,
) -> Any:
    """Declare a key.

    Parameters
    ----------
    default : what it is when left out; ``...`` for a key that has to be there
    meaning : with the unit in brackets, as the page of keys shows it
    refers : section whose entries the key names, as ``evaluation.methods``
    example : for the page of keys, where the default config has none
    bounds : as pydantic's Field takes them: ``ge``, ``gt``, ``le``, ``lt``, ``min_length`` ...
    """
    more: dict[str, Any] = {} if example is None else {"examples": [example]}
    if refers:
        more["json_schema_extra"] = {"refers": refers}
    return Field(default, description=meaning, **more, **bounds)


def _drop_null_entries(values: Any) -> Any:
    if not isinstance(values, Mapping):
        return values
    return {name: value for name, value in values.items() if value is not None}


def unique(values: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse a list in which something is there twice."""
    for at, value in enumerate(values):
        if value in values[:at]:
            raise Contradiction(f"{value!r} is there twice; take one away")
    return values


class _OneOrMore:
    """Validator and JSON Schema of a value that may be a list: it is always one when read."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self._listed, handler(source))

    @staticmethod
    def _listed(value: Any) -> Any:
        return value if isinstance(value, list | tuple) else (value,)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


Name = Annotated[str, StringConstraints(pattern=r"^\w+$")]
"""Name of an entry: letters, digits and underscores, for it becomes part of paths."""
Text = Annotated[str, StringConstraints(min_length=1)]
Named = Annotated[dict[Name, T], BeforeValidator(_drop_null_entries)]
"""Entries by name; null takes an entry away."""
Many = Annotated[tuple[T, ...], Field(strict=False, min_length=1)]
"""A list, which is not to be empty."""
Each = Annotated[Many[T], AfterValidator(unique)]
"""A list in which nothing is there twice."""
OneOrMore = Annotated[
    tuple[T, ...], Field(strict=False, min_length=1), AfterValidator(unique), _OneOrMore()
]
"""A value, or a list of values."""
Seed = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Axis = Literal["x", "y", "z"]


Two = Annotated[tuple[T, T], Field(strict=False)]
"""A list of two."""


def chosen_by(chooser: Callable[[Mapping[str, Any]], str], models: Iterable[type[Entry]]) -> Any:
    """Return the type of an entry that is one of several models.

    Parameters
    ----------
    chooser : returns the ``choice`` of the model that an entry's keys call for, or raises
        :class:`Contradiction`
    models : each with a ``choice`` of its own
    """
    known = {model.choice: model for model in models}
    everywhere = {name for model in known.values() for name in keys_of(model)}

    def prepare(values: Any) -> Any:
        """Take away null where the chosen model has no such key and another one has."""
        if not isinstance(values, Mapping):
            return values
        present = {
            name: value
            for name, value in values.items()
            if value is not None or any(name in nullable(model) for model in known.values())
        } | {name: value for name, value in values.items() if name not in everywhere}
        own = keys_of(_chosen(known, chooser(present)))
        return {
            name: value
            for name, value in present.items()
            if value is not None or name in own or name not in everywhere
        }

    def tag(values: Any) -> str:
        if isinstance(values, Entry):
            return values.choice
        return chooser(values) if isinstance(values, Mapping) else next(iter(known))

    tagged: Any = None
    for choice, model in known.items():
        one: Any = Annotated[model, Tag(choice)]  # type: ignore[valid-type]
        tagged = one if tagged is None else tagged | one
    return Annotated[tagged, Discriminator(tag), BeforeValidator(prepare)]


def _chosen(known: Mapping[str, type[Entry]], choice: str) -> type[Entry]:
    if choice in known:
        return known[choice]
    name, _, value = choice.partition(": ")
    own = [other.partition(": ")[2].split(" ")[0] for other in known if f"{name}: " in other]
    about = {"key": name, "value": value, "known": list(dict.fromkeys(own))}
    raise PydanticCustomError("no_choice" if value == "None" else "wrong_choice", "", about)


def by_key(name: str, models: Iterable[type[Entry]]) -> Any:
    """Return the type of an entry whose key ``name`` chooses the model, each a Literal of one."""
    models = list(models)
    for model in models:
        (value,) = get_args(model.model_fields[name].annotation)
        model.choice = f"{name}: {value}"
    return chosen_by(lambda entry: f"{name}: {entry.get(name)}", models)
