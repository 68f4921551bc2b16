"""KoLeo: features spread evenly over the sphere (Sablayrolles et al. 2019).

As dinov2 `loss/koleo_loss.py`.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize, pairwise_distance

from starmass.pretraining.ranks import gather_over_ranks, rank

EPSILON = 1e-8


def koleo_loss(features: Tensor, *, across_ranks: bool) -> Tensor:
    """Minus the mean log distance of each unit feature to its nearest neighbour.

    Parameters
    ----------
    features : [B, D], of one crop of every image
    across_ranks : look for neighbours on all ranks, with gradients, or only on this one as the
        official code does. The value depends on it (0.77 between 8 and 16 samples in a test), so it
        is part of the recipe

    Returns
    -------
    16.5 when all features are equal; about 0 when neighbours are a distance of 1 apart
    """
    with torch.autocast(features.device.type, enabled=False):
        features = normalize(features.float(), dim=-1, eps=EPSILON)
        others = gather_over_ranks(features) if across_ranks else features
        first = rank() * len(features) if across_ranks else 0
        with torch.no_grad():
            similarity = features @ others.T
            own = torch.arange(len(features), device=features.device)
            similarity[own, first + own] = -2
            nearest = similarity.argmax(dim=1)
        distance = pairwise_distance(features, others[nearest], eps=EPSILON)
        return -torch.log(distance + EPSILON).mean()
