"""What a user mistypes or lacks ends in one sentence with key, file or value and the way out, and
leaves nothing half-written.
"""

import pytest

CLOUDS = ("toycloud_a", "toycloud_b")


def evaluation(*clouds, **entries):
    """Small clouds, which the demo looks at in place of its maps."""
    study = {"images": None, "simulations": list(clouds or CLOUDS)}
    return {
        "maps": {"simulations": {cloud: {"snapshots": 2} for cloud in CLOUDS}},
        "evaluation": {"studies": {"demo": study}, **entries},
    }


TINY = evaluation()


def complaint(done) -> str:
    """Return what the run says, having checked that it failed without a traceback."""
    words = done.stdout + done.stderr
    assert done.returncode != 0, words
    assert "Traceback" not in words, words
    return words


def test_a_config_mistake_stops_before_the_plan(run_snakemake, tmp_path):
    """Which mistakes are found, and in what words, is test_configuration's."""
    overlay = {"fractals": {"images": {"flame": {"cuont": 10}}}}
    said = complaint(run_snakemake(tmp_path, "--dry-run", overlay=overlay))
    assert "fractals.images.flame.cuont" in said and "did you mean 'count'" in said
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            "results/figures/demoo/regression.pdf",
            ["'demoo'", "evaluation.studies (did you mean 'demo'?); entries: demo."],
        ),
        (
            "results/evaluation/demo/ablations/neighbors.csv",
            ["evaluation.ablations (did you mean 'neighbours'?)"],
        ),
        (
            "results/evaluation/demo/random/features/centrl/seed-0.h5",
            ["evaluation.features (did you mean 'central'?)"],
        ),
        ("results/fractals/flame/shard-0009.h5", ["shard-0009", "2 shards", "0000 to 0001"]),
        ("evalution", ["there is no target evalution (did you mean 'evaluation'?)", "few_labels"]),
        (
            "results/figures/demo/regresion.pdf",
            ["did you mean 'results/figures/demo/regression.pdf'?"],
        ),
    ],
)
def test_a_mistaken_target_is_one_sentence_with_the_nearest_that_there_is(
    run_snakemake, tmp_path, target, words
):
    said = complaint(run_snakemake(tmp_path, "--dry-run", target))
    sentences = [line for line in said.splitlines() if line.startswith("starmass:")]
    assert len(sentences) == 1 and all(word in sentences[0] for word in words), said
    assert "InputFunctionException" not in said
    assert "__" not in sentences[0], "names that ablations make are nobody's to type"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("ablations", "evaluation.studies.demo has no ablations; add some"),
        (
            "results/evaluation/demo/confusion.csv",
            "demo has no target, and a confusion matrix is of classes alone; ask for results/",
        ),
        (
            "results/figures/demo/segments.pdf",
            "evaluation.studies.demo has no segmentation; add it",
        ),
        (
            "results/pretraining/nano/seed-7/teacher.safetensors",
            "the encoder nano has no pretraining with seed 7; add the seed to",
        ),
        (
            "results/evaluation/demo/random/predictions/random_knn/seed-7.csv",
            "the method random_knn has no seed 7; add it to",
        ),
    ],
)
def test_what_a_study_does_not_have_is_one_sentence(run_snakemake, tmp_path, target, words):
    study = {"evaluation": {"studies": {"demo": dict.fromkeys(("ablations", "segmentation"))}}}
    figure = {"reporting": {"figures": {"regression": {"methods": ["resnet18_fractals"]}}}}
    said = complaint(run_snakemake(tmp_path, "--dry-run", target, overlay={**study, **figure}))
    sentences = [line for line in said.splitlines() if line.startswith("starmass:")]
    assert len(sentences) == 1 and words in sentences[0], said


def test_a_preset_without_its_data_root_says_how_to_give_it(run_snakemake, tmp_path):
    said = complaint(run_snakemake(tmp_path, "--dry-run", presets=["ramses"]))
    assert "data_root" in said and "--config data_root=DIR" in said


def test_a_missing_dump_is_named(run_snakemake, tmp_path):
    (tmp_path / "empty").mkdir()
    said = complaint(
        run_snakemake(
            tmp_path,
            "--dry-run",
            presets=["ramses"],
            overlay={"data_root": str(tmp_path / "empty")},
        )
    )
    assert "ramses_a" in said and "empty" in said


@pytest.fixture(scope="module")
def mapped(run_snakemake, tmp_path_factory):
    """Maps and samples of two small clouds, and a map as FITS."""
    folder = tmp_path_factory.mktemp("mapped")
    made = "results/maps/toycloud_a/fits/snapshot_0002_1_z.fits"
    done = run_snakemake(
        folder, "--cores", "2", "results/evaluation/demo/samples.csv", made, overlay=TINY
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert (folder / made).read_bytes().startswith(b"SIMPLE  =")
    return folder


def test_a_truncated_dump_is_named_and_leaves_no_map(mapped, run_snakemake):
    cells = next((mapped / "results/dumps/toycloud_a/snapshot_0001").glob("cells*"))
    whole = cells.read_bytes()
    target = mapped / "results/maps/toycloud_a/snapshot_0001.h5"
    target.unlink()
    cells.write_bytes(whole[: len(whole) // 2])
    try:
        said = complaint(
            run_snakemake(
                mapped,
                "--cores",
                "1",
                str(target.relative_to(mapped)),
                "--rerun-triggers",
                "mtime",
                overlay=TINY,
            )
        )
    finally:
        cells.write_bytes(whole)
    assert cells.name in said and "byte" in said
    assert not list(target.parent.glob("*0001*")) and not list(target.parent.glob(".*"))


@pytest.mark.parametrize(
    ("overlay", "target", "words"),
    [
        (
            evaluation("toycloud_a"),
            "results/evaluation/demo/simulation/split.csv",
            ["simulation", "nothing is left to test on", "split by something else"],
        ),
        (
            evaluation(methods={"statistics_knn": {"neighbours": 5000}}),
            "results/evaluation/demo/random/predictions/statistics_knn/seed-0.csv",
            ["5000", "neighbours"],
        ),
    ],
    ids=["no test rows", "more neighbours than rows"],
)
def test_what_only_the_data_can_tell_is_one_sentence_too(
    mapped, run_snakemake, overlay, target, words
):
    done = run_snakemake(mapped, "--cores", "1", target, overlay=overlay)
    said = complaint(done)
    sentences = [line for line in said.splitlines() if line.startswith("starmass:")]
    assert len(sentences) == 1 and all(word in sentences[0] for word in words), said
    assert not (mapped / target).exists()
