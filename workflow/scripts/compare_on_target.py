from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.predictions import read_all_predictions
    from starmass.evaluation.samples import write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.target_metrics import compare_on_target, summarise_target
    from starmass.evaluation.targets import read_target

    study, config = snakemake.wildcards.study, snakemake.params.config
    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    metrics, differences = [], []
    for (name, files), path in zip(
        snakemake.params.files.items(), snakemake.input.splits, strict=True
    ):
        split = read_split(path, samples)
        found = read_all_predictions(files, split, target)
        for method, tables in found.items():
            names = {"study": study, "split": name, "method": method, **config["methods"][method]}
            metrics.append({**names, **summarise_target(target, samples, split, tables)})
        compared = compare_on_target(target, samples, found, config["reference"])
        differences.append(compared.assign(split=name))
    write_table(snakemake.output.metrics, pd.DataFrame(metrics))
    write_table(snakemake.output.differences, pd.concat(differences))
    log.info("%d methods on %d splits", len(config["methods"]), len(differences))
