"""A page of sentences and grids of text as Markdown, LaTeX (booktabs) and HTML.

Labels and names come from the config, so that any text may be in them. What escapes them for a
format stands here: ``escape_markdown``, ``escape_latex``, ``escape_html``, ``escape_rst`` (the
captions of the report) and ``escape_mathtext`` (figures).
"""

import base64
import html as entities
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Grid:
    """A table as the reader sees it: all cells are text, numbers are aligned right.

    The first column is aligned left.
    """

    caption: str
    head: Sequence[str]
    body: Sequence[Sequence[str]]

    def is_number(self, column: int) -> bool:
        """Whether every cell of a column starts as a number does (or is a dash).

        The first column holds names.
        """
        return column > 0 and all(
            row[column][:1] in "−–0123456789" and row[column] for row in self.body
        )


@dataclass(frozen=True)
class Page:
    """Title, what the numbers say, the grids, and how to read them."""

    title: str
    summary: Sequence[str]
    grids: Sequence[Grid]
    notes: Sequence[str]


def plain(text: str) -> str:
    """Return text in one line, with composed letters (é, not e and an accent)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def markdown(page: Page) -> str:
    """Return the page as Markdown with pipe tables."""
    parts = [f"# {escape_markdown(page.title)}", *map(escape_markdown, page.summary)]
    for grid in page.grids:
        rule = ["---:" if grid.is_number(column) else "---" for column in range(len(grid.head))]
        lines = [
            "| " + " | ".join(row) + " |"
            for row in (_escaped(grid.head), rule, *map(_escaped, grid.body))
        ]
        parts += [escape_markdown(grid.caption), "\n".join(lines)]
    parts.append("\n".join(f"- {escape_markdown(note)}" for note in page.notes))
    return "\n\n".join(parts) + "\n"


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it stands.

    An underscore within a word, as of a file's name, means nothing there; nor does a bracket that
    no link's address follows, or an ampersand that begins no entity.
    """
    escaped = re.sub(
        r"[\\`*<|~$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|&(?=#?\w+;)|^[#>+=-]",
        r"\\\g<0>",
        plain(text),
    )
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", escaped)


def _escaped(cells: Sequence[str]) -> list[str]:
    return list(map(escape_markdown, cells))


def escape_rst(text: str) -> str:
    """Return text that reStructuredText shows as it stands, within a line."""
    return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", plain(text))


def escape_mathtext(text: str) -> str:
    """Return text for a figure: a dollar is a dollar, and not where mathematics begins."""
    return plain(text).replace("$", r"\$")


def escape_html(text: str) -> str:
    """Return text that HTML shows as it stands, between tags or in quotes."""
    return entities.escape(plain(text))


