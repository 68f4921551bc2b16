"""Write the maps of a sink along an axis as a FITS file."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.fits import export_fits

    export_fits(
        output=snakemake.output[0],
        maps=snakemake.input[0],
        sink=snakemake.wildcards.sink,
        axis=snakemake.wildcards.axis,
        options=snakemake.params.config,
    )
