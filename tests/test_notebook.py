"""The page of the library: its examples, run one after the other as a notebook runs them."""

import ast
import re

import numpy as np
import pytest
import yt
from documents import ROOT, find_examples

from starmass.errors import InputError
from starmass.maps.mapping import map_dataset
from starmass.notebook import open_maps
from starmass.reporting.panels import draw_map


def test_page_prints_the_numbers_that_it_says(tmp_path, monkeypatch, capsys):
    """What is printed is the comment behind it, decimals to 1 of their last digit."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    blocks = [one for one in find_examples() if one.page == "docs/library.md"]
    space: dict = {}
    for block in (one for one in blocks if one.kind == "python"):
        lines = block.text.splitlines()
        tree = ast.parse(block.text)
        exec(compile(tree, str(block), "exec"), space)
        ends = [one.end_lineno for one in tree.body if ast.unparse(one).startswith("print(")]
        said = [lines[end - 1].partition("  # ")[2] for end in ends]
        printed = capsys.readouterr().out.splitlines()
        assert len(printed) == len(said), block
        for comment, line in zip(said, printed, strict=True):
            number = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
            assert re.sub(number, "", comment) == re.sub(number, "", line), block
            numbers = [re.findall(number, one) for one in (comment, line)]
            for wanted, found in zip(*numbers, strict=True):
                assert abs(float(wanted) - float(found)) <= last_digit(wanted), (comment, line)
    assert all((tmp_path / name).stat().st_size > 30_000 for name in ("star.png", "sphere.png"))
    # Gas that turns about x recedes where y is above 0.
    gradient = space["sphere"][2, 1]
    np.testing.assert_allclose(gradient, -gradient[::-1], atol=1e-6)
    assert gradient[40:].min() > 0
    assert set(space["samples"]["map_file"]) == {"resources/ramses_maps.h5"}


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
