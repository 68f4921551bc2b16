# Observed protostars: FITS files to maps, the simulations as each was observed, masses and a page.
OBJECT = "results/objects/{object}"


rule objects:
    input:
        "results/objects/summary.csv",
        lambda wildcards: plan.object_pages(),
    message:
        "The pages of all objects are there."


rule read_object:
    input:
        unpack(lambda wildcards: plan.object_inputs(wildcards.object)),
    output:
        f"{OBJECT}/maps.h5",
    log:
        "logs/objects/{object}/maps.log",
    benchmark:
        "benchmarks/results/objects/{object}/maps.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: plan.object_entry(wildcards.object),
        projection=lambda wildcards: plan.object_projection(),
        code=code_digest("workflow/scripts/read_object.py"),
    message:
        "Reading the FITS files of {wildcards.object}"
    script:
        "../scripts/read_object.py"


rule observe_like_object:
    input:
        object=rules.read_object.output[0],
        maps=lambda wildcards: plan.object_simulation_files(wildcards.object),
        catalogues=lambda wildcards: plan.object_catalogues(wildcards.object),
    output:
        simulated=directory(f"{OBJECT}/simulated"),
        samples=f"{OBJECT}/samples.csv",
    log:
        "logs/objects/{object}/samples.log",
    benchmark:
        "benchmarks/results/objects/{object}/samples.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        maps=lambda wildcards: placed(plan.object_simulations(wildcards.object)),
        samples=lambda wildcards: plan.object_samples(wildcards.object),
        code=code_digest("workflow/scripts/observe_like_object.py"),
    message:
        "Looking at the simulations as {wildcards.object} was observed"
    script:
        "../scripts/observe_like_object.py"


rule extract_object_features:
    input:
        unpack(lambda wildcards: plan.encoder_files(wildcards.features, int(wildcards.seed))),
        maps=rules.read_object.output[0],
        simulated=rules.observe_like_object.output.simulated,
        samples=rules.observe_like_object.output.samples,
        parts=lambda wildcards: plan.object_feature_parts(
            wildcards.object, wildcards.features, int(wildcards.seed)
        ),
    output:
        f"{OBJECT}/features/{{features}}/seed-{{seed}}.h5",
    log:
        "logs/objects/{object}/features/{features}/seed-{seed}.log",
    benchmark:
        "benchmarks/results/objects/{object}/features/{features}/seed-{seed}.tsv"
    threads: lambda wildcards: plan.feature_threads(wildcards.features)
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        config=lambda wildcards: plan.feature_options(wildcards.features),
        code=code_digest("workflow/scripts/extract_object_features.py"),
    message:
        "Turning maps into features {wildcards.features} for {wildcards.object}"
        " (seed {wildcards.seed})"
    script:
        "../scripts/extract_object_features.py"


rule weigh_object:
    input:
        maps=rules.read_object.output[0],
        simulated=rules.observe_like_object.output.simulated,
        samples=rules.observe_like_object.output.samples,
        features=lambda wildcards: plan.object_feature_files(wildcards.object),
    output:
        prediction=f"{OBJECT}/prediction.csv",
        novelty=f"{OBJECT}/novelty.csv",
        neighbours=f"{OBJECT}/neighbours.csv",
        coverage=f"{OBJECT}/coverage.csv",
    log:
        "logs/objects/{object}/prediction.log",
    benchmark:
        "benchmarks/results/objects/{object}/prediction.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        config=lambda wildcards: plan.object_methods(wildcards.object),
        features=lambda wildcards: placed(plan.object_features(wildcards.object)),
        code=code_digest(
            "workflow/scripts/weigh_object.py",
            lambda wildcards: plan.object_regressors(wildcards.object),
        ),
    message:
        "Predicting the mass of {wildcards.object}"
    script:
        "../scripts/weigh_object.py"


rule write_object_page:
    input:
        maps=rules.read_object.output[0],
        simulated=rules.observe_like_object.output.simulated,
        prediction=rules.weigh_object.output.prediction,
        novelty=rules.weigh_object.output.novelty,
        neighbours=rules.weigh_object.output.neighbours,
        coverage=rules.weigh_object.output.coverage,
    output:
        html=f"{OBJECT}/page.html",
        pdf=f"{OBJECT}/page.pdf",
        png=f"{OBJECT}/page.png",
    log:
        "logs/objects/{object}/page.log",
    benchmark:
        "benchmarks/results/objects/{object}/page.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: plan.object_page_options(wildcards.object),
        code=code_digest("workflow/scripts/write_object_page.py"),
    message:
        "Writing the page of {wildcards.object}"
    script:
        "../scripts/write_object_page.py"


rule summarise_objects:
    input:
        lambda wildcards: plan.object_predictions(),
    output:
        "results/objects/summary.csv",
    log:
        "logs/objects/summary.log",
    benchmark:
        "benchmarks/results/objects/summary.tsv"
    localrule: True
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        code=code_digest("workflow/scripts/summarise_objects.py"),
    message:
        "Listing the masses of all objects"
    script:
        "../scripts/summarise_objects.py"
