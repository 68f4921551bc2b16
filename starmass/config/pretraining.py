"""Section ``pretraining``: images to encoders.

The defaults of a recipe are those of the official "short" ViT-L/16 recipe of DINOv2
(``configs/ssl_default_config.yaml`` and ``configs/train/vitl16_short.yaml``), whose 10 + 90 epochs
the paper quotes.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from starmass.config.entry import (
    Contradiction,
    Each,
    Entry,
    Name,
    Named,
    Seed,
    Share,
    Two,
    chosen_by,
    key,
)
from starmass.description import EncoderDescription
from starmass.errors import InputError

MethodName = Literal["dinov2", "mae", "simsiam"]
METHODS: tuple[str, ...] = get_args(MethodName)
"""Methods of pretraining, each with a section of its name in a recipe."""
AtLeastZero = Annotated[float, Field(ge=0)]
Range = Two[AtLeastZero]
ThreeShares = Annotated[tuple[Share, Share, Share], Field(strict=False)]
EachChannel = Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=64)]


class Encoder(Entry):
    """The vision transformer, by timm's name."""

    architecture: str = key(
        "vit_large_patch16_224",
        "timm's name; the sizes below override those in it; a ResNet for simsiam",
        pattern="^(vit_|resnet)",
    )
    patch_size: int = key(16, "Side of a patch [pixel]", ge=1, le=256)
    width: int | None = key(
        None, "Length of a token's vector; null for the architecture's own", ge=1
    )
    depth: int | None = key(None, "Blocks; null for the architecture's own", ge=1)
    heads: int | None = key(
        None, "Attention heads of a block; null for the architecture's own", ge=1
    )
    registers: int = key(0, "Register tokens: 0 or 4", ge=0)
    layer_scale: float = key(
        1e-5, "Start of LayerScale; 0.1 to 1 for shallow nets, 0 for none", ge=0
    )
    drop_path: float = key(0.3, "Share of the images that each half block passes over", ge=0, lt=1)


class Views(Entry):
    """Crops of an image and what is done to them."""

    mean: EachChannel = key(
        (0.5, 0.5, 0.5),
        "Taken off each channel of pixels in 0 to 1; its length is the number of channels",
    )
    std: EachChannel = key((0.5, 0.5, 0.5), "Each channel is divided by it")
    global_size: int = key(224, "Side of a global crop [pixel]; the paper 336", ge=8)
    global_area: Range = key((0.32, 1.0), "Least and most share of the image in a global crop")
    local_count: int = key(8, "Local crops of an image", ge=0, le=64)
    local_size: int = key(96, "Side of a local crop [pixel]", ge=8)
    local_area: Range = key((0.05, 0.32), "Least and most share of the image in a local crop")
    aspect: Range = key((3 / 4, 4 / 3), "Least and most width over height of a crop")
    flip: Share = key(0.5, "Probability of mirroring left and right")
    flip_vertical: Share = key(0.0, "Probability of mirroring top and bottom")
    jitter: Share = key(
        0.8, "Probability that brightness, contrast, saturation and hue are changed"
    )
    brightness: Share = key(0.4, "Largest relative change")
    contrast: Share = key(0.4, "Largest relative change")
    saturation: Share = key(0.2, "Largest relative change; 0 unless there are 3 channels")
    hue: float = key(
        0.1, "Largest change as a part of the circle; 0 unless there are 3 channels", ge=0, le=0.5
    )
    grey: Share = key(0.2, "Probability of losing all colour; 0 unless there are 3 channels")
    # What the released code does; its documentation says 1, 0.1, 0.5.
    blur: ThreeShares = key(
        (0.0, 0.9, 0.5),
        "Probability of Gaussian blur: first global crop, second, local ones",
    )
    blur_sigma: Range = key((0.1, 2.0), "Least and most width of the blur [pixel]")
    solarise: ThreeShares = key(
        (0.0, 0.2, 0.0),
        "Probability of inverting the bright half: first global crop, second, local ones",
    )


