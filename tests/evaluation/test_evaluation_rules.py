"""The wing's rules from maps to metrics, on small synthetic maps and a tiny encoder, in a workflow
of their own.
"""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from starmass.encoders import EncoderDescription, create_encoder, save_encoder
from starmass.evaluation.features import read_features
from starmass.evaluation.fitted import apply, read_fitted

RULES = (
    "collect_samples",
    "draw_split",
    "extract_features",
    "predict_masses",
    "fit_method",
    "train_supervised",
    "compare_methods",
    "compare_on_target",
    "count_confusions",
    "locate_information",
    "segment_maps",
)
"""The rules that are run; what others make is there."""
SIMULATION = {"format": "toycloud", "seed": 1}
CONFIG = {
    "evaluation": {
        "studies": {
            "small": {
                "simulations": ["a", "null"],
                "splits": ["protostar"],
                "methods": ["dinov2", "pyramid", "network", "001", "NA"],
                "information": {"split": "protostar", "preprocessing": "whole"},
                "segmentation": {"features": "dinov2", "preprocessing": "magnified", "examples": 2},
            }
        },
        "splits": {
            "random": {"by": "row", "test_fraction": 0.25},
            "protostar": {"by": "protostar", "folds": 2, "test_fraction": None},
        },
        "preprocessing": {
            "whole": {},
            "middle": {"zoom": 8, "image_size": 16},
            "magnified": {"pixels_per_token": 2},
        },
        "features": {
            "dinov2": {"kind": "encoder", "encoder": "tiny", "preprocessing": "whole"},
            "random": {
                "kind": "encoder",
                "encoder": "tiny",
                "weights": "random",
                "preprocessing": "whole",
            },
            "pyramid": {
                "kind": "encoder",
                "encoder": "tiny",
                "tokens": "rings",
                "average": "sky",
                "preprocessing": ["whole", "middle"],
            },
            "central": {"kind": "statistics", "statistics": ["central"], "preprocessing": "whole"},
            "moments": {"kind": "statistics", "statistics": ["moments"], "preprocessing": "whole"},
            "numbers": {"kind": "combined", "parts": ["central", "moments"]},
            "both": {"kind": "combined", "parts": ["central", "random"]},
        },
        "methods": {
            "dinov2": {"features": "dinov2", "whitening": "all", "regressor": "knn"},
            "dice": {"features": "random", "regressor": "knn", "seeds": [0, 1]},
            "both": {"features": "both", "regressor": "ridge", "seeds": [0, 1]},
            "numbers": {"features": "numbers", "regressor": "ridge"},
            "pyramid": {"features": "pyramid", "regressor": "ridge"},
            "network": {
                "network": "resnet18",
                "preprocessing": "whole",
                "epochs": 0,
                "label": "ResNet-18, untrained",
            },
            # Readers of tables take these names, and the second simulation's, for something else.
            "001": {"features": "central", "regressor": "ridge"},
            "NA": {"regressor": "mean"},
        },
    },
}


@pytest.fixture
def workflow(tmp_path, map_files, run_snakemake):
    folder = tmp_path / "run"
    count: dict[str, int] = {}
    for file in map_files:
        simulation = {"a": "a", "b": "null"}[Path(file).parent.name]
        count[simulation] = count.get(simulation, 0) + 1
        target = folder / f"results/maps/{simulation}/snapshot_{count[simulation]:04d}.h5"
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file).rename(target)
        with h5py.File(target, "r+") as maps:
            maps.attrs["simulation"] = simulation
            pixels = maps["maps"].shape[-1]
    for simulation in count:
        # The maps' own stage writes these; an empty one cuts nothing away.
        (folder / f"results/maps/{simulation}/catalogue.csv").write_text(
            "simulation,snapshot,sink_id,kept\n"
        )
    description = EncoderDescription(
        "vit_tiny_patch16_224", 16, 4, width=12, arguments={"depth": 1, "num_heads": 2}
    )
    (folder / "results/pretraining/tiny/seed-0").mkdir(parents=True)
    save_encoder(
        folder / "results/pretraining/tiny/seed-0/teacher.safetensors",
        create_encoder(description, 0),
        description,
    )
    simulations = {name: {**SIMULATION, "snapshots": number} for name, number in count.items()}
    encoder = {"architecture": "vit_tiny_patch16_224", "patch_size": 4, "width": 12}
    tiny = {"images": "flame", "encoder": encoder, "views": {"global_size": 16, "local_size": 8}}
    known = {
        "study": "small",
        "maps": {"simulations": simulations, "projection": {"pixels": pixels}},
        "pretraining": {"encoders": {"tiny": tiny}},
    }

    def run(*arguments, **changes):
        overlay = {**CONFIG, **known, **changes}
        return run_snakemake(
            folder, *arguments, "--cores", "2", "--allowed-rules", *RULES, overlay=overlay
        )

    return folder, run


