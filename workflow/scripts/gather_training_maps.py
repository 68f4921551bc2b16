from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.evaluation.samples import load_maps
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.targets import read_target
    from starmass.evaluation.training_maps import gather_training_maps, write_training_maps
    from starmass.provenance import provenance_json

    config = snakemake.params.config
    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    split = read_split(snakemake.input.split, samples)
    shown = Preprocessing(**config)
    gathered = gather_training_maps(samples, load_maps(samples), split, shown, target)
    write_training_maps(
        snakemake.output[0],
        gathered,
        provenance=provenance_json(config=config, inputs=snakemake.input),
        target=target,
    )
    log.info(
        "%d training maps of %d protostars",
        len(gathered["images"]),
        len(set(gathered["protostar"])),
    )
