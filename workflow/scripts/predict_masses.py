from starmass.console import job

with job(snakemake.log[0]) as log:
    import numpy as np

    from starmass.evaluation.features import read_features
    from starmass.evaluation.predictions import predict_folds
    from starmass.evaluation.regression import predict
    from starmass.evaluation.samples import log_mass, protostars, read_samples, write_table
    from starmass.evaluation.splits import read_split

    samples = read_samples(snakemake.input.samples)
    split = read_split(snakemake.input.split, samples)
    # Few labels: a fold is part of one of the split that its features were made for.
    thinned = "from_fold" in split
    shown_in = dict(zip(split["fold"], split["from_fold" if thinned else "fold"], strict=True))
    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    labels, groups = log_mass(samples), protostars(samples)

    def predict_fold(fold, train, test):
        path = snakemake.input.features
        features = read_features(path, int(shown_in[fold])) if path else np.empty((len(samples), 0))
        return predict(
            features, labels, groups, train, test, **config, seed=seed, clamp_to_data=thinned
        )

    table, found = predict_folds(samples, split, predict_fold, intervals=not thinned)
    for fold, one in zip(table["fold"].unique(), found, strict=True):
        log.info("fold %d: %s", fold, one.chosen)
    write_table(snakemake.output[0], table)
