"""The state of a run on disk: written whole or not at all; the last two are kept.

A damaged one is reported and ignored.

Checkpoints lie in ``resume/<digest of recipe and images>/step-00001234/``, so that a changed recipe
never meets old weights.
"""

import logging
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import torch

from starmass.errors import InputError
from starmass.files import unreadable
from starmass.provenance import file_digest
from starmass.storage import written_aside

logger = logging.getLogger("starmass")
KEPT = 2


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write ``state`` as the checkpoint before ``step``, then remove all but the last two."""
    target = folder / f"step-{step:08d}"
    with written_aside(target) as temporary:
        temporary.mkdir()
        torch.save({"step": step, **state}, temporary / "state.pt")
        (temporary / "sha256").write_text(file_digest(temporary / "state.pt"))
        for file in temporary.iterdir():
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
    for old in _checkpoints(folder)[KEPT:]:
        shutil.rmtree(old)
    return target


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the newest state that is whole, with its ``step``; None when there is none.

    The log says which were damaged.

    Raises
    ------
    InputError
        when a checkpoint can't be read for another cause: an older one would undo its steps
    """
    for path in _checkpoints(folder):
        state = path / "state.pt"
        try:
            # Torch does not check the sums that a zip file holds: without this, a flipped bit
            # would get into the weights unnoticed.
            if (path / "sha256").read_text() == file_digest(state):
                return torch.load(state, map_location="cpu", weights_only=True)
        except (FileNotFoundError, UnicodeDecodeError):
            pass  # cut short, as by a crash of the machine
        except OSError as error:
            raise unreadable(state, error) from error
        except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
            raise InputError(
                f"{state}: whole, but not readable by torch {torch.__version__} ({error}); go on"
                f" with the versions that wrote it, or delete {folder} to begin anew."
            ) from error
        logger.warning(
            "starmass: checkpoint %s is damaged; it is ignored for the one before.", path
        )
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """Newest first."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    return [folder / name for name in sorted(names, reverse=True) if name.startswith("step-")]
