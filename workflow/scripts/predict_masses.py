from starmass.console import job

with job(snakemake.log[0]) as log:
    import numpy as np

    from starmass.evaluation.features import read_features
    from starmass.evaluation.predictions import predict_folds
    from starmass.evaluation.regression import predict
    from starmass.evaluation.samples import log_mass, protostars, read_samples, read_table, write_table

    samples = read_samples(snakemake.input.samples)
    split = read_table(snakemake.input.split, ("row", "fold", "part"))
    options = dict(snakemake.params.config)

    def predict_fold(fold, train, test):
        features = read_features(snakemake.input.features, fold) if snakemake.input.features else np.empty((len(samples), 0))
        return predict(features, log_mass(samples), protostars(samples), train, test, seed=int(snakemake.wildcards.seed), **options)

    table, chosen = predict_folds(samples, split, predict_fold, intervals=True)
    write_table(snakemake.output[0], table)
    for fold, choice in enumerate(chosen):
        log.info("fold %d: %s", fold, choice)
