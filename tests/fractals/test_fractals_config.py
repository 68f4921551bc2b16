"""The schema's defaults are the code's, and the catalogue is in the docs."""

from dataclasses import fields
from pathlib import Path

import yaml

from starmass.fractals.flames import FlameOptions
from starmass.fractals.variations import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]


def test_defaults_of_the_schema_are_those_of_the_code():
    schema = yaml.safe_load((ROOT / "workflow/schemas/fractals.schema.yaml").read_text())
    properties = schema["properties"]["images"]["additionalProperties"]["properties"]
    for field in fields(FlameOptions):
        default = properties[field.name]["default"]
        assert (tuple(default) if isinstance(default, list) else default) == field.default, field.name


def test_every_variation_is_documented():
    page = (ROOT / "docs/fractals.md").read_text()
    assert all(f"{v.number} {v.name}" in page for v in CATALOGUE)
