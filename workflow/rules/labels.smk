# The same methods with few labels: a split's training protostars thinned out, its test rows and features as they are.
FEW = f"{EVALUATION}/{{split}}/few_labels"


def few_labels_entry(study):
    entry = evaluation_entry("studies", study).get("few_labels")
    if not entry:
        refuse(
            f"evaluation.studies.{study} has no few_labels; add it: few_labels: {{splits: [protostar]}}."
        )
    return entry


def few_labels_files(study):
    """Split -> method -> files of predictions, one a seed."""
    entry = few_labels_entry(study)
    return {
        split: {
            method: [
                f"results/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.csv"
                for seed in seeds_of(method)
            ]
            for method in entry.get("methods", evaluation_entry("studies", study)["methods"])
        }
        for split in entry["splits"]
    }


def few_labels_splits(study):
    return {
        split: f"results/evaluation/{study}/{split}/few_labels/split.csv"
        for split in few_labels_entry(study)["splits"]
    }


def few_labels_rows(study):
    """What the table's columns have to hold, in every combination."""
    files, fractions = few_labels_files(study), few_labels_entry(study).get(
        "fractions", DEFAULTS["study"]["few_labels"]["fractions"]
    )
    return {
        "split": list(files),
        "method": list(next(iter(files.values()))),
        "fraction": list(fractions),
    }


rule thin_split:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{FEW}/split.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/split.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/split.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: {
            key: value
            for key, value in few_labels_entry(wildcards.study).items()
            if key in ("fractions", "draws", "seed")
        },
        code=code_digest("workflow/scripts/thin_split.py"),
    message:
        "Thinning out the training protostars of split {wildcards.split} (study {wildcards.study})"
    script:
        "../scripts/thin_split.py"


use rule predict_masses as predict_from_few_labels with:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.thin_split.output[0],
        features=features_of,
    output:
        f"{FEW}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.tsv"
    message:
        "Predicting masses by {wildcards.method} from few labels (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"


use rule train_supervised as train_on_few_labels with:
    input:
        unpack(weights_of),
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=rules.thin_split.output[0],
    output:
        f"{FEW}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.tsv"
    message:
        "Training {wildcards.method} on few labelled maps (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"


use rule finetune_encoder as finetune_on_few_labels with:
    input:
        unpack(finetuned_encoder),
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=rules.thin_split.output[0],
    output:
        f"{FEW}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.tsv"
    message:
        "Fine-tuning {wildcards.method} on few labelled maps (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"


rule score_few_labels:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: list(few_labels_splits(wildcards.study).values()),
        predictions=lambda wildcards: [
            path
            for methods in few_labels_files(wildcards.study).values()
            for paths in methods.values()
            for path in paths
        ],
    output:
        f"{EVALUATION}/few_labels.csv",
    log:
        "logs/evaluation/{study}/few_labels.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/few_labels.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        config=lambda wildcards: {
            method: method_facts(method)["label"]
            for methods in few_labels_files(wildcards.study).values()
            for method in methods
        },
        files=lambda wildcards: placed(few_labels_files(wildcards.study)),
        splits=lambda wildcards: placed(few_labels_splits(wildcards.study)),
        code=code_digest("workflow/scripts/score_few_labels.py"),
    message:
        "Scoring the methods of study {wildcards.study} with few labels"
    script:
        "../scripts/score_few_labels.py"


rule plot_few_labels:
    input:
        rules.score_few_labels.output[0],
    output:
        pdf="results/figures/{study}/few_labels.pdf",
        png=report(
            "results/figures/{study}/few_labels.png",
            caption="../report/few_labels.rst",
            category="Figures",
            labels={"result": "8 Few labels ({study})"},
        ),
    log:
        "logs/figures/{study}/few_labels.log",
    benchmark:
        "benchmarks/results/figures/{study}/few_labels.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=figure_config("few_labels"),
        rows=lambda wildcards: few_labels_rows(wildcards.study),
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_few_labels.py"),
    message:
        "Drawing how the methods of study {wildcards.study} fare with few labels"
    script:
        "../scripts/plot_few_labels.py"


rule few_labels:
    input:
        f"results/evaluation/{STUDY}/few_labels.csv",
        multiext(f"results/figures/{STUDY}/few_labels", ".pdf", ".png"),
    message:
        f"What the methods of study {STUDY} make of few labels is there."
