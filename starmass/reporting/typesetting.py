"""A page of sentences and grids of text as Markdown, LaTeX (booktabs) and HTML."""

import html as entities
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """A table as the reader sees it: all cells are text; the first column is aligned left, numbers right."""

    caption: str
    head: Sequence[str]
    body: Sequence[Sequence[str]]

    def is_number(self, column: int) -> bool:
        """Whether every cell of a column starts as a number does (or is a dash); the first column holds names."""
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


def markdown(page: Page) -> str:
    """Return the page as Markdown with pipe tables."""
    parts = [f"# {page.title}", *map(escape_markdown, page.summary)]
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
    """Return text that Markdown shows as it stands; an underscore within a word, as of a file's name, means nothing there."""
    return re.sub(r"[\\`*<|]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)


def _escaped(cells: Sequence[str]) -> list[str]:
    return list(map(escape_markdown, cells))


def latex(page: Page, name: str) -> str:
    """Return the page's grids as LaTeX floats; the preamble needs only booktabs."""
    parts = [f"% {page.title}. Needs \\usepackage{{booktabs}}."]
    parts += [f"% {line}" for line in (*page.summary, *page.notes)]
    for place, grid in enumerate(page.grids):
        columns = "".join(
            "r" if grid.is_number(column) else "l" for column in range(len(grid.head))
        )
        if grid.head[-1] == "Note":
            columns = columns[:-1] + "p{0.35\\textwidth}"
        lines = [" & ".join(map(escape_latex, row)) + r" \\" for row in (grid.head, *grid.body)]
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
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$",
    "²": "$^2$", "−": "$-$", "–": "--", "√": r"$\surd$", "×": r"$\times$", "☉": r"$_\odot$", "±": r"$\pm$",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Return text that LaTeX prints as it stands."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


_STYLE = """
body { font: 16px/1.5 Georgia, "Times New Roman", serif; color: #1f2430; max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; } table { border-collapse: collapse; font-size: 0.9rem; margin: 0.5rem 0 2rem; }
caption { text-align: left; padding: 0.5rem 0; font-style: italic; } thead { border-top: 2px solid; border-bottom: 1px solid; }
tbody { border-bottom: 2px solid; } th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } li { margin: 0.2rem 0; }
"""


def html(page: Page) -> str:
    """Return a page that stands alone: no script, nothing fetched. What lies between the summary marks is quoted by the report."""
    text = entities.escape
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
            f"<{tag}{mark}>{entities.escape(cell)}</{tag}>"
            for cell, mark in zip(cells, marks, strict=True)
        )
        + "</tr>"
    )
