"""List every sample of a simulation, and which cut removes it."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.catalogue import write_catalogue

    write_catalogue(
        output=snakemake.output[0], map_files=list(snakemake.input), cuts=snakemake.params.config
    )
