"""What entries of different sections ask of each other, beyond that they exist."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from starmass.channels import BASE
from starmass.config.entry import Entry
from starmass.config.evaluation import Evaluation
from starmass.config.features import (
    ColumnFeatures,
    CombinedFeatures,
    EncoderFeatures,
    Features,
    ForeignEncoderFeatures,
    MapFeatures,
    OwnEncoderFeatures,
    Preprocessing,
)
from starmass.config.image_links import problems_of_images
from starmass.config.images import ImageSet
from starmass.config.maps import Maps
from starmass.config.methods import FinetunedEncoder, Method, Network
from starmass.config.pretraining import Pretraining
from starmass.description import is_resnet
from starmass.errors import InputError, closest
from starmass.maps.channels import channel_facts

if TYPE_CHECKING:
    from starmass.config.whole import Config

Problems = Iterator[tuple[str, str]]
"""Key below a section, ``evaluation`` for most, and what is wrong with it and the way out."""


def check_links(config: "Config") -> None:
    """Raise InputError about the first two entries that do not go together."""
    evaluation = config.evaluation
    for problems in (
        _combined(evaluation),
        _methods(evaluation, config.pretraining),
        _namesakes(evaluation),
        _ways_of_showing(config),
        _averages(evaluation, config.maps),
        _resnets(evaluation, config.pretraining),
        _columns(evaluation),
    ):
        for key, problem in problems:
            raise InputError(f"config key 'evaluation.{key}': {problem}.")


def _combined(evaluation: Evaluation) -> Problems:
    """The parts of combined features are none of their kind."""
    for name, features in evaluation.features.items():
        if isinstance(features, CombinedFeatures):
            for part in features.parts:
                if isinstance(evaluation.features[part], CombinedFeatures):
                    yield (
                        f"features.{name}.parts",
                        f"{part} is of kind combined itself; name its parts here instead",
                    )


def _methods(evaluation: Evaluation, pretraining: Pretraining) -> Problems:
    for name, method in evaluation.methods.items():
        if isinstance(method, Network):
            if method.encoder:
                learnt = pretraining.encoders[method.encoder].encoder.architecture
                if learnt != method.network.split(".")[0]:
                    yield (
                        f"methods.{name}.network",
                        f"{method.network} can't start from {method.encoder}, a {learnt}; name the"
                        " same network",
                    )
                yield from _seeds(name, method, method.encoder, pretraining)
            continue
        features = features_of(evaluation, method.features)
        for one in features:
            if isinstance(one, OwnEncoderFeatures) and one.weights == "pretrained":
                yield from _seeds(name, method, one.encoder, pretraining)
        if isinstance(method, FinetunedEncoder):
            yield from _finetuned(name, features)


def _seeds(name: str, method: Method, encoder: str, pretraining: Pretraining) -> Problems:
    """Each seed of a method has a pretraining, where the encoder has several."""
    seeds = pretraining.encoders[encoder].seeds
    lacking = [seed for seed in method.seeds if seed not in seeds]
    if len(seeds) > 1 and lacking:
        yield (
            f"methods.{name}.seeds",
            f"the encoder {encoder} has no pretraining with seed {lacking[0]}; it has"
            f" {', '.join(map(str, seeds))}",
        )


def features_of(evaluation: Evaluation, name: str | None) -> list[Features]:
    """Return the features of a name: one entry, the parts of a combined one, or none for None."""
    if name is None:
        return []
    features = evaluation.features[name]
    if isinstance(features, CombinedFeatures):
        return [evaluation.features[part] for part in features.parts]
    return [features]


def _finetuned(name: str, parts: Sequence[Features]) -> Problems:
    features = parts[0]
    if (
        len(parts) > 1
        or not isinstance(features, EncoderFeatures)
        or features.tokens not in ("class", "mean", "class_mean")
    ):
        yield (
            f"methods.{name}.finetuning",
            "only an encoder learns on, read at its class token, the mean or both; name such"
            " features",
        )
    elif len(features.preprocessing) > 1 or features.average != "none":
        yield (
            f"methods.{name}.finetuning",
            "an encoder learns on from one way of preprocessing, not averaged; name such features"
            " (finetuning.augment"
            " turns maps)",
        )


def _of_resnet(features: Features, pretraining: Pretraining) -> bool:
    """Whether features are those of a ResNet, which has no tokens."""
    if isinstance(features, OwnEncoderFeatures):
        return pretraining.encoders[features.encoder].method == "simsiam"
    return isinstance(features, ForeignEncoderFeatures) and is_resnet(features.architecture)


def _resnets(evaluation: Evaluation, pretraining: Pretraining) -> Problems:
    """Nothing asks a ResNet for tokens, or trains it as a transformer is trained."""
    resnets = {
        name: features
        for name, features in evaluation.features.items()
        if isinstance(features, EncoderFeatures) and _of_resnet(features, pretraining)
    }
    for name, features in resnets.items():
        if features.tokens not in ("class", "mean"):
            yield (
                f"features.{name}.tokens",
                f"{features.tokens} is of a vision transformer, and a ResNet's features are the"
                " mean of its last map; leave tokens out",
            )
        for way in features.preprocessing:
            if evaluation.preprocessing[way].pixels_per_token:
                yield (
                    f"features.{name}.preprocessing",
                    f"{way} has pixels_per_token, and a ResNet has no tokens; name one with"
                    " image_size",
                )
    for name, method in evaluation.methods.items():
        if isinstance(method, FinetunedEncoder) and method.features in resnets:
            yield (
                f"methods.{name}.features",
                f"{method.features} is of a ResNet, which is trained further by a method with"
                " network, and encoder or weights",
            )
    for name, study in evaluation.studies.items():
        if study.segmentation and study.segmentation.features in resnets:
            yield (
                f"studies.{name}.segmentation.features",
                f"{study.segmentation.features} is of a ResNet, which has no tokens; name a vision"
                " transformer",
            )


def _namesakes(evaluation: Evaluation) -> Problems:
    """Methods of one table have different labels."""
    nothing: Mapping[str, str] = {}
    tables = [
        (f"study {name}", study.methods, nothing) for name, study in evaluation.studies.items()
    ]
    for name, study in evaluation.studies.items():
        few = study.few_labels
        if few and few.methods:
            tables.append((f"few_labels of study {name}", few.methods, nothing))
    for name, ablation in evaluation.ablations.items():
        tables.append((f"ablation {name}", ablation.method, ablation.labels))
    for table, methods, renamed in tables:
        labels: dict[str, str] = {}
        for name in methods:
            label = renamed.get(name, evaluation.label(name))
            if (first := labels.setdefault(label, name)) != name:
                yield (
                    f"methods.{name}.label",
                    f"{label!r} is what {first} is called too, and {table} has both; call one of"
                    " them otherwise",
                )


def _columns(evaluation: Evaluation) -> Problems:
    """No method of a study sees the target itself."""
    for name, study in evaluation.studies.items():
        target = study.target.column if study.target else "mass_msun"
        few = study.few_labels.methods or () if study.few_labels else ()
        for method in (*study.methods, *few):
            named = getattr(evaluation.methods[method], "features", None)
            for features in features_of(evaluation, named):
                if isinstance(features, ColumnFeatures) and target in features.columns:
                    yield (
                        f"studies.{name}.methods",
                        f"{method} has the column {target} among its features, which is what the"
                        " study predicts; take it away there, or leave the method out",
                    )


def _ways_of_showing(config: "Config") -> Problems:
    """The maps, and an encoder's tokens, have room for what the chosen study shows."""
    evaluation = config.evaluation
    study = evaluation.studies[config.study]
    few = study.few_labels.methods or () if study.few_labels else ()
    users = {f"methods.{name}": evaluation.methods[name] for name in (*study.methods, *few)}
    users |= {
        f"studies.{config.study}.{key}": getattr(study, key)
        for key in ("information", "embedding", "segmentation")
        if getattr(study, key)
    }
    named = study.images or ""
    images = config.images[named] if named else None
    for user, entry in users.items():
        for name, patch in _shown(config, entry):
            way = evaluation.preprocessing[name]
            for problem in (
                *problems_of_showing(way, config.maps, patch, images),
                *_unmade(way, config.maps, study.simulations or ()),
                *(problems_of_images(way, images, named) if images else ()),
            ):
                yield f"preprocessing.{name}", f"{problem} (evaluation.{user} uses it)"


