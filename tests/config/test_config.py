"""A mistake in the config is one sentence that names the key and the way out; the schemas fit what
is shipped.
"""

import json
import re
import subprocess
import sys
import typing

import jsonschema
import pytest
import yaml
from configs import ROOT, SECTIONS, default_config, merge
from pydantic import BaseModel

from starmass.config.methods import FinetunedEncoder
from starmass.config.whole import Config, read_config
from starmass.errors import InputError

ALWAYS = ("library.yaml", "config.yaml")
PRESETS = sorted(path for path in (ROOT / "config").glob("*.yaml") if path.name not in ALWAYS)


@pytest.fixture(scope="module")
def default() -> dict:
    return default_config()


def test_the_default_config_is_valid(default):
    read_config(default)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_every_preset_is_valid_over_the_default(default, preset):
    read_config(merge(default, yaml.safe_load(preset.read_text())))


def models(kind=Config):
    """Every model below one, itself first."""
    yield kind
    for field in kind.model_fields.values():
        inner = [field.annotation]
        while inner:
            part = inner.pop()
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from models(part)
            inner += typing.get_args(part)


def test_every_key_has_a_meaning_and_unknown_ones_are_refused():
    found = set(models())
    assert len(found) > 40
    for model in found:
        assert model.model_config["extra"] == "forbid", model
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no meaning"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stduy": "demo"}, ["stduy", "did you mean 'study'"]),
        ({"study": "dmo"}, ["study", "dmo", "did you mean 'demo'"]),
        ({"study": "ramses"}, ["study", "ramses", "evaluation.studies"]),
        (
            {"fractals": {"images": {"flame": {"count": 0}}}},
            ["fractals.images.flame.count", "0", "least"],
        ),
        (
            {"evaluation": {"methods": {"dinov2_knn": {"neighbours": 0}}}},
            ["evaluation.methods.dinov2_knn", "neighbours"],
        ),
        ({"maps": {"projection": {"side": float("nan")}}}, ["maps.projection.side", "finite"]),
        ({"maps": {"projection": {"depth": 0}}}, ["maps.projection.depth", "more than 0"]),
        ({"maps": {"projection": {"depth": "all"}}}, ["maps.projection.depth", "none of box"]),
        ({"maps": {"projection": {"hydrogen_mass": 2.8}}}, ["hydrogen_mass", "counts: H2"]),
        ({"maps": {"fits": {"distance": 140}}}, ["maps.fits.position", "a distance needs one"]),
        (
            {"evaluation": {"methods": {"resnet18_fractals": {"network": "resnet34"}}}},
            ["resnet18_fractals.network", "a resnet18"],
        ),
        (
            {"evaluation": {"methods": {"dinov2_finetuned": {"finetuning": {"rank": 4}}}}},
            ["dinov2_finetuned.finetuning.rank", "only mode: lora reads it"],
        ),
        (
            {"evaluation": {"methods": {"resnet18": {"whitening": "all"}}}},
            ["methods.resnet18.whitening", "only an entry with regressor reads it"],
        ),
        (
            {"evaluation": {"methods": {"dinov2_knn": {"alpha": 1}}}},
            ["methods.dinov2_knn.alpha", "only regressor: ridge reads it"],
        ),
        (
            {"evaluation": {"features": {"central": {"tokens": "mean"}}}},
            ["features.central.tokens", "only kind: encoder reads it"],
        ),
        (
            {"maps": {"simulations": {7: {"format": "toycloud", "seed": 1, "snapshots": 2}}}},
            ["maps.simulations.7", "put it in quotes"],
        ),
        (
            {"evaluation": {"features": {"dinov2": {"architecture": "vit"}}}},
            ["features.dinov2", "shipped or architecture, not encoder and architecture"],
        ),
        (
            {"evaluation": {"features": {"dinov2": {"mean": [0.5, 0.5, 0.5]}}}},
            ["features.dinov2.mean", "only kind: encoder with architecture reads it"],
        ),
        (
            {
                "evaluation": {
                    "features": {
                        "dinov2": {
                            "encoder": None,
                            "architecture": "vit_small_patch16_224",
                            "mean": [0.5],
                            "std": [1, 1],
                        }
                    }
                }
            },
            ["features.dinov2.std", "another number of channels than mean"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"image_size": 20}}}},
            ["preprocessing.whole", "no whole number of tokens of 8", "dinov2_knn uses"],
        ),
        (
            {"evaluation": {"preprocessing": {"magnified": {"pixels_per_token": 3}}}},
            ["preprocessing.magnified", "tokens of 3", "demo.segmentation uses"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"zoom": 65}}}},
            ["preprocessing.whole", "65 pixels have no place in the middle of 64"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"channels": ["vlos"]}}}},
            ["preprocessing.whole", "'vlos' (did you mean 'v_los'?)"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"blank": ["b_los"]}}}},
            ["preprocessing.whole", "'b_los' is to be blank", "sigma_v"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"scaling": "fixed"}}}},
            ["preprocessing.whole", "of column_density under limits"],
        ),
        (
            {"pretraining": {"encoders": {"nano": {"views": {"local_size": 30}}}}},
            ["encoders.nano", "views.local_size", "multiple"],
        ),
        (
            {"evaluation": {"methods": {"resnet18_fractals": {"encoder": "nano"}}}},
            ["resnet18_fractals.encoder", "of method simsiam"],
        ),
        (
            {"pretraining": {"encoders": {"nano": {"resources": {"ranks": 3}}}}},
            ["encoders.nano.batch_size", "evenly over 3 parts"],
        ),
        (
            {"maps": {"projection": {"channels": ["b_loss"]}}},
            ["maps.projection.channels", "b_loss", "did you mean 'b_los'"],
        ),
        (
            {"maps": {"observations": {"taurus": {"noise": {"v_loss": 0.1}}}}},
            ["maps.observations.taurus.noise", "did you mean 'v_los'"],
        ),
        (
            {"fractals": {"images": {"my-flames": {"count": 3}}}},
            ["fractals.images", "'my-flames' can't be a name", "underscores"],
        ),
        (
            {"evaluation": {"methods": {"dinov2_knn": {"neighbours": []}}}},
            ["evaluation.methods.dinov2_knn.neighbours", "too short"],
        ),
        (
            {"evaluation": {"methods": {"resnet18": {"learning_rate": "1e-3"}}}},
            ["learning_rate", "YAML reads 1e-3 as text"],
        ),
        (
            {"evaluation": {"studies": {"demo": {"segmentation": {"features": "central"}}}}},
            ["evaluation.studies.demo.segmentation.features", "central", "of kind encoder"],
        ),
        (
            {"fractals": {"images": {"flame": {"cuont": 10}}}},
            ["fractals.images.flame.cuont", "did you mean 'count'"],
        ),
        (
            {"evaluation": {"studies": {"demo": {"splits": ["protostars"]}}}},
            ["evaluation.studies.demo.splits", "protostars", "protostar"],
        ),
        (
            {"evaluation": {"studies": {"demo": {"pages": ["nowhere"]}}}},
            ["evaluation.studies.demo.pages", "nowhere"],
        ),
        (
            {"evaluation": {"splits": {"protostar": {"folds": 5}}}},
            ["evaluation.splits.protostar", "either test_fraction or folds", "both"],
        ),
        (
            {"evaluation": {"splits": {"random": {"test_fraction": None}}}},
            ["evaluation.splits.random", "neither"],
        ),
        (
            {"evaluation": {"splits": {"time": {"test_fraction": None, "folds": 3}}}},
            ["evaluation.splits.time.folds", "test_fraction instead"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"percentiles": [99, 1]}}}},
            ["evaluation.preprocessing.whole.percentiles", "runs backwards"],
        ),
        (
            {"evaluation": {"preprocessing": {"whole": {"limits": {"v_los": [1, -1]}}}}},
            ["evaluation.preprocessing.whole.limits.v_los", "runs backwards"],
        ),
        (
            {"evaluation": {"preprocessing": {"zoom_8": {"pixels_per_token": 1}}}},
            ["evaluation.preprocessing.zoom_8", "one of them"],
        ),
        (
            {"evaluation": {"ablations": {"zoom": {"variants": {"a": {}}}}}},
            ["evaluation.ablations.zoom", "either vary and values, or variants"],
        ),
        (
            {"evaluation": {"ablations": {"zoom": {"method": "dinov2"}}}},
            ["evaluation.ablations.zoom.method", "dinov2", "did you mean"],
        ),
        (
            {"evaluation": {"ablations": {"neighbours": {"labels": {"statistics_nn": "k-NN"}}}}},
            ["evaluation.ablations.neighbours.labels", "did you mean 'statistics_knn'"],
        ),
        (
            {"evaluation": {"methods": {"mean": {"label": "6 central statistics + 20-NN"}}}},
            [
                "evaluation.methods.mean.label",
                "what statistics_knn is called too, and study demo has both",
            ],
        ),
        (
            {
                "evaluation": {
                    "ablations": {
                        "neighbours": {
                            "labels": {"statistics_knn": "DINOv2 on fractals + kNN + PCA whitening"}
                        }
                    }
                }
            },
            ["statistics_knn", "dinov2_knn_whitened", "ablation neighbours has both"],
        ),
        (
            {"reporting": {"widths": {"few_labels": "half"}}},
            ["reporting.widths.few_labels", "none of column, text"],
        ),
        (
            {"evaluation": {"studies": {"demo": {"ablations": ["neighbors"]}}}},
            ["evaluation.studies.demo.ablations", "did you mean 'neighbours'"],
        ),
        (
            {"evaluation": {"studies": {"demo": {"few_labels": {"splits": ["star"]}}}}},
            ["evaluation.studies.demo.few_labels.splits", "star"],
        ),
        (
            {"pretraining": {"encoders": {"nano": {"resources": {"ranks": 3, "nodes": 2}}}}},
            ["nano.resources.ranks", "evenly"],
        ),
        (
            {"pretraining": {"encoders": {"nano": {"resources": {"ranks": 4, "gpus": 2}}}}},
            ["nano.resources.gpus", "write 4"],
        ),
        (
            {"pretraining": {"encoders": {"nano": {"images": "flames"}}}},
            ["pretraining.encoders.nano.images", "flames", "flame"],
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[0],
)
def test_a_mistake_is_one_sentence_with_the_key(default, change, words):
    with pytest.raises(InputError) as caught:
        read_config(merge(default, change))
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 800
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("text", "key", "taken_for"),
    [
        ("evaluation: {methods: {null: {regressor: mean}}}", "evaluation.methods.null", "nothing"),
        ("maps: {observations: {~: null}}", "maps.observations.null", "nothing"),
        ("maps: {simulations: {001: null}}", "maps.simulations.1", "a number"),
        ("pretraining: {encoders: {off: null}}", "pretraining.encoders.false", "true or false"),
        ("evaluation: {splits: {2024-01-01: {by: row}}}", "splits.2024-01-01", "a date"),
        ("{7: 1}", "7", "a number"),
        ("evaluation: {studies: {demo: {methods: [null]}}}", "demo.methods.0", "nothing"),
        ("evaluation: {studies: {demo: {reference: 001}}}", "demo.reference", "a number"),
        ("study: no", "study", "true or false"),
    ],
)
def test_names_that_yaml_reads_as_something_else_are_told(default, text, key, taken_for):
    """Also in quotes they are names: then nothing is said of quotes."""
    with pytest.raises(InputError) as caught:
        read_config(merge(default, yaml.safe_load(text)))
    said = str(caught.value)
    assert f"{key}'" in said and f"as {taken_for}" in said and "in quotes" in said


