from starmass.console import job

with job(snakemake.log[0]):
    from starmass.evaluation.embedding import embed_features
    from starmass.evaluation.features import read_features
    from starmass.evaluation.samples import read_samples, write_table
    from starmass.evaluation.splits import parts_of, read_split

    samples = read_samples(snakemake.input.samples)
    fold, train, test = next(parts_of(read_split(snakemake.input.split, samples)))
    features = read_features(snakemake.input.features, fold)
    write_table(
        snakemake.output[0],
        embed_features(features, samples, train, test, **snakemake.params.config),
    )
