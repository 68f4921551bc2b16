"""iBOT: at each masked patch the student predicts the teacher's output (Zhou et al. 2022).

As dinov2 `loss/ibot_patch_loss.py`.
"""

import torch
from torch import Tensor


def ibot_loss(
    scores: Tensor, targets: Tensor, weights: Tensor, crops: int, temperature: float
) -> Tensor:
    """Return the cross-entropy over masked patches.

    It is averaged within each crop, then over all global crops, masked or not.

    Parameters
    ----------
    scores, targets : student's scores and teacher's distributions of the masked patches [M, K], M
        may be 0
    weights : one over the number of masked patches of the patch's crop [M]
    crops : number of global crops, 2 B
    temperature : of the student
    """
    scores = scores.float() / temperature
    entropy = torch.logsumexp(scores, dim=-1) - (targets * scores).sum(dim=-1)
    return (entropy * weights).sum() / crops