def test_names_of_any_look_are_names_in_quotes(default):
    names = ("null", "NA", "nan", "None", "001", "1e5", "yes", "inf")
    methods = {name: {"regressor": "mean", "label": name} for name in names}
    study = {"methods": [*default["evaluation"]["studies"]["demo"]["methods"], *names]}
    over = {"evaluation": {"methods": methods, "studies": {"demo": study}}}
    text = yaml.safe_dump(merge(default, over))
    found = read_config(yaml.safe_load(text))
    assert set(names) <= set(found.evaluation.methods)


def test_seeds_have_a_pretraining_each(default):
    two = {"pretraining": {"encoders": {"nano": {"seeds": [0, 1]}}}}
    two["evaluation"] = {"methods": {"dinov2_knn": {"seeds": [0, 1]}}}
    read_config(merge(default, two))
    two["evaluation"]["methods"]["dinov2_knn"]["seeds"] = [0, 2]
    with pytest.raises(InputError, match=r"methods\.dinov2_knn\.seeds.*nano has no.*with seed 2"):
        read_config(merge(default, two))


def test_averages_over_views_in_which_a_channel_changes_are_refused(default):
    """Turned with the sky a vector has other parts, and from behind a spectrum is in reverse."""
    vectors = {part: {"kind": "vector", "field": "gas b", "unit": "uG", "part": part} for part in
               ("along", "columns", "sky")}  # fmt: skip
    for channel, average, refused in (
        ("ppv_003", "sky_and_behind", True),
        ("ppv_003", "sky", False),
        ("along", "sky_and_behind", False),
        ("along", "sky", False),
        ("columns", "sky", True),
        ("columns", "none", False),
        ("sky", "sky_and_behind", False),
        ("temperature", "sky_and_behind", False),
        ("v_los", "sky_and_behind", False),
    ):
        own = {"preprocessing": {"own": {"channels": ["column_density", channel]}}}
        own["features"] = {"own": {"kind": "pixels", "preprocessing": "own", "average": average}}
        config = merge(default, {"maps": {"channels": vectors}, "evaluation": own})
        if refused:
            with pytest.raises(
                InputError, match=f"features.own.average.*mix up the channel {channel}"
            ):
                read_config(config)
        else:
            read_config(config)


