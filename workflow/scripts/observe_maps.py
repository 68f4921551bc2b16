"""Look at the maps of a snapshot as a telescope would."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.observation import observe_maps

    observe_maps(
        output=snakemake.output[0],
        maps=snakemake.input[0],
        name=snakemake.wildcards.observation,
        observation=snakemake.params.config,
    )
