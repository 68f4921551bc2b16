# The same methods with few labels: a split's training protostars thinned out, its test rows and
# features as they are.
FEW = f"{EVALUATION}/{{split}}/few_labels"


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
        config=lambda wildcards: plan.few_labels_options(wildcards.study),
        target=lambda wildcards: plan.target(wildcards.study),
        code=code_digest("workflow/scripts/thin_split.py"),
    message:
        "Thinning out the training protostars of split {wildcards.split} (study {wildcards.study})"
    script:
        "../scripts/thin_split.py"


use rule predict_masses as predict_from_few_labels with:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.thin_split.output[0],
        features=lambda wildcards: plan.features_file(
            wildcards.study, wildcards.split, wildcards.method, int(wildcards.seed)
        ),
    output:
        f"{FEW}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/predictions/{method}"
        "/seed-{seed}.tsv"
    message:
        "Predicting masses by {wildcards.method} from few labels"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"


use rule train_supervised as train_on_few_labels with:
    input:
        unpack(lambda wildcards: plan.network_files(wildcards.method, int(wildcards.seed))),
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=rules.thin_split.output[0],
    output:
        f"{FEW}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/predictions/{method}"
        "/seed-{seed}.tsv"
    message:
        "Training {wildcards.method} on few labelled maps"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"


use rule finetune_encoder as finetune_on_few_labels with:
    input:
        unpack(lambda wildcards: plan.finetuning_files(wildcards.method, int(wildcards.seed))),
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=rules.thin_split.output[0],
    output:
        f"{FEW}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/few_labels/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/few_labels/predictions/{method}"
        "/seed-{seed}.tsv"
    message:
        "Fine-tuning {wildcards.method} on few labelled maps"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"


rule score_few_labels:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: list(plan.few_labels_splits(wildcards.study).values()),
        predictions=lambda wildcards: plan.all_few_labels_predictions(wildcards.study),
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
        config=lambda wildcards: plan.few_labels_names(wildcards.study),
        reference=lambda wildcards: plan.reference(wildcards.study),
        target=lambda wildcards: plan.target(wildcards.study),
        files=lambda wildcards: placed(plan.few_labels_predictions(wildcards.study)),
        splits=lambda wildcards: placed(plan.few_labels_splits(wildcards.study)),
        code=code_digest("workflow/scripts/score_few_labels.py"),
    message:
        "Scoring the methods of study {wildcards.study} with few labels"
    script:
        "../scripts/score_few_labels.py"


rule few_labels:
    input:
        f"results/evaluation/{STUDY}/few_labels.csv",
        multiext(f"results/figures/{STUDY}/few_labels", ".pdf", ".png"),
    message:
        f"What the methods of study {STUDY} make of few labels is there."
