# Dumps to maps: toy clouds write dumps of their own; all sinks of every snapshot become maps.
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
            key: plan.toycloud(wildcards.simulation)[key] for key in ("layout", "magnetic_field")
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
        config=lambda wildcards: plan.toycloud(wildcards.simulation),
        code=code_digest("workflow/scripts/write_toycloud.py"),
    message:
        "Evaluating toy cloud {wildcards.simulation}, {wildcards.snapshot}"
    script:
        "../scripts/write_toycloud.py"


rule make_maps:
    input:
        lambda wildcards: plan.dump_files(wildcards.simulation, wildcards.snapshot),
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
        config=lambda wildcards: plan.map_options(wildcards.simulation),
        code=code_digest(
            "workflow/scripts/make_maps.py",
            lambda wildcards: plan.channel_modules(wildcards.simulation),
        ),
    message:
        "Mapping the sinks of {wildcards.simulation}, {wildcards.snapshot}"
    script:
        "../scripts/make_maps.py"


rule observe_maps:
    input:
        lambda wildcards: plan.maps_to_observe(wildcards.simulation, wildcards.snapshot),
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
        config=lambda wildcards: plan.observation(wildcards.observation),
        code=code_digest("workflow/scripts/observe_maps.py"),
    message:
        "Observing the maps of {wildcards.simulation}, {wildcards.snapshot}"
        " ({wildcards.observation})"
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
        config=lambda wildcards: plan.fits_options(
            wildcards.folder, wildcards.snapshot, wildcards.sink, wildcards.axis
        ),
        code=code_digest("workflow/scripts/export_fits.py"),
    message:
        "Writing {wildcards.folder}, {wildcards.snapshot}, sink {wildcards.sink}"
        " along {wildcards.axis} as FITS"
    script:
        "../scripts/export_fits.py"


rule list_samples:
    input:
        lambda wildcards: plan.simulation_maps(wildcards.simulation),
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
        config=lambda wildcards: plan.cuts(wildcards.simulation),
        code=code_digest("workflow/scripts/list_samples.py"),
    message:
        "Listing the samples of {wildcards.simulation}"
    script:
        "../scripts/list_samples.py"


rule plot_simulation:
    input:
        dump=lambda wildcards: plan.last_dump(wildcards.simulation),
        maps=lambda wildcards: plan.simulation_maps(wildcards.simulation),
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
        config=lambda wildcards: plan.page_options(wildcards.simulation),
        snapshot=lambda wildcards: plan.last_snapshot(wildcards.simulation),
        code=code_digest("workflow/scripts/plot_simulation.py"),
    message:
        "Drawing the page of simulation {wildcards.simulation}"
    script:
        "../scripts/plot_simulation.py"


rule simulations:
    input:
        plan.simulation_pages(STUDY),
    message:
        "A page and a catalogue of each of the study's simulations are in results/maps/"


rule maps:
    input:
        lambda wildcards: plan.bare_maps(STUDY),
    message:
        "Maps of the study's simulations are in results/maps/"
