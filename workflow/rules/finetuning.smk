# Encoders that learn on from the maps' labels, whole or by additions of low rank.


def finetuned_features(wildcards):
    return evaluation_entry("features", evaluation_entry("methods", wildcards.method)["features"])


def finetuned_encoder(wildcards):
    return encoder_files(finetuned_features(wildcards), int(wildcards.seed))


rule finetune_encoder:
    input:
        unpack(finetuned_encoder),
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{EVALUATION}/{{split}}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        method=one_of(FINETUNED),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=720,
    params:
        config=lambda wildcards: {
            "fit": evaluation_entry("methods", wildcards.method)["fit"],
            "features": finetuned_features(wildcards),
            "input": shown_as(finetuned_features(wildcards)),
        },
        code=code_digest("workflow/scripts/finetune_encoder.py"),
    message:
        "Fine-tuning {wildcards.method} on maps (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/finetune_encoder.py"


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
