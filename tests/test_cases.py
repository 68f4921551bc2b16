"""Faults from the field, each with a small input of its own; run on demand, from a folder of cases.

``STARMASS_CASES=DIR python -m pytest -n0 tests/test_cases.py``: ``DIR/maps/NUMBER/case.py`` and
``DIR/learning/NUMBER/case.py`` write an input, do with it what the workflow does, and print what
starmass says. The tests of the wings hold the same faults with inputs of their own.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CASES = os.environ.get("STARMASS_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="set STARMASS_CASES to the folder of cases")

# What each has to say, and how often where that counts; nothing is ever a bare traceback.
SAYS = {
    "maps/1": ["reaches through a face of the box"],
    "maps/2": [
        (r"finest_cell_pc 0\.5 right 0\.5", 2), "no cloud has", "invalid keys", "wider than",
    ],
    "maps/3": [r"ids \[9007199254740993 9007199254740992\]"],
    "maps/6": [
        "line 1 holds numbers", r"ids \[9007199254740993 9007199254740992\]",
        "'1.5' is not a whole",
        "is also the id of", "x: nan is not finite|x: nan is not a finite", "not a mass above zero",
        "outside the periodic box", "birth after the snapshot", "line 2 holds the byte 0xb5",
    ],
    "maps/8": [(r"ratio 1\.0000", 21)],
    "maps/10": [
        "rank 1 is missing|speaks of 2 ranks", "both are rank 0's cells",
        "velocity along x .* is nan",
        "is also the id of",
    ],
    "maps/11": [r"ids \[1048577\] .* right 1048577"],
    "maps/12": [("spherical coordinates", 2), ("fewer than three dimensions", 2)],
    "maps/17": [r"s2: .* product 2 20\.0 2\.0"],
    "learning/1": ["-> right"],
    "learning/2": [r"components kept +3, true rank 3"],
    "learning/5": [r"1 test star.*'r2_low': (np\.float64\()?nan"],
    "learning/6": ["is 0 Msun, which has no logarithm|has no logarithm"],
}  # fmt: skip
NEVER = (
    "TRACEBACK",
    "SILENTLY WRONG",
    r"log10\(0\) label: -inf",
    "product says .*incomplete or dam",
)
# The cases speak of an earlier descriptor, in which `periodic` had a default.
DESCRIPTOR = ('"box_width": [4.]*3,', '"box_width": [4.]*3, "periodic": True,')


@pytest.mark.parametrize("case", SAYS)
def test_the_right_answer(case, tmp_path):
    wing, number = case.split("/")
    folder = tmp_path / number
    shutil.copytree(Path(CASES, wing, number), folder)
    if (common := Path(CASES, wing, "common.py")).is_file():
        shutil.copy(common, tmp_path)
    script = folder / "case.py"
    script.write_text(script.read_text().replace(*DESCRIPTOR))
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    for wanted in SAYS[case]:
        pattern, count = wanted if isinstance(wanted, tuple) else (wanted, 1)
        assert len(re.findall(pattern, said)) >= count, (pattern, said[-6000:])
    for pattern in NEVER:
        assert not re.search(pattern, said), (pattern, said[-6000:])
