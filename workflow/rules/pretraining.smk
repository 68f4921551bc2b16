# Images to encoders. The resume state lies in results/pretraining/{encoder}/resume/, which no rule declares: it outlives a failed job.
from starmass.evaluation.variants import encoder_names
from starmass.pretraining.attempts import given_up


def encoder_entry(encoder):
    """A named entry of the config's section `pretraining.encoders`."""
    return named_entry("pretraining", "encoders", encoder)


def what_shapes(encoder):
    """The part of an entry that its weights depend on."""
    entry = encoder_entry(encoder)
    passed_over = {"images", "check", "execution", "resources", "dinov2", "mae", "simsiam"} - {
        entry.get("method", "dinov2")
    }
    return {key: value for key, value in entry.items() if key not in passed_over}


def encoders_of(study):
    """Entries that the features of a study are taken from, and that its networks start from."""
    evaluation = config["evaluation"]
    chosen = evaluation["studies"][study]
    methods = [evaluation["methods"][method] for method in chosen["methods"]]
    features = [
        entry["features"]
        for entry in [*methods, chosen.get("segmentation") or {}, chosen.get("embedding") or {}]
        if "features" in entry
    ]
    entries = [*(evaluation["features"][name] for name in features), *methods]
    return list(dict.fromkeys(encoder for entry in entries for encoder in encoder_names(entry)))


def asked_for(key, default):
    """What an encoder's entry asks for under `resources`; next to nothing where the job will only say that it has failed for good."""

    def asked(wildcards, attempt):
        if attempt > 1 and given_up(placed(f"logs/pretraining/{wildcards.encoder}.log")):
            return {"memory_mb": 1000, "runtime": 5, "threads": 1}.get(key, default)
        return encoder_entry(wildcards.encoder).get("resources", {}).get(key, default)

    return asked


def training_maps(entry):
    """The training maps of a study's split, shown in some way."""
    return f"results/evaluation/{entry['study']}/{entry['split']}/training_maps/{entry.get('input', 'whole')}.h5"


def pretraining_files(wildcards):
    """What an encoder learns from, and the maps that it is tried on, if any. Those may be made again without making it out of date."""
    entry = encoder_entry(wildcards.encoder)
    images = entry["images"]
    learnt = {"images": shard_files(images) if isinstance(images, str) else [training_maps(images)]}
    return (
        {**learnt, "check": ancient(training_maps(entry["check"]))}
        if entry.get("check")
        else learnt
    )


def gpus_of_a_node(wildcards, attempt):
    """As SLURM writes it, for each node: a number for the whole job may be shared out unevenly. Nothing where there is none."""
    gpus = asked_for("gpus", 0)(wildcards, attempt)
    return f"gpu:{gpus // asked_for('nodes', 1)(wildcards, attempt)}" if gpus else None


def many_ranks(wildcards, attempt):
    """The executor's word for a job that starts its own tasks: it then does not wrap the job in an srun of one task."""
    return "srun" if asked_for("ranks", 1)(wildcards, attempt) > 1 else None


def signal_and_places(wildcards, attempt):
    """The signal that makes a checkpoint, some time before the limit, and as many ranks on each node."""
    seconds = min(120, 60 * asked_for("runtime", 240)(wildcards, attempt) // 4)
    return f"--signal=TERM@{seconds} --ntasks-per-node={asked_for('ranks', 1)(wildcards, attempt) // asked_for('nodes', 1)(wildcards, attempt)}"


rule pretrain_encoder:
    input:
        unpack(pretraining_files),
    output:
        teacher="results/pretraining/{encoder}/teacher.safetensors",
        config="results/pretraining/{encoder}/config.yaml",
        metrics="results/pretraining/{encoder}/metrics.jsonl",
    log:
        "logs/pretraining/{encoder}.log",
    benchmark:
        "benchmarks/results/pretraining/{encoder}.tsv"
    # In the job itself there is nothing to start again: its time is up.
    retries: config["pretraining"].get("resubmissions", 0) if workflow.is_main_process else 0
    threads: asked_for("threads", 2)
    resources:
        mem_mb=asked_for("memory_mb", 4000),
        runtime=asked_for("runtime", 240),
        nodes=asked_for("nodes", 1),
        tasks=asked_for("ranks", 1),
        gres=gpus_of_a_node,
        tasks_per_gpu=0,  # or the executor asks for `tasks` tasks on each GPU, and runs the job in each of them
        mpi=many_ranks,
        slurm_extra=signal_and_places,
        attempt=lambda wildcards, attempt: attempt,
    params:
        config=lambda wildcards: what_shapes(wildcards.encoder),
        # What the script launches, and the method that it loads by name.
        code=code_digest(
            "starmass/pretraining/__main__.py",
            lambda wildcards: [
                "starmass.pretraining.methods."
                + encoder_entry(wildcards.encoder).get("method", "dinov2")
            ],
        ),
    message:
        "Pretraining encoder {wildcards.encoder}"
    script:
        "../scripts/pretrain_encoder.py"


rule pretraining:
    input:
        [f"results/pretraining/{encoder}/teacher.safetensors" for encoder in encoders_of(STUDY)],
    message:
        f"The encoders of study {STUDY} are in results/pretraining/"
