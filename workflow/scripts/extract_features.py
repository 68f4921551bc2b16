from functools import partial

from starmass.console import job

with job(snakemake.log[0]) as log:
    import numpy as np

    from starmass.evaluation.features import extract_features, write_features
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.evaluation.samples import load_maps, read_samples
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.statistics import describe, flatten
    from starmass.provenance import provenance_json

    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    entry = config["features"]
    if entry["kind"] == "encoder":
        from starmass.evaluation.encoding import encode_maps, encoder_options, read_encoder

        path = snakemake.input.get("encoder")
        encoder = read_encoder(path, seed=seed, **encoder_options(entry))

    def turn(preprocessing):
        if entry["kind"] == "encoder":
            return partial(
                encode_maps,
                encoder,
                preprocessing=preprocessing,
                tokens=entry.get("tokens", "class"),
            )
        return (
            partial(describe, statistics=entry["statistics"])
            if entry["kind"] == "statistics"
            else flatten
        )

    samples = read_samples(snakemake.input.samples)
    split = read_split(snakemake.input.split, samples)
    maps = load_maps(samples)
    ways = [Preprocessing(**one) for one in config["preprocessing"]]
    parts = [
        extract_features(maps, split, one, turn(one), average=entry.get("average", "none"))
        for one in ways
    ]
    features = np.concatenate(parts, axis=-1)
    write_features(
        snakemake.output[0],
        features,
        provenance=provenance_json(config=config, seed=seed, inputs=snakemake.input),
    )
    log.info("%d folds, %d rows, %d numbers a row", *features.shape)
