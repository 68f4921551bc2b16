# What every wing's rules share: the checked config, wildcard constraints, and the report that is written at the end.
import atexit
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config

try:
    from starmass import provenance
except ModuleNotFoundError as error:
    raise SystemExit(
        f"starmass: {sys.executable} can't import its library ({error});"
        f" install it: pip install -e '{CHECKOUT}'"
    ) from None
from starmass.configuration import check_config, defaults_of
from starmass.errors import InputError, closest
from starmass.evaluation.variants import VARIED, add_variants
from starmass.running.interpreter import one_word


def refuse(sentence):
    """End the run in one sentence; any exception of an input function Snakemake would wrap in lines of its own."""
    raise SystemExit(f"starmass: {sentence}")


if IS_MODULE:  # Snakemake reads no configfile there, and the caller's dictionary stays as it is
    given, config = config, yaml.safe_load((CHECKOUT / "config/config.yaml").read_text("utf-8"))
    update_config(config, given)
SCHEMAS = CHECKOUT / "workflow/schemas"
DEFAULTS = {root: defaults_of(SCHEMAS, *place) for root, place in VARIED.items()}
try:
    DECLARED = check_config(config, SCHEMAS)  # as it was written
    config.update(
        check_config(add_variants(DECLARED, DEFAULTS), SCHEMAS)
    )  # and what ablations vary
except InputError as error:
    made = re.search(r"\w__(\w+?)__", str(error))
    more = ""
    if made:
        more = f" It is a value of evaluation.ablations.{made[1]}, which null takes away."
    elif IS_MODULE and re.match(r"config key '\w+' is unknown", str(error)):
        more = ' Give starmass a section of your config, and name it: config: config["starmass"].'
    refuse(f"{error}{more}")

STUDY = config["study"]


def named_entry(wing, kind, name):
    """An entry of the config, as of the studies of its section evaluation."""
    entries, declared = (whole[wing].get(kind) or {} for whole in (config, DECLARED))
    if name not in entries:
        refuse(
            f"there is no entry {name!r} in {wing}.{kind}{closest(name, declared)}; entries: {', '.join(declared) or 'none yet'}."
        )
    return entries[name]


def suggest_target(record):
    """A logging filter: of a target that nothing makes Snakemake says just that; add the nearest one that there is."""
    if found := re.search(r"No rule to produce (\S+)", str(record.msg)):
        named = [rule.name for rule in workflow.rules if not rule.has_products()]
        record.msg += f"\nstarmass: there is no target {found[1]}{closest(found[1], [*named, *rules.all.input])}; by name: {', '.join(named)}."
    return True


if not IS_MODULE:  # another workflow's targets are not ours to name
    logger.addFilter(suggest_target)

# Snakemake puts a module's prefix before the paths of rules, and before none in parameters.
modify_path = workflow.modifier.path_modifier.replace_prefix


def placed(paths):
    """Paths of results (one, or nested in dictionaries and lists) as Snakemake places them."""
    if isinstance(paths, dict):
        return {key: placed(value) for key, value in paths.items()}
    return [*map(placed, paths)] if isinstance(paths, list) else modify_path(paths)


def without_braces(path):
    """A path from outside, in which Snakemake would look for wildcards."""
    if re.search("[{}]", path):
        refuse(
            f"{path}: Snakemake takes braces in a path for a wildcard; move it, or link to it by another name."
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


def code_digest(script, loaded=lambda wildcards: []):
    """The code that shapes a rule's results, as a parameter.

    It is read when a job asks, for most starts of Snakemake are for one job of many. `loaded` says
    which modules the script loads by name (starmass.registry) for given wildcards: only the entries
    that a result uses may make it out of date, and not what lies beside them.
    """
    root = provenance.ROOT if script.startswith("starmass/") else CHECKOUT
    return lambda wildcards: cached_digest(root / script, *loaded(wildcards))


wildcard_constraints:
    simulation=r"\w+",
    snapshot=r"[\w.]+",
    images=r"\w+",
    shard=r"\d+",
    encoder=r"\w+",
    study=r"\w+",
    split=r"\w+",
    shown_as=r"\w+",
    ablation=r"\w+",
    features=r"\w+",
    method=r"\w+",
    seed=r"\d+",
    figure=r"\w+",


def write_report():
    """Write results/report.html once all of the study is there, and say where everything is."""
    from starmass.storage import written_aside

    if not all(Path(path).exists() for path in rules.all.input):
        return
    with written_aside("results/report.html") as page:
        resolved = page.with_name("config.yaml")
        resolved.write_text(
            yaml.safe_dump(DECLARED, sort_keys=False)
        )  # the first of an ablation's variants is its base
        ablations = [
            f"results/figures/{STUDY}/ablation_{name}.png"
            for name in DECLARED["evaluation"].get("ablations") or {}
        ]
        made = [path for path in ablations if Path(path).exists()]
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
        words = f"the table is results/tables/{STUDY}.md (.csv, .tex), the figures are in results/figures/{STUDY}/, and {words}"
    atexit.register(print, f"starmass: {words}", file=sys.stderr)
