# Evidence -> tables, figures and what the report says of them.


def simulation_formats(wildcards):
    """Formats by simulation of the study: whatever shows analytic clouds says so."""
    simulations = evaluation_entry("studies", wildcards.study)["simulations"]
    return {name: config["maps"]["simulations"][name]["format"] for name in simulations}


def split_kinds(wildcards):
    """What each split of the study keeps apart."""
    return {name: evaluation_entry("splits", name)["by"] for name in evaluation_entry("studies", wildcards.study)["splits"]}


def regression_files(wildcards):
    """By split, what figure 2 reads; a method is shown with its first seed."""
    study, chosen = evaluation_entry("studies", wildcards.study), config["reporting"]["figures"]["regression"]
    shown = {key: [name for name in chosen[key] if name in study[key]] for key in ("splits", "methods")}
    for key, names in shown.items():
        if not names:
            raise WorkflowError(
                f"reporting.figures.regression.{key}: study {wildcards.study!r} has none of {', '.join(chosen[key])};"
                f" name some of evaluation.studies.{wildcards.study}.{key}: {', '.join(study[key])}."
            )
    folders = {split: f"results/evaluation/{wildcards.study}/{split}" for split in shown["splits"]}
    return {
        split: {
            "split": f"{folder}/split.csv",
            "features": f"{folder}/features/{chosen['features']}/seed-0.h5",
            "predictions": {method: f"{folder}/predictions/{method}/seed-{seeds_of(method)[0]}.csv" for method in shown["methods"]},
        }
        for split, folder in folders.items()
    }


def regression_inputs(wildcards):
    files = regression_files(wildcards).values()
    return [path for one in files for path in (one["split"], one["features"], *one["predictions"].values())]


def segmentation_input(wildcards):
    """Examples (HDF5), what the segments hold, and how much they explain (CSV)."""
    files = segmentation_of(wildcards.study)
    if not files:
        raise WorkflowError(f"evaluation.studies.{wildcards.study} has no segmentation; add one: segmentation: {{features: ...}}.")
    return dict(zip(("examples", "segments", "explained"), files, strict=True))


def embedding_input(wildcards):
    embedding_entry(wildcards.study)  # says what is missing
    return embedding_of(wildcards.study)[0]


def information_channels(wildcards):
    """Channels of the maps in which figure 4 looks for information."""
    shown_as = evaluation_entry("inputs", information_entry(wildcards.study)["input"])
    return shown_as.get("channels", ["column_density", "v_los", "sigma_v"])


def figure_config(figure, *palettes):
    """What shapes a figure: its own entry, the colour maps that it uses, its width where that can be chosen, the resolution."""
    reporting = config["reporting"]
    used = {name: reporting["palettes"][name] for name in palettes}
    wide = {"width": reporting["widths"][figure]} if figure in reporting["widths"] else {}
    return {**reporting["figures"].get(figure, {}), **({"palettes": used} if used else {}), **wide, "resolution": reporting["resolution"]}


def figures_of(study):
    """The figures that a study has: some of its entries bring some of their own."""
    wanted = evaluation_entry("studies", study)
    names = ["examples", "regression", *(name for name in ("segmentation", "information", "few_labels", "embedding") if wanted.get(name))]
    if wanted.get("segmentation"):
        names += ["segments", *(["attention"] if wanted["segmentation"].get("attention_mass", True) else [])]
    return expand("results/figures/{study}/{figure}.{kind}", study=study, figure=names, kind=["pdf", "png"])


rule build_table:
    input:
        metrics="results/evaluation/{study}/metrics.csv",
        differences="results/evaluation/{study}/differences.csv",
        mass_bins="results/evaluation/{study}/mass_bins.csv",
        overstatement="results/evaluation/{study}/overstatement.csv",
        published=f"{workflow.basedir}/resources/table1_published.csv",
    output:
        csv=report(
            "results/tables/{study}.csv",
            caption="../report/table_csv.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study}), as CSV"},
        ),
        md="results/tables/{study}.md",
        tex="results/tables/{study}.tex",
        html=report(
            "results/tables/{study}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study})"},
        ),
    log:
        "logs/tables/{study}.log",
    benchmark:
        "benchmarks/results/tables/{study}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config={"published": config["reporting"]["published"]},
        splits=split_kinds,
        methods=lambda wildcards: evaluation_entry("studies", wildcards.study)["methods"],
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/build_table.py"),
    message:
        "Writing the table of study {wildcards.study}"
    script:
        "../scripts/build_table.py"


