"""DINO: all crops of an image agree with the teacher's view of its global crops (class tokens).

Caron et al. 2021; averaging over pairs as dinov2 `train/ssl_meta_arch.py`.
"""

import torch
from torch import Tensor


def dino_loss(
    globals_: Tensor, locals_: Tensor, targets: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of the student's crops with the teacher's.

    It is averaged over all pairs of different crops.

    Parameters
    ----------
    globals_ : student's scores of the two global crops [2, B, K]; crop 0 is compared with target 1
        and crop 1 with target 0
    locals_ : student's scores of the local crops [L, B, K], L may be 0; each is compared with both
        targets
    targets : teacher's distributions of the two global crops [2, B, K]
    temperature : of the student

    Returns
    -------
    the part of the pairs of global crops, and that of the local crops; their sum is the mean over
    all 2 + 2 L pairs
    """
    pairs = 2 + 2 * len(locals_)
    across = _cross_entropy(globals_, targets.flip(0), temperature).sum(dim=0).mean() / pairs
    if not len(locals_):
        return across, across.new_zeros(())
    # A crop's two cross-entropies are one: both targets share its log-softmax.
    down = (
        _cross_entropy(locals_, targets.sum(dim=0), temperature, weight=2).sum(dim=0).mean() / pairs
    )
    return across, down


def _cross_entropy(
    scores: Tensor, targets: Tensor, temperature: float, weight: float = 1
) -> Tensor:
    """Return ``-sum(targets * log_softmax(scores / T))`` without keeping the log-softmax.

    The targets sum to ``weight``.
    """
    scores = scores.float() / temperature
    return weight * torch.logsumexp(scores, dim=-1) - (targets * scores).sum(dim=-1)
