# Maps and encoders to evidence: samples -> splits -> features -> predictions -> metrics; patch tokens -> segmentation.
from starmass.evaluation.variants import encoder_names

EVALUATION = "results/evaluation/{study}"


def evaluation_entry(kind, name):
    """A named entry of the config's section `evaluation`."""
    return named_entry("evaluation", kind, name)


def inputs_of(entry):
    """How an entry shows a map: the entries of `inputs` that it names."""
    names = entry.get("input", [])
    return [
        evaluation_entry("inputs", name) for name in ([names] if isinstance(names, str) else names)
    ]


def shown_as(entry):
    """The same where one input is all that can be used: the first."""
    return next(iter(inputs_of(entry)), {})


def learned_by(method):
    """Which rule makes a method's predictions."""
    return next(
        (kind for kind in ("network", "fit") if kind in config["evaluation"]["methods"][method]),
        "regressor",
    )


def one_of(names):
    """A wildcard's pattern: one of the names, or nothing at all."""
    return "|".join(names) or "(?!)"


SUPERVISED, FINETUNED, FROZEN = (
    [m for m in config["evaluation"]["methods"] if learned_by(m) == kind]
    for kind in ("network", "fit", "regressor")
)


def study_maps(wildcards):
    study = evaluation_entry("studies", wildcards.study)
    if "observation" in study:
        return [
            path
            for simulation in study["simulations"]
            for path in observed_maps(study["observation"], simulation)
        ]
    return [path for simulation in study["simulations"] for path in simulation_maps(simulation)]


def study_catalogues(wildcards):
    return [
        f"results/maps/{simulation}/catalogue.csv"
        for simulation in evaluation_entry("studies", wildcards.study)["simulations"]
    ]


def encoder_of(wildcards):
    return encoder_files(
        evaluation_entry("features", wildcards.features), int(getattr(wildcards, "seed", 0))
    )


def encoder_files(entry, seed=0):
    """What the encoder's weights are read from: the pretraining, a file of the user's, or nothing (random, or fetched by timm)."""
    names = encoder_names(entry)
    if names:
        return {
            "encoder": f"results/pretraining/{names[seed] if seed < len(names) else names[0]}/teacher.safetensors"
        }
    given = entry.get("weights", "pretrained")
    return {} if given in ("pretrained", "random") else {"encoder": users_own(given)}


def features_of(wildcards):
    """Random weights and several pretrainings have seeds of their own; what is not random is made once, as seed 0."""
    name = evaluation_entry("methods", wildcards.method).get("features")
    if name is None:
        return []
    entry = evaluation_entry("features", name)
    drawn = entry.get("weights") == "random" or len(encoder_names(entry)) > 1
    return f"results/evaluation/{wildcards.study}/{wildcards.split}/features/{name}/seed-{wildcards.seed if drawn else 0}.h5"


def seeds_of(method):
    return evaluation_entry("methods", method).get("seeds", [0])


def predictions_of(study):
    """Split -> method -> files of predictions, one a seed."""
    entry = evaluation_entry("studies", study)
    return {
        split: {
            method: [
                f"results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.csv"
                for seed in seeds_of(method)
            ]
            for method in entry["methods"]
        }
        for split in entry["splits"]
    }


def method_facts(method):
    """What tables say of a method beside its numbers."""
    return {
        "label": evaluation_entry("methods", method).get("label", method),
        "seed": " ".join(map(str, seeds_of(method))),
    }


def overstated_splits(study):
    """Pairs of a split as published and one that keeps stars or simulations apart."""
    by = {
        name: evaluation_entry("splits", name)["by"]
        for name in evaluation_entry("studies", study)["splits"]
    }
    return [
        (row, grouped)
        for row in by
        if by[row] == "row"
        for grouped in by
        if by[grouped] in ("protostar", "simulation")
    ]


def information_entry(study):
    entry = evaluation_entry("studies", study).get("information")
    if entry is None:
        refuse(
            f"evaluation.studies.{study} has no information; add it: information: {{split: protostar_folds, input: whole}}."
        )
    return entry


def embedding_entry(study):
    entry = evaluation_entry("studies", study).get("embedding")
    if entry is None:
        refuse(
            f"evaluation.studies.{study} has no embedding; add it: embedding: {{features: ...}}."
        )
    return entry


