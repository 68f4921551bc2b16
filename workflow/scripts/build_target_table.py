from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.targets import build_target_table

    build_target_table(
        study=snakemake.wildcards.study,
        target=snakemake.params.target,
        metrics=snakemake.input.metrics,
        differences=snakemake.input.differences,
        splits=snakemake.params.splits,
        methods=snakemake.params.methods,
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
    )
