from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.evaluation.samples import load_maps, read_samples
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.training_maps import gather_training_maps, write_training_maps
    from starmass.provenance import provenance_json

    config = snakemake.params.config
    samples = read_samples(snakemake.input.samples)
    split = read_split(snakemake.input.split, samples)
    gathered = gather_training_maps(samples, load_maps(samples), split, Preprocessing(**config))
    write_training_maps(
        snakemake.output[0],
        gathered,
        provenance=provenance_json(config=config, inputs=snakemake.input),
    )
    log.info(
        "%d training maps of %d protostars",
        len(gathered["images"]),
        len(set(gathered["protostar"])),
    )