def embedding_of(study):
    entry = evaluation_entry("studies", study).get("embedding")
    return [f"results/evaluation/{study}/embedding/{entry['features']}.csv"] if entry else []


def segmentation_entry(study):
    return evaluation_entry("studies", study).get("segmentation") or {}


def segmentation_of(study):
    entry = segmentation_entry(study)
    folder = f"results/evaluation/{study}/segmentation/{entry['features']}" if entry else ""
    return [f"{folder}.h5", f"{folder}/segments.csv", f"{folder}/explained.csv"] if entry else []


rule evaluation:
    input:
        f"results/evaluation/{STUDY}/metrics.csv",
        embedding_of(STUDY),
        segmentation_of(STUDY),
    message:
        f"Metrics, embedding and segmentation of study {STUDY} are there."


rule collect_samples:
    input:
        maps=study_maps,
        catalogues=study_catalogues,
    output:
        f"{EVALUATION}/samples.csv",
    log:
        "logs/evaluation/{study}/samples.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/samples.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: {
            key: value
            for key, value in evaluation_entry("studies", wildcards.study).items()
            if key in ("minimum_mass", "axes")
        },
        code=code_digest("workflow/scripts/collect_samples.py"),
    message:
        "Listing the maps of study {wildcards.study}"
    script:
        "../scripts/collect_samples.py"


rule draw_split:
    input:
        rules.collect_samples.output,
    output:
        f"{EVALUATION}/{{split}}/split.csv",
    log:
        "logs/evaluation/{study}/{split}/split.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/split.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: evaluation_entry("splits", wildcards.split),
        code=code_digest("workflow/scripts/draw_split.py"),
    message:
        "Drawing split {wildcards.split} of study {wildcards.study}"
    script:
        "../scripts/draw_split.py"


rule gather_training_maps:
    input:
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{EVALUATION}/{{split}}/training_maps/{{shown_as}}.h5",
    log:
        "logs/evaluation/{study}/{split}/training_maps/{shown_as}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/training_maps/{shown_as}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: evaluation_entry("inputs", wildcards.shown_as),
        code=code_digest("workflow/scripts/gather_training_maps.py"),
    message:
        "Gathering the training maps of study {wildcards.study}, split {wildcards.split}, for pretraining to look at"
    script:
        "../scripts/gather_training_maps.py"


rule extract_features:
    input:
        unpack(encoder_of),
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{EVALUATION}/{{split}}/features/{{features}}/seed-{{seed}}.h5",
    log:
        "logs/evaluation/{study}/{split}/features/{features}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/features/{features}/seed-{seed}.tsv"
    threads: lambda wildcards: 2 if evaluation_entry("features", wildcards.features)["kind"] == "encoder" else 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        config=lambda wildcards: {
            "features": evaluation_entry("features", wildcards.features),
            "inputs": inputs_of(evaluation_entry("features", wildcards.features)),
        },
        code=code_digest("workflow/scripts/extract_features.py"),
    message:
        "Turning maps into features {wildcards.features} (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/extract_features.py"


rule predict_masses:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
        features=features_of,
    output:
        predictions=f"{EVALUATION}/{{split}}/predictions/{{method}}/seed-{{seed}}.csv",
        fitted=f"{EVALUATION}/{{split}}/fitted/{{method}}/seed-{{seed}}.skops",
    log:
        "logs/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        method=one_of(FROZEN),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: {
            key: value
            for key, value in evaluation_entry("methods", wildcards.method).items()
            if key not in ("label", "features", "seeds")
        },
        features=lambda wildcards: evaluation_entry("methods", wildcards.method).get("features"),
        code=code_digest("workflow/scripts/predict_masses.py"),
        # The script imports it by name, so the digest of the script does not contain it.
        regressor_code=lambda wildcards: code_digest(
            "starmass/evaluation/regressors/{}.py".format(
                evaluation_entry("methods", wildcards.method)["regressor"]
            )
        )(wildcards),
    message:
        "Predicting masses by {wildcards.method} (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/predict_masses.py"


rule score_predictions:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
        predictions=lambda wildcards: expand(
            "results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.csv",
            **wildcards,
            seed=seeds_of(wildcards.method),
        ),
    output:
        f"{EVALUATION}/{{split}}/metrics/{{method}}.csv",
    log:
        "logs/evaluation/{study}/{split}/metrics/{method}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/metrics/{method}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: method_facts(wildcards.method),
        code=code_digest("workflow/scripts/score_predictions.py"),
    message:
        "Scoring {wildcards.method} (study {wildcards.study}, split {wildcards.split})"
    script:
        "../scripts/score_predictions.py"