def test_null_takes_a_key_or_an_entry_away(default):
    over = {
        "methods": {
            "mae_ridge": None,
            "dinov2_mlp": {"regressor": None, "hidden": None, "finetuning": {"mode": "lora"}},
        },
        "ablations": {
            "beam": None,
            "zoom": {"with": None},
            "channels": {"variants": {"none": None}},
        },
        "studies": {"demo": {"reference": None, "segmentation": {"attention_mass": None}}},
    }
    found = read_config(
        merge(default, {"evaluation": over, "reporting": {"published": {"mean": None}}})
    ).evaluation
    assert "mae_ridge" not in found.methods
    assert isinstance(found.methods["dinov2_mlp"], FinetunedEncoder)
    assert "beam" not in found.ablations and found.ablations["zoom"].with_ == {}
    assert found.ablations["channels"].variants["none"] is None
    assert found.studies["demo"].reference is None
    nothing = found.studies["demo"].segmentation.attention_mass
    assert nothing is None, "this null means something: no attention"
    with pytest.raises(InputError, match=r"'evaluation\.splits\.random\.by' is missing"):
        read_config(merge(default, {"evaluation": {"splits": {"random": {"by": None}}}}))


def test_null_takes_a_part_of_a_study_away(default):
    read_config(merge(default, {"evaluation": {"ablations": None}}))
    nothing = dict.fromkeys(("segmentation", "information", "few_labels", "ablations"))
    read_config(merge(default, {"evaluation": {"studies": {"demo": nothing}, "ablations": None}}))
    read_config(
        merge(
            default, {"evaluation": {"splits": {"protostar": {"test_fraction": None, "folds": 5}}}}
        ),
    )


