"""Write the descriptor of a toy cloud's run."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.toycloud import write_toycloud_descriptor

    write_toycloud_descriptor(output=snakemake.output[0], **snakemake.params.config)
