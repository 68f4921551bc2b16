from starmass.console import job

with job(snakemake.log[0]) as log:
    import numpy as np

    from starmass.evaluation.features import read_features
    from starmass.evaluation.fitted import FittedMethod, gather_folds, write_fitted
    from starmass.evaluation.predictions import predict_folds
    from starmass.evaluation.regression import predict
    from starmass.evaluation.samples import log_mass, protostars, read_samples
    from starmass.evaluation.splits import read_split
    from starmass.provenance import provenance_json

    samples = read_samples(snakemake.input.samples)
    split = read_split(snakemake.input.split, samples)
    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    labels, groups = log_mass(samples), protostars(samples)

    def predict_fold(fold, train, test):
        path = snakemake.input.features
        features = read_features(path, fold) if path else np.empty((len(samples), 0))
        return predict(features, labels, groups, train, test, **config, seed=seed)

    _, found = predict_folds(samples, split, predict_fold)
    fitted = FittedMethod(
        gather_folds(split, labels, groups, found),
        config=config,
        features=snakemake.params.features,
        seed=seed,
        provenance=provenance_json(config=config, seed=seed, inputs=snakemake.input),
    )
    write_fitted(snakemake.output[0], fitted)
    log.info("%d folds", len(found))