class Optimiser(Entry):
    """AdamW and its schedules."""

    learning_rate: float = key(
        0.004,
        "Highest learning rate at reference_batch_size; scaled by the square root of batch_size"
        " over it",
        gt=0,
    )
    reference_batch_size: int = key(1024, "Batch size that learning_rate is meant for", ge=1)
    final_learning_rate: float = key(1e-6, "Learning rate at the end", ge=0)
    warmup_epochs: float = key(10, "Linear rise of the rate [epochs]", ge=0)
    weight_decay: float = key(0.04, "At the start; none on biases, norms and LayerScale", ge=0)
    final_weight_decay: float = key(0.4, "At the end", ge=0)
    betas: Range = key((0.9, 0.999), "AdamW's two momenta")
    layer_decay: float = key(
        0.9, "Factor on the rate for each block further from the output", gt=0, le=1
    )
    patch_rate: float = key(0.2, "Factor on the rate of the patch embedding", ge=0)
    clip: float = key(3.0, "Largest gradient norm, of encoder and heads each; 0 for none", ge=0)


class DINOv2Options(Entry):
    """What only DINOv2 has."""

    head_layers: int = key(3, "Linear layers of the head's MLP", ge=1)
    head_hidden: int = key(2048, "Width of its hidden layers", ge=1)
    head_bottleneck: int = key(256, "Width of its output, before the prototypes", ge=1)
    prototypes: int = key(65536, "Prototypes K; 512 to 4096 for small nets", ge=2)
    separate_heads: bool = key(
        False, "One head for class tokens and one for patches, or one for both"
    )
    mask_share: Share = key(0.5, "Share of the global crops that is masked")
    mask_ratio: Range = key((0.1, 0.5), "Least and most share of the patches masked in those")
    targets: Literal["centering", "sinkhorn"] = key(
        "centering", "How the teacher's scores become targets"
    )
    center_momentum: Share = key(0.9, "Momentum of the center")
    sinkhorn_iterations: int = key(3, "Iterations of Sinkhorn-Knopp", ge=1)
    student_temperature: float = key(0.1, "Of the student's softmax", gt=0)
    first_teacher_temperature: float = key(0.04, "Of the teacher's softmax at the start", gt=0)
    teacher_temperature: float = key(
        0.07, "Of the teacher's softmax from teacher_temperature_epochs on", gt=0
    )
    teacher_temperature_epochs: float = key(30, "Linear rise of the temperature [epochs]", ge=0)
    first_momentum: Share = key(
        0.992, "Of the teacher at the start; 0.98 to 0.99 for less than 1,000 steps"
    )
    momentum: Share = key(1.0, "Of the teacher at the end")
    dino_weight: float = key(1.0, "Weight of the DINO terms", ge=0)
    ibot_weight: float = key(1.0, "Weight of the iBOT term", ge=0)
    koleo_weight: float = key(0.1, "Weight of the KoLeo term", ge=0)
    koleo_neighbours: Literal["rank", "all"] = key(
        "rank",
        "Where KoLeo looks for neighbours: among a rank's images (official) or those of all ranks",
    )
    freeze_last_layer_epochs: float = key(1, "How long the prototypes stand still [epochs]", ge=0)


class MAEOptions(Entry):
    """What only MAE has."""

    mask_ratio: float = key(0.75, "Share of the patches that is hidden", gt=0, lt=1)
    normalise_pixels: bool = key(
        True, "Whether each hidden patch is held to its own mean and variance"
    )
    decoder_width: int = key(
        512,
        "Length of the decoder's tokens, a multiple of decoder_heads",
        ge=4,
        multiple_of=4,
    )
    decoder_depth: int = key(1, "Its blocks; 1 in C-MAE, 8 in He et al.", ge=1)
    decoder_heads: int = key(16, "Its attention heads", ge=1)


class SimSiamOptions(Entry):
    """What only SimSiam has."""

    projection: int = key(2048, "Width of the projection, of three layers", ge=2)
    prediction: int = key(512, "Width of the hidden layer of the prediction", ge=2)


class Execution(Entry):
    """How a pretraining runs; changes no result but for rounding."""

    device: Literal["auto", "cpu", "cuda"] = key(
        "auto", "Where to compute; auto takes a GPU if there is one"
    )
    workers: int = key(2, "Processes of each rank that read images", ge=0, le=256)
    checkpoint_minutes: float = key(10, "Time between checkpoints [minutes]", ge=0)
    log_steps: int = key(20, "Steps between records of metrics.jsonl", ge=1)
    probe_epochs: float = key(1, "Epochs between trials on the maps of probe", gt=0)
    accumulation: int = key(
        1,
        "Parts that a rank's batch is worked through in, to save memory; KoLeo, Sinkhorn-Knopp and"
        " drop_path then see one part at a time",
        ge=1,
    )
    recompute: bool = key(
        False,
        "Whether blocks are computed again in the backward pass instead of kept, to save memory;"
        " changes no number",
    )
    compile: bool = key(
        False,
        "Whether torch.compile makes the blocks faster; needs a C++ compiler, and minutes at the"
        " start",
    )


