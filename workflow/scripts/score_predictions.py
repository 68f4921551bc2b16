from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.metrics import summarise
    from starmass.evaluation.predictions import read_predictions
    from starmass.evaluation.samples import read_samples, write_table
    from starmass.evaluation.splits import read_split

    samples = read_samples(snakemake.input.samples)
    split = read_split(snakemake.input.split, samples)
    predictions = [read_predictions(path, split) for path in snakemake.input.predictions]
    row = summarise(samples, split, predictions)
    names = {name: snakemake.wildcards[name] for name in ("study", "split", "method")}
    write_table(snakemake.output[0], pd.DataFrame([{**names, **snakemake.params.config, **row}]))
    bounds = f"{row['r2_low']:.2f} to {row['r2_high']:.2f}"
    log.info(
        "R2 %.2f (%s), RMSE %.2f dex",
        row["r2"],
        bounds if pd.notna(row["r2_low"]) else "no interval",
        row["rmse_dex"],
    )
