"""The config's models of images are those of the code, and the catalogue is in the docs."""

from configs import ROOT

from starmass.config.fractals import SETS
from starmass.fractals.generation import GENERATORS
from starmass.fractals.variations import CATALOGUE
from starmass.registry import load, names_in


def test_every_generator_has_a_set_of_images_in_the_config():
    sets = {model.choice.removeprefix("generator: "): model for model in SETS}
    assert sorted(sets) == names_in(GENERATORS)
    for name, model in sets.items():
        options = load(GENERATORS, name).Options
        assert options.model_fields.keys() < model.model_fields.keys()


def test_every_variation_is_documented():
    page = " ".join((ROOT / "docs/fractals.md").read_text().split())
    assert all(f"{v.number} {v.name}" in page for v in CATALOGUE)
