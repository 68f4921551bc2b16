"""Write config/README.md, the page of keys, and config/schema.json: docs/write_config_page.py

Both come from the models that the config is checked against, so they can't drift from them.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from starmass.config.files import read_default
from starmass.config.whole import Config
from starmass.storage import write_text

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Every config key

Written from `starmass/config/` by `python docs/write_config_page.py`; change it there.
The same script writes `schema.json`, by which editors complete and check the files of this folder.

The six keys that you will change first:

| key | what to write |
| --- | --- |
| `study` | the study whose tables, figures and report are built |
| `maps.simulations.NAME` | where your dumps are, and which code wrote them |
| `data_root` | the folder of your data, on the command line: `--config data_root=DIR` |
| `fractals.images.NAME.count` | how many images an encoder learns from |
| `pretraining.encoders.NAME` | which encoder, trained how long, on which machine |
| `evaluation.studies.NAME` | which simulations, splits and methods are compared |

Two files are always read: `library.yaml` with entries to choose from, then `config.yaml` with the
demo. A file that is given with `--configfile` is laid over both, key by key. A preset therefore
says only what differs. `--config study=NAME` sets a single key on the command line.

- A list is replaced whole.
- `null` takes away a key, a section or a whole entry of the files below. Other entries must then
  not name that entry.
- An unknown key, a wrong type or a value out of range ends the run before it starts.
- A key with a default may be left out. The example is what `library.yaml` or `config.yaml` has.
- `NAME` is a name of your own (letters, digits, underscores), and becomes part of result paths.

| file | what it is |
| --- | --- |
"""


def presets() -> Iterator[str]:
    """One row for each file: its first comment line, below that for editors."""
    for path in sorted((ROOT / "config").glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[1]
        yield f"| `{path.name}` | {first.lstrip('# ').rstrip('.')} |"


def rows(
    schema: dict[str, Any],
    root: dict[str, Any],
    path: str,
    example: Any,
    required: Collection[str] = (),
) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (key, type, default, example, meaning) of a schema node and what is below it.

    A key that must be there has no default.
    """
    schema = resolved(schema, root)
    known = example if isinstance(example, dict) else {}
    required = {*required, *schema.get("required", ())}
    for name, child in schema.get("properties", {}).items():
        child = resolved(child, root)
        key = f"{path}.{name}" if path else name
        value = known.get(name, next(iter(child.get("examples", [])), child.get("default")))
        meaning = child.get("description", "")
        if name in required and path.endswith("NAME"):
            meaning = f"{meaning if meaning.endswith('...') else meaning.rstrip('.')} (required)"
        given = child.get("default")
        default = "" if given is None or given == {} or name in required else shown(given)
        yield (
            key,
            # Where null is the default, the meaning says what it does.
            kind(child, root).replace(" or null", "" if given is None else " or null"),
            "" if isinstance(given, dict) else default,
            "" if value is None or isinstance(value, dict) else shown(value),
            " ".join(meaning.split()),
        )
        yield from rows(child, root, key, value)
    for entries in (
        schema.get("additionalProperties"),
        *schema.get("patternProperties", {}).values(),
    ):
        if not isinstance(entries, dict):
            continue
        yield from rows(entries, root, f"{path}.NAME", merged(known.values()))
    for word in ("oneOf", "anyOf"):
        for branch in schema.get(word, ()):
            yield from rows(branch, root, path, example, required)


def resolved(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """Follow a ``$ref`` to a model, keeping what is said beside it."""
    while isinstance(schema, dict) and "$ref" in schema:
        target = root["$defs"][schema["$ref"].rpartition("/")[2]]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**target, **beside}
    return schema if isinstance(schema, dict) else {}


def merged(entries: Any) -> dict[str, Any]:
    """One example entry out of all of the default config: the first value of each key."""
    together: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, dict):
            together = {**entry, **together}
    return together


def kind(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """Name a key's type or choices."""
    schema = resolved(schema, root)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{shown_plain(value)}`" for value in schema["enum"])
    if "type" in schema:
        inner = schema.get("items") or next(iter(schema.get("prefixItems", [])), None)
        array = f"list of {kind(inner, root)}" if inner else "list"
        return {"array": array, "object": "section"}.get(schema["type"], schema["type"])
    branches = schema.get("oneOf") or schema.get("anyOf") or []
    return " or ".join(dict.fromkeys(filter(None, (kind(branch, root) for branch in branches))))


def shown_plain(value: Any) -> str:
    """Return a value as YAML on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10**6)
        .removesuffix("\n")
        .removesuffix("\n...")
        .strip()
    )


def shown(value: Any) -> str:
    """Return an example for a table cell; long ones are cut."""
    text = shown_plain(value)
    return f"`{text if len(text) < 60 else text[:56] + ' …'}`".replace("|", "\\|")


def page() -> str:
    """Return the whole page."""
    config = read_default(ROOT)
    parts = [HEAD + "\n".join(presets())]
    whole = Config.model_json_schema(by_alias=True)
    top: dict[str, list[str]] = {}
    sections: dict[str, dict[str, list[str]]] = {}
    for key, types, *rest in rows(whole, whole, "", config):
        table = sections.setdefault(key.partition(".")[0], {}) if "." in key else top
        cells = table.setdefault(key, [types, *rest])
        if types not in cells[0]:  # another branch of a choice has other values
            cells[0] += f" or {types}"
    for section, table in {"Top level": top, **sections}.items():
        head = "| key | type | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"
        lines = (f"| `{key}` | {' | '.join(cells)} |" for key, cells in table.items())
        parts.append(f"## {section}\n\n{head}" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def schema() -> str:
    """Return the JSON Schema by which editors complete and check the files of config/.

    A file is laid over others: in it no key is required, and null takes any key away.
    """
    whole = _of_a_file(Config.model_json_schema(by_alias=True))
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**draft, **whole}, indent=1, ensure_ascii=False) + "\n"


def _of_a_file(node: Any) -> Any:
    """Return a node of the schema of a whole config as it is for one file."""
    if isinstance(node, list):
        return [_of_a_file(one) for one in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {}
    for word, value in node.items():
        if word in ("properties", "patternProperties", "$defs"):
            out[word] = {name: _of_a_file(one) for name, one in value.items()}
            if word != "$defs":
                out[word] = {name: _or_null(one) for name, one in out[word].items()}
        elif word in ("default", "examples", "const", "enum"):
            out[word] = value
        elif word not in ("required", "minProperties", "title", "refers"):
            out["anyOf" if word == "oneOf" else word] = _of_a_file(value)
    return out


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    """Allow null beside what a node allows, and keep its meaning where editors look for it."""
    null = {"type": "null"}
    if null in node.get("anyOf", []):
        return node
    beside = {word: node[word] for word in ("description", "default", "examples") if word in node}
    rest = {word: value for word, value in node.items() if word not in beside}
    return {**beside, "anyOf": [*rest["anyOf"], null] if rest.keys() == {"anyOf"} else [rest, null]}


if __name__ == "__main__":
    write_text(ROOT / "config/README.md", page())
    write_text(ROOT / "config/schema.json", schema())
