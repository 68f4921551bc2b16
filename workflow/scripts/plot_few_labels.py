from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.labels import plot_few_labels

    config = snakemake.params.config
    plot_few_labels(
        few_labels=snakemake.input[0],
        rows=snakemake.params.rows,
        width=config["width"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": list(snakemake.input)},
    )
