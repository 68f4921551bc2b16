"""Show all images of a set in one way, for a pretraining to learn from."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.image_samples import show_images, write_shown_images
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.provenance import provenance_json

    config = snakemake.params.config
    shown = show_images(snakemake.input[0], Preprocessing(**config))
    write_shown_images(
        snakemake.output[0],
        shown,
        provenance=provenance_json(config=config, inputs=snakemake.input),
    )
    log.info("%d images of %d channels, %d x %d pixels", *shown.shape)
