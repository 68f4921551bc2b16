from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.curves import plot_curves

    config = snakemake.params.config
    plot_curves(
        metrics=snakemake.input.metrics,
        config=snakemake.input.config,
        encoder=snakemake.wildcards.encoder,
        width=config["width"],
        resolution=config["resolution"],
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": [snakemake.input.metrics]},
    )
