from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.attention import plot_attention

    config = snakemake.params.config
    plot_attention(
        segmentation=snakemake.input.segmentation,
        samples=snakemake.input.samples,
        palettes=config["palettes"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": [snakemake.input.segmentation, snakemake.input.samples]},
    )
