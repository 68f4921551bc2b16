from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.information import locate_information, resolution_of
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.evaluation.samples import load_maps, read_samples, write_table
    from starmass.evaluation.splits import read_split

    samples = read_samples(snakemake.input.samples)
    split = read_split(snakemake.input.split, samples)
    table = locate_information(
        samples, load_maps(samples), split, Preprocessing(**snakemake.params.config)
    )
    write_table(
        snakemake.output[0], table.assign(split=snakemake.params.split, **resolution_of(samples))
    )
    log.info("%d parts of the maps", len(table) // 2)