ruleorder: build_table1 > build_table
ruleorder: build_cost > build_table


rule build_table1:
    input:
        table=f"results/tables/{STUDY}.csv",
        published=f"{workflow.basedir}/resources/table1_published.csv",
    output:
        csv="results/tables/table1.csv",
        md="results/tables/table1.md",
        tex="results/tables/table1.tex",
        html=report(
            "results/tables/table1.html",
            caption="../report/table1.rst",
            category="Tables",
            labels={"result": "Table 1, published and measured"},
        ),
    log:
        "logs/tables/table1.log",
    benchmark:
        "benchmarks/results/tables/table1.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        study=STUDY,
        code=code_digest("workflow/scripts/build_table1.py"),
    message:
        "Setting study {params.study} beside the published Table 1"
    script:
        "../scripts/build_table1.py"


rule build_cost:
    input:
        lambda wildcards: rules.tables.input,
        lambda wildcards: rules.figures.input,
    output:
        csv="results/tables/cost.csv",
        md="results/tables/cost.md",
    log:
        "logs/tables/cost.log",
    benchmark:
        "benchmarks/results/tables/cost.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        cores={encoder: entry.get("resources", {}).get("threads", 2) for encoder, entry in config["pretraining"]["encoders"].items()},
        images={
            images: {shard: stop - start for shard, (start, stop) in shard_ranges(images).items()}
            for images in config["fractals"]["images"]
        },
        code=code_digest("workflow/scripts/build_cost.py"),
    message:
        "Adding up what the jobs of study {STUDY} took"
    script:
        "../scripts/build_cost.py"


rule plot_examples:
    input:
        shard=lambda wildcards: shard_files(config["reporting"]["figures"]["examples"]["images"])[0],
        samples="results/evaluation/{study}/samples.csv",
    output:
        pdf="results/figures/{study}/examples.pdf",
        png=report(
            "results/figures/{study}/examples.png",
            caption="../report/examples.rst",
            category="Figures",
            labels={"result": "1 Fractals and maps ({study})"},
        ),
    log:
        "logs/figures/{study}/examples.log",
    benchmark:
        "benchmarks/results/figures/{study}/examples.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("examples", "column_density", "v_los", "sigma_v"),
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_examples.py"),
    message:
        "Drawing figure 1 of study {wildcards.study}: fractals and maps"
    script:
        "../scripts/plot_examples.py"


rule plot_regression:
    input:
        evidence=regression_inputs,
        metrics="results/evaluation/{study}/metrics.csv",
        samples="results/evaluation/{study}/samples.csv",
    output:
        pdf="results/figures/{study}/regression.pdf",
        png=report(
            "results/figures/{study}/regression.png",
            caption="../report/regression.rst",
            category="Figures",
            labels={"result": "2 Features and masses ({study})"},
        ),
    log:
        "logs/figures/{study}/regression.log",
    benchmark:
        "benchmarks/results/figures/{study}/regression.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("regression", "mass"),
        files=regression_files,
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_regression.py"),
    message:
        "Drawing figure 2 of study {wildcards.study}: features, predicted and true masses"
    script:
        "../scripts/plot_regression.py"


rule plot_segmentation:
    input:
        segmentation=lambda wildcards: segmentation_input(wildcards)["examples"],
        samples="results/evaluation/{study}/samples.csv",
    output:
        pdf="results/figures/{study}/segmentation.pdf",
        png=report(
            "results/figures/{study}/segmentation.png",
            caption="../report/segmentation.rst",
            category="Figures",
            labels={"result": "3 Segmentation ({study})"},
        ),
    log:
        "logs/figures/{study}/segmentation.log",
    benchmark:
        "benchmarks/results/figures/{study}/segmentation.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("segmentation", "column_density", "v_los", "sigma_v", "attention"),
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_segmentation.py"),
    message:
        "Drawing figure 3 of study {wildcards.study}: segmentation by patch tokens"
    script:
        "../scripts/plot_segmentation.py"


