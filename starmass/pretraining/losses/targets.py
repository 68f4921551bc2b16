"""The teacher's scores turned into targets for the student: centering, or Sinkhorn-Knopp.

Both prevent all samples from going to one prototype, and both use the samples of all ranks.
"""

import torch
from torch import Tensor, nn

from starmass.pretraining.ranks import maximum_over_ranks, sum_over_ranks


class Center(nn.Module):
    """Running mean of the teacher's scores, subtracted before the softmax.

    As dinov2 `loss/dino_clstoken_loss.py`, except that every row of every rank has the same weight
    when ranks have unequal numbers of masked tokens. The official iBOT center takes a mean of
    ranks' means.
    """

    center: Tensor
    seen: Tensor

    def __init__(self, prototypes: int, momentum: float):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("center", torch.zeros(prototypes))
        self.register_buffer(
            "seen", torch.zeros(prototypes + 1), persistent=False
        )  # this step's sum of scores, and their number

    def targets(self, scores: Tensor, temperature: float) -> Tensor:
        """Return softmax((scores - center) / temperature) of scores [N, K]."""
        return torch.softmax((scores.float() - self.center) / temperature, dim=-1)

    @torch.no_grad()
    def add(self, scores: Tensor) -> None:
        """Count scores [N, K] of this step; a step may count several times."""
        self.seen += torch.cat(
            [scores.float().sum(dim=0), torch.tensor([float(len(scores))], device=scores.device)]
        )

    @torch.no_grad()
    def move(self) -> None:
        """Move the center towards the mean of the step's scores.

        Call it after the step, so that all targets of a step use the same center.
        """
        total = sum_over_ranks(self.seen)
        mean = total[:-1] / total[-1].clamp(min=1)
        self.center.lerp_(mean, (1 - self.momentum) * (total[-1] > 0).float())
        self.seen.zero_()


@torch.no_grad()
def sinkhorn(scores: Tensor, temperature: float, iterations: int = 3) -> Tensor:
    """Return soft assignments that use all prototypes equally (Sinkhorn-Knopp; SwAV).

    As dinov2 `loss/dino_clstoken_loss.py`. The matrix exp(scores / T) is scaled by one factor per
    prototype and one per sample, alternately, until its sums are even. Only the factors are
    updated, so an iteration reads the matrix twice and writes nothing. Each row's maximum is
    subtracted before the exponential. It returns, relative to the maximum over all ranks, as the
    sample's first factor. Without that, the official form overflows at a score of 4 and a
    temperature of 0.04.

    Parameters
    ----------
    scores : [N, K]; N may differ between ranks, and be 0
    temperature : of the teacher
    iterations : 3 officially

    Returns
    -------
    float32 [N, K], rows sum to 1
    """
    scaled = scores.float() / temperature
    # What each prototype is to be given in sum over all samples.
    share = sum_over_ranks(scaled.new_tensor(float(len(scaled)))) / scaled.shape[1]
    highest = scaled.amax(dim=1) if len(scaled) else scaled.new_zeros(0)
    overall = maximum_over_ranks(highest.max() if len(scaled) else scaled.new_tensor(-torch.inf))
    matrix = torch.exp(scaled - highest[:, None])
    tiny = torch.finfo(matrix.dtype).tiny
    sample = torch.exp(highest - overall)
    prototype = matrix.new_ones(matrix.shape[1])
    for _ in range(iterations):
        prototype = share / sum_over_ranks(sample @ matrix).clamp(min=tiny)
        sample = 1 / (matrix @ prototype).clamp(min=tiny)
    return matrix * prototype * sample[:, None]


def target_entropy(targets: Tensor) -> Tensor:
    """Mean entropy of targets [N, K] as a share of ln K: 1 is uniform, 0 is one prototype each."""
    return -torch.xlogy(targets, targets).sum(dim=-1).mean() / torch.log(
        torch.tensor(float(targets.shape[-1]))
    )


def prototypes_in_use(targets: Tensor) -> Tensor:
    """Return the effective number of prototypes in use, from 1 to K, over all ranks.

    It is exp of the entropy of the mean target.
    """
    mean = sum_over_ranks(targets.sum(dim=0))
    mean = mean / mean.sum()
    return torch.exp(-torch.xlogy(mean, mean).sum())