class Resources(Entry):
    """What a pretraining's job asks for."""

    threads: int = key(2, "CPU threads of each rank", ge=1)
    ranks: int = key(1, "Processes that share a batch, one for each GPU", ge=1)
    nodes: int = key(1, "Machines that they run on (SLURM)", ge=1)
    gpus: int = key(0, "GPUs in all", ge=0)
    memory_mb: int = key(4000, "Memory [MB] on each machine", ge=500)
    runtime: int = key(240, "Time limit of one submission [minutes]", ge=1)

    @model_validator(mode="after")
    def _check_shares(self) -> "Resources":
        if self.ranks % self.nodes:
            raise Contradiction(
                f"{self.ranks} ranks can't be shared out evenly over {self.nodes} nodes; make it a"
                " multiple",
                "ranks",
            )
        if self.gpus not in (0, self.ranks):
            raise Contradiction(
                f"{self.gpus} GPUs for {self.ranks} ranks; a rank has one GPU, so write"
                f" {self.ranks}, or 0 for none",
                "gpus",
            )
        return self


class Training(Entry):
    """A whole pretraining but for its images and seed."""

    method: MethodName = key(
        "dinov2",
        "How it learns; of the sections dinov2, mae and simsiam only its own is read",
    )
    batch_size: int = key(1024, "Images a step, all ranks together", ge=2)
    epochs: float = key(100, "Length of the run [epochs]", gt=0)
    epoch_steps: int | None = key(
        None,
        "Steps that count as an epoch; null for as many as pass the images once, officially 1250",
        ge=1,
    )
    precision: Literal["float32", "bfloat16"] = key(
        "float32",
        "Of matrix products: bfloat16 pays on GPUs and on CPUs that have it (lscpu: avx512_bf16 or"
        " amx_bf16); losses are float32 in both",
    )
    encoder: Encoder = key(Encoder(), "The vision transformer")
    views: Views = key(Views(), "Crops and what is done to them")
    optimiser: Optimiser = key(Optimiser(), "AdamW and its schedules")
    dinov2: DINOv2Options = key(DINOv2Options(), "What only DINOv2 has")
    mae: MAEOptions = key(
        MAEOptions(),
        "What only MAE has; it takes one global crop of each image, made like the first of"
        " DINOv2's",
    )
    simsiam: SimSiamOptions = key(SimSiamOptions(), "What only SimSiam has")
    execution: Execution = key(Execution(), "How it runs; changes no result but for rounding")

    @model_validator(mode="after")
    def _check_parts(self) -> "Training":
        views, encoder = self.views, self.encoder
        colour = [name for name in ("saturation", "hue", "grey") if getattr(views, name) > 0]
        if len(views.mean) != 3 and colour:
            raise Contradiction(
                f"needs 3 colour channels and views.mean names {len(views.mean)}; set saturation,"
                " hue and grey to 0",
                "views",
                colour[0],
            )
        if encoder.architecture.startswith("resnet") != (self.method == "simsiam"):
            fit = (
                "resnet18 or another ResNet"
                if self.method == "simsiam"
                else "vit_large_patch16_224 or another vision transformer"
            )
            raise Contradiction(
                f"{encoder.architecture!r} is none that the method {self.method} takes, which is"
                f" {fit}; change one of them",
                "encoder",
                "architecture",
            )
        for name in ("global_size", "local_size"):
            if getattr(views, name) % encoder.patch_size:
                raise Contradiction(
                    f"{getattr(views, name)} pixels are not a multiple of encoder.patch_size"
                    f" {encoder.patch_size}; change one of them",
                    "views",
                    name,
                )
        if encoder.width and encoder.heads and encoder.width % encoder.heads:
            raise Contradiction(
                f"{encoder.heads} is no divisor of encoder.width {encoder.width}; change one of"
                " them",
                "encoder",
                "heads",
            )
        self._check_ranges()
        try:
            self.description()
        except InputError as error:
            raise Contradiction(str(error).removesuffix("."), "views", "mean") from None
        return self

    def _check_ranges(self) -> None:
        names = [f"views.{name}" for name in ("global_area", "local_area", "aspect", "blur_sigma")]
        for path in (*names, "dinov2.mask_ratio"):
            section, name = path.split(".")
            low, high = getattr(getattr(self, section), name)
            problem = ""
            if low > high:
                problem = f"[{low}, {high}] runs backwards; give the least first"
            elif high > 1 and name.endswith(("area", "ratio")):
                problem = f"{high} is more than 1, the whole; give shares"
            elif low <= 0 and name.endswith(("area", "aspect")):
                problem = f"{low} must be more than 0"
            if problem:
                raise Contradiction(problem, section, name)
        if not all(0 <= beta < 1 for beta in self.optimiser.betas):
            raise Contradiction(
                f"{list(self.optimiser.betas)} must be from 0 to below 1, as [0.9, 0.999]",
                "optimiser",
                "betas",
            )

    def description(self) -> EncoderDescription:
        """Describe the encoder that comes out."""
        return EncoderDescription.of(self.encoder, self.views)