rule compare_methods:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: [
            f"results/evaluation/{wildcards.study}/{split}/split.csv"
            for split in predictions_of(wildcards.study)
        ],
        predictions=lambda wildcards: [
            path
            for methods in predictions_of(wildcards.study).values()
            for paths in methods.values()
            for path in paths
        ],
    output:
        metrics=f"{EVALUATION}/metrics.csv",
        differences=f"{EVALUATION}/differences.csv",
        mass_bins=f"{EVALUATION}/mass_bins.csv",
        overstatement=f"{EVALUATION}/overstatement.csv",
    log:
        "logs/evaluation/{study}/metrics.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/metrics.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        config=lambda wildcards: {
            "methods": {
                method: method_facts(method)
                for method in evaluation_entry("studies", wildcards.study)["methods"]
            },
            "reference": evaluation_entry("studies", wildcards.study).get(
                "reference", evaluation_entry("studies", wildcards.study)["methods"][0]
            ),
            "overstatement": overstated_splits(wildcards.study),
        },
        files=lambda wildcards: placed(predictions_of(wildcards.study)),
        code=code_digest("workflow/scripts/compare_methods.py"),
    message:
        "Scoring and comparing the methods of study {wildcards.study}"
    script:
        "../scripts/compare_methods.py"


rule locate_information:
    input:
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=lambda wildcards: f"results/evaluation/{wildcards.study}/{information_entry(wildcards.study)['split']}/split.csv",
    output:
        f"{EVALUATION}/information.csv",
    log:
        "logs/evaluation/{study}/information.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/information.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        config=lambda wildcards: shown_as(information_entry(wildcards.study)),
        split=lambda wildcards: information_entry(wildcards.study)["split"],
        code=code_digest("workflow/scripts/locate_information.py"),
    message:
        "Finding where on the maps of study {wildcards.study} the information is"
    script:
        "../scripts/locate_information.py"


rule embed_features:
    input:
        samples=rules.collect_samples.output[0],
        split=lambda wildcards: f"results/evaluation/{wildcards.study}/{evaluation_entry('studies', wildcards.study)['splits'][0]}/split.csv",
        features=lambda wildcards: "results/evaluation/{}/{}/features/{}/seed-0.h5".format(
            wildcards.study,
            evaluation_entry("studies", wildcards.study)["splits"][0],
            wildcards.features,
        ),
    output:
        f"{EVALUATION}/embedding/{{features}}.csv",
    log:
        "logs/evaluation/{study}/embedding/{features}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/embedding/{features}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        config=lambda wildcards: {
            key: value
            for key, value in embedding_entry(wildcards.study).items()
            if key != "features"
        },
        code=code_digest("workflow/scripts/embed_features.py"),
    message:
        "Putting features {wildcards.features} of study {wildcards.study} in a plane"
    script:
        "../scripts/embed_features.py"


rule segment_maps:
    input:
        unpack(encoder_of),
        maps=study_maps,
        samples=rules.collect_samples.output[0],
        split=lambda wildcards: f"results/evaluation/{wildcards.study}/{evaluation_entry('studies', wildcards.study)['splits'][0]}/split.csv",
    output:
        examples=f"{EVALUATION}/segmentation/{{features}}.h5",
        segments=f"{EVALUATION}/segmentation/{{features}}/segments.csv",
        explained=f"{EVALUATION}/segmentation/{{features}}/explained.csv",
    log:
        "logs/evaluation/{study}/segmentation/{features}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/segmentation/{features}.tsv"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        config=lambda wildcards: {
            "features": evaluation_entry("features", wildcards.features),
            "input": shown_as(
                {
                    **evaluation_entry("features", wildcards.features),
                    **segmentation_entry(wildcards.study),
                }
            ),
            "segmentation": {
                key: value
                for key, value in segmentation_entry(wildcards.study).items()
                if key not in ("features", "input")
            },
        },
        code=code_digest("workflow/scripts/segment_maps.py"),
    message:
        "Colouring and dividing maps by their patch tokens ({wildcards.features}, study {wildcards.study})"
    script:
        "../scripts/segment_maps.py"
