# Dumps to maps: toy clouds write dumps of their own; every simulation's snapshots become maps of all their sinks.
from functools import cache

from starmass.maps.discovery import find_snapshot, find_snapshots


def simulation_entry(simulation):
    """A named entry of the config's section `maps.simulations`."""
    return named_entry("maps", "simulations", simulation)


def as_inputs(simulation, files):
    """Files of a dump as a rule takes them: toy clouds' are made here, others are the user's."""
    made_here = simulation_entry(simulation)["format"] == "toycloud"
    return files if made_here else list(map(users_own, files))


@cache  # every job asks, and looking through a folder takes time
def simulation_snapshots(simulation):
    """Files of every snapshot's dump, by the snapshot's name."""
    entry, root = simulation_entry(simulation), config.get("data_root")
    try:
        found = find_snapshots(entry, root, name=simulation)
    except InputError as error:
        refuse(error)
    return {snapshot: as_inputs(simulation, files) for snapshot, files in found.items()}


def simulation_maps(simulation):
    """Paths of all maps of a simulation."""
    return [
        f"results/maps/{simulation}/{snapshot}.h5" for snapshot in simulation_snapshots(simulation)
    ]


def observed_maps(observation, simulation):
    """Paths of all maps of a simulation as an entry of maps.observations sees them."""
    return [
        path.replace("results/maps/", f"results/observed/{observation}/", 1)
        for path in simulation_maps(simulation)
    ]


def observation_entry(wildcards):
    return named_entry("maps", "observations", wildcards.observation)


def fits_options(wildcards):
    """Options of a FITS file; observed maps are at their observation's distance."""
    if wildcards.axis not in ("x", "y", "z"):
        refuse(
            f"results/{wildcards.folder}/fits/{wildcards.snapshot}_{wildcards.sink}_{wildcards.axis}.fits:"
            f" there is no axis {wildcards.axis}; the axes are x, y, z."
        )
    options = dict(config["maps"].get("fits", {}))
    if wildcards.folder.startswith("observed/"):
        options.pop("distance", None)
    return options


def toycloud_entry(wildcards):
    entry = simulation_entry(wildcards.simulation)
    if entry["format"] != "toycloud":
        refuse(
            f"results/dumps/{wildcards.simulation}: only toy clouds are written, and maps.simulations.{wildcards.simulation}"
            f" has format: {entry['format']}; ask for its maps instead."
        )
    return entry


def extra_channels_of(simulation):
    """Entries of the extra channels that a simulation's maps are to have."""
    names = simulation_entry(simulation).get(
        "channels", config["maps"]["projection"].get("channels", [])
    )
    return {name: named_entry("maps", "channels", name) for name in names}


def dump_files(wildcards):
    """Files of one snapshot; a job needs no more, and a run may have thousands."""
    simulation, root = wildcards.simulation, config.get("data_root")
    entry = simulation_entry(simulation)
    try:
        files = find_snapshot(entry, root, wildcards.snapshot, name=simulation)
    except InputError as error:
        refuse(error)
    return as_inputs(simulation, files)


rule write_toycloud_descriptor:
    output:
        "results/dumps/{simulation}/run.yaml",
    log:
        "logs/dumps/{simulation}/run.log",
    benchmark:
        "benchmarks/results/dumps/{simulation}/run.tsv"
    localrule: True
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        config=lambda wildcards: {
            key: value
            for key, value in toycloud_entry(wildcards).items()
            if key in ("layout", "magnetic_field")
        },
        code=code_digest("workflow/scripts/write_toycloud_descriptor.py"),
    message:
        "Describing the dumps of toy cloud {wildcards.simulation}"
    script:
        "../scripts/write_toycloud_descriptor.py"


rule write_toycloud:
    output:
        directory("results/dumps/{simulation}/{snapshot}"),
    log:
        "logs/dumps/{simulation}/{snapshot}.log",
    benchmark:
        "benchmarks/results/dumps/{simulation}/{snapshot}.tsv"
    wildcard_constraints:
        snapshot=r"snapshot_\d+",
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        config=toycloud_entry,
        code=code_digest("workflow/scripts/write_toycloud.py"),
    message:
        "Evaluating toy cloud {wildcards.simulation}, {wildcards.snapshot}"
    script:
        "../scripts/write_toycloud.py"


