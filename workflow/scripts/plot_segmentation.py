from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.segmentation import plot_segmentation

    config = snakemake.params.config
    plot_segmentation(
        segmentation=snakemake.input.segmentation,
        samples=snakemake.input.samples,
        palettes=config["palettes"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": [snakemake.input.segmentation, snakemake.input.samples]},
    )
