"""Write one snapshot of a toy cloud."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.toycloud import write_toycloud

    write_toycloud(
        output=snakemake.output[0],
        seed=snakemake.params.config["seed"],
        snapshots=snakemake.params.config["snapshots"],
        layout=snakemake.params.config.get("layout", {}),
        magnetic_field=snakemake.params.config.get("magnetic_field", 0.0),
    )
