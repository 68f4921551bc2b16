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
    asked = "results/evaluation/gain/protostar_half/predictions/{}/seed-2.csv"
    assert jobs(
        run_snakemake(tmp_path, "--dry-run", asked.format("gain_mae_knn"), presets=["gain"])
    ) == ["gain_mae_2"]
    assert jobs(
        run_snakemake(tmp_path, "--dry-run", asked.format("gain_untrained_knn"), presets=["gain"])
    ) == ["gain_dinov2_0"]
    asked = "results/evaluation/demo/protostar/predictions/resnet18_fractals/seed-0.csv"
    assert jobs(run_snakemake(tmp_path, "--dry-run", asked)) == ["nano_resnet18"]


def test_an_encoder_may_learn_from_maps_and_be_tried_on_them(run_snakemake, tmp_path):
    maps = {"study": "demo", "split": "protostar"}
    entry = {"images": maps, "check": {**maps, "input": "gradient"}}
    overlay = {"pretraining": {"encoders": {"domain": entry}}}
    done = run_snakemake(
        tmp_path,
        "--dry-run",
        "results/pretraining/domain/seed-0/teacher.safetensors",
        overlay=overlay,
    )
    assert jobs(done) == ["domain"]
    for shown_as in ("whole", "gradient"):
        assert (
            f"results/evaluation/demo/protostar/training_maps/{shown_as}.h5"
            in done.stdout + done.stderr
        )
    entry["check"]["split"] = "protostar_folds"
    done = run_snakemake(tmp_path, "--dry-run", overlay=overlay)
    assert (
        done.returncode
        and "'pretraining.encoders.domain.check.split': there is no entry 'protostar_folds'"
        in done.stdout + done.stderr
    )
