"""Turn the maps of a study into features, as each fold of a split shows them."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.columns import read_columns
    from starmass.evaluation.feature_kinds import features_of
    from starmass.evaluation.features import combine_features, write_features
    from starmass.evaluation.samples import load_maps, read_samples
    from starmass.evaluation.splits import read_split
    from starmass.provenance import provenance_json

    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    samples = read_samples(snakemake.input.samples)
    entry, split = config["features"], read_split(snakemake.input.split, samples)
    if entry["kind"] == "columns":
        folds = split["fold"].nunique()
        features = read_columns(samples, entry["columns"], folds, snakemake.input.samples)
    elif entry["kind"] == "combined":
        features = combine_features(snakemake.input.parts)
    else:
        features = features_of(
            load_maps(samples),
            split,
            entry,
            config["preprocessing"],
            encoder=snakemake.input.get("encoder"),
            seed=seed,
        )
    write_features(
        snakemake.output[0],
        features,
        provenance=provenance_json(config=config, seed=seed, inputs=snakemake.input),
    )
    log.info("%d folds, %d rows, %d numbers a row", *features.shape)
