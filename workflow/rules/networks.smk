# What learns from the maps themselves: networks, and encoders that learn on, whole or by additions of low rank.


def weights_of(wildcards):
    """The file that a network starts from: a pretraining's, one of the user's, or none."""
    entry = evaluation_entry("methods", wildcards.method)
    if "encoder" in entry:
        return {"weights": f"results/pretraining/{entry['encoder']}/teacher.safetensors"}
    return {"weights": users_own(entry["weights"])} if "weights" in entry else {}


def finetuned_features(wildcards):
    return evaluation_entry("features", evaluation_entry("methods", wildcards.method)["features"])


def finetuned_encoder(wildcards):
    return encoder_files(finetuned_features(wildcards), int(wildcards.seed))


rule train_supervised:
    input:
        unpack(weights_of),
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
        method=one_of(SUPERVISED),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        config=lambda wildcards: {
            "method": {
                key: value
                for key, value in evaluation_entry("methods", wildcards.method).items()
                if key not in ("label", "input", "seeds", "weights", "encoder")
            },
            "input": shown_as(evaluation_entry("methods", wildcards.method)),
        },
        code=code_digest("workflow/scripts/train_supervised.py"),
    message:
        "Training {wildcards.method} on maps (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/train_supervised.py"


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
        runtime=lambda wildcards, attempt: 720 * attempt,
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
