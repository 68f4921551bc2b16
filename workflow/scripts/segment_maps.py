from functools import partial

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.encoding import encode_maps, read_encoder
    from starmass.evaluation.inputs import Input
    from starmass.evaluation.samples import load_maps, read_samples, read_table
    from starmass.evaluation.segmentation import segment, write_segmentation
    from starmass.provenance import provenance_json

    config = snakemake.params.config
    entry, shown_as = config["features"], Input(**config["input"])
    samples = read_samples(snakemake.input.samples)
    split = read_table(snakemake.input.split, ("row", "fold", "part"))
    weights = "random" if entry.get("weights") == "random" else "pretrained"
    encoder = read_encoder(snakemake.input.get("encoder"), architecture=entry.get("architecture"), weights=weights)
    encode = partial(encode_maps, encoder, shown_as=shown_as, tokens="patches")
    segmentation = segment(samples, load_maps(samples), split, encode, shown_as, **config["segmentation"])
    write_segmentation(snakemake.output[0], segmentation, provenance=provenance_json(config=config, seed=0, inputs=snakemake.input))
    log.info("examples: rows %s", ", ".join(map(str, segmentation.row)))
