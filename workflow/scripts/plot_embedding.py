from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.embedding import plot_embedding

    config = snakemake.params.config
    plot_embedding(
        embedding=snakemake.input.embedding,
        samples=snakemake.input.samples,
        split=snakemake.params.split,
        palettes=config["palettes"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": list(snakemake.input)},
    )
