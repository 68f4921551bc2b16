# What a choice is worth: every value of an ablation is an evaluation like any other (its entries are added where the config is read).
from starmass.evaluation.variants import base_of, methods_of, varied, variants_of
from starmass.reporting.typesetting import escape_rst

ARCSEC = 3.141592653589793 / 180 / 3600  # [radian]


def ablation_variants(study, ablation):
    """Method -> what stands for each value."""
    evaluation_entry("studies", study)
    try:
        return {
            method: variants_of(config, study, ablation, method, DEFAULTS)
            for method in methods_of(evaluation_entry("ablations", ablation))
        }
    except InputError as error:
        refuse(error)


def ablation_files(wildcards):
    """Method -> split -> value -> files of predictions, one a seed."""
    return {
        method: {
            split: {
                variant.value: [
                    f"results/evaluation/{variant.study}/{split}/predictions/{variant.method}/seed-{seed}.csv"
                    for seed in seeds_of(variant.method)
                ]
                for variant in variants
            }
            for split in evaluation_entry("studies", wildcards.study)["splits"]
        }
        for method, variants in ablation_variants(wildcards.study, wildcards.ablation).items()
    }


def ablation_splits(wildcards):
    return {
        split: f"results/evaluation/{wildcards.study}/{split}/split.csv"
        for split in evaluation_entry("studies", wildcards.study)["splits"]
    }


def beam_pc(study):
    """Full width at half maximum of the beam through which a study looks [pc]; None where it looks through none."""
    name = evaluation_entry("studies", study).get("observation")
    if not name:
        return None
    entry = config["maps"]["observations"][name]
    return entry["beam"] * ARCSEC * entry["distance"]


def ablation_facts(wildcards):
    """What the table says beside its numbers."""
    entry = evaluation_entry("ablations", wildcards.ablation)
    variants = ablation_variants(wildcards.study, wildcards.ablation)
    return {
        "varied": " ".join(varied(entry)),
        "base": base_of(wildcards.ablation, entry),
        "labels": {
            method: entry.get("labels", {}).get(method, method_facts(method)["label"])
            for method in variants
        },
        "beams_pc": {
            variant.value: beam_pc(variant.study) for variant in next(iter(variants.values()))
        },
    }


def ablation_label(ablation):
    """What is varied, for people."""
    entry = evaluation_entry("ablations", ablation)
    return entry.get("label", " ".join(varied(entry)))


def ablation_caption(wildcards):
    """Words of the config, which are text in the caption whatever they hold."""
    base = base_of(wildcards.ablation, evaluation_entry("ablations", wildcards.ablation))
    words = {"label": ablation_label(wildcards.ablation), "base": base}
    return {key: escape_rst(str(value)) for key, value in words.items()}


def ablation_rows(wildcards):
    """What the table's columns have to hold, in every combination."""
    files = ablation_files(wildcards)
    splits = next(iter(files.values()))
    return {
        "method": list(files),
        "split": list(splits),
        "value": list(next(iter(splits.values()))),
    }


def ablations_of(study):
    """What the rule ablations builds, of which there has to be some."""
    paths = [
        path
        for ablation in (evaluation_entry("studies", study).get("ablations") or [])
        if config["evaluation"].get("ablations")  # null takes them all away
        for path in (
            f"results/evaluation/{study}/ablations/{ablation}.csv",
            f"results/figures/{study}/ablation_{ablation}.png",
        )
    ]
    if not paths:
        refuse(
            f"evaluation.studies.{study} has no ablations; add some of evaluation.ablations: ablations: [neighbours, ...]."
        )
    return paths


rule compare_variants:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: list(ablation_splits(wildcards).values()),
        predictions=lambda wildcards: [
            path
            for splits in ablation_files(wildcards).values()
            for values in splits.values()
            for paths in values.values()
            for path in paths
        ],
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
        config=ablation_facts,
        files=lambda wildcards: placed(ablation_files(wildcards)),
        splits=lambda wildcards: placed(ablation_splits(wildcards)),
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
        config=lambda wildcards: {
            "label": ablation_label(wildcards.ablation),
            **figure_config("ablations"),
        },
        rows=ablation_rows,
        caption=ablation_caption,
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/plot_ablation.py"),
    message:
        "Drawing ablation {wildcards.ablation} of study {wildcards.study}"
    script:
        "../scripts/plot_ablation.py"


rule ablations:
    input:
        lambda wildcards: ablations_of(STUDY),
    message:
        f"The ablations of study {STUDY} are in results/evaluation/{STUDY}/ablations/ and results/figures/{STUDY}/."
