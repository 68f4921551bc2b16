# What every wing's rules share: the plan of the config, wildcard constraints, and the report.
import atexit
import copy
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

try:
    from starmass import provenance
except ModuleNotFoundError as error:
    raise SystemExit(
        f"starmass: {sys.executable} can't import its library ({error});"
        f" install it: pip install -e '{CHECKOUT}'"
    ) from None
from starmass.config.files import lay_over, read_default
from starmass.errors import InputError, closest
from starmass.plan import FIGURES, Plan, UsersFile
from starmass.pretraining.attempts import failed_permanently
from starmass.reporting.typesetting import escape_rst
from starmass.running.interpreter import one_word


def refuse(sentence):
    """End the run in one sentence; what an input function raises gets lines of Snakemake's."""
    raise SystemExit(f"starmass: {sentence}")


if IS_MODULE:  # Snakemake reads no configfile there, and the caller's dictionary stays as it is
    if not isinstance(config, dict):
        refuse(f"config of the module starmass: {config!r} is no section of keys; give one.")
    config = lay_over(read_default(CHECKOUT), config)
AS_GIVEN = copy.deepcopy(dict(config))
try:
    PLAN = Plan(config, CHECKOUT)
except InputError as error:
    made = re.search(r"\w__(\w+?)__", str(error))
    more = ""
    if made:
        more = f" It is a value of evaluation.ablations.{made[1]}, which null takes away."
    elif IS_MODULE and re.match(r"config key '\w+' is unknown", str(error)):
        more = ' Give starmass a section of your config, and name it: config: config["starmass"].'
    refuse(f"{error}{more}")
STUDY = PLAN.study
# A pretraining's job finds its whole entry here: parameters hold what shapes the weights alone.
config["pretraining"] = {"encoders": PLAN.encoder_entries()}
# The report's opening page sizes figures by it.
config["reporting"] = {
    **config.get("reporting", {}),
    "resolution": PLAN.config.reporting.resolution,
}


class Asked:
    """The plan as rules ask it: what it refuses ends the run in one sentence."""

    def __getattr__(self, name):
        answer = getattr(PLAN, name)

        def ask(*arguments):
            try:
                return with_users_files(answer(*arguments))
            except InputError as error:
                refuse(error)

        return ask


plan = Asked()


def with_users_files(answer):
    """An answer in which files that the user made are marked as such, for no prefix is theirs."""
    if isinstance(answer, dict):
        return {key: with_users_files(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [*map(with_users_files, answer)]
    return users_own(str(answer)) if isinstance(answer, UsersFile) else answer


def suggest_target(record):
    """A logging filter for a target that nothing makes: it says why, or adds the nearest that is.

    Snakemake says no more than that nothing makes it.
    """
    found = re.search(r"No rule to produce (\S+)", str(record.msg))
    if found and (reason := plan.why_not(found[1])):
        record.msg = f"starmass: {reason}"
    elif found:
        named = [rule.name for rule in workflow.rules if not rule.has_products()]
        record.msg += (
            f"\nstarmass: there is no target {found[1]}"
            f"{closest(found[1], [*named, *rules.all.input])}; by name: {', '.join(named)}."
        )
    return True


if not IS_MODULE:  # another workflow's targets are not ours to name
    logger.addFilter(suggest_target)

# Snakemake puts a module's prefix before the paths of rules, and before none in parameters.
modify_path = workflow.modifier.path_modifier.replace_prefix


def placed(paths):
    """Paths of results (one, or nested in dictionaries and lists) as Snakemake places them."""
    if isinstance(paths, dict):
        return {key: placed(value) for key, value in paths.items()}
    if isinstance(paths, list):
        return [*map(placed, paths)]
    return paths if paths is None else modify_path(paths)


def without_braces(path):
    """A path from outside, in which Snakemake would look for wildcards."""
    if re.search("[{}]", path):
        refuse(
            f"{path}: Snakemake takes braces in a path for a wildcard; move it, or link to it by"
            " another name."
        )
    return path


def users_own(path):
    """A file that the user made: no prefix is put before it."""
    without_braces(path)
    return local(path) if modify_path("results") != "results" else path


# Snakemake writes it into shell commands as it stands.
sys.executable = one_word(sys.executable, Path.cwd())

# torch's idle OpenMP threads spin by default; where jobs share cores that costs ten times the work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


# Jobs import the library that this Snakefile belongs to, also where another one is installed.
if provenance.ROOT.samefile(CHECKOUT):
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(provenance.ROOT) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(provenance.ROOT), *known]))


cached_digest = cache(provenance.code_digest)


def code_digest(script, *entries):
    """The code that shapes a rule's results, as a parameter: read when a job asks.

    ``entries`` : modules that are chosen by name, or functions of the wildcards that return some
    """
    root = provenance.ROOT if script.startswith("starmass/") else CHECKOUT

    def digest(wildcards):
        found = [one(wildcards) if callable(one) else one for one in entries]
        named = [name for one in found for name in ([one] if isinstance(one, str) else one)]
        return cached_digest(root / script, *named)

    return digest


wildcard_constraints:
    simulation=r"\w+",
    snapshot=r"[\w.]+",
    images=r"\w+",
    image_set=r"\w+",
    shard=r"\d+",
    encoder=r"\w+",
    study=r"\w+",
    split=r"\w+",
    preprocessing=r"\w+",
    ablation=r"\w+",
    features=r"\w+",
    method=r"\w+",
    seed=r"0|[1-9]\d*",
    figure=r"\w+",
    object=r"\w+",
    detector=r"\w+",


def write_report():
    """Write results/report.html once all of the study is there, and say where everything is."""
    from starmass.storage import written_aside

    if not all(Path(path).exists() for path in rules.all.input):
        return
    with written_aside("results/report.html") as page:
        resolved = page.with_name("config.yaml")
        # In the order of the keys: the first of an ablation's variants is its base.
        resolved.write_text(yaml.safe_dump(AS_GIVEN, sort_keys=False))
        made = [path for path in plan.declared_ablation_figures(STUDY) if Path(path).exists()]
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "all",
            *made,
            "--snakefile",
            workflow.main_snakefile,
        ]
        command += ["--configfile", resolved, "--nolock", "--quiet", "--report", page]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            raise WorkflowError(
                f"The results are complete, but the report could not be written: {done.stderr}"
            )
    # At exit, so that it is the last line, below what Snakemake says of its log and time.
    words = f"the report of study {STUDY} is results/report.html (opens in any browser, offline)."
    if set(workflow.dag_settings.targets) <= {"all", "tables", "figures", "summary"}:
        words = (
            f"the table is results/tables/{STUDY}/table.md (.csv, .tex),"
            f" the figures are in results/figures/{STUDY}/, and {words}"
        )
    atexit.register(print, f"starmass: {words}", file=sys.stderr)
