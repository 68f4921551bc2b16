# Maps and encoders to evidence: samples, splits, features, predictions, metrics, segmentation.
EVALUATION = "results/evaluation/{study}"


rule evaluation:
    input:
        plan.evaluation_files(STUDY),
    message:
        f"Metrics, embedding and segmentation of study {STUDY} are there."


rule collect_samples:
    input:
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        catalogues=lambda wildcards: plan.catalogues(wildcards.study),
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
        config=lambda wildcards: plan.list_options(wildcards.study),
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
        config=lambda wildcards: plan.split_options(wildcards.split),
        code=code_digest("workflow/scripts/draw_split.py"),
    message:
        "Drawing split {wildcards.split} of study {wildcards.study}"
    script:
        "../scripts/draw_split.py"


rule gather_training_maps:
    input:
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
    output:
        f"{EVALUATION}/{{split}}/training_maps/{{preprocessing}}.h5",
    log:
        "logs/evaluation/{study}/{split}/training_maps/{preprocessing}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/training_maps/{preprocessing}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: plan.shown(wildcards.preprocessing),
        target=lambda wildcards: plan.target(wildcards.study),
        code=code_digest("workflow/scripts/gather_training_maps.py"),
    message:
        "Gathering the training maps of study {wildcards.study}, split {wildcards.split},"
        " for pretraining to look at"
    script:
        "../scripts/gather_training_maps.py"


rule extract_features:
    input:
        unpack(lambda wildcards: plan.encoder_files(wildcards.features, int(wildcards.seed))),
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
        parts=lambda wildcards: plan.feature_parts(
            wildcards.study, wildcards.split, wildcards.features, int(wildcards.seed)
        ),
    output:
        f"{EVALUATION}/{{split}}/features/{{features}}/seed-{{seed}}.h5",
    log:
        "logs/evaluation/{study}/{split}/features/{features}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/features/{features}/seed-{seed}.tsv"
    threads: lambda wildcards: plan.feature_threads(wildcards.features)
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        config=lambda wildcards: plan.feature_options(wildcards.features),
        code=code_digest("workflow/scripts/extract_features.py"),
    message:
        "Turning maps into features {wildcards.features}"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/extract_features.py"


rule predict_masses:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
        features=lambda wildcards: plan.features_file(
            wildcards.study, wildcards.split, wildcards.method, int(wildcards.seed)
        ),
    output:
        f"{EVALUATION}/{{split}}/predictions/{{method}}/seed-{{seed}}.csv",
    log:
        "logs/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/predictions/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        method=plan.methods_by("regressor"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: plan.method_options(wildcards.method),
        target=lambda wildcards: plan.target(wildcards.study),
        code=code_digest(
            "workflow/scripts/predict_masses.py",
            lambda wildcards: plan.regressor_module(wildcards.method),
        ),
    message:
        "Predicting masses by {wildcards.method}"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/predict_masses.py"


