"""How long each attempt at a run took and how it ended.

A run that was resumed has several attempts; Snakemake's benchmark measures the last one alone.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starmass.files import unreadable

if TYPE_CHECKING:  # the launcher reads attempts without loading torch
    from starmass.pretraining.loop import Run


class Attempt:
    """One attempt, of which little is known until ``run`` is set."""

    def __init__(self, ranks: int) -> None:
        self.run: Run | None = None
        self.first_step: int | None = None
        self.ranks = ranks

    def of(self, run: "Run") -> "Run":
        """Remember the run and the step that it starts after; return it."""
        self.run, self.first_step = run, run.step
        return run

    def facts(self) -> dict[str, Any]:
        """Return ``{first_step, last_step, ranks, device}``; null what failed too early to say."""
        steps = {"first_step": self.first_step, "last_step": self.run and self.run.step}
        return {**steps, "ranks": self.ranks, "device": self.run and self.run.ranks.device.type}


@contextmanager
def attempt_recorded(log: Path | None, ranks: int) -> Iterator[Attempt]:
    """Append a record of the attempt to ``<log>.attempts.jsonl`` when the block ends.

    The record is ``{first_step, last_step, seconds, ranks, device}``. An attempt that failed by
    itself also has its ``error`` (class) and ``said`` (message); one that a signal ended has
    neither. The log's own suffix is left out of the file's name. Nothing is written without
    ``log``, which only the first rank has, and nothing of an attempt that was killed outright.
    """
    begun, attempt, failure = time.monotonic(), Attempt(ranks), {}
    try:
        yield attempt
    except Exception as error:
        failure = {"error": type(error).__name__, "said": " ".join(str(error).split())}
        raise
    finally:
        if log is not None:
            record = {**attempt.facts(), "seconds": round(time.monotonic() - begun, 1), **failure}
            with open(_records(log), "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")


def failed_permanently(log: str | Path) -> str | None:
    """Return the failure of the last two attempts if they failed by themselves in the same way.

    A third attempt would then fail, too. Two failures are the same if they have one class of error
    and one step. An input at fault (a collapse, a loss that is not finite) counts after any step. A
    time limit, a lost node or too little memory ends an attempt from outside: it does not count.
    """
    try:
        lines = _records(Path(log)).read_text(encoding="utf-8").splitlines()[-2:]
        ends = [(one.get("error"), one["last_step"]) for one in map(json.loads, lines)]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(_records(Path(log)), error) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # a line cut short, of an attempt that was killed while it wrote
    if len(ends) < 2 or None in (ends[0][0], ends[1][0]):
        return None
    alike = ends[0] == ends[1] or ends[0][0] == ends[1][0] == "InputError"
    return json.loads(lines[1])["said"] if alike else None


def _records(log: Path) -> Path:
    return log.with_suffix(".attempts.jsonl")
