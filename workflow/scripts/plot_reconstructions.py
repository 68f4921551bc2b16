from starmass.console import job

with job(snakemake.log[0]):
    from pathlib import Path

    from starmass.pretraining.reconstruction import read_mae, reconstruct
    from starmass.pretraining.samples import open_images
    from starmass.reporting.reconstructions import plot_reconstructions

    files, config = snakemake.input, snakemake.params.config
    method = read_mae(files.teacher, files.config)
    images = open_images([Path(path) for path in files.get("images", [])])
    found = reconstruct(method, images, config["images"])
    plot_reconstructions(
        found.images,
        found.hidden,
        found.painted,
        outputs=dict(snakemake.output.items()),
        resolution=config["resolution"],
        facts={"config": config, "inputs": [files.teacher, files.config]},
    )
