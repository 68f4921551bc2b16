"""What a run shows meanwhile: ``metrics.jsonl``, TensorBoard, lines in the log, a progress bar."""

import json
import logging
import math
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

logger = logging.getLogger("starmass")
PROBED = {"probe_r2": "R2", "probe_balanced_accuracy": "balanced accuracy"}
"""What a probe measures, as the log calls it."""


class Journal:
    """``metrics.jsonl``: one record a line; a resumed run drops what lies after its checkpoint."""

    def __init__(self, path: Path, step: int):
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        path.write_text("".join(f"{line}\n" for line in kept))
        self.path = path

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    """Step of a line; a line that a kill cut short belongs nowhere."""
    try:
        return json.loads(line)["step"]
    except ValueError:
        return math.inf


class Curves:
    """Records as scalars for ``tensorboard --logdir``.

    The curves of a resumed run go on at its checkpoint; those of a new run begin anew.
    """

    def __init__(self, folder: Path, step: int):
        # Imported here: half a second that only the first rank has to spend.
        from torch.utils.tensorboard import SummaryWriter

        if not step:
            shutil.rmtree(folder, ignore_errors=True)
        self.writer = SummaryWriter(str(folder), purge_step=step + 1)

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a point to each curve, on disk at once."""
        for name, value in record.items():
            self.writer.add_scalar(name, value, record["step"])
        self.writer.flush()

    def close(self) -> None:
        """End the writer's thread."""
        self.writer.close()


class Progress:
    """A run as its first rank shows it.

    Parameters
    ----------
    steps, step, batch : length of the run, steps that are done, images a step
    journal : ``metrics.jsonl`` of the run
    curves : folder of TensorBoard's files
    """

    def __init__(self, steps: int, step: int, batch: int, journal: Path, curves: Path):
        self.steps, self.batch = steps, batch
        self.journal, self.curves = Journal(journal, step), Curves(curves, step)
        hidden = not sys.stderr.isatty()
        self.bar = tqdm(
            total=steps * batch,
            initial=step * batch,
            unit=" images",
            unit_scale=True,
            disable=hidden,
            dynamic_ncols=True,
        )

    def advance(self) -> None:
        """Count a step."""
        self.bar.update(self.batch)

    def write(self, record: Mapping[str, Any]) -> None:
        """Keep and show a record."""
        self.journal.write(record)
        self.curves.write(record)
        found = "".join(
            f", kNN {words} {record[name]:.2f} (untrained {record[f'{name}_untrained']:.2f})"
            for name, words in PROBED.items()
            if name in record
        )
        self.bar.set_postfix_str(
            f"loss {record['loss']:.3f}, RankMe {record['rankme']:.1f}{found}", refresh=False
        )
        rate, left = record["images_per_second"], (self.steps - record["step"]) * self.batch
        logger.info(
            "step %d of %d: loss %.3f, RankMe %.1f%s, %.0f images/s, %s left", record["step"],
            self.steps, record["loss"], record["rankme"],
            found, rate, tqdm.format_interval(left / rate),
        )  # fmt: skip

    def close(self) -> None:
        """Take the bar away and end the curves."""
        self.bar.close()
        self.curves.close()


@contextmanager
def progress_shown(shown: bool, *arguments: Any) -> Iterator[Progress | None]:
    """Yield a :class:`Progress` if ``shown``.

    While its bar is on a terminal, the terminal gets warnings only; the log file gets all lines.
    """
    if not shown:
        yield None
        return
    progress = Progress(*arguments)
    try:
        if progress.bar.disable:
            yield progress
            return
        with logging_redirect_tqdm([logger]):
            for handler in logger.handlers:
                if not isinstance(handler, logging.FileHandler):
                    handler.setLevel(logging.WARNING)
            yield progress
    finally:
        progress.close()
