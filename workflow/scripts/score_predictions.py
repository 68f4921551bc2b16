from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.evaluation.metrics import summarise
    from starmass.evaluation.samples import read_samples, read_table, write_table

    predictions = [read_table(path, ("row", "fold", "log10_mass", "predicted_log10_mass")) for path in snakemake.input.predictions]
    split = read_table(snakemake.input.split, ("row", "fold", "part"))
    row = summarise(read_samples(snakemake.input.samples), split, predictions)
    names = {name: snakemake.wildcards[name] for name in ("study", "split", "method")}
    write_table(snakemake.output[0], pd.DataFrame([{**names, **snakemake.params.config, **row}]))
    log.info("R2 %.2f (%.2f to %.2f), RMSE %.2f dex", row["r2"], row["r2_low"], row["r2_high"], row["rmse_dex"])
