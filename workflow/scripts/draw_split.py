from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.samples import read_samples, write_table
    from starmass.evaluation.splits import draw_split, parts_of

    split = draw_split(read_samples(snakemake.input[0]), **snakemake.params.config)
    write_table(snakemake.output[0], split)
    for fold, train, test in parts_of(split):
        log.info("fold %d: %d training rows, %d test rows", fold, len(train), len(test))
