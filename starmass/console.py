"""A job's output: its log file, its progress, and one sentence when the input is at fault."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starmass.errors import InputError

logger = logging.getLogger("starmass")


@contextmanager
def job(
    log: str | Path | None = None, *, history: str | Path | None = None
) -> Iterator[logging.Logger]:
    """Run a script's body; log to ``log`` and standard error.

    An :class:`InputError` becomes one sentence and exit code 1.

    The same lines are added to ``history``, which no attempt overwrites (Snakemake removes ``log``
    before each).
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log is not None:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log, mode="w", encoding="utf-8"))
    if history is not None:
        Path(history).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(history, mode="a", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield logger
    except InputError as error:
        logger.error("starmass: %s", " ".join(str(error).split()))
        raise SystemExit(1) from None
    except Exception:
        # A fault of the program: the whole traceback goes to the log, and on to Snakemake.
        if log is not None:
            with open(log, "a", encoding="utf-8") as stream:
                traceback.print_exc(file=stream)
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