rule plot_pretraining:
    input:
        metrics="results/pretraining/{encoder}/metrics.jsonl",
    output:
        pdf="results/figures/pretraining/{encoder}.pdf",
        png=report(
            "results/figures/pretraining/{encoder}.png",
            caption="../report/pretraining.rst",
            category="Figures",
            labels={"result": "Pretraining of {encoder}"},
        ),
    log:
        "logs/figures/pretraining/{encoder}.log",
    benchmark:
        "benchmarks/results/figures/pretraining/{encoder}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("pretraining"),
        code=code_digest("workflow/scripts/plot_pretraining.py"),
    message:
        "Drawing the curves of pretraining {wildcards.encoder}"
    script:
        "../scripts/plot_pretraining.py"


rule plot_information:
    input:
        "results/evaluation/{study}/information.csv",
    output:
        pdf="results/figures/{study}/information.pdf",
        png=report(
            "results/figures/{study}/information.png",
            caption="../report/information.rst",
            category="Figures",
            labels={"result": "4 Where the information is ({study})"},
        ),
    log:
        "logs/figures/{study}/information.log",
    benchmark:
        "benchmarks/results/figures/{study}/information.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("information"),
        channels=information_channels,
        simulations=simulation_formats,
        beam_pc=lambda wildcards: beam_pc(wildcards.study),
        code=code_digest("workflow/scripts/plot_information.py"),
    message:
        "Drawing figure 4 of study {wildcards.study}: where the information is"
    script:
        "../scripts/plot_information.py"


rule plot_embedding:
    input:
        embedding=embedding_input,
        samples="results/evaluation/{study}/samples.csv",
    output:
        pdf="results/figures/{study}/embedding.pdf",
        png=report(
            "results/figures/{study}/embedding.png",
            caption="../report/embedding.rst",
            category="Figures",
            labels={"result": "5 Features in a plane ({study})"},
        ),
    log:
        "logs/figures/{study}/embedding.log",
    benchmark:
        "benchmarks/results/figures/{study}/embedding.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("embedding", "mass", "age"),
        split=lambda wildcards: evaluation_entry("studies", wildcards.study)["splits"][0],
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_embedding.py"),
    message:
        "Drawing figure 5 of study {wildcards.study}: features in a plane"
    script:
        "../scripts/plot_embedding.py"


rule plot_segments:
    input:
        segments=lambda wildcards: segmentation_input(wildcards)["segments"],
        explained=lambda wildcards: segmentation_input(wildcards)["explained"],
    output:
        pdf="results/figures/{study}/segments.pdf",
        png=report(
            "results/figures/{study}/segments.png",
            caption="../report/segments.rst",
            category="Figures",
            labels={"result": "6 What the segments hold ({study})"},
        ),
    log:
        "logs/figures/{study}/segments.log",
    benchmark:
        "benchmarks/results/figures/{study}/segments.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("segments"),
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_segments.py"),
    message:
        "Drawing figure 6 of study {wildcards.study}: what the segments hold"
    script:
        "../scripts/plot_segments.py"


rule plot_attention:
    input:
        segmentation=lambda wildcards: segmentation_input(wildcards)["examples"],
        samples="results/evaluation/{study}/samples.csv",
    output:
        pdf="results/figures/{study}/attention.pdf",
        png=report(
            "results/figures/{study}/attention.png",
            caption="../report/attention.rst",
            category="Figures",
            labels={"result": "7 Attention ({study})"},
        ),
    log:
        "logs/figures/{study}/attention.log",
    benchmark:
        "benchmarks/results/figures/{study}/attention.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("attention", "column_density", "attention"),
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_attention.py"),
    message:
        "Drawing figure 7 of study {wildcards.study}: where the encoder looks"
    script:
        "../scripts/plot_attention.py"


rule tables:
    input:
        multiext(f"results/tables/{STUDY}", ".csv", ".md", ".tex", ".html"),
        rules.build_table1.output,
    message:
        "The table of study {STUDY} is there."


rule figures:
    input:
        figures_of(STUDY),
        [f"results/figures/pretraining/{encoder}.png" for encoder in encoders_of(STUDY)],
        f"results/figures/fractals/{config['reporting']['figures']['examples']['images']}.png",
    message:
        "The figures of study {STUDY} are there."
