# Evidence -> tables, and what the report says of them; figures.smk draws.


def simulation_formats(wildcards):
    """Formats by simulation of the study: whatever shows analytic clouds says so."""
    simulations = evaluation_entry("studies", wildcards.study)["simulations"]
    return {name: config["maps"]["simulations"][name]["format"] for name in simulations}


def split_kinds(wildcards):
    """What each split of the study keeps apart."""
    return {
        name: evaluation_entry("splits", name)["by"]
        for name in evaluation_entry("studies", wildcards.study)["splits"]
    }


def segmentation_input(wildcards):
    """Examples (HDF5), what the segments hold, and how much they explain (CSV)."""
    files = segmentation_of(wildcards.study)
    if not files:
        refuse(
            f"evaluation.studies.{wildcards.study} has no segmentation; add one: segmentation: {{features: ...}}."
        )
    return dict(zip(("examples", "segments", "explained"), files, strict=True))


def information_channels(wildcards):
    """Channels of the maps in which figure 4 looks for information."""
    shown_as = evaluation_entry("inputs", information_entry(wildcards.study)["input"])
    return shown_as.get("channels", ["column_density", "v_los", "sigma_v"])


def summary_inputs(wildcards):
    """Tables that a study may have beside that of its methods."""
    study, folder = (
        evaluation_entry("studies", wildcards.study),
        f"results/evaluation/{wildcards.study}",
    )
    own = {
        name: f"{folder}/{name}.csv" for name in ("information", "few_labels") if study.get(name)
    }
    return {
        **own,
        **(
            {"explained": segmentation_input(wildcards)["explained"]}
            if study.get("segmentation")
            else {}
        ),
    }


PUBLISHED = without_braces(str(CHECKOUT / "resources/table1_published.csv"))


rule build_table:
    input:
        metrics="results/evaluation/{study}/metrics.csv",
        differences="results/evaluation/{study}/differences.csv",
        mass_bins="results/evaluation/{study}/mass_bins.csv",
        overstatement="results/evaluation/{study}/overstatement.csv",
        published=PUBLISHED,
    output:
        csv=report(
            "results/tables/{study}.csv",
            caption="../report/table_csv.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study}), as CSV"},
        ),
        md="results/tables/{study}.md",
        tex="results/tables/{study}.tex",
        html=report(
            "results/tables/{study}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study})"},
        ),
    log:
        "logs/tables/{study}.log",
    benchmark:
        "benchmarks/results/tables/{study}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config={"published": config["reporting"]["published"]},
        splits=split_kinds,
        methods=lambda wildcards: evaluation_entry("studies", wildcards.study)["methods"],
        simulations=simulation_formats,
        code=code_digest("workflow/scripts/build_table.py"),
    message:
        "Writing the table of study {wildcards.study}"
    script:
        "../scripts/build_table.py"


ruleorder: build_table1 > build_table
ruleorder: build_cost > build_table


rule build_table1:
    input:
        table=f"results/tables/{STUDY}.csv",
        published=PUBLISHED,
    output:
        csv="results/tables/table1.csv",
        md="results/tables/table1.md",
        tex="results/tables/table1.tex",
        html=report(
            "results/tables/table1.html",
            caption="../report/table1.rst",
            category="Tables",
            labels={"result": "Table 1, published and measured"},
        ),
    log:
        "logs/tables/table1.log",
    benchmark:
        "benchmarks/results/tables/table1.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        study=STUDY,
        splits=lambda wildcards: evaluation_entry("studies", STUDY)["splits"],
        methods=lambda wildcards: evaluation_entry("studies", STUDY)["methods"],
        code=code_digest("workflow/scripts/build_table1.py"),
    message:
        "Setting study {params.study} beside the published Table 1"
    script:
        "../scripts/build_table1.py"


rule write_summary:
    input:
        unpack(summary_inputs),
        metrics="results/evaluation/{study}/metrics.csv",
        differences="results/evaluation/{study}/differences.csv",
        overstatement="results/evaluation/{study}/overstatement.csv",
    output:
        md="results/tables/{study}/summary.md",
        html=report(
            "results/tables/{study}/summary.html",
            caption="../report/summary.rst",
            category="Tables",
            labels={"result": "What was found, in sentences ({study})"},
        ),
    log:
        "logs/tables/{study}/summary.log",
    benchmark:
        "benchmarks/results/tables/{study}/summary.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        splits=split_kinds,
        methods=lambda wildcards: evaluation_entry("studies", wildcards.study)["methods"],
        simulations=simulation_formats,
        channels=lambda wildcards: (
            information_channels(wildcards)
            if evaluation_entry("studies", wildcards.study).get("information")
            else []
        ),
        few_labels_rows=lambda wildcards: (
            few_labels_rows(wildcards.study)
            if evaluation_entry("studies", wildcards.study).get("few_labels")
            else {}
        ),
        code=code_digest("workflow/scripts/write_summary.py"),
    message:
        "Saying in sentences what study {wildcards.study} found"
    script:
        "../scripts/write_summary.py"


rule build_cost:
    input:
        lambda wildcards: rules.tables.input,
        lambda wildcards: rules.figures.input,
    output:
        csv="results/tables/cost.csv",
        md="results/tables/cost.md",
    log:
        "logs/tables/cost.log",
    benchmark:
        "benchmarks/results/tables/cost.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        cores={
            encoder: entry.get("resources", {}).get("threads", 2)
            for encoder, entry in config["pretraining"]["encoders"].items()
        },
        images={
            images: {shard: stop - start for shard, (start, stop) in shard_ranges(images).items()}
            for images in config["fractals"]["images"]
        },
        textures=[
            images
            for images, entry in config["fractals"]["images"].items()
            if entry["generator"] != "flame"
        ],
        benchmarks=placed("benchmarks/results"),
        attempts=placed("logs/pretraining"),
        code=code_digest("workflow/scripts/build_cost.py"),
    message:
        f"Adding up what the jobs of study {STUDY} took"
    script:
        "../scripts/build_cost.py"


rule tables:
    input:
        multiext(f"results/tables/{STUDY}", ".csv", ".md", ".tex", ".html"),
        rules.build_table1.output,
    message:
        f"The table of study {STUDY} is there."


rule summary:
    input:
        multiext(f"results/tables/{STUDY}/summary", ".md", ".html"),
    message:
        f"What study {STUDY} found is in results/tables/{STUDY}/summary.md."
