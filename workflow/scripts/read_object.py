"""Read the FITS files of an observed object as maps about its star."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.objects.object_maps import make_object_maps

    make_object_maps(
        output=snakemake.output[0],
        name=snakemake.wildcards.object,
        entry=snakemake.params.config,
        projection=snakemake.params.projection,
        files=dict(snakemake.input.items()),
    )