# Made when asked for: the fits of the predictions as a file, which other maps can be shown to.
rule fit_method:
    input:
        samples=rules.collect_samples.output[0],
        split=rules.draw_split.output[0],
        features=lambda wildcards: plan.features_file(
            wildcards.study, wildcards.split, wildcards.method, int(wildcards.seed)
        ),
    output:
        f"{EVALUATION}/{{split}}/fitted/{{method}}/seed-{{seed}}.skops",
    log:
        "logs/evaluation/{study}/{split}/fitted/{method}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/{split}/fitted/{method}/seed-{seed}.tsv"
    wildcard_constraints:
        study=plan.studies_of("mass"),
        method=plan.methods_by("regressor"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: plan.method_options(wildcards.method),
        features=lambda wildcards: plan.method(wildcards.method).features,
        code=code_digest(
            "workflow/scripts/fit_method.py",
            lambda wildcards: plan.regressor_module(wildcards.method),
        ),
    message:
        "Fitting {wildcards.method}"
        " (study {wildcards.study}, split {wildcards.split}, seed {wildcards.seed})"
    script:
        "../scripts/fit_method.py"


rule compare_methods:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: plan.splits(wildcards.study),
        predictions=lambda wildcards: plan.all_predictions(wildcards.study),
    output:
        metrics=f"{EVALUATION}/metrics.csv",
        differences=f"{EVALUATION}/differences.csv",
        mass_bins=f"{EVALUATION}/mass_bins.csv",
        overstatement=f"{EVALUATION}/overstatement.csv",
    log:
        "logs/evaluation/{study}/metrics.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/metrics.tsv"
    wildcard_constraints:
        study=plan.studies_of("mass"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        config=lambda wildcards: plan.comparison(wildcards.study),
        files=lambda wildcards: placed(plan.predictions(wildcards.study)),
        code=code_digest("workflow/scripts/compare_methods.py"),
    message:
        "Scoring and comparing the methods of study {wildcards.study}"
    script:
        "../scripts/compare_methods.py"


# The same for a study that predicts something else than stellar masses.
rule compare_on_target:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: plan.splits(wildcards.study),
        predictions=lambda wildcards: plan.all_predictions(wildcards.study),
    output:
        metrics=f"{EVALUATION}/metrics.csv",
        differences=f"{EVALUATION}/differences.csv",
    log:
        "logs/evaluation/{study}/metrics.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/metrics.tsv"
    wildcard_constraints:
        study=plan.studies_of("other"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        config=lambda wildcards: plan.comparison(wildcards.study),
        target=lambda wildcards: plan.target(wildcards.study),
        files=lambda wildcards: placed(plan.predictions(wildcards.study)),
        code=code_digest("workflow/scripts/compare_on_target.py"),
    message:
        "Scoring and comparing the methods of study {wildcards.study}"
    script:
        "../scripts/compare_on_target.py"


rule count_confusions:
    input:
        samples=rules.collect_samples.output[0],
        splits=lambda wildcards: plan.splits(wildcards.study),
        predictions=lambda wildcards: plan.all_predictions(wildcards.study),
    output:
        f"{EVALUATION}/confusion.csv",
    log:
        "logs/evaluation/{study}/confusion.log",
    benchmark:
        "benchmarks/results/evaluation/{study}/confusion.tsv"
    wildcard_constraints:
        study=plan.studies_of("classes"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        target=lambda wildcards: plan.target(wildcards.study),
        files=lambda wildcards: placed(plan.predictions(wildcards.study)),
        code=code_digest("workflow/scripts/count_confusions.py"),
    message:
        "Counting which classes study {wildcards.study} confuses"
    script:
        "../scripts/count_confusions.py"


rule locate_information:
    input:
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=lambda wildcards: plan.information_split(wildcards.study),
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
        config=lambda wildcards: plan.information_options(wildcards.study),
        split=lambda wildcards: plan.information(wildcards.study).split,
        code=code_digest("workflow/scripts/locate_information.py"),
    message:
        "Finding where on the maps of study {wildcards.study} the information is"
    script:
        "../scripts/locate_information.py"


rule embed_features:
    input:
        samples=rules.collect_samples.output[0],
        split=lambda wildcards: plan.splits(wildcards.study)[0],
        features=lambda wildcards: plan.embedded_features(wildcards.study, wildcards.features),
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
        config=lambda wildcards: plan.embedding_options(wildcards.study),
        code=code_digest("workflow/scripts/embed_features.py"),
    message:
        "Putting features {wildcards.features} of study {wildcards.study} in a plane"
    script:
        "../scripts/embed_features.py"


rule segment_maps:
    input:
        unpack(lambda wildcards: plan.encoder_files(wildcards.features)),
        maps=lambda wildcards: plan.study_maps(wildcards.study),
        samples=rules.collect_samples.output[0],
        split=lambda wildcards: plan.splits(wildcards.study)[0],
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
        config=lambda wildcards: plan.segmentation_options(wildcards.study, wildcards.features),
        code=code_digest("workflow/scripts/segment_maps.py"),
    message:
        "Colouring and dividing maps by their patch tokens"
        " ({wildcards.features}, study {wildcards.study})"
    script:
        "../scripts/segment_maps.py"
