from starmass.console import job

with job(snakemake.log[0]) as log:
    import numpy as np

    from starmass.evaluation.features import read_features
    from starmass.evaluation.predictions import predict_folds
    from starmass.evaluation.regression import predict
    from starmass.evaluation.samples import protostars, write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.targets import read_target

    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    split = read_split(snakemake.input.split, samples)
    # Few labels: a fold is part of one of the split that its features were made for.
    thinned = "from_fold" in split
    shown_in = dict(zip(split["fold"], split["from_fold" if thinned else "fold"], strict=True))
    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    labels, groups = target.values(samples), protostars(samples)

    def predict_fold(fold, train, test):
        path = snakemake.input.features
        features = read_features(path, int(shown_in[fold])) if path else np.empty((len(samples), 0))
        options = {"seed": seed, "clamp_to_data": thinned, "classes": len(target.classes)}
        return predict(features, labels, groups, train, test, **config, **options)

    table, found = predict_folds(samples, split, predict_fold, intervals=not thinned, target=target)
    for fold, one in zip(table["fold"].unique(), found, strict=True):
        log.info("fold %d: %s", fold, one.chosen)
    write_table(snakemake.output[0], table)