@pytest.mark.parametrize(("name", "writer"), [("README.md", "page"), ("schema.json", "schema")])
def test_what_is_written_from_the_models_is_current(name, writer):
    done = subprocess.run(
        [sys.executable, "-c", f"import write_config_page as w; print(w.{writer}(), end='')"],
        cwd=ROOT / "docs", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == (ROOT / "config" / name).read_text(encoding="utf-8"), (
        "run python docs/write_config_page.py"
    )


@pytest.fixture(scope="module")
def editors_schema() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "config/schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem
)
def test_editors_find_no_mistake_in_the_files(editors_schema, path):
    editors_schema.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("maps: {projection: {pixels: 32}}", True),
        ("maps: {projection: {pixel: 32}}", False),
        ("maps: {projection: {pixels: many}}", False),
        ("maps: {simulations: {toycloud_b: null}, cuts: null}", True),
        ("maps: {simulations: {toycloud_b: {seed: 3}}}", True),
        ("maps: {simulations: {toycloud_b: {sed: 3}}}", False),
        ("evaluation: {methods: {mine: {regressor: knn, features: x, neighbours: [3, 5]}}}", True),
        ("evaluation: {methods: {mine: {regressor: kn, features: x}}}", False),
        ("study: null", True),
    ],
)
def test_editors_find_mistakes_in_a_file_that_is_laid_over(editors_schema, text, good):
    assert editors_schema.is_valid(yaml.safe_load(text)) == good


def test_the_config_page_has_every_key(default):
    page = (ROOT / "config/README.md").read_text()
    shown = set(re.findall(r"^\| `([\w.]+)`", page, flags=re.MULTILINE))
    keys = {"study", *(f"{section}.{key}" for section in SECTIONS for key in default[section])}
    assert keys <= shown
