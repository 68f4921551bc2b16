"""A contact sheet and the numbers of a set of images."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.fractals.review import review_images

    review_images(
        name=snakemake.wildcards.images,
        shards=snakemake.input,
        outputs=dict(snakemake.output.items()),
        facts={"config": snakemake.params.config, "seed": snakemake.params.config["seed"]},
    )
