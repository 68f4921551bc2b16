# Images that others made: files of maps, with a list of their objects, that studies look at.
IMAGE_SET = "results/images/{image_set}"


rule images:
    input:
        lambda wildcards: plan.all_image_maps(),
    message:
        "The sets of images are in results/images/"


rule write_image_set:
    input:
        unpack(lambda wildcards: plan.image_set_inputs(wildcards.image_set)),
    output:
        maps=f"{IMAGE_SET}/maps.h5",
        objects=f"{IMAGE_SET}/objects.csv",
    log:
        "logs/images/{image_set}/maps.log",
    benchmark:
        "benchmarks/results/images/{image_set}/maps.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        config=lambda wildcards: plan.image_set_options(wildcards.image_set),
        # Of a folder; an input for each of ten thousands of images would make every start slow.
        listing=lambda wildcards: plan.image_listing(wildcards.image_set),
        code=code_digest("workflow/scripts/write_image_set.py"),
    message:
        "Reading the images {wildcards.image_set}"
    script:
        "../scripts/write_image_set.py"


rule show_image_set:
    input:
        rules.write_image_set.output.maps,
    output:
        f"{IMAGE_SET}/shown/{{preprocessing}}.h5",
    log:
        "logs/images/{image_set}/shown/{preprocessing}.log",
    benchmark:
        "benchmarks/results/images/{image_set}/shown/{preprocessing}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=lambda wildcards: plan.shown(wildcards.preprocessing),
        code=code_digest("workflow/scripts/show_image_set.py"),
    message:
        "Showing the images {wildcards.image_set} to a pretraining"
    script:
        "../scripts/show_image_set.py"
