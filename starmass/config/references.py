"""Entries that other entries name: each has to exist."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from starmass.channels import BASE
from starmass.config.entry import keys_of
from starmass.errors import InputError, closest

if TYPE_CHECKING:
    from starmass.config.whole import Config


def check_references(config: "Config") -> None:
    """Raise InputError about the first name of an entry that does not exist."""
    sections = Sections(config)
    for path, name, section in (*_named(config, ""), *_others(config)):
        entries = sections.of(section)
        if section == "evaluation.ablations" and not entries:
            continue  # null takes them all away, and a study may still name some
        if name not in entries:
            listed = ", ".join(map(str, entries)) or "none yet"
            raise InputError(
                f"config key {path!r}: there is no entry {name!r} in {section}"
                f"{closest(name, entries)}; entries: {listed}."
            )


def _named(entry: BaseModel, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield (key, name in it, section that has to have it) of an entry and all below it."""
    for name, field_name in keys_of(type(entry)).items():
        field = type(entry).model_fields[field_name]
        value = getattr(entry, field_name)
        key = f"{path}.{name}" if path else name
        extra = field.json_schema_extra
        refers = extra.get("refers") if isinstance(extra, dict) else None
        if refers and value is not None and not isinstance(value, BaseModel):
            for one in (value,) if isinstance(value, str) else value:
                yield key, one, str(refers)
        elif isinstance(value, BaseModel):
            yield from _named(value, key)
        elif isinstance(value, Mapping):
            for inner, below in value.items():
                if isinstance(below, BaseModel):
                    yield from _named(below, f"{key}.{inner}")


def _others(config: "Config") -> Iterator[tuple[str, str, str]]:
    """Yield the same for names that are keys, and for those that are of their own entry."""
    for name, observation in config.maps.observations.items():
        for key in ("noise", "relative_noise"):
            for channel in getattr(observation, key):
                spectrum = channel.rpartition("_")[0]  # NAME_000 is a channel of a spectrum
                yield (
                    f"maps.observations.{name}.{key}",
                    spectrum if spectrum in config.maps.channels else channel,
                    "maps.channels (or the three that are always there)",
                )
    evaluation = config.evaluation
    for name, study in evaluation.studies.items():
        if study.reference:
            section = f"evaluation.studies.{name}.methods"
            yield f"evaluation.studies.{name}.reference", study.reference, section
    for name, ablation in evaluation.ablations.items():
        for method in ablation.labels:
            section = f"evaluation.ablations.{name}.method"
            yield f"evaluation.ablations.{name}.labels", method, section
    for method in config.reporting.published:
        yield "reporting.published", method, "evaluation.methods"


class Sections:
    """Entries by the words in which a reference names them."""

    def __init__(self, config: "Config"):
        self.config = config

    def of(self, section: str) -> Any:
        """Return the names of the entries of a section."""
        place, _, only = section.partition(" ")
        entries: Any = self.config
        for step in place.split("."):
            entries = entries[step] if isinstance(entries, Mapping) else getattr(entries, step)
        chooser = CHOOSERS.get(only)
        if chooser is None or not isinstance(entries, Mapping):
            return entries
        return chooser(self.config, entries)


CHOOSERS = {
    "without folds": lambda _, entries: [k for k, one in entries.items() if one.folds is None],
    "of kind encoder": lambda _, entries: [
        k for k, one in entries.items() if one.kind == "encoder"
    ],
    "of method simsiam": lambda _, entries: [
        k for k, one in entries.items() if one.method == "simsiam"
    ],
    "(or the three that are always there)": lambda _, entries: [*BASE, *entries],
}
"""Which entries of a section a reference may name, by the words behind the section."""
