"""Turn the maps of a study into features, as each fold of a split shows them."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.feature_kinds import features_of
    from starmass.evaluation.features import write_features
    from starmass.evaluation.samples import load_maps, read_samples
    from starmass.evaluation.splits import read_split
    from starmass.provenance import provenance_json

    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    samples = read_samples(snakemake.input.samples)
    features = features_of(
        config["features"],
        read_split(snakemake.input.split, samples),
        lambda: load_maps(samples),
        preprocessing=config["preprocessing"],
        encoder=snakemake.input.get("encoder"),
        seed=seed,
        parts=snakemake.input.get("parts", ()),
        samples=snakemake.input.samples,
    )
    write_features(
        snakemake.output[0],
        features,
        provenance=provenance_json(config=config, seed=seed, inputs=snakemake.input),
    )
    log.info("%d folds, %d rows, %d numbers a row", *features.shape)
