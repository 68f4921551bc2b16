from starmass.console import job

with job(snakemake.log[0]):
    from starmass.registry import load

    plot = load("starmass.reporting.figures", snakemake.params.figure).plot
    inputs = {name: path for name, path in snakemake.input.items() if name != "evidence"}
    plot(
        **inputs,
        **snakemake.params.config,
        **snakemake.params.files,
        simulations=snakemake.params.simulations,
        outputs=dict(snakemake.output.items()),
        facts={"config": snakemake.params.config, "inputs": list(snakemake.input)},
    )
