"""Weights that a user gives: tensors by name, in a file of safetensors or of torch."""

import pickle
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from starmass.errors import InputError
from starmass.files import SAFETENSORS, TORCH, check_readable


def load_weights(model: Any, path: str | Path) -> None:
    """Fill a timm model from a file; the last layer, which tells somebody else's classes, is passed over.

    Raises
    ------
    InputError
        when the file is absent or unreadable, lacks a tensor of the model, or has one of another shape
    """
    is_safetensors = Path(path).suffix == ".safetensors"
    check_readable(path, SAFETENSORS if is_safetensors else TORCH)
    try:
        tensors = (
            safetensors.torch.load_file(path)
            if is_safetensors
            else torch.load(path, "cpu", weights_only=True)
        )
    except (OSError, RuntimeError, pickle.UnpicklingError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{path}: not a readable file of tensors by name ({error}); save a state dict."
        ) from error
    last = f"{model.pretrained_cfg['classifier']}."
    try:
        missing = model.load_state_dict(
            {k: v for k, v in tensors.items() if not k.startswith(last)}, strict=False
        ).missing_keys
    except RuntimeError as error:
        raise InputError(
            f"{path}: its tensors don't fit the model ({error}); check file and architecture."
        ) from error
    missing = [name for name in missing if not name.startswith(last)]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} tensors of the model are missing, the first {missing[0]!r}; check file and architecture."
        )
