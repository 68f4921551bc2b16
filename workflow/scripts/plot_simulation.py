"""Draw a simulation's page: its whole box, maps of its protostars, masses and ages."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.maps.box_projection import project_box
    from starmass.maps.simulations import open_simulation
    from starmass.reporting.simulations import plot_simulation
    from starmass.units import HYDROGEN_ATOM_G

    config = snakemake.params.config
    opened = open_simulation(config["entry"], list(snakemake.input.dump), snakemake.params.snapshot)
    plot_simulation(
        box=project_box(opened, pixels=512, nucleus_mass=config["hydrogen_mass"] * HYDROGEN_ATOM_G),
        box_left=opened.box.left[:2].tolist(),
        box_side=float(opened.box.width.max()),
        snapshot=snakemake.params.snapshot,
        catalogue=snakemake.input.catalogue,
        outputs=dict(snakemake.output.items()),
        gallery=16,
        palettes=config["palettes"],
        resolution=config["resolution"],
        facts={"config": config, "inputs": [snakemake.input.catalogue, *snakemake.input.maps]},
        toy=config["entry"]["format"] == "toycloud",
    )
