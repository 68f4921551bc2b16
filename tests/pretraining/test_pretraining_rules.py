"""The rules: what a study needs is built, and nothing else."""

import re


def jobs(done):
    assert done.returncode == 0, done.stderr
    return re.findall(r"Pretraining encoder (\w+)", done.stdout + done.stderr)


def test_the_target_builds_the_encoders_of_the_study_and_any_other_is_asked_for_by_its_path(
    run_snakemake, tmp_path
):
    asked = ["pretraining", "results/pretraining/nano_mae/seed-0/teacher.safetensors"]
    assert sorted(jobs(run_snakemake(tmp_path, "--dry-run", *asked, presets=["recipes"]))) == [
        "nano",
        "nano_mae",
    ]


def test_seeds_of_a_method_take_pretrainings_of_their_own(run_snakemake, tmp_path):
    def pretrainings(method, seed, **options):
        path = f"results/evaluation/{{}}/predictions/{method}/seed-{seed}.csv"
        target = path.format("gain/protostar_half" if options else "demo/protostar")
        done = run_snakemake(tmp_path, "--dry-run", target, **options)
        said = done.stdout + done.stderr
        return re.findall(r"Pretraining encoder (\w+), seed (\d+)", said)

    assert pretrainings("gain_mae_knn", 2, presets=["gain"]) == [("gain_mae", "2")]
    assert pretrainings("gain_untrained_knn", 2, presets=["gain"]) == [("gain_dinov2", "0")]
    assert pretrainings("resnet18_fractals", 0) == [("nano_resnet18", "0")]


def test_an_encoder_may_learn_from_maps_and_be_tried_on_them(run_snakemake, tmp_path):
    maps = {"study": "toyclouds", "split": "protostar"}
    entry = {"images": maps, "probe": {**maps, "preprocessing": "gradient"}}
    overlay = {"pretraining": {"encoders": {"domain": entry}}}
    done = run_snakemake(
        tmp_path,
        "--dry-run",
        "results/pretraining/domain/seed-0/teacher.safetensors",
        presets=["toyclouds"],
        overlay=overlay,
    )
    assert jobs(done) == ["domain"]
    for preprocessing in ("whole", "gradient"):
        assert (
            f"results/evaluation/toyclouds/protostar/training_maps/{preprocessing}.h5"
            in done.stdout + done.stderr
        )
    entry["probe"]["split"] = "protostar_folds"
    done = run_snakemake(tmp_path, "--dry-run", presets=["toyclouds"], overlay=overlay)
    assert (
        done.returncode
        and "'pretraining.encoders.domain.probe.split': there is no entry 'protostar_folds'"
        in done.stdout + done.stderr
    )
