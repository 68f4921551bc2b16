# starmass: dumps -> maps; mathematics -> fractals -> encoder; maps + encoder -> evidence -> tables
# and figures.
# `snakemake -c2` runs the demo; `snakemake -c2 maps` (simulations, images, fractals, pretraining,
# evaluation, few_labels, ablations, detection, tables, summary, figures) a part of it.
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Another workflow may use this one as a module (docs/running.md), with a config of its own.
IS_MODULE = not workflow.modifier.is_main_snakefile()
CHECKOUT = Path(str(workflow.current_basedir))
if not CHECKOUT.is_dir():
    raise SystemExit(
        f"starmass: {CHECKOUT} is no folder of this machine;"
        " clone the repository and name the Snakefile there."
    )
if not IS_MODULE and workflow.main_snakefile != workflow.snakefile:
    raise SystemExit(
        "starmass: include would mix two workflows' configs and names of rules; use it as a module"
        f' instead: module starmass: snakefile: "{workflow.snakefile}"; config: config["starmass"].'
    )
has_targets = workflow.default_target is not None


configfile: f"{CHECKOUT}/config/library.yaml"
configfile: f"{CHECKOUT}/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/maps.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/fractals.smk"
include: "workflow/rules/pretraining.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/reporting.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/few_labels.smk"
include: "workflow/rules/ablations.smk"
include: "workflow/rules/objects.smk"
include: "workflow/rules/detection.smk"


if not IS_MODULE:  # its opening page is about this workflow's config

    report: "workflow/report/workflow.rst"


rule all:
    default_target: not has_targets
    input:
        rules.tables.input,
        rules.figures.input,
        rules.summary.input,
        rules.simulations.input,


# The report reads Snakemake's own records of the finished jobs, so it is written after them and not
# by one of them.
onsuccess:
    write_report()
