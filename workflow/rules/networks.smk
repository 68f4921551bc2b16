# Methods that are trained on the maps themselves: networks, and encoders that are trained further.


rule train_supervised:
    input:
        unpack(lambda wildcards: plan.network_files(wildcards.method, int(wildcards.seed))),
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{EVALUATION}/{{split}}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        method=plan.methods_by("network"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        config=lambda wildcards: plan.network_options(wildcards.method),
        target=lambda wildcards: plan.target(wildcards.study),
        code=code_digest("workflow/scripts/train_supervised.py"),
    message:
        "Training {wildcards.method} on maps"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/train_supervised.py"


rule finetune_encoder:
    input:
        unpack(lambda wildcards: plan.finetuning_files(wildcards.method, int(wildcards.seed))),
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{EVALUATION}/{{split}}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        method=plan.methods_by("finetuning"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        config=lambda wildcards: plan.finetuning_options(wildcards.method),
        target=lambda wildcards: plan.target(wildcards.study),
        code=code_digest("workflow/scripts/finetune_encoder.py"),
    message:
        "Fine-tuning {wildcards.method} on maps"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/finetune_encoder.py"
