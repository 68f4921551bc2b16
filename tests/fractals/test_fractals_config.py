"""The schema's defaults are the code's, and the catalogue is in the docs."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from starmass.fractals.generation import GENERATORS
from starmass.fractals.variations import CATALOGUE
from starmass.registry import load, names_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("generator", names_in(GENERATORS))
def test_defaults_of_the_schema_are_those_of_the_code(generator):
    known = yaml.safe_load((ROOT / "workflow/schemas/fractals.schema.yaml").read_text())["$defs"]
    properties = known[generator]["properties"]
    options = fields(load(GENERATORS, generator).Options)
    assert {field.name for field in options} == set(properties) - {
        "generator",
        "count",
        "images_per_shard",
        "seed",
        "compression",
    }
    for field in options:
        entry = properties[field.name]
        default = (entry if "default" in entry else known[entry["$ref"].split("/")[-1]])["default"]
        assert (tuple(default) if isinstance(default, list) else default) == field.default, (
            field.name
        )


def test_every_variation_is_documented():
    page = (ROOT / "docs/fractals.md").read_text()
    assert all(f"{v.number} {v.name}" in page for v in CATALOGUE)
