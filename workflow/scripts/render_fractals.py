"""A range of fractal images into one shard."""

import json
import sys

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.fractals.generation import render_shard

    options = dict(snakemake.params.config)
    start, stop = snakemake.params.range
    summary = render_shard(
        snakemake.output[0],
        generator=options.pop("generator"),
        seed=options.pop("seed"),
        compression=options.pop("compression"),
        options=options,
        start=start,
        stop=stop,
        threads=snakemake.threads,
        progress=sys.stderr.isatty(),
    )
    log.info("%s: %s", snakemake.output[0], json.dumps(summary))
