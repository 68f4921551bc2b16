# Mathematics to images: a shard is a range of indices, and image i of a seed is in any the same.
rule render_fractals:
    output:
        "results/fractals/{images}/shard-{shard}.h5",
    log:
        "logs/fractals/{images}/shard-{shard}.log",
    benchmark:
        "benchmarks/results/fractals/{images}/shard-{shard}.tsv"
    threads: PLAN.config.fractals.threads
    priority: 1  # pretraining waits for it
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: plan.rendering_minutes(wildcards.images) * attempt,
    params:
        # Neither the number of images nor of shards: a set that grows keeps the shards that it has.
        config=lambda wildcards: plan.image_options(wildcards.images),
        range=lambda wildcards: plan.shard_range(wildcards.images, wildcards.shard),
        code=code_digest(
            "workflow/scripts/render_fractals.py",
            lambda wildcards: plan.generator_module(wildcards.images),
        ),
    message:
        "Rendering fractal images {wildcards.images}, shard {wildcards.shard}"
    script:
        "../scripts/render_fractals.py"


rule review_fractals:
    input:
        lambda wildcards: plan.shard_files(wildcards.images),
    output:
        csv=report(
            "results/fractals/{images}/review.csv",
            caption="../report/fractals_table.rst",
            category="Tables",
            labels={"result": "Images {images}: accepted and rejected, as CSV"},
        ),
        md="results/fractals/{images}/review.md",
        pdf="results/fractals/{images}/review.pdf",
        png=report(
            "results/fractals/{images}/review.png",
            caption="../report/fractals.rst",
            category="Figures",
            labels={"result": "Images {images}"},
        ),
    log:
        "logs/fractals/{images}/review.log",
    benchmark:
        "benchmarks/results/fractals/{images}/review.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: plan.image_options(wildcards.images),
        code=code_digest("workflow/scripts/review_fractals.py"),
    message:
        "Looking over fractal images {wildcards.images}: contact sheet, likeness, what was rejected"
    script:
        "../scripts/review_fractals.py"


rule fractals:
    input:
        plan.declared_image_files(),
    message:
        "Images of every entry are in results/fractals/, with a contact sheet (review.png) each."
