"""Every example of README.md, docs/ and config/README.md: code blocks, commands within sentences.

- Run: Python blocks, on the demo's results (on a CPU where they say "cuda" and there is none);
  ``python -m starmass.fractals``, ``starmass.pretraining`` and ``starmass fits``, with smaller
  numbers.
- Planned by Snakemake and not run: its commands, with the presets and targets that they name.
- Checked: YAML, by the reader of its kind; targets of ``make``; files and packages of
  installations; options of benchmarks; what ``torchrun`` and ``srun`` start; of other SLURM
  commands the syntax and the name alone.

Elsewhere: the page of the library (test_notebook.py), entries of simulations map files of their
codes (maps/test_docs_maps.py), ``status`` and ``recover`` (running/test_status.py, test_slurm.py),
the demo (test_demo.py).
"""

import ast
import importlib
import re
import runpy
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from configs import SECTIONS, default_config, merge
from documents import ROOT, Example, commands_of, find_examples

from starmass.__main__ import COMMANDS, main
from starmass.config.entry import keys_of
from starmass.config.whole import Config
from starmass.evaluation.encoding import encode_maps, read_encoder
from starmass.evaluation.preprocessing import Preprocessing
from starmass.maps.descriptor import load_descriptor
from starmass.plan import Plan

RAMSES = ("info_1.txt", "sink_1.csv")
SFUMATO = ("sinks.bin", *(f"cells.{rank:05d}.bin" for rank in range(16)))
CLUSTER = ("sinfo", "sacctmgr", "scontrol", "sacct")


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return find_examples()


@pytest.fixture(scope="module")
def commands(examples) -> list[tuple[Example, list[str]]]:
    shell = [example for example in examples if example.kind == "shell"]
    return [(example, words) for example in shell for words in commands_of(example.text)]


def program_of(words: list[str]) -> str:
    """Name what a command runs: a module or script where it is Python's, or the first word."""
    first, *rest = [word for word in words if not re.match(r"[A-Z_]+=", word)]
    if re.fullmatch(r"python[\d.]*", first):
        return rest[1] if rest[0] == "-m" else rest[0]
    return first


