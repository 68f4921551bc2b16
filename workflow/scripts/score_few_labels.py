from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.few_labels import measure_by_fraction
    from starmass.evaluation.predictions import read_predictions
    from starmass.evaluation.samples import write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.targets import read_target

    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    found = []
    for split, methods in snakemake.params.files.items():
        thinned = read_split(snakemake.params.splits[split], samples)
        tables = {
            method: [read_predictions(path, thinned, target) for path in paths]
            for method, paths in methods.items()
        }
        compared = measure_by_fraction(samples, thinned, tables, target, snakemake.params.reference)
        found.append(compared.assign(split=split))
    table = pd.concat(found)
    table.insert(1, "label", table["method"].map(snakemake.params.config))
    table.insert(0, "split", table.pop("split"))
    write_table(snakemake.output[0], table)
    log.info("%d methods, %d fractions", table["method"].nunique(), table["fraction"].nunique())
