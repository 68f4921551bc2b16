from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.regression import plot_regression

    config = snakemake.params.config
    plot_regression(
        samples=snakemake.input.samples,
        splits=snakemake.params.files,
        metrics=snakemake.input.metrics,
        palette=config["palettes"]["mass"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": list(snakemake.input)},
    )