def test_there_is_a_test_for_every_example(examples, commands):
    """A new kind of block, and a command that nothing here knows, need a test of their own."""
    assert len(examples) > 50
    for example in examples:
        assert example.kind, f"{example}: no test for a block of this kind"
    for example, words in commands:
        assert program_of(words) in KNOWN, f"{example}: no test for the command {words[0]}"
    said = "\n".join(example.text for example in examples if example.kind == "shell")
    checked = subprocess.run(["bash", "-n"], input=said, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


# YAML -------------------------------------------------------------------------------------------


def overlay_of(block: dict) -> dict:
    """Put a block into the section of the config that it belongs to."""
    if block.keys() == {"starmass"}:  # of a workflow that uses this one as a module
        return overlay_of(block["starmass"])
    if block.keys() <= {"study", "objects", "images", "detection", *SECTIONS}:
        return block
    if all(isinstance(entry, dict) and "format" in entry for entry in block.values()):
        return {"maps": {"simulations": block}}
    for section in SECTIONS:
        if block.keys() <= keys_of(Config.model_fields[section].annotation).keys():
            return {section: block}
    raise AssertionError(f"no section of the config has all of {', '.join(block)}")


def test_yaml_is_config_that_the_workflow_takes(examples, tmp_path):
    default = default_config()
    for example in (example for example in examples if example.kind == "yaml"):
        block = yaml.safe_load(example.text)
        try:
            if block.get("format") == "sfumato":
                (tmp_path / "run.yaml").write_text(example.text)
                load_descriptor(tmp_path / "run.yaml")
            else:
                Plan(merge(default, overlay_of(block)))
        except (Exception, SystemExit) as error:
            raise AssertionError(f"{example}: {error}") from error


def test_encoders_of_others_take_the_images_that_they_are_shown(examples):
    """Timm's own weights need the internet: here the networks have random ones."""
    for example in (example for example in examples if example.kind == "yaml"):
        block = yaml.safe_load(example.text)
        for name, entry in block.get("features", {}).items():
            if "architecture" in entry:
                preprocessing = Preprocessing(
                    **{"whole": {}, **block.get("preprocessing", {})}[entry["preprocessing"]]
                )
                encoder = read_encoder(None, architecture=entry["architecture"], weights="random")
                maps = np.zeros((1, 3, 64, 64), np.float32)
                found = encode_maps(encoder, maps, preprocessing, "class")
                assert found.shape == (1, encoder[0].num_features), f"{example}: {name}"


# Diagrams ---------------------------------------------------------------------------------------


def test_diagrams_are_boxes_joined_by_arrows(examples):
    """What GitHub draws: every line is a chain of boxes, and each box has its words somewhere."""
    diagrams = [example for example in examples if example.kind == "diagram"]
    assert diagrams
    for example in diagrams:
        head, *lines = example.text.strip().splitlines()
        assert head == "flowchart LR", example
        box = r"(\w+)(\[[^\[\]]+\])?"
        for line in lines:
            assert re.fullmatch(rf"    {box}( --> {box})+", line), f"{example}: {line}"
        named = set(re.findall(r"(\w+)\[", example.text))
        assert {"features"} >= set(re.findall(r"\w+", re.sub(r"\[[^]]*\]", "", example.text))) - {
            *named,
            "flowchart",
            "LR",
        }


# Shell ------------------------------------------------------------------------------------------


def planned(words: list[str]):
    """Parse a Snakemake command; return its targets and the options that decide what is planned."""
    cli = importlib.import_module("snakemake.cli")
    given, unknown = cli.get_argument_parser().parse_known_args(words[1:])
    assert not unknown, f"snakemake has no option {unknown}"
    # Options of several words swallow the targets behind them.
    swallowed = [Path(path) for path in given.configfile or () if not Path(path).exists()]
    assert not swallowed, f"{swallowed} is no preset"
    assert all("=" in word for word in given.config or ()), given.config
    options = ("--profile", *given.profile) if given.profile else ()
    if given.configfile:
        options += ("--configfile", *map(str, given.configfile))
    if given.config:
        options += ("--config", *map(str, given.config))
    # Names with a prefix are those of a workflow that uses this one as a module.
    known = [one for one in given.targets if "*" not in one and not one.startswith("starmass_")]
    return known, options


@pytest.fixture
def dumps(examples, tmp_path):
    """A folder with the names of dumps that the presets look for: a plan reads none of them."""
    folder = tmp_path / "dumps"
    names = [f"output_{number}/{name}" for number in ("00009", "00014") for name in RAMSES]
    names += [f"sfumato/snap_{number}/{name}" for number in (1, 2) for name in SFUMATO]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (descriptor,) = (one.text for one in examples if one.text.startswith("format: sfumato"))
    (folder / "sfumato/run.yaml").write_text(descriptor)
    sets = ("maps.h5", "labels.csv")  # of elsewhere.yaml
    sets += ("radio.h5", "radio.csv", "boxes.csv")  # of radio.yaml
    sets += ("galaxies.npy", "galaxies.csv", "cosmos.npy", "cosmos.csv")  # of galaxies.yaml
    for name in sets:
        (folder / name).touch()
    return folder


def test_snakemake_commands_can_be_planned(commands, dumps, run_snakemake, tmp_path, monkeypatch):
    """Those with the same presets and options together, all their targets at once."""
    monkeypatch.chdir(ROOT)
    together = defaultdict(list)
    for example, words in commands:
        program = program_of(words)
        if program == "snakemake" or words[1:4] == ["-m", "starmass", "status"]:
            targets, options = planned(words[3:] if program == "starmass" else words)
            together[options].append((example, targets or ["all"]))
    for number, (options, asked) in enumerate(together.items()):
        (tmp_path / str(number)).mkdir()
        given = [str(ROOT / word) if (ROOT / word).exists() else word for word in options]
        given = [word.replace("DIR", str(dumps)) for word in given]
        targets = sorted({target for _, targets in asked for target in targets})
        command = [*targets, "--dry-run", *given]
        done = run_snakemake(tmp_path / str(number), *command)
        assert done.returncode == 0, (
            f"{' '.join(str(example) for example, _ in asked)}: "
            f"{' '.join(command)}: {done.stderr[-2000:]}"
        )


def test_commands_of_starmass_exist(commands, monkeypatch):
    monkeypatch.chdir(ROOT)
    for example, words in commands:
        if program_of(words) == "starmass" and (given := words[3:]):
            assert given[0] in (*COMMANDS, "--version", "--help"), example
            if given[0] == "config":
                main(given)


def test_make_has_the_targets(commands):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for example, words in commands:
        if words[0] == "make":
            assert set(words[1:]) <= set(targets), example


def test_installation_names_what_there_is(commands):
    packages = (ROOT / "pyproject.toml").read_text()
    for example, words in commands:
        for option, value in pairwise(words):
            if option in ("-r", "-f") or value.startswith(("envs/", "tests/")):
                assert (ROOT / value).exists(), f"{example}: there is no {value}"
        if program_of(words) == "pip":
            for word in words:
                if ">" in word:
                    assert f'"{word}"' in packages, f"{example}: pyproject.toml asks otherwise"


def test_scripts_and_their_options_exist(commands):
    for example, words in commands:
        if (program := program_of(words)).endswith(".py"):
            text = (ROOT / program).read_text()
            for word in words:
                if word.startswith("--"):
                    assert f'"{word}"' in text, f"{example}: {program} has no {word}"


# Run --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(local_demo, tmp_path_factory) -> Path:
    """A folder with the demo's results, and snapshots of it by the names that the pages have."""
    folder = tmp_path_factory.mktemp("place")
    results = local_demo.folder / "results"
    maps = {"toycloud_a": "snapshot_0006.h5", "ramses_a": "output_00020.h5"}
    for simulation, name in maps.items():
        (folder / "results/maps" / simulation).mkdir(parents=True)
        (folder / "results/maps" / simulation / name).symlink_to(
            results / "maps/toycloud_a/snapshot_0002.h5"
        )
    for stage in ("fractals", "pretraining", "evaluation"):
        (folder / "results" / stage).symlink_to(results / stage)
    recipe = yaml.safe_load((results / "pretraining/nano/seed-0/recipe.yaml").read_text())
    recipe |= {"batch_size": 4, "epochs": 1, "epoch_steps": 1, "optimiser": {"warmup_epochs": 0}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder


def with_globs(words: list[str]) -> list[str]:
    """Write file names out as a shell does."""
    return [
        name
        for word in words
        for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]


@pytest.fixture(scope="module")
def made(commands, place):
    """What the modules of the commands made there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for example, words in commands:
            program = program_of(words)
            arguments = with_globs(words[3:])
            if program == "starmass.fractals":
                small = {"10000": "4", "336": "32", "4": "1"}
                arguments = [small.get(word, word) for word in arguments]
            elif program != "starmass.pretraining" and arguments[:1] != ["fits"]:
                continue
            patch.setattr("sys.argv", ["-m", *arguments])
            try:
                module = program if program != "starmass" else "starmass.__main__"
                runpy.run_module(module, run_name="__main__", alter_sys=False)
            except SystemExit as end:
                assert not end.code, f"{example}: {' '.join(words)}"
    return place


def test_modules_of_starmass_run(made):
    assert (made / "shard-0000.h5").is_file()
    assert (made / "out/teacher.safetensors").is_file()
    assert (made / "star.fits").is_file() and len(list((made / "fits/toycloud_a").iterdir())) > 3


def test_ranks_are_started_with_the_same_command(commands):
    """torchrun and srun start what one process runs by itself."""
    single = [words[1:] for _, words in commands if program_of(words) == "starmass.pretraining"]
    options = [word for word in single[0] if word.startswith("-")]
    for example, words in commands:
        if words[0] in ("torchrun", "srun"):
            started = words[words.index("-m") :]
            assert started[1] == "starmass.pretraining", example
            assert [word for word in started if word.startswith("-")] == options, example
        if words[0] == "torchrun":
            parser = importlib.import_module("torch.distributed.run").get_args_parser()
            assert parser.parse_args(words[1:]).nproc_per_node == "4"


def test_folders_hold_what_is_listed(examples, place):
    """Of a finished run, so without `resume/`, of DINOv2, so without a decoder."""
    for example in (example for example in examples if example.kind == "text"):
        folder, *lines = example.text.strip().splitlines()
        found = place / folder.replace("{encoder}", "nano").replace("{seed}", "0")
        assert found.is_dir(), f"{example}: the demo has no {found}"
        listed = [line.split()[0].rstrip("/") for line in lines]
        missing = [name for name in listed if not (found / name).exists()]
        assert missing == ["decoder.safetensors", "resume"], example


def test_python_blocks_run(examples, made, monkeypatch):
    """Those of a page one after the other, as a reader pastes them; literals in comments hold."""
    monkeypatch.chdir(made)
    spaces: dict[str, dict] = defaultdict(dict)
    blocks = [example for example in examples if example.kind == "python"]
    for example in (example for example in blocks if example.page != "docs/library.md"):
        text = example.text
        if not torch.cuda.is_available():
            text = text.replace('"cuda"', '"cpu"')
        tree = ast.parse(text)
        try:
            exec(compile(tree, str(example), "exec"), spaces[example.page])
            for statement in tree.body:
                comment = text.splitlines()[statement.end_lineno - 1].partition("  # ")[2]
                if isinstance(statement, ast.Expr) and re.fullmatch(r"-?[\d.]+", comment):
                    value = eval(ast.unparse(statement), spaces[example.page])
                    digits = len(comment.partition(".")[2])
                    assert round(value, digits) == float(comment), value
        except Exception as error:
            raise AssertionError(f"{example}: {type(error).__name__}: {error}") from error


KNOWN = {
    "snakemake", "make", "git", "cd", ".", "export", "pip", "conda", "venv", "pytest", "torchrun",
    "srun",
    "starmass", "starmass.fractals", "starmass.pretraining", "docs/write_config_page.py",
    "docs/write_notebook.py",  # in test_notebook.py
    "docs/write_results_tables.py",
    *(f"benchmarks/{path.name}" for path in (ROOT / "benchmarks").glob("*.py")), *CLUSTER,
}  # fmt: skip
