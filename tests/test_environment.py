"""One set of dependencies, said in four places: pyproject.toml, the lock, and the two conda
environments.
"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CONDA_NAMES = {
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "matplotlib-base": "matplotlib",
    "snakemake-minimal": "snakemake",
}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def read_lock(name: str) -> dict[str, set[str]]:
    """Package -> the versions it is locked to (a version may depend on the Python version)."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "envs" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            package, version = re.match(r"([\w.-]+)==([^ ;]+)", line).groups()
            versions.setdefault(package.lower(), set()).add(version)
    return versions


def test_the_lock_satisfies_the_project(project):
    extras = project["optional-dependencies"]
    wanted = {
        "requirements.lock": project["dependencies"] + extras["slurm"],
        "requirements-dev.lock": project["dependencies"] + extras["slurm"] + extras["dev"],
        "requirements-docs.lock": project["dependencies"] + extras["slurm"] + extras["docs"],
    }
    for name, requirements in wanted.items():
        lock = read_lock(name)
        for requirement in map(Requirement, requirements):
            assert requirement.name in lock, f"{name} lacks {requirement.name}: run make lock"
            assert all(version in requirement.specifier for version in lock[requirement.name]), (
                f"{name}: {requirement}"
            )


@pytest.mark.parametrize("name", ["requirements-dev.lock", "requirements-docs.lock"])
def test_what_is_installed_on_top_changes_no_version(name):
    assert read_lock("requirements.lock").items() <= read_lock(name).items()


def test_tests_and_documentation_can_be_installed_side_by_side():
    tests, documentation = read_lock("requirements-dev.lock"), read_lock("requirements-docs.lock")
    for package in tests.keys() & documentation.keys():
        assert tests[package] == documentation[package], package


@pytest.mark.parametrize("name", ["environment-cpu.yaml", "environment-gpu.yaml"])
def test_conda_environments_ask_for_the_same(project, name):
    listed = yaml.safe_load((ROOT / "envs" / name).read_text())["dependencies"]
    conda = {}
    for text in listed:
        requirement = Requirement(text)
        conda[CONDA_NAMES.get(requirement.name, requirement.name)] = str(requirement.specifier)
    assert conda.pop("python") == project["requires-python"]
    conda.pop("pip")
    expected = {
        r.name: str(r.specifier)
        for r in map(
            Requirement, project["dependencies"] + project["optional-dependencies"]["slurm"]
        )
    }
    assert conda == expected
