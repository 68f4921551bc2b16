# Evidence to tables, and what the report says of them; figures.smk draws.
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
            "results/tables/{study}/table.csv",
            caption="../report/table_csv.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study}), as CSV"},
        ),
        md="results/tables/{study}/table.md",
        tex="results/tables/{study}/table.tex",
        html=report(
            "results/tables/{study}/table.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study})"},
        ),
    log:
        "logs/tables/{study}/table.log",
    benchmark:
        "benchmarks/results/tables/{study}/table.tsv"
    wildcard_constraints:
        study=plan.studies_of("mass"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config={"published": PLAN.config.reporting.published},
        splits=lambda wildcards: plan.split_kinds(wildcards.study),
        methods=lambda wildcards: list(plan.study_entry(wildcards.study).methods),
        simulations=lambda wildcards: plan.simulation_formats(wildcards.study),
        code=code_digest("workflow/scripts/build_table.py"),
    message:
        "Writing the table of study {wildcards.study}"
    script:
        "../scripts/build_table.py"


rule build_table1:
    input:
        table="results/tables/{study}/table.csv",
        published=PUBLISHED,
    output:
        csv="results/tables/{study}/table1.csv",
        md="results/tables/{study}/table1.md",
        tex="results/tables/{study}/table1.tex",
        html=report(
            "results/tables/{study}/table1.html",
            caption="../report/table1.rst",
            category="Tables",
            labels={"result": "Table 1, published and measured ({study})"},
        ),
    log:
        "logs/tables/{study}/table1.log",
    benchmark:
        "benchmarks/results/tables/{study}/table1.tsv"
    wildcard_constraints:
        study=plan.studies_of("mass"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        splits=lambda wildcards: list(plan.study_entry(wildcards.study).splits),
        methods=lambda wildcards: list(plan.study_entry(wildcards.study).methods),
        code=code_digest("workflow/scripts/build_table1.py"),
    message:
        "Setting study {wildcards.study} beside the published Table 1"
    script:
        "../scripts/build_table1.py"


rule write_summary:
    input:
        unpack(lambda wildcards: plan.summary_files(wildcards.study)),
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
    wildcard_constraints:
        study=plan.studies_of("mass"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        splits=lambda wildcards: plan.split_kinds(wildcards.study),
        methods=lambda wildcards: list(plan.study_entry(wildcards.study).methods),
        simulations=lambda wildcards: plan.simulation_formats(wildcards.study),
        channels=lambda wildcards: plan.information_channels(wildcards.study),
        few_labels_rows=lambda wildcards: plan.summary_rows(wildcards.study),
        figures=lambda wildcards: plan.figure_numbers(wildcards.study),
        code=code_digest("workflow/scripts/write_summary.py"),
    message:
        "Saying in sentences what study {wildcards.study} found"
    script:
        "../scripts/write_summary.py"


# The table and the sentences of a study that predicts something else than stellar masses.
rule build_target_table:
    input:
        metrics="results/evaluation/{study}/metrics.csv",
        differences="results/evaluation/{study}/differences.csv",
    output:
        csv=report(
            "results/tables/{study}/table.csv",
            caption="../report/target_table.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study}), as CSV"},
        ),
        md="results/tables/{study}/table.md",
        tex="results/tables/{study}/table.tex",
        html=report(
            "results/tables/{study}/table.html",
            caption="../report/target_table.rst",
            category="Tables",
            labels={"result": "All methods and splits ({study})"},
        ),
    log:
        "logs/tables/{study}/table.log",
    benchmark:
        "benchmarks/results/tables/{study}/table.tsv"
    wildcard_constraints:
        study=plan.studies_of("other"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        target=lambda wildcards: plan.target(wildcards.study),
        splits=lambda wildcards: plan.split_kinds(wildcards.study),
        methods=lambda wildcards: list(plan.study_entry(wildcards.study).methods),
        simulations=lambda wildcards: plan.simulation_formats(wildcards.study),
        code=code_digest("workflow/scripts/build_target_table.py"),
    message:
        "Writing the table of study {wildcards.study}"
    script:
        "../scripts/build_target_table.py"


rule write_target_summary:
    input:
        unpack(lambda wildcards: plan.summary_files(wildcards.study)),
        metrics="results/evaluation/{study}/metrics.csv",
        differences="results/evaluation/{study}/differences.csv",
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
    wildcard_constraints:
        study=plan.studies_of("other"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        target=lambda wildcards: plan.target(wildcards.study),
        splits=lambda wildcards: plan.split_kinds(wildcards.study),
        methods=lambda wildcards: list(plan.study_entry(wildcards.study).methods),
        simulations=lambda wildcards: plan.simulation_formats(wildcards.study),
        few_labels_rows=lambda wildcards: plan.summary_rows(wildcards.study),
        figures=lambda wildcards: plan.figure_numbers(wildcards.study),
        code=code_digest("workflow/scripts/write_target_summary.py"),
    message:
        "Saying in sentences what study {wildcards.study} found"
    script:
        "../scripts/write_target_summary.py"


rule build_cost:
    input:
        lambda wildcards: plan.table_files(wildcards.study),
        lambda wildcards: plan.drawn_files(wildcards.study),
    output:
        csv="results/tables/{study}/cost.csv",
        md="results/tables/{study}/cost.md",
    log:
        "logs/tables/{study}/cost.log",
    benchmark:
        "benchmarks/results/tables/{study}/cost.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        cores=lambda wildcards: plan.cores(),
        images=lambda wildcards: plan.shard_sizes(),
        textures=lambda wildcards: plan.textures(),
        benchmarks=placed("benchmarks/results"),
        attempts=placed("logs/pretraining"),
        code=code_digest("workflow/scripts/build_cost.py"),
    message:
        "Adding up what the jobs of study {wildcards.study} took"
    script:
        "../scripts/build_cost.py"


rule tables:
    input:
        plan.table_files(STUDY),
    message:
        f"The tables of study {STUDY} are in results/tables/{STUDY}/"


rule summary:
    input:
        multiext(f"results/tables/{STUDY}/summary", ".md", ".html"),
    message:
        f"What study {STUDY} found is in results/tables/{STUDY}/summary.md."
