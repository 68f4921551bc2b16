from starmass.console import job

with job(snakemake.log[0]):
    from pathlib import Path

    from starmass.reporting.cost import collect_cost, write_cost

    table = collect_cost(
        benchmarks=Path(snakemake.params.benchmarks),
        attempts=Path(snakemake.params.attempts),
        cores=snakemake.params.cores,
        images=snakemake.params.images,
    )
    write_cost(table, snakemake.params.textures, dict(snakemake.output.items()))