@pytest.mark.parametrize(
    ("kind", "name", "harm", "target", "words"),
    [
        (
            "splits",
            "random",
            {"by": "row", "test_fraction": 1e-4},
            "random/split.csv",
            "no test rows",
        ),
        (
            "methods",
            "dinov2",
            {"features": "central", "regressor": "knn", "neighbours": 900},
            "random/predictions/dinov2/seed-0.csv",
            "neighbours: 900 asked",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(workflow, kind, name, harm, target, words):
    folder, run = workflow
    section = CONFIG["evaluation"]
    done = run(
        f"results/evaluation/small/{target}",
        evaluation={**section, kind: {**section[kind], name: harm}},
    )
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("starmass:")]
    assert len(said) == 1, done.stderr
    assert words in said[0]
    assert not (folder / "results/evaluation/small" / target).exists()
    assert not list(folder.glob("results/**/.*"))


def test_random_weights_are_drawn_for_every_seed_and_the_rest_is_made_once(workflow):
    _, run = workflow
    section = CONFIG["evaluation"]
    methods = {
        **section["methods"],
        "dinov2": {"features": "dinov2", "regressor": "knn", "seeds": [0, 1]},
    }
    targets = [
        f"results/evaluation/small/random/predictions/{method}/seed-{seed}.csv"
        for method in ("both", "dice", "dinov2")
        for seed in (0, 1)
    ]
    planned = run(*targets, "--dry-run", evaluation={**section, "methods": methods})
    made = set(re.findall(r"/features/(\S+?\.h5)", planned.stdout + planned.stderr))
    assert made == {
        "random/seed-0.h5",
        "random/seed-1.h5",
        "dinov2/seed-0.h5",
        "both/seed-0.h5",
        "both/seed-1.h5",
        "central/seed-0.h5",
    }


def test_a_method_is_kept_with_its_predictions(workflow):
    folder, run = workflow
    split = "results/evaluation/small/protostar"
    done = run(
        f"{split}/predictions/001/seed-0.csv",
        f"{split}/fitted/001/seed-0.skops",
        f"{split}/predictions/numbers/seed-0.csv",
    )
    assert done.returncode == 0, done.stderr
    parts, together = (
        [read_features(folder / split / f"features/{name}/seed-0.h5", 1) for name in names]
        for names in (("central", "moments"), ("numbers",))
    )
    np.testing.assert_array_equal(together[0], np.hstack(parts))
    table = pd.read_csv(folder / split / "predictions/001/seed-0.csv")
    kept = folder / split / "fitted/001/seed-0.skops"
    fitted = read_fitted(kept)
    assert (fitted.features, fitted.config["regressor"], fitted.seed) == ("central", "ridge", 0)
    assert json.loads(fitted.provenance)["config"] == fitted.config
    for one in fitted.folds:
        tested = table[table["fold"] == one.fold]
        features = read_features(folder / split / "features/central/seed-0.h5", one.fold)
        again, spread = apply(kept, features[tested["row"]], one.fold)
        np.testing.assert_allclose(again, tested["predicted_log10_mass"], atol=1e-9)
        assert spread is None
        others = table[table["fold"] != one.fold]["log10_mass"]
        assert one.log10_mass_range == pytest.approx((others.min(), others.max()))
        assert one.rows == len(others)


def test_a_study_of_classes_has_metrics_and_confusions(workflow):
    folder, run = workflow
    study = {"simulations": ["a", "null"], "splits": ["random"], "methods": ["001", "NA"]}
    study["target"] = {"kind": "classes", "column": "axis", "name": "line of sight"}
    evaluation = {**CONFIG["evaluation"], "studies": {"small": study}}
    made = folder / "results/evaluation/small"
    done = run(
        *(f"results/evaluation/small/{name}.csv" for name in ("metrics", "confusion")),
        evaluation=evaluation,
    )
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(made / "metrics.csv", dtype={"method": str}, keep_default_na=False)
    assert list(metrics["method"]) == ["001", "NA"]
    assert {"accuracy_low", "macro_f1", "recall_x", "recall_z_high"} <= {*metrics.columns}
    predictions = pd.read_csv(made / "random/predictions/001/seed-0.csv")
    right = (predictions["truth"] == predictions["predicted"]).mean()
    assert float(metrics["accuracy"][0]) == pytest.approx(right)
    assert len(pd.read_csv(made / "confusion.csv")) == 2 * 9
    assert not (made / "mass_bins.csv").exists()
