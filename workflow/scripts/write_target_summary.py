from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.targets import write_target_summary

    write_target_summary(
        study=snakemake.wildcards.study,
        **dict(snakemake.input.items()),
        target=snakemake.params.target,
        splits=snakemake.params.splits,
        methods=snakemake.params.methods,
        simulations=snakemake.params.simulations,
        few_labels_rows=snakemake.params.few_labels_rows,
        figures=snakemake.params.figures,
        outputs=dict(snakemake.output.items()),
    )
