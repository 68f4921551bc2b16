"""Turn an object's maps, and those of the simulations beside it, into features."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.feature_kinds import features_of
    from starmass.evaluation.features import write_features
    from starmass.evaluation.objects import append, read_object_maps, split_for_object
    from starmass.evaluation.samples import load_maps, read_samples
    from starmass.provenance import provenance_json

    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    samples, own = read_samples(snakemake.input.samples), read_object_maps(snakemake.input.maps)
    features = features_of(
        config["features"],
        split_for_object(samples, len(own.maps)).table,
        lambda: append(load_maps(samples), own.maps),
        preprocessing=config["preprocessing"],
        encoder=snakemake.input.get("encoder"),
        seed=seed,
        parts=snakemake.input.get("parts", ()),
    )
    inputs = [path for path in snakemake.input if path != snakemake.input.simulated]
    write_features(
        snakemake.output[0],
        features,
        provenance=provenance_json(config=config, seed=seed, inputs=inputs),
    )
    log.info("%d folds, %d rows, %d numbers a row", *features.shape)
