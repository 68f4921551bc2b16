from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.few_labels import thin_split
    from starmass.evaluation.samples import write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.targets import read_target

    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    split = read_split(snakemake.input.split, samples)
    classes = target.values(samples) if target.kind == "classes" else None
    thinned = thin_split(samples, split, **snakemake.params.config, classes=classes)
    write_table(snakemake.output[0], thinned)
    for (fraction, draw), part in thinned[thinned["part"] == "train"].groupby(["fraction", "draw"]):
        log.info(
            "fraction %g, draw %d: %d training rows in %d folds",
            fraction,
            draw,
            len(part),
            part["fold"].nunique(),
        )
