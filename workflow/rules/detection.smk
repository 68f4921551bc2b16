# Sources in images: boxes, a detector on an encoder, how well it finds them, and examples.
DETECTION = "results/detection/{detector}"


rule detection:
    input:
        lambda wildcards: plan.detection_files(),
    message:
        "Boxes, their precision and examples are in results/detection/"


rule list_boxes:
    input:
        unpack(lambda wildcards: plan.detector_images(wildcards.detector)),
        boxes=lambda wildcards: plan.detector_boxes(wildcards.detector),
    output:
        boxes=f"{DETECTION}/boxes.csv",
        split=f"{DETECTION}/split.csv",
    log:
        "logs/detection/{detector}/boxes.log",
    benchmark:
        "benchmarks/results/detection/{detector}/boxes.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: plan.boxes_options(wildcards.detector),
        split=lambda wildcards: plan.detector_split(wildcards.detector),
        images=lambda wildcards: plan.detector(wildcards.detector).images,
        code=code_digest("workflow/scripts/list_boxes.py"),
    message:
        "Listing the boxes of {wildcards.detector}, and which images are for training"
    script:
        "../scripts/list_boxes.py"


rule detect_sources:
    input:
        unpack(lambda wildcards: plan.detector_images(wildcards.detector)),
        unpack(lambda wildcards: plan.detector_weights(wildcards.detector)),
        boxes=rules.list_boxes.output.boxes,
        split=rules.list_boxes.output.split,
    output:
        f"{DETECTION}/predictions.csv",
    log:
        "logs/detection/{detector}/predictions.log",
    benchmark:
        "benchmarks/results/detection/{detector}/predictions.tsv"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        config=lambda wildcards: plan.detector_options(wildcards.detector),
        images=lambda wildcards: plan.detector(wildcards.detector).images,
        code=code_digest("workflow/scripts/detect_sources.py"),
    message:
        "Training {wildcards.detector}, and detecting sources in the test images"
    script:
        "../scripts/detect_sources.py"


rule score_detections:
    input:
        unpack(lambda wildcards: plan.detector_images(wildcards.detector)),
        boxes=rules.list_boxes.output.boxes,
        split=rules.list_boxes.output.split,
        predictions=rules.detect_sources.output[0],
    output:
        f"{DETECTION}/metrics.csv",
    log:
        "logs/detection/{detector}/metrics.log",
    benchmark:
        "benchmarks/results/detection/{detector}/metrics.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        images=lambda wildcards: plan.detector(wildcards.detector).images,
        code=code_digest("workflow/scripts/score_detections.py"),
    message:
        "Scoring the boxes of {wildcards.detector}"
    script:
        "../scripts/score_detections.py"


rule plot_detections:
    input:
        maps=lambda wildcards: plan.detector_images(wildcards.detector)["maps"],
        boxes=rules.list_boxes.output.boxes,
        split=rules.list_boxes.output.split,
        predictions=rules.detect_sources.output[0],
    output:
        f"{DETECTION}/examples.png",
    log:
        "logs/detection/{detector}/examples.log",
    benchmark:
        "benchmarks/results/detection/{detector}/examples.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        config=lambda wildcards: plan.detection_examples(wildcards.detector),
        code=code_digest("workflow/scripts/plot_detections.py"),
    message:
        "Plotting examples of {wildcards.detector}"
    script:
        "../scripts/plot_detections.py"
