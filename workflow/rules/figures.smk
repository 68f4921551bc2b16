# Evidence to figures, each as PDF and PNG: one rule a figure, made from the table of figures.


def in_rst(words):
    """Words of the config, which are text in a caption whatever they hold."""
    if isinstance(words, dict):
        return {in_rst(key): in_rst(value) for key, value in words.items()}
    return escape_rst(words) if isinstance(words, str) else words


def of_study(answer, figure):
    """What the plan says of a figure, as a function of the wildcards."""
    return lambda wildcards: answer(figure, wildcards.study)


def heading(figure):
    """A figure's heading in the report, with its number, as a function of the wildcards."""
    return lambda wildcards: {"result": plan.figure_heading(figure, wildcards.study)}


for figure in FIGURES:

    rule:
        name:
            f"plot_{figure.name}"
        input:
            unpack(of_study(plan.figure_inputs, figure.name)),
        output:
            pdf=f"results/figures/{{study}}/{figure.name}.pdf",
            png=report(
                f"results/figures/{{study}}/{figure.name}.png",
                caption=f"../report/{figure.name}.rst",
                category="Figures",
                labels=heading(figure.name),
            ),
        log:
            f"logs/figures/{{study}}/{figure.name}.log",
        benchmark:
            f"benchmarks/results/figures/{{study}}/{figure.name}.tsv"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt, figure=figure: figure.memory_mb * attempt,
            runtime=lambda wildcards, attempt: 10 * attempt,
        params:
            figure=figure.name,
            config=of_study(plan.figure_options, figure.name),
            files=lambda wildcards, figure=figure: placed(
                plan.figure_paths(figure.name, wildcards.study)
            ),
            caption=lambda wildcards, figure=figure: in_rst(
                plan.figure_words(figure.name, wildcards.study)
            ),
            simulations=lambda wildcards: plan.simulation_formats(wildcards.study),
            code=code_digest(
                "workflow/scripts/plot_figure.py", f"starmass.reporting.figures.{figure.name}"
            ),
        message:
            f"Drawing a figure of study {{wildcards.study}}: {figure.title.lower()}"
        script:
            "../scripts/plot_figure.py"


rule figures:
    input:
        plan.drawn_files(STUDY),
    message:
        f"The figures of study {STUDY} are there."
