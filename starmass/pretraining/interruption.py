"""SIGTERM (sent by SLURM before the time limit) and Ctrl-C end a run after its current step.

The state is kept, and the exit code says that the same command goes on from there.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SUBMIT_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: not done, and the same command goes on from here


class Interruption:
    """Whether a signal has come."""

    def __init__(self) -> None:
        self.seen = False

    def notice(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal; a second one ends the process as usual."""
        self.seen = True
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def interruption_noticed() -> Iterator[Interruption]:
    """Within the block, a first SIGTERM or SIGINT sets a flag and does not end the process."""
    interruption = Interruption()
    before = {
        number: signal.signal(number, interruption.notice)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
