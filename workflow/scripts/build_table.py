from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.tables import build_table

    build_table(
        study=snakemake.wildcards.study,
        metrics=snakemake.input.metrics,
        differences=snakemake.input.differences,
        mass_bins=snakemake.input.mass_bins,
        overstatement=snakemake.input.overstatement,
        published=snakemake.input.published,
        counterparts=snakemake.params.config["published"],
        splits=snakemake.params.splits,
        methods=snakemake.params.methods,
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
    )
