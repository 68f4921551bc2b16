from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.summary import write_summary

    write_summary(
        study=snakemake.wildcards.study,
        splits=snakemake.params.splits,
        methods=snakemake.params.methods,
        simulations=snakemake.params.simulations,
        channels=snakemake.params.channels,
        few_labels_rows=snakemake.params.few_labels_rows,
        figures=snakemake.params.figures,
        outputs=dict(snakemake.output.items()),
        **dict(snakemake.input.items()),
    )
