"""What a function of the library takes where nothing is said is what the config takes."""

from inspect import Parameter, signature

import pytest

from starmass.config import evaluation, features, fractals, methods, simulations, studies
from starmass.config.entry import Entry
from starmass.evaluation.embedding import embed_features
from starmass.evaluation.features import extract_features
from starmass.evaluation.few_labels import thin_split
from starmass.evaluation.finetuning import MODES, finetune_and_predict
from starmass.evaluation.regression import fit
from starmass.evaluation.samples import collect_samples
from starmass.evaluation.segmentation import segment
from starmass.evaluation.splits import draw_split
from starmass.evaluation.supervised import train_and_predict
from starmass.fractals.generation import render_shard
from starmass.maps.sinks import QUANTITY

PAIRS = [
    (draw_split, evaluation.Split, ("test_fraction", "folds", "seed")),
    (collect_samples, studies.Study, ("minimum_mass", "axes")),
    (thin_split, studies.FewLabels, ("fractions", "draws", "seed")),
    (embed_features, studies.Embedding, ("perplexity", "seed")),
    (segment, studies.Segmentation, ("examples", "palette_maps", "segments")),
    (extract_features, features.MapFeatures, ("average",)),
    (fit, methods.Regressor, ("whitening",)),
    (train_and_predict, methods.Network, ("epochs", "batch_size", "optimiser", "augment")),
    (train_and_predict, methods.Network, ("warmup_epochs", "learning_rate", "weight_decay")),
    (finetune_and_predict, methods.LowRankFinetuning, ("rank", "lora_scale", "epochs")),
    (finetune_and_predict, methods.FullFinetuning, ("layer_decay", "learning_rate", "augment")),
    (render_shard, fractals.Images, ("compression",)),
]


@pytest.mark.parametrize(("function", "model", "keys"), PAIRS)
def test_defaults_are_those_of_the_config(function, model: type[Entry], keys):
    known = signature(function).parameters
    for key in keys:
        default = known[key].default
        assert default is not Parameter.empty, key
        expected = model.model_fields[key].default
        assert default == expected or list(default) == list(expected), key


def test_modes_and_units_are_those_of_the_config():
    models = (methods.FullFinetuning, methods.LowRankFinetuning)
    assert tuple(model.choice.removeprefix("mode: ") for model in models) == MODES
    units = {name: field.default for name, field in simulations.SinkUnits.model_fields.items()}
    assert dict(QUANTITY.values()) == units
