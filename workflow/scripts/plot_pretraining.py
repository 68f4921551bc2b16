from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.curves import plot_curves

    plot_curves(
        metrics=snakemake.input.metrics,
        encoder=snakemake.wildcards.encoder,
        resolution=snakemake.params.config["resolution"],
        outputs=dict(snakemake.output.items()),
        facts={"config": snakemake.params.config, "inputs": [snakemake.input.metrics]},
    )
