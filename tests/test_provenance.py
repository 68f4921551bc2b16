"""Where a result came from: the digest of the code that a stage runs, and the commit."""

import json
import logging
import os
import shutil
import subprocess

import pytest

from starmass import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout: a script that imports one of two wings, which imports the ground floor."""
    files = {
        "script.py": "from starmass.maps import make\nmake()\n",
        "starmass/__init__.py": "",
        "starmass/floor.py": "WIDTH = 64\n",
        "starmass/maps/__init__.py": "from starmass import floor\n\ndef make():\n    '''Make.'''\n    return floor.WIDTH\n",
        "starmass/other/__init__.py": "def unused():\n    return 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "moves"),
    [
        ("script.py", "make()\n", "make()  # now\n", False),
        ("starmass/maps/__init__.py", "'''Make.'''", "'''Make a map.'''", False),
        ("starmass/other/__init__.py", "return 1", "return 2", False),
        ("script.py", "\nmake()", "\nmake(), make()", True),
        ("starmass/maps/__init__.py", "return floor.WIDTH", "return 2 * floor.WIDTH", True),
        ("starmass/floor.py", "64", "65", True),
    ],
)
def test_code_digest(checkout, file, old, new, moves):
    def digest():
        provenance._read_module.cache_clear()
        return provenance.code_digest("script.py")

    before = digest()
    path = checkout / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (digest() != before) is moves


def test_provenance_names_inputs_by_digest(tmp_path):
    data = tmp_path / "data.bin"
    data.write_bytes(b"abc")
    facts = provenance.provenance(config={"side": 0.5}, seed=3, inputs=[data])
    assert facts["inputs"] == {
        str(data): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }
    assert facts["config"] == {"side": 0.5} and facts["seed"] == 3 and facts["versions"]["numpy"]


def git(folder, *arguments):
    """Run git in ``folder`` as a user of the test's own; return what it says."""
    options = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *options, "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_is_the_packages_own_or_unknown(tmp_path, monkeypatch, caplog):
    """Repositories around the package, and those that the environment names, are others'."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def commit_at(root):
        monkeypatch.setattr(provenance, "ROOT", root)
        provenance.git_commit.cache_clear()
        return provenance.git_commit()

    own, paper = tmp_path / "Prüfung #1", tmp_path / "paper"
    for folder in (own, paper):
        (folder / "starmass").mkdir(parents=True)
        git(folder, "init", "--quiet")
    (own / "starmass" / "__init__.py").write_text("")
    (paper / "paper.tex").write_text("text")
    for folder in (own, paper):
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", folder.name)
    head, others = git(own, "rev-parse", "HEAD"), git(paper, "rev-parse", "HEAD")
    assert head != others

    assert commit_at(own) == head
    (own / "starmass" / "__init__.py").write_text("changed")
    assert commit_at(own) == f"{head}-dirty"
    git(own, "checkout", "--quiet", ".")

    # Below somebody's tree (an environment, a tarball, a copy they track), and beside their files.
    inside = paper / ".venv/lib/python3.11/site-packages"
    for place in (inside, paper / "starmass-0.1.0", paper):
        (place / "starmass").mkdir(parents=True, exist_ok=True)
        (place / "starmass" / "__init__.py").write_text("")
        assert commit_at(place) == "unknown", place
    git(paper, "add", "--force", "starmass-0.1.0")
    git(paper, "commit", "--quiet", "--message", "a copy")
    assert commit_at(paper / "starmass-0.1.0") == "unknown"

    # A hook of theirs, which tells every git below it where to look.
    with monkeypatch.context() as hook:
        for name, value in {"DIR": ".git", "WORK_TREE": "", "INDEX_FILE": ".git/index"}.items():
            hook.setenv(f"GIT_{name}", str(paper / value))
        assert commit_at(own) == head
        assert commit_at(inside) == "unknown"

    # Another worktree, and a submodule of theirs, are checkouts of our own.
    git(own, "worktree", "add", "--quiet", str(tmp_path / "tree"), "-b", "other")
    git(paper, "submodule", "--quiet", "add", str(own), "code")
    for place in (tmp_path / "tree", paper / "code"):
        assert commit_at(place) == head, place

    # git that refuses (as for another owner's checkout), or is not there, is named in the log.
    with caplog.at_level("WARNING", logger="starmass"), monkeypatch.context() as refused:
        monkeypatch.setattr(logging.getLogger("starmass"), "propagate", True)
        refused.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        refused.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        assert commit_at(own) == "unknown"
        refused.setenv("PATH", str(tmp_path))
        assert commit_at(own) == "unknown"
    *_, ownership, absent = dict.fromkeys(caplog.messages)  # each said once
    assert "dubious ownership" in ownership and "safe.directory" in ownership, ownership
    assert str(own) in absent and "'git'" in absent, absent
    provenance.git_commit.cache_clear()


def test_an_installed_package_has_the_commit_that_pip_noted(tmp_path, monkeypatch):
    """PEP 610, by which ``pip install git+https://...`` tells what it installed."""
    facts = tmp_path / "starmass-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: starmass\nVersion: 0.1.0\n")
    origin = {"url": "https://example.org/s.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    (facts / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(tmp_path)
    for root, commit in ((tmp_path, "abc"), (tmp_path / "elsewhere", "unknown")):
        root.mkdir(exist_ok=True)
        monkeypatch.setattr(provenance, "ROOT", root)
        provenance.git_commit.cache_clear()
        assert provenance.git_commit() == commit
    provenance.git_commit.cache_clear()
