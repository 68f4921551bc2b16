"""The recipe of a pretraining: every number that shapes it, its default and where that comes from.

Defaults are those of the official "short" ViT-L/16 recipe (dinov2 `configs/ssl_default_config.yaml` and
`configs/train/vitl16_short.yaml`), whose 10 + 90 epochs the paper quotes. They stand here and nowhere else; the schema of the
workflow says what each key means and may be.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from starmass.description import EncoderDescription
from starmass.errors import InputError, closest

T = TypeVar("T")
Range = tuple[float, float]
NOT_OF_THE_RECIPE = (
    "images",
    "check",
    "resources",
)  # names of the workflow's files, and what it asks for


@dataclass(frozen=True)
class Encoder:
    """The vision transformer, by timm's name; None leaves a size to the architecture."""

    architecture: str = "vit_large_patch16_224"
    patch_size: int = 16
    width: int | None = None
    depth: int | None = None
    heads: int | None = None
    registers: int = 0
    layer_scale: float = 1e-5  # 0.1-1 for shallow nets; 0 for none
    drop_path: float = 0.3  # same in all blocks; by leaving out a subset of the batch


@dataclass(frozen=True)
class Views:
    """Crops of an image and what is done to them. Lists of three: first global crop, second global crop, local crops."""

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    global_size: int = 224
    global_area: Range = (0.32, 1.0)
    local_count: int = 8
    local_size: int = 96
    local_area: Range = (0.05, 0.32)
    aspect: Range = (3 / 4, 4 / 3)  # torchvision's RandomResizedCrop
    flip: float = 0.5
    flip_vertical: float = 0.0
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grey: float = 0.2
    blur: tuple[float, float, float] = (
        0.0,
        0.9,
        0.5,
    )  # what the released code does; its documentation says 1, 0.1, 0.5
    blur_sigma: Range = (0.1, 2.0)
    solarise: tuple[float, float, float] = (0.0, 0.2, 0.0)


@dataclass(frozen=True)
class Optimiser:
    """AdamW and its schedules."""

    rate: float = 0.004  # at reference_batch; scaled by the square root of the batch
    reference_batch: int = 1024
    final_rate: float = 1e-6
    warmup_epochs: float = 10
    weight_decay: float = 0.04
    final_weight_decay: float = 0.4
    betas: Range = (0.9, 0.999)
    layer_decay: float = 0.9
    patch_rate: float = 0.2  # the patch embedding's share of the rate
    clip: float = 3.0  # largest gradient norm of the encoder, and of each head; 0 for no limit


@dataclass(frozen=True)
class DINOv2:
    """What only DINOv2 has: heads, masks, targets, teacher and the weights of its terms."""

    head_layers: int = 3
    head_hidden: int = 2048
    head_bottleneck: int = 256
    prototypes: int = 65536
    separate_heads: bool = (
        False  # one for class tokens and one for patches, as in the official long recipe
    )
    mask_share: float = 0.5
    mask_ratio: Range = (0.1, 0.5)
    targets: Literal["centering", "sinkhorn"] = "centering"  # the long recipe: sinkhorn
    center_momentum: float = 0.9
    sinkhorn_iterations: int = 3
    student_temperature: float = 0.1
    first_teacher_temperature: float = 0.04
    teacher_temperature: float = 0.07
    teacher_temperature_epochs: float = 30
    first_momentum: float = 0.992
    momentum: float = 1.0
    dino_weight: float = 1.0
    ibot_weight: float = 1.0
    koleo_weight: float = 0.1
    koleo_neighbours: Literal["rank", "all"] = "rank"
    freeze_last_layer_epochs: float = 1


@dataclass(frozen=True)
class MAE:
    """What only MAE has: how much is hidden, and the decoder."""

    mask_ratio: float = 0.75
    normalise_pixels: bool = True  # each hidden patch by its own mean and variance
    decoder_width: int = 512
    decoder_depth: int = 1  # as C-MAE; 8 in He et al.
    decoder_heads: int = 16


@dataclass(frozen=True)
class SimSiam:
    """What only SimSiam has: the widths of its two perceptrons."""

    projection: int = 2048
    prediction: int = 512


