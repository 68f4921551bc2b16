"""The documentation site: `make docs` builds it from these pages and from the docstrings."""

import pkgutil
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import starmass  # noqa: E402  the checkout's own, installed or not

project = "starmass"
author = "The starmass developers"
version = release = starmass.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
templates_path = ["_templates"]
modules = list(pkgutil.walk_packages(starmass.__path__, "starmass."))
# A package has a page, on which its modules are; _templates/autosummary/module.rst makes it.
autosummary_context = {"packages": [module.name for module in modules if module.ispkg]}
exclude_patterns = ["_templates"]
highlight_language = "none"
smartquotes = False  # -- is an option
html_theme = "furo"
html_title = f"starmass {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "ignore-module-all": True,
    # What pydantic and scikit-learn put into every class.
    "exclude-members": "model_config, set_fit_request, set_partial_fit_request,"
    " set_predict_request, set_score_request",
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
add_module_names = False
napoleon_google_docstring = False
napoleon_use_ivar = True
# Of other projects: their pages are elsewhere, and a build asks nothing of the internet.
# Of our own, private names and type variables have no page.

# A validator within an annotation is taken for a class.
nitpick_ignore_regex = [
    ("py:.*", r"(?!starmass\b).*|.*\._\w+|.*\.[A-Z]|starmass\.config\.entry\.unique")
]

SECTION = re.compile(r"\s*(Parameters|Attributes|Raises|Returns|Yields)$")
TEXT = ("Returns", "Yields")


def in_sphinx_terms(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Rewrite a docstring's sections, in which a colon is followed by the meaning, not a type."""
    # Napoleon takes what is before a colon in the first line of an attribute for its type.
    out: list[str] = [""] if what in ("attribute", "data", "property") else []
    section = ""
    for line, below in pairwise([*lines, ""]):
        if re.fullmatch(r"\s*---+", below) and (found := SECTION.match(line)):
            section = found[1]
            if section in TEXT:
                out += ["", "", f":{section.lower()}:"]  # two blank lines end a section
                continue
        elif section in TEXT:
            if re.fullmatch(r"\s*---+", line):
                continue
            named = re.match(r"([\w, ]+) : (.*)", line)
            inner = "      " if line.startswith(" ") else "    "  # goes on with a named one
            line = f"    * *{named[1]}*: {named[2]}" if named else f"{inner}{line.strip()}".rstrip()
        elif section and (named := re.match(r"(\S.*?) : (.*)", line)):
            out += [named[1], f"    {named[2]}"]
            continue
        elif section == "Raises" and line.strip() == "InputError":
            line = line.replace("InputError", "~starmass.errors.InputError")
        out.append(line)
    lines[:] = out


def with_links_of_the_site(app: Any, page: str, text: list[str]) -> None:
    """Point links to the page of keys, which lies outside this folder, to its copy here."""
    text[0] = text[0].replace("](../config/README.md", "](config.md")


def setup(app: Any) -> None:
    """Take part in the build."""
    from pygments.lexers.python import PythonLexer

    app.add_lexer("snakemake", PythonLexer)
    app.connect("autodoc-process-docstring", in_sphinx_terms, priority=400)
    app.connect("source-read", with_links_of_the_site)
