"""What config/README.md shows as a key's default is what the code does where the key is left out."""

import ast
import re
from collections.abc import Mapping
from dataclasses import asdict
from inspect import Parameter, signature

import pytest
import yaml

from starmass.evaluation.embedding import embed_features
from starmass.evaluation.features import extract_features
from starmass.evaluation.finetuning import finetune_and_predict
from starmass.evaluation.inputs import Input
from starmass.evaluation.labels import thin_split
from starmass.evaluation.regression import REGRESSORS, fit
from starmass.evaluation.samples import collect_samples
from starmass.evaluation.segmentation import ATTENTION_MASS, segment
from starmass.evaluation.splits import draw_split
from starmass.evaluation.supervised import train_and_predict
from starmass.fractals.generation import GENERATORS
from starmass.maps.channels import DEFAULTS as CHANNELS
from starmass.maps.sinks import QUANTITY
from starmass.pretraining.recipe import Recipe
from starmass.registry import load, names_in


def given(function) -> dict:
    """Defaults of a function's arguments."""
    return {
        name: one.default
        for name, one in signature(function).parameters.items()
        if one.default is not Parameter.empty
    }


def flat(values: Mapping, path: str) -> dict:
    """Nested sections as keys with points."""
    found = {}
    for key, value in values.items():
        inner = isinstance(value, Mapping) and value
        found |= flat(value, f"{path}.{key}") if inner else {f"{path}.{key}": value}
    return found


regressors = [load(REGRESSORS, name) for name in names_in(REGRESSORS)]
CODE = {
    **flat(
        {key: value for kind in CHANNELS.values() for key, value in kind.items()},
        "maps.channels.NAME",
    ),
    **flat(dict(QUANTITY.values()), "maps.simulations.NAME.sinks.units"),
    **flat(
        {
            key: value
            for options, _ in GENERATORS.values()
            for key, value in asdict(options()).items()
        },
        "fractals.images.NAME",
    ),
    **flat(asdict(Recipe()), "pretraining.encoders.NAME"),
    **flat(given(collect_samples), "evaluation.studies.NAME"),
    **flat(given(thin_split), "evaluation.studies.NAME.few_labels"),
    **flat(given(embed_features), "evaluation.studies.NAME.embedding"),
    **flat(
        {**given(segment), "attention_mass": ATTENTION_MASS}, "evaluation.studies.NAME.segmentation"
    ),
    **flat(given(draw_split), "evaluation.splits.NAME"),
    **flat(asdict(Input()), "evaluation.inputs.NAME"),
    **flat(given(extract_features), "evaluation.features.NAME"),
    **flat(
        given(fit) | {one.PARAMETER: one.DEFAULT for one in regressors},
        "evaluation.methods.NAME",
    ),
    **flat(given(train_and_predict), "evaluation.methods.NAME"),
    **flat(given(finetune_and_predict), "evaluation.methods.NAME.fit"),
}


@pytest.fixture(scope="module")
def asked(root) -> dict[str, list]:
    """Key -> values that the code takes where an entry lacks it: ``entry.get("key", value)``."""
    found: dict[str, list] = {}
    for path in (
        file
        for folder in ("starmass", "workflow")
        for file in (root / folder).rglob("*")
        if file.suffix in (".py", ".smk")
    ):
        for key, value in re.findall(
            r"""(?:get|pop|asked_for)\("(\w+)", ([^()]+)\)""", path.read_text()
        ):
            try:
                found.setdefault(key, []).append(ast.literal_eval(value))
            except (SyntaxError, ValueError):
                continue
    return found


def test_the_page_shows_the_defaults_of_the_code(root, asked):
    rows = re.findall(
        r"^\| `([\w.]+)` \| [^|]* \| `([^|]+)` \| [^|]* \|",
        (root / "config/README.md").read_text(),
        flags=re.MULTILINE,
    )
    assert len(rows) > 100
    wrong = {}
    for key, written in rows:
        default, known = (
            yaml.safe_load(written),
            [CODE[key]] if key in CODE else asked.get(key.rpartition(".")[2], [None]),
        )
        if default not in [list(value) if isinstance(value, tuple) else value for value in known]:
            wrong[key] = (default, known)
    assert not wrong, "\n".join(map(str, wrong.items()))
