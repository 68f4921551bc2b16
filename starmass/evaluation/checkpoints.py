"""Files of weights from any source: tensors by name, of safetensors or a checkpoint of torch.

A checkpoint of torch is a pickle, which may run code when it is read. Only tensors, plain
containers and an ``argparse.Namespace`` (the command line, which DINO and MAE keep) are
allowed.
"""

import argparse
import errno
import logging
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from starmass.errors import InputError
from starmass.files import check_readable, unreadable

logger = logging.getLogger("starmass")

WRAPPERS = (
    "model", "state_dict", "model_ema", "state_dict_ema", "teacher", "student", "target_encoder",
    "encoder", "backbone",
)  # fmt: skip
"""Prefixes of a network's own names: keys of a checkpoint, or parts of the tensors' names.

They are those of timm, DINO, DINOv2, MAE and MSN.
"""
ADDED = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Parts that torch adds to names where a model is distributed, compiled or recomputed."""
AVERAGED = {"student": "teacher", "encoder": "target_encoder"}
"""A network, and its moving average, which the official code takes where both exist."""
HEADS = ("head", "head_dist", "fc", "pred", "pre_logits", "dino_head", "ibot_head", "prototypes")
"""What follows an encoder: classifiers, projection heads and their prototypes."""
LOSSES = ("dino_loss", "ibot_patch_loss")
"""Tensors that DINOv2 saves beside its networks."""


def read_tensors(path: str | Path, anchor: str) -> dict[str, Tensor]:
    """Return the tensors of the network in a file, by the network's own names.

    Parameters
    ----------
    path : safetensors, or what ``torch.save`` wrote: a state dict, or a checkpoint that has one
        under a known key (:data:`WRAPPERS`)
    anchor : name of a tensor that the network has in every layout: what stands before it is taken
        off all names. Where no tensor has it, names are returned as they are

    Raises
    ------
    InputError
        when the file is absent or unreadable, holds other objects than tensors or several
        networks, or tensors beside the network that are none of :data:`HEADS` and :data:`LOSSES`
    """
    parts = _parts(read_file(path), path)
    places = [
        (key, name.removesuffix(anchor))
        for key, tensors in parts.items()
        for name in tensors
        if name.endswith(anchor) and _is_wrapping(name.removesuffix(anchor))
    ]
    averages = [_words(place) for place in places]
    places = [
        place
        for place in places
        if [AVERAGED.get(word, word) for word in _words(place)]
        not in [words for words in averages if words != _words(place)]
    ]
    if not places:
        return next(iter(parts.values()))
    if len(places) > 1:
        choices = " and ".join(".".join(_words(place)) or "the outermost" for place in places)
        raise InputError(
            f"{path}: holds {len(places)} networks, {choices}; save the state_dict of the one that"
            " is meant alone."
        )
    key, prefix = places[0]
    if words := _words(places[0]):
        logger.info("starmass: %s: the weights are those of %s.", path, ".".join(words))
    found = {
        name.removeprefix(prefix): tensor
        for name, tensor in parts[key].items()
        if name.startswith(prefix)
    }
    strays = [
        name for name in parts[key] if not name.startswith(prefix) and not _is_beside(name, prefix)
    ]
    if strays:
        raise InputError(
            f"{path}: {len(strays)} of its tensors lie beside {prefix.rstrip('.')} and belong to"
            f" nothing known, the first is {strays[0]!r}; save the state_dict of the encoder alone."
        )
    return found


def read_file(path: str | Path) -> Any:
    """Read what a file of weights holds, on the CPU; no code of the file is run.

    Raises
    ------
    InputError
        when it is absent, unreadable or damaged, or holds objects that are no tensors
    """
    check_readable(path)
    try:
        with open(path, "rb") as file:
            start = file.read(9)
        if start[8:] == b"{":  # after the length of safetensors' header
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, "cpu", weights_only=True)
    except MemoryError:
        raise
    except OSError as error:
        if error.errno == errno.EINVAL:  # a place before the start, of what is cut short
            raise _damaged(path) from None
        raise unreadable(path, error) from error
    except pickle.UnpicklingError as error:
        # torch's own words advise to let the file run its code; of use is only what it would run.
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not found and not zipfile.is_zipfile(path):
            raise _damaged(path) from None
        objects = f" ({found[1]})" if found else ""
        raise InputError(
            f"{path}: not a readable file of tensors by name: it holds other objects of"
            f" Python{objects}, as that of a whole model does, and such a file can run code when it"
            " is read; where it was written, save model.state_dict() alone."
        ) from None
    except Exception:  # a damaged pickle fails in any way
        raise _damaged(path) from None


def _damaged(path: str | Path) -> InputError:
    return InputError(
        f"{path}: not a readable file of tensors by name: its {Path(path).stat().st_size} bytes are"
        " neither whole safetensors nor a whole checkpoint of torch (cut short, or of another"
        " format); get it again, or save a state_dict."
    )


def _parts(content: Any, path: str | Path) -> dict[str, dict[str, Tensor]]:
    """Return the tensors of a file by the key that they stand under, empty for the outermost."""
    if not isinstance(content, Mapping):
        raise InputError(
            f"{path}: holds a {type(content).__name__}, and no tensors by name; save a model's"
            " state_dict()."
        )
    parts = dict(_dicts(content))
    if not parts:
        keys = ", ".join(map(str, content)) or "none"
        raise InputError(
            f"{path}: holds no tensors by name (its keys: {keys:.200}); save a model's"
            " state_dict()."
        )
    cleaned: dict[str, dict[str, Tensor]] = {}
    for key, tensors in parts.items():
        cleaned[key] = {}
        for name, tensor in tensors.items():
            plain = ".".join(word for word in name.split(".") if word not in ADDED)
            if plain in cleaned[key]:
                raise InputError(
                    f"{path}: two of its tensors would be called {plain!r}; save the state_dict of"
                    " one network."
                )
            cleaned[key][plain] = tensor
    return cleaned


def _dicts(content: Mapping, key: str = "") -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield (key, tensors) of a dict, and of those under its keys that may hold a network."""
    tensors = {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if tensors:
        yield key, tensors
    for name, value in content.items():
        if name in WRAPPERS and isinstance(value, Mapping):
            yield from _dicts(value, f"{key}.{name}".lstrip("."))


def _words(place: tuple[str, str]) -> list[str]:
    return [word for part in place for word in part.split(".") if word]


def _is_wrapping(prefix: str) -> bool:
    return not prefix or (
        prefix.endswith(".") and all(word in WRAPPERS for word in prefix[:-1].split("."))
    )


def _is_beside(name: str, prefix: str) -> bool:
    """Whether a tensor is of a head, of a loss, or of the network whose average is taken."""
    words = name.split(".")
    while words and words[0] in WRAPPERS:
        if AVERAGED.get(words[0]) in prefix.split("."):
            return True
        words = words[1:]
    return bool(words) and words[0] in (*HEADS, *LOSSES)
