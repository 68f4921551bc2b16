"""The shape of the workflow: presets plan without a complaint, targets have names and paths,
mistakes stop early.
"""

import re
import subprocess
import sys
from functools import cache

import pytest

TARGETS = [
    "simulations",
    "maps",
    "fractals",
    "pretraining",
    "evaluation",
    "tables",
    "summary",
    "figures",
    "few_labels",
    "ablations",
    "all",
]
PATHS = (
    "results/maps/toycloud_a/snapshot_0001.h5",
    "results/maps/toycloud_a/fits/snapshot_0001_1_x.fits",
    "results/observed/taurus/toycloud_a/fits/snapshot_0001_1_z.fits",
    "results/fractals/flame/shard-0000.h5",
    "results/pretraining/nano/seed-0/teacher.safetensors",
    "results/tables/demo/table.tex",
    "results/figures/demo/segmentation.pdf",
    "results/evaluation/demo/few_labels.csv",
    "results/evaluation/demo/ablations/images.csv",
    "results/evaluation/demo/random/predictions/resnet18_fractals/seed-0.csv",
    "results/evaluation/demo/random/predictions/dinov2_lora/seed-0.csv",
    "results/figures/demo/ablation_beam.pdf",
)


def planned_jobs(output: str) -> dict[str, int]:
    """Read rule -> number of jobs from a dry run's table."""
    table = output.split("Job stats:")[1]
    return {
        rule: int(count)
        for rule, count in re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)
    }


@pytest.fixture(scope="module")
def plan(run_snakemake, tmp_path_factory):
    """What a dry run in an empty folder says of some targets, each set of them planned once."""

    @cache
    def planned(*targets):
        done = run_snakemake(tmp_path_factory.mktemp("plan"), "--dry-run", *targets)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return planned


def test_every_target_has_a_name_and_asks_for_files(plan):
    said = plan(*TARGETS)
    jobs = planned_jobs(said)
    assert [target for target in TARGETS if jobs.get(target) != 1] == []
    assert "neither input nor output" not in said  # Snakemake's reason for a rule without either


def test_the_default_target_is_all(plan):
    assert planned_jobs(plan()) == planned_jobs(plan("all"))


def test_targets_are_asked_for_by_their_paths(plan):
    for path in PATHS:
        assert path in plan(*PATHS), path


def test_ablations_are_of_their_own(plan):
    """Neither the default targets nor the fractal images of the config come with what an ablation
    varies.
    """
    varied = "results/evaluation/demo/ablations/epochs.csv"
    for target, encoders in (("all", 1), ("fractals", 0), (varied, 3)):
        said = plan(target)
        assert planned_jobs(said).get("pretrain_encoder", 0) == encoders, target
        if target != varied:
            assert "__" not in "".join(re.findall(r"results/\S+", said)), target


def test_parsing_stays_light(root):
    """Cluster jobs parse the workflow again, each of them: nothing heavy may come along."""
    script = f"""
import sys
sys.path.insert(0, {str(root)!r})
from snakemake.api import SnakemakeApi, OutputSettings, ResourceSettings, ConfigSettings
before = set(sys.modules)
import starmass.plan, starmass.provenance
heavy = {{"torch", "yt", "numba", "h5py", "pandas", "sklearn", "matplotlib", "timm"}} & \
(set(sys.modules) - before)
sys.exit(f"heavy imports: {{heavy}}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_rules_log_and_measure_themselves(root):
    """Every rule that makes a file has a message, a log and a benchmark that mirror it."""
    for path in sorted((root / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            name = rule.split(":")[0]
            if "    output:" in rule:
                for word in ("message", "log", "benchmark", "resources", "params"):
                    assert f"    {word}:" in rule, f"{path.name}: {name} has no {word}"


def test_library_and_snakemake_keep_apart(root):
    sees = re.compile(
        r"^\s*(import|from) snakemake|\bsnakemake\.(input|output|params|config)", flags=re.MULTILINE
    )
    assert not [path for path in (root / "starmass").rglob("*.py") if sees.search(path.read_text())]


def test_wings_import_no_other_wing(root):
    """The config and what several wings share are below them, the plan is above them."""
    wings = {"maps", "images", "fractals", "pretraining", "evaluation", "detection"}
    wings |= {"reporting", "running"}
    above = {*wings, "plan"}
    formats = {("pretraining", "fractals", "shards"), ("reporting", "fractals", "shards")}
    light = {("config", "maps", "channels")}
    for path in (root / "starmass").rglob("*.py"):
        place = path.relative_to(root / "starmass").parts[0]
        if place == "plan" or (place not in wings and place != "config"):
            continue
        pattern = r"^\s*(?:from|import) starmass\.(\w+)(?:\.(\w+))?"
        for other, module in re.findall(pattern, path.read_text(), flags=re.MULTILINE):
            allowed = other not in above - {place} or (place, other, module) in formats | light
            assert allowed, f"{path.relative_to(root)} imports starmass.{other}.{module}"


def test_scripts_are_thin(root):
    for script in sorted((root / "workflow/scripts").glob("*.py")):
        assert len(script.read_text().splitlines()) <= 60, script.name
