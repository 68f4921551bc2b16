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
from starmass import provenance
from starmass.configuration import check_config, defaults_of
from starmass.errors import InputError, closest
from starmass.evaluation.variants import VARIED, add_variants


def refuse(sentence):
    """End the run in one sentence; any exception of an input function Snakemake would wrap in lines of its own."""
    raise SystemExit(f"starmass: {sentence}")


SCHEMAS = Path(workflow.basedir, "workflow/schemas")
DEFAULTS = {root: defaults_of(SCHEMAS, *place) for root, place in VARIED.items()}
try:
    DECLARED = check_config(config, SCHEMAS)  # as it was written
    config.update(
        check_config(add_variants(DECLARED, DEFAULTS), SCHEMAS)
    )  # and what ablations vary
except InputError as error:
    made = re.search(r"\w__(\w+?)__", str(error))
    refuse(
        f"{error} It is a value of evaluation.ablations.{made[1]}, which null takes away."
        if made
        else error
    )

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


logger.addFilter(suggest_target)

# torch's idle OpenMP threads spin by default; where jobs share cores that costs ten times the work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


cached_digest = cache(provenance.code_digest)


def code_digest(script):
    """The code that shapes a rule's results, as a parameter: read when a job asks, for most starts of Snakemake are for one job of many."""
    return lambda wildcards: cached_digest(script)


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
