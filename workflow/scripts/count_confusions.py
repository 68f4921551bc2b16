from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.predictions import read_all_predictions
    from starmass.evaluation.samples import write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.target_metrics import count_confusions
    from starmass.evaluation.targets import read_target

    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    parts = []
    for (name, files), path in zip(
        snakemake.params.files.items(), snakemake.input.splits, strict=True
    ):
        found = read_all_predictions(files, read_split(path, samples), target)
        parts.append(count_confusions(target, samples, found).assign(split=name))
    write_table(snakemake.output[0], pd.concat(parts))
    log.info("%d classes, %d splits", len(target.classes), len(parts))
