from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.samples import collect_samples, protostars, write_table

    samples = collect_samples(
        snakemake.input.maps, catalogues=snakemake.input.catalogues, **snakemake.params.config
    )
    write_table(snakemake.output[0], samples)
    log.info("%d maps of %d protostars", len(samples), len(set(protostars(samples))))
