# starmass: dumps -> maps; mathematics -> fractals -> encoder; maps + encoder -> evidence -> tables and figures.
# `snakemake -c2` runs the demo; `snakemake -c2 maps` (simulations, fractals, pretraining,
# evaluation, few_labels, ablations, tables, summary, figures) a part of it.
from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/maps.smk"
include: "workflow/rules/fractals.smk"
include: "workflow/rules/pretraining.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/reporting.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/labels.smk"
include: "workflow/rules/ablations.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.summary.input,
        rules.simulations.input,


# The report reads Snakemake's own records of the finished jobs, so it is written after them and not by one of them.
onsuccess:
    write_report()
