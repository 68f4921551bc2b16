from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.ablation import plot_ablation

    config = snakemake.params.config
    plot_ablation(
        ablation=snakemake.input[0],
        axis=config["label"],
        rows=snakemake.params.rows,
        width=config["width"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": list(snakemake.input)},
    )
