"""Write the page docs/library.md as a notebook, library.ipynb in the folder where this is run.

docs/write_notebook.py [FILE]
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/library.md"
PYTHON = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def as_notebook(page: str) -> nbformat.NotebookNode:
    """Return a page of Markdown as a notebook: its blocks of Python are the cells that run.

    A first cell has figures shown.
    """
    cells = [new_code_cell("%matplotlib inline", id="figures")]
    for place, text in enumerate(PYTHON.split(page)):
        # What stands between the blocks has even places, the blocks have odd ones.
        new_cell = new_code_cell if place % 2 else new_markdown_cell
        if text.strip():
            cells.append(new_cell(text.strip(), id=f"cell-{place}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


if __name__ == "__main__":
    path = Path(sys.argv[1] if sys.argv[1:] else "library.ipynb")
    nbformat.write(as_notebook(PAGE.read_text(encoding="utf-8")), path)
