# What a choice is worth: every value of an ablation is an evaluation like any other, whose entries
# are added where the config is read.


rule compare_variants:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: list(plan.ablation_splits(wildcards.study).values()),
        predictions=lambda wildcards: plan.all_ablation_predictions(
            wildcards.study, wildcards.ablation
        ),
    output:
        f"{EVALUATION}/ablations/{{ablation}}.csv",
    log:
        "logs/evaluation/{study}/ablations/{ablation}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/ablations/{ablation}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        config=lambda wildcards: plan.ablation_facts(wildcards.study, wildcards.ablation),
        files=lambda wildcards: placed(
            plan.ablation_predictions(wildcards.study, wildcards.ablation)
        ),
        splits=lambda wildcards: placed(plan.ablation_splits(wildcards.study)),
        code=code_digest("workflow/scripts/compare_variants.py"),
    message:
        "Comparing the values of ablation {wildcards.ablation} (study {wildcards.study})"
    script:
        "../scripts/compare_variants.py"


rule plot_ablation:
    input:
        rules.compare_variants.output[0],
    output:
        pdf="results/figures/{study}/ablation_{ablation}.pdf",
        png=report(
            "results/figures/{study}/ablation_{ablation}.png",
            caption="../report/ablation.rst",
            category="Ablations",
            labels={"result": "{ablation} ({study})"},
        ),
    log:
        "logs/figures/{study}/ablation_{ablation}.log",
    benchmark:
        "benchmarks/results/figures/{study}/ablation_{ablation}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: plan.ablation_figure_options(wildcards.ablation),
        rows=lambda wildcards: plan.ablation_rows(wildcards.study, wildcards.ablation),
        caption=lambda wildcards: in_rst(plan.ablation_words(wildcards.ablation)),
        simulations=lambda wildcards: plan.simulation_formats(wildcards.study),
        code=code_digest("workflow/scripts/plot_ablation.py"),
    message:
        "Drawing ablation {wildcards.ablation} of study {wildcards.study}"
    script:
        "../scripts/plot_ablation.py"


rule ablations:
    input:
        lambda wildcards: plan.ablation_files(STUDY),
    message:
        f"The ablations of study {STUDY} are in results/evaluation/{STUDY}/ablations/"
        f" and results/figures/{STUDY}/."
