"""Look at the maps of simulations as an object was observed, and list them."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.image_samples import collect_images
    from starmass.evaluation.samples import collect_samples, write_table
    from starmass.maps.as_observed import observe_like_object

    written = observe_like_object(
        folder=snakemake.output.simulated,
        object_maps=snakemake.input.object,
        maps=snakemake.params.maps,
    )
    lists, config = snakemake.input.catalogues, snakemake.params.samples
    if "images" in config:
        samples = collect_images(written[0], lists[0], **config)
    else:
        samples = collect_samples(written, catalogues=lists, **config)
    write_table(snakemake.output.samples, samples)
    log.info("%d maps", len(samples))
