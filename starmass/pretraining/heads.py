"""The projection head, from a token to scores of prototypes (dinov2 `layers/dino_head.py`)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrizations


class Head(nn.Module):
    """MLP, L2 norm, and a linear layer without bias whose weights are normalised.

    Scores are scaled cosines to the prototypes.

    Parameters
    ----------
    width : of the tokens
    hidden, bottleneck : widths of the MLP's hidden layers and of its output
    prototypes : number of scores
    layers : of the MLP; 1 for a plain projection
    """

    def __init__(
        self, width: int, *, hidden: int, bottleneck: int, prototypes: int, layers: int = 3
    ):
        super().__init__()
        widths = [width, *[hidden] * (layers - 1), bottleneck]
        linear = [nn.Linear(before, after) for before, after in pairwise(widths)]
        for layer in linear:
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.mlp = nn.Sequential(*[part for layer in linear for part in (layer, nn.GELU())][:-1])
        last_layer = parametrizations.weight_norm(nn.Linear(bottleneck, prototypes, bias=False))
        nn.init.ones_(last_layer.parametrizations.weight.original0)
        self.last_layer = last_layer

    def forward(self, tokens: Tensor) -> Tensor:
        """Score tokens [N, width] against the prototypes: [N, prototypes]."""
        projected = self.mlp(tokens)
        return self.last_layer(
            normalize(projected, dim=-1, eps=1e-6 if projected.dtype == torch.float16 else 1e-12)
        )
