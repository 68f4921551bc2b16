from starmass.console import job

with job(snakemake.log[0]):
    from starmass.reporting.table1 import build_table1

    build_table1(
        study=snakemake.wildcards.study,
        table=snakemake.input.table,
        published=snakemake.input.published,
        splits=snakemake.params.splits,
        methods=snakemake.params.methods,
        outputs=dict(snakemake.output.items()),
    )