def latex(page: Page, name: str) -> str:
    """Return the page's grids as LaTeX floats; the preamble needs only booktabs."""
    parts = [f"% {plain(page.title)}. Needs \\usepackage{{booktabs}}."]
    parts += [f"% {plain(line)}" for line in (*page.summary, *page.notes)]
    for place, grid in enumerate(page.grids):
        columns = "".join(
            "r" if grid.is_number(column) else "l" for column in range(len(grid.head))
        )
        if grid.head[-1] == "Note":
            columns = columns[:-1] + "p{0.35\\textwidth}"
        lines = [" & ".join(map(_latex_cell, row)) + r" \\" for row in (grid.head, *grid.body)]
        parts.append(
            "\n".join(
                [
                    r"\begin{table*}",
                    r"\centering",
                    r"\small",
                    rf"\caption{{{escape_latex(grid.caption)}}}",
                    rf"\label{{tab:{name}-{place + 1}}}",
                    rf"\begin{{tabular}}{{{columns}}}",
                    r"\toprule",
                    lines[0],
                    r"\midrule",
                    *lines[1:],
                    r"\bottomrule",
                    r"\end{tabular}",
                    r"\end{table*}",
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$",
    "|": r"\textbar{}",
    "\0": "{}", "`": r"\`{}", '"': r"{\char34}", "…": r"\ldots{}",
    "²": "$^2$", "³": "$^3$", "−": "$-$", "–": "--", "—": "---", "√": r"$\surd$", "×": r"$\times$",
    "☉": r"$_\odot$", "⊙": r"$_\odot$", "±": r"$\pm$", "·": r"$\cdot$", "°": r"$^\circ$",
    "µ": r"$\mu$",
    "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "∞": r"$\infty$", "→": r"$\to$",
}  # fmt: skip
_LATIN_CAPITALS = {
    "ALPHA": "A", "BETA": "B", "EPSILON": "E", "ZETA": "Z", "ETA": "H", "IOTA": "I",
    "KAPPA": "K", "MU": "M", "NU": "N", "OMICRON": "O", "RHO": "P", "TAU": "T", "CHI": "X",
}  # fmt: skip
"""Greek capitals that look like Latin ones, for which LaTeX has no commands."""
_GREEK = {
    *_LATIN_CAPITALS,
    "GAMMA", "DELTA", "THETA", "LAMDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA",
}  # fmt: skip
_COMPOSED = {*map(chr, range(0xC0, 0x17F))} - set("ÐÞ×ðþ÷ĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲų")
"""Letters that LaTeX composes in any font encoding, the original one (OT1) included."""


def escape_latex(text: str) -> str:
    """Return text that LaTeX prints as it stands.

    Greek letters become mathematics. Others that pdfLaTeX does not know, as Japanese ones, are for
    XeLaTeX and LuaLaTeX; pdfLaTeX, and a font that lacks them, prints their numbers.
    """
    # Two of these in a row would print as another sign.
    line = re.sub(r"([-',])(?=\1)", "\\1\0", plain(text))
    escaped = ""
    for known, letters in groupby(line, key=_is_known):
        if known:
            escaped += "".join(map(_latex_letter, letters))
            continue
        run = "".join(letters)
        numbers = [f"U+{ord(letter):04X}" for letter in run]
        # Only XeTeX and LuaTeX have the first command, and fonts with more than 256 letters.
        escaped += r"{\ifdefined\Umathchar"
        for letter, number in zip(run, numbers, strict=True):
            escaped += rf"\iffontchar\font {ord(letter)} {letter}\else[{number}]\fi"
        escaped += rf"\else[{' '.join(numbers)}]\fi}}"
    return escaped


def _is_known(letter: str) -> bool:
    """Whether LaTeX prints a letter, or something that is written for it, with any engine."""
    return letter in _LATEX or letter.isascii() or letter in _COMPOSED or bool(_greek(letter))


def _latex_letter(letter: str) -> str:
    return _LATEX.get(letter) or _greek(letter) or letter


def _greek(letter: str) -> str:
    """Return a Greek letter as mathematics, or nothing for any other."""
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(letter, ""))
    if not found or found[2] not in _GREEK:
        return ""
    name = found[2].lower().replace("lamda", "lambda")
    if found[1] == "CAPITAL":
        return _LATIN_CAPITALS.get(found[2], rf"$\{name.capitalize()}$")
    return "o" if name == "omicron" else rf"$\{name}$"


def _latex_cell(text: str) -> str:
    """Return a cell; a bracket or a star that begins a line would belong to the command before."""
    escaped = escape_latex(text)
    return "{}" + escaped if escaped[:1] in ("[", "*") else escaped


_STYLE = """
body { font: 16px/1.5 Georgia, "Times New Roman", serif; color: #1f2430; max-width: 72rem; \
margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; } table { border-collapse: collapse; font-size: 0.9rem; \
margin: 0.5rem 0 2rem; }
caption { text-align: left; padding: 0.5rem 0; font-style: italic; } thead { border-top: 2px \
solid; border-bottom: 1px solid; }
tbody { border-bottom: 2px solid; } th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; \
vertical-align: top; }
img { max-width: 100%; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } li { \
margin: 0.2rem 0; }
"""


def html(page: Page, picture: bytes = b"", words: str = "") -> str:
    """Return a page that stands alone: no script, nothing fetched.

    The report quotes what lies between the summary marks.

    Parameters
    ----------
    picture : a PNG that stands below the summary, if any
    words : what it shows, for those who do not see it
    """
    text = escape_html
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{text(page.title)}</title>',
        f"<style>{_STYLE}</style></head><body>",
    ]
    parts += [
        f"<h1>{text(page.title)}</h1>",
        "<!-- summary -->",
        *(f"<p>{text(line)}</p>" for line in page.summary),
        "<!-- /summary -->",
    ]
    if picture:
        data = base64.b64encode(picture).decode()
        parts.append(f'<img src="data:image/png;base64,{data}" alt="{text(words)}">')
    for grid in page.grids:
        marks = [
            ' class="number"' if grid.is_number(column) else "" for column in range(len(grid.head))
        ]
        parts += [
            f"<table><caption>{text(grid.caption)}</caption>",
            "<thead>",
            _html_row("th", grid.head, marks),
            "</thead><tbody>",
        ]
        parts += [*(_html_row("td", row, marks) for row in grid.body), "</tbody></table>"]
    parts += ["<ul>", *(f"<li>{text(note)}</li>" for note in page.notes), "</ul>", "</body></html>"]
    return "\n".join(parts) + "\n"


def _html_row(tag: str, cells: Sequence[str], marks: Sequence[str]) -> str:
    return (
        "<tr>"
        + "".join(
            f"<{tag}{mark}>{escape_html(cell)}</{tag}>"
            for cell, mark in zip(cells, marks, strict=True)
        )
        + "</tr>"
    )
