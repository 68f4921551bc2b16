"""What says who made this, how to cite it and how to take part agrees with the project."""

import csv
import re
import tomllib

import pytest
import yaml
from documents import ROOT

from starmass import __version__


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_is_of_this_version_and_of_the_paper(project):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["title"] == project["name"] and citation["type"] == "software"
    assert str(citation["version"]) == __version__
    assert citation["license"] == project["license"]
    (paper,) = citation["references"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert paper["url"] in readme
    for author in paper["authors"]:
        assert author["family-names"] in readme


def test_the_workflow_catalog_is_told_what_is_so():
    """Rules that deploy software would need conda or containers to be declared, and none does."""
    text = (ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8")
    usage = yaml.safe_load(text)["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment"}
    for command in re.findall(r"envs/\S+", usage["mandatory-flags"]["desc"]):
        assert (ROOT / command).is_file(), command
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    deployment = usage["software-stack-deployment"]
    assert deployment["conda"] == bool(re.search(r"^ +conda:$", rules, re.MULTILINE))
    assert deployment["apptainer"] == bool(re.search(r"^ +container:$", rules, re.MULTILINE))
    assert deployment["report"] == ("report(" in rules)


def test_published_numbers_on_pages_are_those_of_the_tables():
    """Each row of a page has the numbers of a row of the table, rounded."""
    printed = {
        "classes": {"accuracy": lambda value: f"{float(value):.3f}".rstrip("0")},
        "redshift": {
            "sigma_mad": lambda value: f"{float(value):.4f}",
            "outlier_share": lambda value: f"{100 * float(value):.2f}%",
        },
    }
    for page, columns in printed.items():
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        shown = re.search(r"\| published row .*?\n\n", text, re.DOTALL)[0].splitlines()[2:-1]
        with open(ROOT / f"resources/{page}_published.csv", newline="") as stream:
            rows = [
                tuple(form(row[name]) for name, form in columns.items())
                for row in csv.DictReader(stream)
            ]
        for line in shown:
            cells = [cell.strip() for cell in line.strip("| ").split("|")]
            values = tuple(
                cell if "%" in cell or page == "redshift" else cell.rstrip("0")
                for cell in cells[-len(columns) :]
            )
            assert values in rows, line


def test_what_contributors_are_told_is_there():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./]+/)`|\]\(([\w./]+)\)", page)
    paths = [one or other for one, other in named]
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"Lines have {config['tool']['ruff']['line-length']} characters" in page