class Recipe(Training):
    """A whole pretraining but for its images."""

    seed: Seed = key(0, "Seed of weights, order, views and masks")


class TrainingMaps(Entry):
    """The training rows of a study's split, shown in some way."""

    choice = "images with study"
    study: Name = key(..., "Entry of evaluation.studies", refers="evaluation.studies")
    split: Name = key(
        ...,
        "Entry of evaluation.splits with test_fraction (with folds, every map is a test map of"
        " one)",
        refers="evaluation.splits without folds",
    )
    preprocessing: Name = key(
        "whole",
        "Entry of evaluation.preprocessing: how a map is shown",
        refers="evaluation.preprocessing",
    )


class SetImages(Entry):
    """All images of a set, shown in some way."""

    choice = "images with set"
    set_: Name = key(
        ..., "Entry of images to learn from, without its labels", alias="set", refers="images"
    )
    preprocessing: Name = key(
        ...,
        "Entry of evaluation.preprocessing: how an image is shown; limits are those of all images",
        refers="evaluation.preprocessing",
    )


def _maps_or_set(entry: Any) -> str:
    return SetImages.choice if "set" in entry else TrainingMaps.choice


if TYPE_CHECKING:
    MapsOrSet = TrainingMaps | SetImages
else:
    MapsOrSet = chosen_by(_maps_or_set, [TrainingMaps, SetImages])


class Pretraining(Entry):
    """Images to encoders."""

    resubmissions: int = key(
        0,
        "How often a pretraining that ended early (time limit, lost node) is started again; it"
        " goes on from its last checkpoint. Not trained again after it failed twice in a row by"
        " itself",
        ge=0,
        le=1000,
    )
    encoders: "Named[EncoderEntry]" = key(
        ...,
        "Encoders by name; each is a recipe, whose defaults are the official ones of DINOv2 with"
        " ViT-L/16",
    )


class EncoderEntry(Training):
    """A recipe with its images, its seeds, and what its job asks for."""

    images: Name | MapsOrSet = key(
        ...,
        "Entry of fractals.images to learn from; or the maps of a study themselves, without their"
        " labels: {study: NAME, split: NAME}, of which the training rows are taken; or all images"
        " of a set: {set: NAME, preprocessing: NAME}",
        refers="fractals.images",
    )
    seeds: Each[Seed] = key(
        (0,),
        "Seeds of weights, order, views and masks, a pretraining each; a method's seed takes the"
        " pretraining of the same seed",
    )
    probe: TrainingMaps | None = key(
        None,
        "Labelled maps that the encoder is tried on every execution.probe_epochs, by nearest"
        " neighbours among other protostars; the training rows of a study's split, so that no test"
        " row is looked at",
    )
    resources: Resources = key(Resources(), "What the workflow asks for")

    @model_validator(mode="after")
    def _check_batch(self) -> "EncoderEntry":
        parts = self.resources.ranks * self.execution.accumulation
        if self.batch_size % parts:
            raise Contradiction(
                f"{self.batch_size} images can't be shared out evenly over {parts} parts"
                " (resources.ranks times execution.accumulation); make it a multiple",
                "batch_size",
            )
        return self

    def recipe(self, seed: int) -> Recipe:
        """Return the recipe of the pretraining with a seed, without images and resources."""
        own = {name: getattr(self, name) for name in Training.model_fields}
        return Recipe(**own, seed=seed)


Pretraining.model_rebuild()
