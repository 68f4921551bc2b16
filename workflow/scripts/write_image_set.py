"""Write images that others made, and their labels, as a file of maps and a list of objects."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.images.writing import write_image_set

    write_image_set(
        output=snakemake.output.maps,
        objects=snakemake.output.objects,
        name=snakemake.wildcards.image_set,
        labels=snakemake.input.labels,
        images=snakemake.input.images,
        **snakemake.params.config,
    )
