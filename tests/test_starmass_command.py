"""The command ``starmass``: help, mistakes, version, schema; status and fits have own tests."""

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib

import jsonschema
import pytest
from configs import ROOT, default_config
from snakemake.cli import parse_config
from snakemake.utils import update_config

from starmass import __version__
from starmass.__main__ import COMMANDS, EXAMPLES, main
from starmass.errors import InputError
from starmass.plan.checking import lay_over, read_pair


def run(*arguments, **options) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, **options
    )


def test_the_installed_command_is_the_module():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["starmass"].partition(":")
    assert getattr(importlib.import_module(module), name) is main


def test_help_is_light_and_has_an_example_of_every_command(tmp_path):
    seen = "import sys; from starmass.__main__ import main\n"
    seen += "try: main(['--help'])\nexcept SystemExit: pass\n"
    heavy = ("numpy", "torch", "pydantic", "yaml", "astropy", "snakemake")
    seen += f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    done = run("-c", seen, cwd=tmp_path, check=True)
    assert done.stderr == "[]\n"
    assert list(EXAMPLES) == list(COMMANDS)
    for command, example in EXAMPLES.items():
        assert re.search(rf"^    {command}  .*\w", done.stdout, re.MULTILINE)
        assert f" {example}\n" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_ends_with_its_example(command, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/starmass"])
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"  starmass {EXAMPLES[command]}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["stauts"], ["no command 'stauts'", "did you mean 'status'", "recover, config"]),
        (["recover", "now"], ["recover has no argument now"]),
        (["config", "--configfiles"], ["config", "--help"]),
        ([], ["predicts the masses", "status --configfile", "--version"]),
    ],
)
def test_a_mistake_ends_with_code_2_and_the_way_out(given, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    for word in words:
        assert word in said


def test_the_version_is_the_packages():
    assert run("-m", "starmass", "--version", cwd=ROOT).stdout == f"starmass {__version__}\n"


def test_the_schema_takes_the_default_config_and_refuses_unknown_keys(capsys):
    main(["schema"])
    schema = json.loads(capsys.readouterr().out)
    config = default_config()
    jsonschema.validate(config, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**config, "stduy": "demo"}, schema)


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m starmass schema | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "{\n" and done.stderr == ""


def test_the_config_is_checked_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("maps: {projection: {pixels: 32}}\n")
    (tmp_path / "wrong.yaml").write_text("maps: {projection: {pixel: 32}}\n")
    (tmp_path / "broken.yaml").write_text("maps: {projection\n")
    main(["config", "--configfile", "mine.yaml", "--config", "study=demo"])
    assert capsys.readouterr().out == ("The config is right: study demo, images ramses_maps.\n")
    for given, words in {
        ("--configfile", "wrong.yaml"): "maps.projection.pixel",
        ("--configfile", "mine.yaml", "wrong.yaml"): "did you mean 'pixels'",
        ("--configfile", "broken.yaml"): "broken.yaml: this is no YAML",
        ("--configfile", "none.yaml"): "none.yaml: there is no such file",
        ("--config", "study=dmo"): "did you mean 'demo'",
        ("--config", "study"): "--config study: it is no KEY=VALUE",
    }.items():
        with pytest.raises(SystemExit) as ended:
            main(["config", *given])
        said = capsys.readouterr().err
        assert ended.value.code == 1 and words in said and said.count("\n") == 1, given


def test_a_library_without_the_workflow_says_where_to_start(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("starmass.plan.checking.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["config"])
    assert "start this in a checkout of starmass" in capsys.readouterr().err


@pytest.mark.parametrize(
    "pair", ["a1=3", "a1=2.5", "a1=True", "a1=", "a1={b: 3}", "a1=[x, 2]", "a1=x: [", "a1=b=c"]
)
def test_single_keys_are_read_as_snakemake_reads_them(pair):
    assert read_pair(pair) == parse_config([pair])


def test_files_are_laid_over_as_snakemake_does_it():
    below = {"a": {"b": 1, "c": [1, 2]}, "d": 2, "e": {"f": 1}}
    over = {"a": {"c": [3], "g": None}, "d": {"h": 1}, "e": None}
    expected = json.loads(json.dumps(below))
    update_config(expected, over)
    assert lay_over(below, over) == expected
    assert below["a"] == {"b": 1, "c": [1, 2]}
    with pytest.raises(InputError):
        read_pair("7=a")
