"""Map all sinks of a snapshot."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.mapping import make_maps

    make_maps(
        output=snakemake.output[0],
        simulation=snakemake.wildcards.simulation,
        snapshot=snakemake.wildcards.snapshot,
        dump=list(snakemake.input),
        entry=snakemake.params.config["entry"],
        projection=snakemake.params.config["projection"],
        channels=snakemake.params.config["channels"],
    )
