"""The recipes of docs/extending.md, followed to the letter in a copy of the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, commands_of, find_examples
from snakemake_process import run_forked

PAGE = "docs/extending.md"
NEEDED = ("starmass", "workflow", "config", "resources", "Snakefile", "docs/write_config_page.py")
DIGESTS = """
import json
from pathlib import Path
from starmass.config.files import read_default
from starmass.plan import Plan
from starmass.provenance import code_digest
from starmass.registry import names_in
found = {path.name: code_digest(path) for path in sorted(Path("workflow/scripts").glob("*.py"))}
chosen = {
    "predict_masses.py": "starmass.evaluation.regressors",
    "make_maps.py": "starmass.maps.channels",
    "pretrain_encoder.py": "starmass.pretraining.methods",
    "plot_figure.py": "starmass.reporting.figures",
}
for script, package in chosen.items():
    for name in names_in(package):
        found[name] = code_digest(f"workflow/scripts/{script}", f"{package}.{name}")
plan = Plan(read_default(Path.cwd()))
for name in plan.config.pretraining.encoders:
    found[f"encoder {name}"] = plan.training_config(name)
for figure in plan.figures_of("demo"):
    given = (plan.figure_options(figure.name, "demo"), plan.figure_words(figure.name, "demo"))
    found[f"figure {figure.name}"] = given
print(json.dumps(found))
"""
"""Code and parameters, by what is made of them; Snakemake compares both."""


def blocks() -> dict[str, list]:
    """The blocks of each recipe, by the heading that they are under."""
    lines = (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
    found: dict[str, list] = {}
    for example in find_examples():
        if example.page == PAGE:
            above = [line for line in lines[: example.line] if line.startswith("## ")]
            found.setdefault(above[-1].split()[-1] if above else "", []).append(example)
    return found


RECIPES = blocks()


def copy_checkout(folder: Path) -> Path:
    for name in NEEDED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def python(folder: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def patched(text: str, diff: str) -> str:
    """Apply a diff: each hunk's old lines have to be there once."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        old, new = (
            "".join(f"{line[1:]}\n" for line in hunk.splitlines() if line[0] in kept)
            for kept in (" -", " +")
        )
        assert text.count(old) == 1, f"is there {text.count(old)} times:\n{old}"
        text = text.replace(old, new)
    return text


def follow(folder: Path, recipe: str) -> list[str]:
    """Do what a recipe says, and return the files that it made or changed."""
    touched = []
    for example in RECIPES[recipe]:
        kind, _, name = (example.kind or "").partition(" ")
        if name:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = example.text
            if kind == "diff":
                text = patched(path.read_text(encoding="utf-8"), text)
            else:
                assert not path.exists(), f"{example}: {name} is there already"
            path.write_text(text, encoding="utf-8")
            touched.append(name)
    return touched


@pytest.fixture(scope="module")
def digests_before(tmp_path_factory) -> dict[str, str]:
    return json.loads(python(copy_checkout(tmp_path_factory.mktemp("before")), "-c", DIGESTS))


EXPECTED = {
    "regressor": [],
    "channel": [],
    "method": [],
    "figure": [],
    "key": ["examples", "figure examples"],
}
"""What goes out of date by each recipe."""


@pytest.mark.parametrize("recipe", EXPECTED)
def test_a_recipe_does_what_it_says(recipe, digests_before, tmp_path):
    folder = copy_checkout(tmp_path)
    touched = follow(folder, recipe)
    code = [name for name in touched if not name.endswith(".yaml")]
    (said,) = re.findall(
        rf"^\| \[.*{recipe}\]\(.*\) \| (\d+) \|", (ROOT / PAGE).read_text(), re.MULTILINE
    )
    assert len(code) == int(said)

    python(folder, "docs/write_config_page.py")
    checked = [name for name in code if name.endswith(".py")]
    ruff = ("-m", "ruff", "{}", "--config", str(ROOT / "pyproject.toml"), "--no-cache", *checked)
    python(folder, *(word.format("check") for word in ruff))
    python(folder, *(word.format("format") for word in ruff), "--check")

    tests = [name for name in touched if name.startswith("tests/")]
    if tests:
        if recipe == "method":
            shutil.copy(ROOT / "tests/pretraining/conftest.py", folder / "tests/pretraining")
        assert " passed" in python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)

    after = json.loads(python(folder, "-c", DIGESTS))
    changed = [name for name, digest in digests_before.items() if after[name] != digest]
    assert changed == EXPECTED[recipe]

    (command,) = (one.text for one in RECIPES[recipe] if one.kind == "recipe")
    ((program, *arguments),) = commands_of(command)
    done = run_forked(
        [*map(str, arguments), "--dry-run"],
        folder,
        {**os.environ, "PYTHONPATH": str(folder)},
        120,
    )
    assert program == "snakemake" and done.returncode == 0, done.stdout + done.stderr
    target = next(word for word in arguments if word.startswith("results/"))
    assert target in done.stdout + done.stderr


def test_the_name_of_a_file_is_above_its_block():
    lines = (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
    for example in (one for recipe in RECIPES.values() for one in recipe):
        if name := (example.kind or "").partition(" ")[2]:
            assert lines[example.line - 3] == f"`{name}`:", example


def test_every_recipe_is_followed():
    assert set(RECIPES) == {"", *EXPECTED}
