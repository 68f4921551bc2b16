"""Predict the mass of an object by every method, and judge whether the simulation has its like."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.object_masses import apply_method, coverage_table, prediction_table
    from starmass.evaluation.objects import read_object_maps, split_for_object
    from starmass.evaluation.samples import load_maps, read_samples, write_table
    from starmass.evaluation.verdict import judge

    config = snakemake.params.config
    samples, own = read_samples(snakemake.input.samples), read_object_maps(snakemake.input.maps)
    split = split_for_object(samples, len(own.maps))
    found = judge(samples, load_maps(samples), own)
    methods = {
        name: apply_method(samples, split, snakemake.params.features[name], one["options"])
        for name, one in config.items()
    }
    labels = {name: one["label"] for name, one in config.items()}
    predictions = prediction_table(own.name, samples, methods, labels, found)
    write_table(snakemake.output.prediction, predictions)
    write_table(snakemake.output.novelty, found.novelty)
    write_table(snakemake.output.neighbours, found.neighbours)
    write_table(snakemake.output.coverage, coverage_table(own.name, methods, labels, found))
    why = f" ({found.reason})" if found.reason else ""
    log.info("%s: %s, p = %.3f%s", own.name, found.verdict, found.p, why)
