from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.ablation import compare_values
    from starmass.evaluation.information import resolution_of
    from starmass.evaluation.predictions import read_predictions
    from starmass.evaluation.samples import read_samples, write_table
    from starmass.evaluation.splits import read_split

    samples, facts, found = read_samples(snakemake.input.samples), snakemake.params.config, []
    for method, splits in snakemake.params.files.items():
        for split, values in splits.items():
            parts = read_split(snakemake.params.splits[split], samples)
            predictions = {
                value: [read_predictions(path, parts) for path in paths]
                for value, paths in values.items()
            }
            table = compare_values(samples, parts, predictions, facts["base"])
            names = {
                "ablation": snakemake.wildcards.ablation,
                "varied": facts["varied"],
                "split": split,
                "method": method,
            }
            found.append(
                pd.DataFrame(
                    [
                        {**names, "label": facts["labels"][method], **row}
                        for row in table.to_dict("records")
                    ]
                )
            )
    table = pd.concat(found)
    table["beam_pc"] = table["value"].map(facts["beams_pc"]).astype(float)
    write_table(snakemake.output[0], table.assign(**resolution_of(samples)))
    log.info("%d values of %s", table["value"].nunique(), facts["varied"])
