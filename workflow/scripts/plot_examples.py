from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.examples import plot_examples

    config = snakemake.params.config
    plot_examples(
        shard=snakemake.input.shard,
        samples=snakemake.input.samples,
        fractals=config["fractals"],
        protostars=config["protostars"],
        palettes=config["palettes"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": [snakemake.input.shard, snakemake.input.samples]},
    )
