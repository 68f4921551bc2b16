from starmass.console import job

with job(snakemake.log[0]):
    import numpy as np

    from starmass.fractals.shards import FractalImages
    from starmass.reporting.examples import plot_examples

    config = snakemake.params.config
    fractals = FractalImages([snakemake.input.shard])
    shown = np.unique(np.linspace(0, len(fractals) - 1, config["fractals"]).round().astype(int))
    plot_examples(
        images=np.stack([fractals[int(index)] for index in shown]),
        samples=snakemake.input.samples,
        protostars=config["protostars"],
        palettes=config["palettes"],
        resolution=config["resolution"],
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": config, "inputs": [snakemake.input.shard, snakemake.input.samples]},
    )