@dataclass(frozen=True)
class Execution:
    """How it is run, not what comes out: none of these is part of what a resumed run has to share."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = 2
    checkpoint_minutes: float = 10
    log_steps: int = 20
    check_epochs: float = 1  # between checks on labelled maps, where a file of them is given
    accumulation: int = 1  # parts that a rank's batch is worked through in
    recompute: bool = False  # activations of each block in the backward pass, to save memory
    compile: bool = False


@dataclass(frozen=True)
class Recipe:
    """A whole pretraining but for the images."""

    method: Literal["dinov2", "mae", "simsiam"] = "dinov2"
    seed: int = 0
    batch: int = 1024  # images a step, all ranks together
    epochs: float = 100
    epoch_steps: int | None = None  # None: the images once; 1250 officially
    precision: Literal["float32", "bfloat16"] = (
        "float32"  # of the matrix products; losses are float32 in both
    )
    encoder: Encoder = field(default_factory=Encoder)
    views: Views = field(default_factory=Views)
    optimiser: Optimiser = field(default_factory=Optimiser)
    dinov2: DINOv2 = field(default_factory=DINOv2)
    mae: MAE = field(default_factory=MAE)
    simsiam: SimSiam = field(default_factory=SimSiam)
    execution: Execution = field(default_factory=Execution)

    def __post_init__(self) -> None:
        views, encoder = self.views, self.encoder
        colour = [key for key in ("saturation", "hue", "grey") if getattr(views, key) > 0]
        if len(views.mean) != 3 and colour:
            raise InputError(
                f"views.{colour[0]}: needs 3 colour channels and views.mean names {len(views.mean)}; set saturation, hue and grey to 0."
            )
        if encoder.architecture.startswith("resnet") != (self.method == "simsiam"):
            fit = (
                "resnet18 or another ResNet"
                if self.method == "simsiam"
                else "vit_large_patch16_224 or another vision transformer"
            )
            raise InputError(
                f"encoder.architecture {encoder.architecture!r}: the method {self.method} takes {fit}; change one of them."
            )
        for key, size in (("global_size", views.global_size), ("local_size", views.local_size)):
            if size % encoder.patch_size:
                raise InputError(
                    f"views.{key}: {size} pixels are not a multiple of encoder.patch_size {encoder.patch_size}; change one of them."
                )
        if encoder.width and encoder.heads and encoder.width % encoder.heads:
            raise InputError(
                f"encoder.heads: {encoder.heads} is no divisor of encoder.width {encoder.width}; change one of them."
            )
        ranges = {
            f"views.{key}": getattr(views, key)
            for key in ("global_area", "local_area", "aspect", "blur_sigma")
        }
        for key, (low, high) in {**ranges, "dinov2.mask_ratio": self.dinov2.mask_ratio}.items():
            if low > high:
                raise InputError(f"{key}: [{low}, {high}] runs backwards; give the least first.")
            if high > 1 and key.endswith(("area", "ratio")):
                raise InputError(f"{key}: {high} is more than 1, the whole; give shares.")
            if low <= 0 and key.endswith(("area", "aspect")):
                raise InputError(f"{key}: {low} must be more than 0.")
        if not all(0 <= beta < 1 for beta in self.optimiser.betas):
            raise InputError(
                f"optimiser.betas: {list(self.optimiser.betas)} must be from 0 to below 1, as [0.9, 0.999]."
            )
        self.description()

    def description(self) -> EncoderDescription:
        """Describe the encoder that comes out."""
        encoder = self.encoder
        arguments: dict[str, Any] = {"init_values": encoder.layer_scale or None}
        arguments |= {
            name: value
            for name, value in (("depth", encoder.depth), ("num_heads", encoder.heads))
            if value is not None
        }
        if encoder.registers:
            # As timm's own DINOv2 models with registers: only patches have positions.
            arguments |= {"reg_tokens": encoder.registers, "no_embed_class": True}
        return EncoderDescription(
            architecture=encoder.architecture,
            image_size=self.views.global_size,
            patch_size=encoder.patch_size,
            in_channels=len(self.views.mean),
            mean=self.views.mean,
            std=self.views.std,
            width=encoder.width,
            arguments=arguments,
        )

    def steps_per_epoch(self, images: int) -> int:
        """Return the number of steps that one epoch of the schedules lasts.

        Raises
        ------
        InputError
            when it is the images once, and they fill no batch
        """
        steps = self.epoch_steps or images // self.batch
        if not steps:
            raise InputError(
                f"batch: a step takes {self.batch} images, but there are {images}, so an epoch has"
                " no step; lower batch, take more images, or give epoch_steps to go through them"
                " several times."
            )
        return steps

    def digest(self, images: Any) -> str:
        """Return what a resumed run has to share: a digest of all that shapes the weights, and of the images' identity."""
        without = {"execution", *get_args(get_type_hints(Recipe)["method"])} - {self.method}
        shaping = {key: value for key, value in asdict(self).items() if key not in without}
        return hashlib.sha256(json.dumps([shaping, images], sort_keys=True).encode()).hexdigest()[
            :16
        ]


def read_recipe(values: Mapping[str, Any]) -> Recipe:
    """Build a recipe from a config entry; what the entry says to the workflow alone is passed over.

    Raises
    ------
    InputError
        names the key that is unknown, of the wrong kind, or that doesn't fit another
    """
    return _build(
        Recipe, {key: value for key, value in values.items() if key not in NOT_OF_THE_RECIPE}, ""
    )


def _build(kind: type[T], values: Any, path: str) -> T:
    if not isinstance(values, Mapping):
        raise InputError(
            f"recipe key {path.rstrip('.') or '(top level)'!r}: {values!r} is not a mapping of keys."
        )
    hints = get_type_hints(kind)
    known = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InputError(
                f"recipe key {path + str(key)!r} is unknown{closest(str(key), known)}; known here: {', '.join(known)}."
            )
    return kind(**{key: _convert(hints[key], value, path + key) for key, value in values.items()})


def _convert(hint: Any, value: Any, path: str) -> Any:
    """Hold a value to its type; lists become tuples and whole numbers floats."""
    if is_dataclass(hint):
        return _build(hint, value, f"{path}.")  # type: ignore[arg-type]
    if get_origin(hint) is UnionType:
        return None if value is None else _convert(get_args(hint)[0], value, path)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise InputError(
                f"recipe key {path!r}: {value!r} is none of {', '.join(get_args(hint))}{closest(str(value), get_args(hint))}."
            )
        return value
    if get_origin(hint) is tuple:
        size = None if get_args(hint)[-1] is Ellipsis else len(get_args(hint))
        if not isinstance(value, list | tuple) or not value or (size and len(value) != size):
            raise InputError(
                f"recipe key {path!r}: {value!r} is not a list of {size or 'one or more'} numbers."
            )
        return tuple(_convert(float, entry, path) for entry in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        hint_text = (
            "; YAML reads 1e-5 as text, write 1.0e-5"
            if isinstance(value, str) and hint in (int, float)
            else ""
        )
        raise InputError(
            f"recipe key {path!r}: {value!r} is not of type {hint.__name__}{hint_text}."
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"recipe key {path!r}: {value} is not a finite number; give one.")
    return value
