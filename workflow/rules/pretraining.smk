# Images to encoders. The state to resume from is in
# results/pretraining/{encoder}/seed-{seed}/resume/, which no rule declares: it outlives a failed
# job.
RUN = "pretraining/{encoder}/seed-{seed}"


def asked(name):
    """A resource that an encoder's entry asks for; little for a job that failed permanently."""

    def of(wildcards, attempt):
        log = placed(f"logs/pretraining/{wildcards.encoder}/seed-{wildcards.seed}.log")
        failed = attempt > 1 and bool(failed_permanently(log))
        return plan.requested_resource(wildcards.encoder, name, failed)

    return of


rule pretrain_encoder:
    input:
        # Maps that it is only probed on may be made again without making it out of date.
        unpack(
            lambda wildcards: {
                name: ancient(files) if name == "probe" else files
                for name, files in plan.pretraining_files(
                    wildcards.encoder, int(wildcards.seed)
                ).items()
            }
        ),
    output:
        teacher=f"results/{RUN}/teacher.safetensors",
        config=f"results/{RUN}/config.yaml",
        metrics=f"results/{RUN}/metrics.jsonl",
    log:
        f"logs/{RUN}.log",
    benchmark:
        f"benchmarks/results/{RUN}.tsv"
    # In the job itself there is nothing to start again: its time is up.
    retries: PLAN.config.pretraining.resubmissions if workflow.is_main_process else 0
    threads: asked("threads")
    # Much waits for it, so it starts before what does not.
    priority: 2
    resources:
        mem_mb=asked("memory_mb"),
        runtime=asked("runtime"),
        nodes=asked("nodes"),
        tasks=asked("ranks"),
        gres=asked("gres"),
        # Or the executor asks for `tasks` tasks on each GPU, and runs the job in each of them.
        tasks_per_gpu=0,
        mpi=asked("mpi"),
        slurm_extra=asked("slurm_extra"),
        attempt=lambda wildcards, attempt: attempt,
    params:
        config=lambda wildcards: plan.training_config(wildcards.encoder),
        code=code_digest(
            "starmass/pretraining/__main__.py",  # what the script launches
            lambda wildcards: plan.pretraining_module(wildcards.encoder),
        ),
    message:
        "Pretraining encoder {wildcards.encoder}, seed {wildcards.seed}"
    script:
        "../scripts/pretrain_encoder.py"


rule plot_pretraining:
    input:
        metrics=f"results/{RUN}/metrics.jsonl",
        config=f"results/{RUN}/config.yaml",
    output:
        pdf=f"results/{RUN}/curves.pdf",
        png=report(
            f"results/{RUN}/curves.png",
            caption="../report/pretraining.rst",
            category="Pretraining",
            labels={"result": "Curves of {encoder}, seed {seed}"},
        ),
    log:
        f"logs/{RUN}/curves.log",
    benchmark:
        f"benchmarks/results/{RUN}/curves.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: plan.curve_options(),
        code=code_digest("workflow/scripts/plot_pretraining.py"),
    message:
        "Drawing the curves of pretraining {wildcards.encoder}, seed {wildcards.seed}"
    script:
        "../scripts/plot_pretraining.py"


rule plot_reconstructions:
    input:
        unpack(lambda wildcards: plan.reconstruction_inputs(wildcards.encoder, int(wildcards.seed))),
        teacher=f"results/{RUN}/teacher.safetensors",
        config=f"results/{RUN}/config.yaml",
    output:
        pdf=f"results/{RUN}/reconstructions.pdf",
        png=report(
            f"results/{RUN}/reconstructions.png",
            caption="../report/reconstructions.rst",
            category="Pretraining",
            labels={"result": "Reconstructions of {encoder}, seed {seed}"},
        ),
    log:
        f"logs/{RUN}/reconstructions.log",
    benchmark:
        f"benchmarks/results/{RUN}/reconstructions.tsv"
    wildcard_constraints:
        encoder=plan.encoders_by("mae"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: plan.reconstruction_options(wildcards.encoder),
        code=code_digest("workflow/scripts/plot_reconstructions.py"),
    message:
        "Drawing reconstructions of pretraining {wildcards.encoder}, seed {wildcards.seed}"
    script:
        "../scripts/plot_reconstructions.py"


rule pretraining:
    input:
        plan.encoders_of(STUDY),
    message:
        f"The encoders of study {STUDY} are in results/pretraining/"
