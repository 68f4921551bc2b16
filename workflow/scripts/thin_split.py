from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.labels import thin_split
    from starmass.evaluation.samples import read_samples, read_table, write_table

    split = read_table(snakemake.input.split, ("row", "fold", "part"))
    thinned = thin_split(read_samples(snakemake.input.samples), split, **snakemake.params.config)
    write_table(snakemake.output[0], thinned)
    for (fraction, draw), part in thinned[thinned["part"] == "train"].groupby(["fraction", "draw"]):
        log.info("fraction %g, draw %d: %d training rows in %d folds", fraction, draw, len(part), part["fold"].nunique())
