"""Write config/README.md, the page with every config key, from the schemas: python docs/write_config_page.py

The schemas are what the config is checked against, so the page can't drift from them (tests/test_configuration.py).
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from starmass.configuration import SECTIONS, read_schema, resolve
from starmass.storage import write_text

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Every config key

Written from `workflow/schemas/` by `python docs/write_config_page.py`; change it there.

`config.yaml` holds the demo and is always read first; a file given with `--configfile` is laid over it key by key, so a
preset says only what differs, and `--config study=NAME` or `--config data_root=DIR` sets single keys on the command line.
A list is replaced whole; where something in `config.yaml` is in the way, `null` takes it away, be it a key, a section or a whole
entry (of methods, ablations, simulations ...); what still names such an entry is told, and has to be changed too.
An unknown key, a wrong type or a value out of range ends the run before it starts, in one sentence.
A key with a default may be left out of its entry; the example is what `config.yaml` has.
`NAME` stands for a name of your own (letters, digits, underscores): it becomes part of the result paths.

| preset | what it runs |
| --- | --- |
"""


def presets() -> Iterator[str]:
    """One row for each preset: the first comment line of its file."""
    for path in sorted((ROOT / "config").glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        yield f"| `{path.name}` | {first.lstrip('# ').rstrip('.')} |"


def rows(
    schema: dict[str, Any],
    root: dict[str, Any],
    path: str,
    example: Any,
    required: Collection[str] = (),
) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (key, type, default, example, meaning) for a schema node and what is below it; a key that must be there has no default."""
    schema = resolve(schema, root)
    known = example if isinstance(example, dict) else {}
    required = {*required, *schema.get("required", ())}
    for name, child in schema.get("properties", {}).items():
        child = resolve(child, root)
        key = f"{path}.{name}" if path else name
        value = known.get(name, next(iter(child.get("examples", [])), child.get("default")))
        meaning = child.get("description", "")
        if name in required and path.endswith("NAME"):
            meaning = f"{meaning if meaning.endswith('...') else meaning.rstrip('.')} (required)"
        default = shown(child["default"]) if "default" in child and name not in required else ""
        yield (
            key,
            kind(child, root),
            default,
            "" if value is None or isinstance(value, dict) else shown(value),
            meaning,
        )
        yield from rows(child, root, key, value)
    entries = schema.get("additionalProperties")
    if isinstance(entries, dict):
        yield from rows(entries, root, f"{path}.NAME", merged(known.values()))
    for word in ("oneOf", "anyOf", "allOf"):
        for branch in schema.get(word, ()):
            yield from rows(branch, root, path, example, required)
    for word in ("then", "else"):
        if word in schema:
            yield from rows(schema[word], root, path, example, required)


def merged(entries: Any) -> dict[str, Any]:
    """One example entry out of all entries of the default config: the first value seen for each key."""
    together: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, dict):
            together = {**entry, **together}
    return together


def kind(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """Name a key's type or choices."""
    schema = resolve(schema, root)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{shown_plain(value)}`" for value in schema["enum"])
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        inner = f"list of {kind(schema['items'], root)}" if "items" in schema else "list"
        return " or ".join({"array": inner, "object": "section"}.get(name, name) for name in names)
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
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    parts = [HEAD + "\n".join(presets())]
    for section in ("config", *SECTIONS):
        schema = read_schema(ROOT / "workflow/schemas", section)
        top = section == "config"
        table: dict[str, str] = {}
        for key, types, default, example, meaning in rows(
            schema, schema, "" if top else section, config if top else config[section]
        ):
            table.setdefault(
                key, f"| `{key}` | {types} | {default} | {example} | {' '.join(meaning.split())} |"
            )
        heading = f"## {'Top level' if top else section}\n\n| key | type | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"
        parts.append(heading + "\n".join(table.values()))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    write_text(ROOT / "config/README.md", page())