rule make_maps:
    input:
        dump_files,
    output:
        "results/maps/{simulation}/{snapshot}.h5",
    log:
        "logs/maps/{simulation}/{snapshot}.log",
    benchmark:
        "benchmarks/results/maps/{simulation}/{snapshot}.tsv"
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: {
            "projection": config["maps"]["projection"],
            "entry": simulation_entry(wildcards.simulation),
            "channels": extra_channels_of(wildcards.simulation),
        },
        code=code_digest(
            "workflow/scripts/make_maps.py",
            lambda wildcards: [
                f"starmass.maps.channels.{entry['kind']}"
                for entry in extra_channels_of(wildcards.simulation).values()
            ],
        ),
    message:
        "Mapping the sinks of {wildcards.simulation}, {wildcards.snapshot}"
    script:
        "../scripts/make_maps.py"


rule observe_maps:
    input:
        "results/maps/{simulation}/{snapshot}.h5",
    output:
        "results/observed/{observation}/{simulation}/{snapshot}.h5",
    log:
        "logs/observed/{observation}/{simulation}/{snapshot}.log",
    benchmark:
        "benchmarks/results/observed/{observation}/{simulation}/{snapshot}.tsv"
    wildcard_constraints:
        observation=r"\w+",
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=observation_entry,
        code=code_digest("workflow/scripts/observe_maps.py"),
    message:
        "Observing the maps of {wildcards.simulation}, {wildcards.snapshot} ({wildcards.observation})"
    script:
        "../scripts/observe_maps.py"


rule export_fits:
    input:
        "results/{folder}/{snapshot}.h5",
    output:
        "results/{folder}/fits/{snapshot}_{sink}_{axis}.fits",
    log:
        "logs/{folder}/fits/{snapshot}_{sink}_{axis}.log",
    benchmark:
        "benchmarks/results/{folder}/fits/{snapshot}_{sink}_{axis}.tsv"
    wildcard_constraints:
        folder=r"maps/\w+|observed/\w+/\w+",
        sink=r"[^/_]+",
        axis=r"[^/_.]+",
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=fits_options,
        code=code_digest("workflow/scripts/export_fits.py"),
    message:
        "Writing {wildcards.folder}, {wildcards.snapshot}, sink {wildcards.sink} along {wildcards.axis} as FITS"
    script:
        "../scripts/export_fits.py"


rule list_samples:
    input:
        lambda wildcards: simulation_maps(wildcards.simulation),
    output:
        "results/maps/{simulation}/catalogue.csv",
    log:
        "logs/maps/{simulation}/catalogue.log",
    benchmark:
        "benchmarks/results/maps/{simulation}/catalogue.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: simulation_entry(wildcards.simulation).get(
            "cuts", config["maps"].get("cuts", {})
        ),
        code=code_digest("workflow/scripts/list_samples.py"),
    message:
        "Listing the samples of {wildcards.simulation}"
    script:
        "../scripts/list_samples.py"


rule plot_simulation:
    input:
        dump=lambda wildcards: list(simulation_snapshots(wildcards.simulation).values())[-1],
        maps=lambda wildcards: simulation_maps(wildcards.simulation),
        catalogue="results/maps/{simulation}/catalogue.csv",
    output:
        pdf="results/maps/{simulation}/overview.pdf",
        png=report(
            "results/maps/{simulation}/overview.png",
            caption="../report/simulation.rst",
            category="Simulations",
            labels={"result": "{simulation}"},
        ),
    log:
        "logs/maps/{simulation}/overview.log",
    benchmark:
        "benchmarks/results/maps/{simulation}/overview.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: {
            "entry": simulation_entry(wildcards.simulation),
            "hydrogen_mass": config["maps"]["projection"]["hydrogen_mass"],
            "palettes": config["reporting"]["palettes"],
            "resolution": config["reporting"]["resolution"],
        },
        snapshot=lambda wildcards: list(simulation_snapshots(wildcards.simulation))[-1],
        code=code_digest("workflow/scripts/plot_simulation.py"),
    message:
        "Drawing the page of simulation {wildcards.simulation}"
    script:
        "../scripts/plot_simulation.py"


rule simulations:
    input:
        expand(
            "results/maps/{simulation}/overview.{kind}",
            simulation=config["evaluation"]["studies"][STUDY]["simulations"],
            kind=["pdf", "png"],
        ),
    message:
        "A page and a catalogue of each of the study's simulations are in results/maps/"


rule maps:
    input:
        lambda wildcards: [
            path
            for simulation in config["evaluation"]["studies"][STUDY]["simulations"]
            for path in simulation_maps(simulation)
        ],
    message:
        "Maps of the study's simulations are in results/maps/"
