"""What each attempt at a run took: a run that is ended and resumed has many, and what measures jobs sees the last one alone."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starmass.pretraining.loop import Run


@contextmanager
def attempt_recorded(run: Run, log: Path | None) -> Iterator[None]:
    """Append ``{first_step, last_step, seconds, ranks, device}`` to ``<log>.attempts.jsonl`` when the block ends, well or not.

    The log's own suffix is left out. Nothing is written without ``log``, which the first rank alone has, or of an attempt that was killed
    without a word.
    """
    begun, first_step = time.monotonic(), run.step
    try:
        yield
    finally:
        if log is not None:
            took = round(time.monotonic() - begun, 1)
            steps = {"first_step": first_step, "last_step": run.step}
            record = {**steps, "seconds": took, "ranks": run.ranks.world, "device": run.ranks.device.type}
            with open(log.with_suffix(".attempts.jsonl"), "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
