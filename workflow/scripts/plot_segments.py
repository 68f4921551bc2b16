from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.segments import plot_segments

    config = snakemake.params.config
    plot_segments(
        segments=snakemake.input.segments,
        explained=snakemake.input.explained,
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": list(snakemake.input)},
    )
