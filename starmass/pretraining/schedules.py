"""What changes with the step: rates, decays, momenta and temperatures as pure functions of it."""

import math


def cosine(step: int, steps: int, start: float, end: float, warmup: int = 0) -> float:
    """Rise linearly to ``start`` over ``warmup`` steps, then fall as half a cosine to ``end``.

    The rise begins at 0, and the cosine ends at ``steps``. As the official ``CosineScheduler``
    (dinov2 `utils/utils.py`), whose warm-up reaches ``start`` one step earlier.
    """
    if step < warmup:
        return start * step / warmup
    done = (step - warmup) / max(steps - warmup, 1)
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * min(done, 1)))


def linear(step: int, steps: int, start: float, end: float) -> float:
    """Go straight from ``start`` to ``end`` over ``steps`` steps and stay."""
    return end if step >= steps else start + (end - start) * step / steps


def scaled_rate(rate: float, batch: int, reference_batch: int) -> float:
    """Scale the base rate with the square root of the global batch size.

    As dinov2 `train/train.py`, ``sqrt_wrt_1024``.
    """
    return rate * math.sqrt(batch / reference_batch)
