# Evidence -> figures, each as PDF and PNG.


def regression_files(wildcards):
    """By split, what figure 2 reads; a method is shown with its first seed."""
    study, chosen = (
        evaluation_entry("studies", wildcards.study),
        config["reporting"]["figures"]["regression"],
    )
    shown = {
        key: [name for name in chosen[key] if name in study[key]] for key in ("splits", "methods")
    }
    for key, names in shown.items():
        if not names:
            refuse(
                f"reporting.figures.regression.{key}: study {wildcards.study!r} has none of {', '.join(chosen[key])};"
                f" name some of evaluation.studies.{wildcards.study}.{key}: {', '.join(study[key])}."
            )
    folders = {split: f"results/evaluation/{wildcards.study}/{split}" for split in shown["splits"]}
    return {
        split: {
            "split": f"{folder}/split.csv",
            "features": f"{folder}/features/{chosen['features']}/seed-0.h5",
            "predictions": {
                method: f"{folder}/predictions/{method}/seed-{seeds_of(method)[0]}.csv"
                for method in shown["methods"]
            },
        }
        for split, folder in folders.items()
    }


def regression_inputs(wildcards):
    files = regression_files(wildcards).values()
    return [
        path
        for one in files
        for path in (one["split"], one["features"], *one["predictions"].values())
    ]


def embedding_input(wildcards):
    embedding_entry(wildcards.study)  # says what is missing
    return embedding_of(wildcards.study)[0]


def figure_config(figure, *palettes):
    """What shapes a figure: its own entry, the colour maps that it uses, its width where that can be chosen, the resolution."""
    reporting = config["reporting"]
    used = {name: reporting["palettes"][name] for name in palettes}
    wide = {"width": reporting["widths"][figure]} if figure in reporting["widths"] else {}
    return {
        **reporting["figures"].get(figure, {}),
        **({"palettes": used} if used else {}),
        **wide,
        "resolution": reporting["resolution"],
    }


def figures_of(study):
    """The figures that a study has: some of its entries bring some of their own."""
    wanted = evaluation_entry("studies", study)
    names = [
        "examples",
        "regression",
        *(
            name
            for name in ("segmentation", "information", "few_labels", "embedding")
            if wanted.get(name)
        ),
    ]
    if wanted.get("segmentation"):
        names += [
            "segments",
            *(["attention"] if wanted["segmentation"].get("attention_mass", True) else []),
        ]
    return expand(
        "results/figures/{study}/{figure}.{kind}", study=study, figure=names, kind=["pdf", "png"]
    )


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
        files=lambda wildcards: placed(regression_files(wildcards)),
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
        config="results/pretraining/{encoder}/config.yaml",
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


rule figures:
    input:
        figures_of(STUDY),
        [f"results/figures/pretraining/{encoder}.png" for encoder in encoders_of(STUDY)],
        f"results/figures/fractals/{config['reporting']['figures']['examples']['images']}.png",
    message:
        f"The figures of study {STUDY} are there."
