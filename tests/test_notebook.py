"""The page of the library, run as the notebook that docs/write_notebook.py writes of it."""

import ast
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import yt
from documents import ROOT
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from starmass.errors import InputError
from starmass.maps.mapping import map_dataset
from starmass.notebook import open_maps
from starmass.reporting.panels import draw_map

LAST = """
import numpy as np
# Gas that turns about x recedes where y is above 0.
gradient = sphere[2, 1]
np.testing.assert_allclose(gradient, -gradient[::-1], atol=1e-6)
assert gradient[40:].min() > 0
assert set(samples["map_file"]) == {"resources/ramses_maps.h5"}
"""


def test_notebook_prints_the_numbers_that_it_says(tmp_path):
    """What is printed is the comment behind it, decimals to 1 of their last digit."""
    subprocess.run([sys.executable, ROOT / "docs/write_notebook.py"], cwd=tmp_path, check=True)
    notebook = nbformat.read(tmp_path / "library.ipynb", as_version=4)
    nbformat.validate(notebook)
    page = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    assert notebook.cells[1].source.startswith("# The library in a notebook")
    blocks = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(blocks) == 1 + page.count("```python")
    notebook.cells.append(new_code_cell(LAST))
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for block in blocks[1:]:
        lines = block.source.splitlines()
        ends = [
            one.end_lineno
            for one in ast.parse(block.source).body
            if ast.unparse(one).startswith("print(")
        ]
        said = [lines[end - 1].partition("  # ")[2] for end in ends]
        printed = "".join(
            one.text for one in block.outputs if one.get("name") == "stdout"
        ).splitlines()
        assert len(printed) == len(said), block.source
        for comment, line in zip(said, printed, strict=True):
            number = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
            assert re.sub(number, "", comment) == re.sub(number, "", line), block.source
            numbers = [re.findall(number, one) for one in (comment, line)]
            for wanted, found in zip(*numbers, strict=True):
                assert abs(float(wanted) - float(found)) <= last_digit(wanted), (comment, line)
    assert len(blocks[-1].outputs[-1].data["image/png"]) > 30_000
    assert all((tmp_path / name).stat().st_size > 30_000 for name in ("star.png", "sphere.png"))


def last_digit(number: str) -> float:
    """Return 1 of a number's last digit, with the rounding of floats; nothing of a count."""
    digits, _, power = number.partition("e")
    return ("." in digits) * 1.001 * 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


def test_what_can_not_be_is_refused(tmp_path):
    yt.set_log_level("error")
    gas = {"density": (np.full((8, 8, 8), 1e-20), "g/cm**3")}
    gas |= {f"velocity_{axis}": (np.zeros((8, 8, 8)), "km/s") for axis in "xyz"}
    box = np.array([[0.0, 1.0]] * 3)
    dataset = yt.load_uniform_grid(gas, (8, 8, 8), length_unit="pc", bbox=box)
    rest = map_dataset(dataset, [0.5] * 3, velocity=[1, 2, 3], depth="box", pixels=4)
    np.testing.assert_allclose(rest[:, 1], -np.ones((3, 4, 4)) * [[[1]], [[2]], [[3]]])
    column = 1e-20 * 3.0857e18 / (1.4 * 1.6735e-24)  # 1 pc of the box
    np.testing.assert_allclose(rest[:, 0], column, rtol=1e-3)
    with pytest.raises(InputError, match=r"side: 2 pc is wider than the"):
        map_dataset(dataset, [0.5] * 3, side=2.0)
    with pytest.raises(InputError, match=r"cube of 0.5 pc about \(0.1, 0.5, 0.5\) pc leaves the"):
        map_dataset(dataset, [0.1, 0.5, 0.5], entry={"periodic": False})
    with pytest.raises(InputError, match=r"absent\.csv"):
        open_maps(ROOT / "resources/ramses_maps.h5", tmp_path / "absent.csv", side=0.5)
    with pytest.raises(InputError, match=r"shape \(3, 3, 4, 4\) can't be drawn; give one map"):
        draw_map(rest, side=0.5)
