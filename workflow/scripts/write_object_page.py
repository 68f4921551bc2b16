"""Draw an object with its nearest neighbours, and write its page."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.object_page import write_object_page

    write_object_page(
        html=snakemake.output.html,
        pdf=snakemake.output.pdf,
        png=snakemake.output.png,
        maps=snakemake.input.maps,
        prediction=snakemake.input.prediction,
        novelty=snakemake.input.novelty,
        neighbours=snakemake.input.neighbours,
        coverage=snakemake.input.coverage,
        options=snakemake.params.config,
    )
