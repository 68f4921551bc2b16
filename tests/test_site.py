"""The documentation site has every page and module; `make docs` builds it without a warning."""

import pkgutil
import re

from documents import PAGES, ROOT, find_examples

import starmass


def test_every_page_is_in_one_table_of_contents():
    trees = [one.text for one in find_examples() if one.page == "docs/index.md" if one.kind]
    listed = [line for text in trees for line in text.splitlines() if re.fullmatch(r"[\w/]+", line)]
    pages = {page.removeprefix("docs/").removesuffix(".md") for page in PAGES if "docs/" in page}
    assert sorted(listed) == sorted(pages - {"index"} | {"api/index"})


def test_every_page_of_the_guide_is_named_on_the_first():
    first = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    for page in PAGES:
        name = page.removeprefix("docs/")
        assert not page.startswith("docs/") or name == "index.md" or f"({name})" in first


def test_the_page_of_keys_is_the_one_of_the_config():
    (included,) = (one for one in find_examples() if one.page == "docs/config.md")
    assert included.kind == "site"


def test_every_module_is_in_the_reference():
    text = (ROOT / "docs/api/index.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   (starmass\.\w+)$", text, re.MULTILINE)
    modules = [f"starmass.{one.name}" for one in pkgutil.iter_modules(starmass.__path__)]
    assert sorted(listed) == [name for name in sorted(modules) if not name.endswith("__main__")]
