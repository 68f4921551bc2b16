from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.information import plot_information

    config = snakemake.params.config
    plot_information(
        information=snakemake.input[0],
        channels=snakemake.params.channels,
        width=config["width"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        beam_pc=snakemake.params.beam_pc,
        facts={"config": config, "inputs": list(snakemake.input)},
    )
