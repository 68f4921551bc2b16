from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.comparison import (
        OVERSTATEMENT,
        compare_methods,
        measure_by_mass,
        measure_overstatement,
    )
    from starmass.evaluation.metrics import summarise
    from starmass.evaluation.predictions import read_predictions
    from starmass.evaluation.samples import read_samples, write_table
    from starmass.evaluation.splits import read_split

    study, config, output = snakemake.wildcards.study, snakemake.params.config, snakemake.output
    samples = read_samples(snakemake.input.samples)
    splits = {
        split: read_split(path, samples)
        for split, path in zip(snakemake.params.files, snakemake.input.splits, strict=True)
    }
    predictions = {
        split: {
            method: [read_predictions(path, splits[split]) for path in paths]
            for method, paths in one.items()
        }
        for split, one in snakemake.params.files.items()
    }
    metrics, differences, bins, overstated = [], [], [], []
    for split, found in predictions.items():
        for method, tables in found.items():
            names = {"study": study, "split": split, "method": method, **config["methods"][method]}
            metrics.append({**names, **summarise(samples, splits[split], tables)})
        differences.append(compare_methods(samples, found, config["reference"]).assign(split=split))
        bins.append(measure_by_mass(samples, found).assign(split=split))
    for published, grouped in config["overstatement"]:
        table = measure_overstatement(samples, predictions[published], predictions[grouped])
        overstated.append(table.assign(split_published=published, split_grouped=grouped))
    write_table(output.metrics, pd.DataFrame(metrics))
    write_table(output.differences, pd.concat(differences))
    write_table(output.mass_bins, pd.concat(bins))
    write_table(
        output.overstatement,
        pd.concat(overstated) if overstated else pd.DataFrame(columns=OVERSTATEMENT),
    )
    log.info("%d methods on %d splits", len(config["methods"]), len(predictions))
