from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.image_samples import collect_images
    from starmass.evaluation.samples import collect_samples, protostars, write_table

    maps, lists, config = snakemake.input.maps, snakemake.input.catalogues, snakemake.params.config
    if "images" in config:
        samples = collect_images(maps[0], lists[0], **config)
    else:
        samples = collect_samples(maps, catalogues=lists, **config)
    write_table(snakemake.output[0], samples)
    log.info("%d maps of %d protostars", len(samples), len(set(protostars(samples))))
