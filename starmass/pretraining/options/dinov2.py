"""Options of DINOv2; defaults are those of the official "short" ViT-L/16 recipe."""

from dataclasses import dataclass
from typing import Literal

from starmass.pretraining.ranges import Range, check_range


@dataclass(frozen=True)
class Options:
    """What only DINOv2 has: heads, masks, targets, teacher and the weights of its terms."""

    head_layers: int = 3
    head_hidden: int = 2048
    head_bottleneck: int = 256
    prototypes: int = 65536
    # One for class tokens and one for patches, as in the official long recipe.
    separate_heads: bool = False
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

    def __post_init__(self) -> None:
        check_range("dinov2.mask_ratio", self.mask_ratio)


CONVOLUTIONAL = False
