"""Maps that observers published, where they are there."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def observed(root) -> Path:
    folder = Path(
        os.environ.get("STARMASS_OBSERVED_DATA", root.parent / "shared" / "data" / "observed")
    )
    if not list(folder.glob("*.fits*")):
        pytest.skip(f"no FITS files in {folder}: set STARMASS_OBSERVED_DATA to their folder")
    return folder
