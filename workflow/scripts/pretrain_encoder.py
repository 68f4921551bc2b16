"""Images to an encoder."""

from starmass.console import job

with job(snakemake.log[0]):
    from pathlib import Path

    from starmass.pretraining.launch import launch

    launch(
        # Not from params: what shapes no result must not make the encoder out of date.
        recipe=snakemake.config["pretraining"]["encoders"][snakemake.wildcards.encoder],
        seed=int(snakemake.wildcards.seed),
        images=snakemake.input.images,
        probe=snakemake.input.get("probe"),
        output=Path(snakemake.output.teacher).parent,
        log=snakemake.log[0],
        threads=snakemake.threads,
        ranks=snakemake.resources.tasks,
        nodes=snakemake.resources.nodes,
        attempt=snakemake.resources.attempt,
    )
