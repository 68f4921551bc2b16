"""Write images that others made, and their labels, as a file of maps and a list of objects."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.images.listing import labelled_files, read_labels
    from starmass.images.writing import write_image_set

    name, labels, listing = (
        snakemake.wildcards.image_set,
        snakemake.input.labels,
        snakemake.params.listing,
    )
    images = snakemake.input.get("images")
    if listing:
        found = {"column": listing["column"], "unlabelled": "ignore"}  # the plan has looked
        images = labelled_files(listing["folder"], read_labels(labels), name, **found)
    write_image_set(
        output=snakemake.output.maps,
        objects=snakemake.output.objects,
        name=name,
        labels=labels,
        images=images,
        **snakemake.params.config,
    )