def _shown(config: "Config", user: Entry) -> Iterator[tuple[str, int]]:
    """Yield the ways in which a user of maps shows them, and the side of a token there [pixels]."""
    parts = features_of(config.evaluation, getattr(user, "features", None))
    own = getattr(user, "preprocessing", None)
    if not parts:
        yield from [(own, 1)] if own else []
    for features in parts:
        patch = 1
        if isinstance(features, OwnEncoderFeatures) and not _of_resnet(
            features, config.pretraining
        ):
            patch = config.pretraining.encoders[features.encoder].encoder.patch_size
        for name in [own] if own else getattr(features, "preprocessing", ()):
            yield name, patch


def _unmade(shown: Preprocessing, maps: Maps, simulations: tuple[str, ...]) -> Iterator[str]:
    """Yield the channels that are shown, and that no map of a simulation has."""
    for simulation in simulations:
        made = maps.channels_of(simulation)
        for channel in shown.channels:
            if channel not in BASE and not {channel, channel.rpartition("_")[0]} & {*made}:
                yield (
                    f"maps of {simulation} have no channel {channel!r}; name it in"
                    " maps.projection.channels, or in the simulation's channels"
                )


def problems_of_showing(
    shown: Preprocessing, maps: Maps, patch_size: int, images: ImageSet | None = None
) -> Iterator[str]:
    """Yield what a way of showing a map asks for in vain.

    A set of ``images`` has channels and, unless it says them, pixels that its files alone know.
    """
    pixels, extra = maps.projection.pixels, maps.channels
    if images:
        pixels = images.size or shown.zoom or 0
    known = (*BASE, *extra)
    for channel in () if images else shown.channels:
        # NAME_000 is a channel of a spectrum.
        if channel not in known and channel.rpartition("_")[0] not in extra:
            yield (
                f"there is no channel {channel!r}{closest(channel, known)}; there are"
                f" {', '.join(known)}"
            )
    for channel in shown.blank:
        if channel not in shown.channels:
            yield (
                f"{channel!r} is to be blank and is none of the channels shown,"
                f" {', '.join(shown.channels)}"
            )
    lacking = [channel for channel in shown.channels if channel not in shown.limits]
    if shown.scaling == "fixed" and lacking:
        yield f"scaling is fixed; give [lowest, highest] of {lacking[0]} under limits too"
    zoom = shown.zoom or pixels
    if zoom > pixels or (pixels - zoom) % 2:
        yield (
            f"zoom: {zoom} pixels have no place in the middle of {pixels}; choose an even"
            " difference below it"
        )
    token = shown.pixels_per_token
    side, patch = (zoom, token) if token else (shown.image_size or zoom, patch_size)
    if side and (side < patch or side % patch):
        yield (
            f"{side} pixels are no whole number of tokens of {patch:g} pixels; change image_size,"
            " pixels_per_token or zoom"
        )


def _averages(evaluation: Evaluation, maps: Maps) -> Problems:
    """No average is over views in which a channel becomes another one."""
    entries = {name: channel.plain() for name, channel in maps.channels.items()}
    for name, features in evaluation.features.items():
        if not isinstance(features, MapFeatures) or features.average == "none":
            continue
        for shown in features.preprocessing:
            for channel in evaluation.preprocessing[shown].channels:
                facts = channel_facts(channel, entries)
                if facts is None:
                    continue  # problems_of_showing says it
                if not facts.turns or (not facts.from_behind and "behind" in features.average):
                    least = "sky" if facts.turns else "none"
                    yield (
                        f"features.{name}.average",
                        f"{features.average} would mix up the channel {channel} of"
                        f" preprocessing.{shown},"
                        f" which is another in other views; use {least}, or show other channels",
                    )
