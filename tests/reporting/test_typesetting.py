import re

import pytest

from starmass.reporting.typesetting import (
    Grid,
    Page,
    escape_latex,
    escape_markdown,
    html,
    latex,
    markdown,
)

PAGE = Page(
    title="A & B",
    summary=["50% of <all>."],
    grids=[
        Grid(
            "Caption with _underscore_",
            ["Method", "R²", "Note"],
            [["a|b & c", "−0.10 [−0.20, 0.00]", ""], ["plain", "–", "x_1"]],
        )
    ],
    notes=["Note."],
)


@pytest.mark.parametrize("letter", list("&%$#_{}"))
def test_letters_with_a_meaning_in_latex_are_escaped(letter):
    assert escape_latex(f"a{letter}b") == f"a\\{letter}b"


def test_backslash_tilde_and_signs():
    assert escape_latex("a\\b~c^2") == r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}2"
    assert escape_latex("R² = −1.9 × 2 –") == r"R$^2$ = $-$1.9 $\times$ 2 --"


def test_latex_has_as_many_cells_as_columns():
    text = latex(PAGE, name="demo")
    columns = re.search(r"\\begin\{tabular\}\{(.*)\}", text).group(1)
    assert columns == r"lrp{0.35\textwidth}"
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [len(re.split(r"(?<!\\)&", row)) for row in rows] == [3, 3, 3]
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert not [
        letter
        for line in text.splitlines()
        if not line.startswith("%")
        for letter in line
        if ord(letter) > 127
    ]


def test_markdown_cells_survive_a_pipe():
    lines = [line for line in markdown(PAGE).splitlines() if line.startswith("|")]
    assert lines[1] == "| --- | ---: | --- |"
    assert lines[2] == "| a\\|b & c | −0.10 [−0.20, 0.00] |  |"


def test_names_that_begin_with_a_digit_stay_left():
    page = Page(
        title="",
        summary=[],
        grids=[Grid("", ["Method", "R²"], [["54 statistics", "0.5"], ["6 statistics", "0.4"]])],
        notes=[],
    )
    assert (
        "| --- | ---: |" in markdown(page)
        and r"{lr}" in latex(page, name="one")
        and "<td>54 statistics</td>" in html(page)
    )


def test_markdown_shows_marks_as_they_stand():
    assert escape_markdown("a*b _c_ <d> few_labels.csv") == r"a\*b \_c\_ \<d> few_labels.csv"


def test_html_is_escaped_and_fetches_nothing():
    text = html(PAGE)
    assert "A &amp; B" in text and "50% of &lt;all&gt;." in text
    assert "http" not in text and "<script" not in text
    assert (
        text.split("<!-- summary -->")[1].split("<!-- /summary -->")[0].strip()
        == "<p>50% of &lt;all&gt;.</p>"
    )
