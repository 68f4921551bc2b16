"""Put the masses of all objects in one table."""

from starmass.console import job

with job(snakemake.log[0]):
    import pandas as pd

    from starmass.tables import read_table, write_table

    write_table(snakemake.output[0], pd.concat(map(read_table, snakemake.input)))
