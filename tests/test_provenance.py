"""Where a result came from: the digest of the code that a stage runs, and the commit."""

import json
import logging
import os
import re
import shutil
import subprocess

import pytest
from snakemake_process import run_forked

from starmass import provenance

SCRIPTS = "workflow/scripts"
PRETRAINING = "starmass/pretraining/__main__.py"
PACKAGES = {
    "starmass.fractals.generators": f"{SCRIPTS}/render_fractals.py",
    "starmass.pretraining.methods": PRETRAINING,
    "starmass.maps.channels": f"{SCRIPTS}/make_maps.py",
}
"""Packages whose modules the config names, and what loads them."""


MAKE = """from starmass import floor
import logging
logger = logging.getLogger("starmass")

def make(width, names):
    '''Make.'''
    listed = ", ".join(names) + "."
    if width > 9:
        raise ValueError(f"width {width}: too wide; choose {listed}")
    if not names:
        problem = "no names"
        raise ValueError(problem)
    shown = "none"
    if shown != names[0]:
        raise KeyError(width) from None
    assert width, "no width"
    logger.info("made %d of %s", width, _titled(names))
    logging.getLogger("starmass").warning("wide")
    failure = ValueError("cannot be made")
    for name in tqdm(names, desc="names", total=7):
        floor.save(name, f"map of {name}", unit="pc")
    return floor.WIDTH


def _titled(names):
    return "names: " + ", ".join(names)
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout: a script that imports one of two wings, which imports the ground floor."""
    files = {
        "script.py": "from starmass.maps import make\nmake()\n",
        "starmass/__init__.py": "__version__ = '1'\n",
        "starmass/floor.py": "from starmass.errors import InputError\nWIDTH = 64\n",
        "starmass/errors.py": "class InputError(ValueError):\n    'said'\n",
        "starmass/maps/__init__.py": MAKE,
        "starmass/maps/kinds/__init__.py": "",
        "starmass/maps/kinds/mean.py": "from starmass.other import unused\nPOWER = 1\n",
        "starmass/other/__init__.py": "def unused():\n    return 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    yield tmp_path
    provenance._read_module.cache_clear()


def digest(*given):
    """Digest of code as it lies on the disk now."""
    provenance._read_module.cache_clear()
    return provenance.code_digest(*given)


def change(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


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
    before = digest("script.py")
    change(checkout / file, old, new)
    assert (digest("script.py") != before) is moves


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("too wide; choose", "above 9; take", False),
        ('f"width {width}: too wide; choose {listed}"', '"too wide"', False),
        ('", ".join(names) + "."', '" and ".join(names)', False),
        ('problem = "no names"', 'problem = "there are no names"', False),
        ('"no width"', '"give a width"', False),
        ('"made %d of %s", width', '"made %s"', False),
        ('"names: "', '"called "', False),
        ('warning("wide")', 'warning("very wide")', False),
        ('"cannot be made"', '"nothing can be made"', False),
        ('desc="names"', 'desc="name"', False),
        ("if width > 9", "if width > 8", True),
        ("raise ValueError(f", "raise TypeError(f", True),
        ("raise KeyError(width) from None", "pass", True),
        ("raise KeyError(width)", "raise KeyError(names)", True),
        ('shown = "none"', 'shown = "all"', True),
        ("assert width,", "assert width > 1,", True),
        ("total=7", "total=8", True),
        ('f"map of {name}"', 'f"map {name}"', True),
        ('unit="pc"', 'unit="cm"', True),
    ],
)
def test_messages_do_not_count_and_what_they_stand_beside_does(checkout, old, new, moves):
    before = digest("script.py")
    change(checkout / "starmass/maps/__init__.py", old, new)
    assert (digest("script.py") != before) is moves


def test_a_value_that_a_message_brings_about_counts(checkout):
    path = checkout / "script.py"
    path.write_text('import logging\nlogging.info("%s", part := "a")\nprint(part)\n')
    before = digest("script.py")
    change(path, 'part := "a"', 'part := "b"')
    assert digest("script.py") != before


def test_text_that_goes_into_a_callers_list_counts(checkout):
    path = checkout / "script.py"
    path.write_text("def f(lines, more):\n    lines += more + ['mass']\n")
    before = digest("script.py")
    change(path, "'mass'", "'age'")
    assert digest("script.py") != before


def test_text_that_is_shown_and_used_counts(checkout):
    path = checkout / "script.py"
    text = "def f(x):\n    key = 'mass'\n    if not x:\n        raise KeyError(key)\n"
    for used, moves in (("x", False), ("x[key]", True), ("lambda: key", True)):
        path.write_text(f"{text}    return {used}\n")
        before = digest("script.py")
        change(path, "'mass'", "'age'")
        assert (digest("script.py") != before) is moves, used


def test_modules_that_shape_no_result_do_not_count(checkout):
    before = digest("script.py")
    change(checkout / "starmass/errors.py", "'said'", "'said'\n    code = 2")
    change(checkout / "starmass/__init__.py", "'1'", "'2'")
    change(checkout / "starmass/floor.py", "InputError", "InputError, closest")
    assert digest("script.py") == before


def test_a_module_loaded_by_name_counts_with_what_it_imports_and_its_neighbours_do_not(checkout):
    entry = "starmass.maps.kinds.mean"
    plain, before = digest("script.py"), digest("script.py", entry)
    assert plain != before
    (checkout / "starmass/maps/kinds/new.py").write_text("POWER = 3\n")
    assert (digest("script.py"), digest("script.py", entry)) == (plain, before)
    for file, old, new in (("maps/kinds/mean.py", "1", "2"), ("other/__init__.py", "1", "2")):
        change(checkout / "starmass" / file, old, new)
        assert digest("script.py") == plain
        assert digest("script.py", entry) != before
        before = digest("script.py", entry)
    with pytest.raises(ModuleNotFoundError, match=r"starmass\.maps\.kinds\.men: there is no such"):
        digest("script.py", "starmass.maps.kinds.men")


@pytest.fixture
def own_code(root, tmp_path, monkeypatch):
    """A copy of this checkout's code, and a function that digests all of it."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("starmass", SCRIPTS):
        shutil.copytree(root / folder, tmp_path / folder, ignore=ignore)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    scripts = [f"{SCRIPTS}/{path.name}" for path in sorted((tmp_path / SCRIPTS).glob("*.py"))]
    entries = [
        (script, f"{package}.{path.stem}")
        for package, script in PACKAGES.items()
        for path in sorted((tmp_path / package.replace(".", "/")).glob("*.py"))
        if path.stem != "__init__"
    ]

    def digests():
        provenance._read_module.cache_clear()
        given = [(script,) for script in (*scripts, PRETRAINING)] + entries
        return {one: provenance.code_digest(*one) for one in given}

    yield tmp_path, digests
    provenance._read_module.cache_clear()


def test_rewording_all_errors_makes_nothing_out_of_date(own_code):
    folder, digests = own_code
    before, reworded = digests(), 0
    for path in (folder / "starmass").rglob("*.py"):
        text, number = re.subn(
            r"(raise \w+\(\s*f?[\"'])", r"\1In other words: ", path.read_text(encoding="utf-8")
        )
        reworded += number
        path.write_text(text, encoding="utf-8")
    assert reworded > 150
    assert digests() == before


def test_another_number_makes_out_of_date_what_reaches_it(own_code):
    folder, digests = own_code
    before = digests()
    change(folder / "starmass/units.py", "PARSEC_CM = 3", "PARSEC_CM = 4")
    change(folder / "starmass/pretraining/schedules.py", "1 + math.cos", "2 + math.cos")
    moved = {one[0] for one, found in digests().items() if found != before[one]}
    assert {f"{SCRIPTS}/make_maps.py", PRETRAINING} <= moved
    assert not {f"{SCRIPTS}/render_fractals.py", f"{SCRIPTS}/draw_split.py"} & moved


def test_a_new_entry_makes_nothing_out_of_date_and_a_changed_one_its_own_results(own_code):
    folder, digests = own_code
    before = digests()
    for package in (*PACKAGES, "starmass.evaluation.regressors", "starmass.reporting.figures"):
        (folder / package.replace(".", "/") / "new.py").write_text("VALUE = 1\n")
    assert digests() == before
    changed = (
        "starmass.fractals.generators.dead_leaves",
        "starmass.pretraining.methods.mae",
        "starmass.maps.channels.spectrum",
    )
    for module in changed:
        with open(folder / f"{module.replace('.', '/')}.py", "a") as stream:
            stream.write("\nVALUE = 1\n")
    moved = {one for one, found in digests().items() if found != before[one]}
    of_mae = {("workflow/scripts/plot_reconstructions.py",)}  # a figure that is of MAE alone
    assert moved == {one for one in before if one[-1] in changed} | of_mae


def test_rules_name_the_entries_that_they_use(root, tmp_path):
    config = {
        "maps": {"projection": {"channels": ["b_los", "ppv"]}},
        "fractals": {"images": {"leaves": {"generator": "dead_leaves", "count": 1, "size": 16}}},
    }
    asked = {
        "render_fractals": {"images": "leaves"},
        "pretrain_encoder": {"encoder": "nano_resnet18"},
        "make_maps": {"simulation": "toycloud_a"},
    }
    (tmp_path / "Snakefile").write_text(
        f"""
from types import SimpleNamespace
module starmass:
    snakefile: {str(root / "Snakefile")!r}
    config: {config!r}
use rule * from starmass as starmass_*
for rule, wildcards in {asked!r}.items():
    code = workflow.get_rule(f"starmass_{{rule}}").params.code
    print("CODE", rule, code(SimpleNamespace(**wildcards)))
"""
    )
    given = ["--snakefile", str(tmp_path / "Snakefile"), "--list-rules"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = run_forked(given, tmp_path, environment, 120)
    assert done.returncode == 0, done.stderr
    loaded = {
        "render_fractals": ["starmass.fractals.generators.dead_leaves"],
        "pretrain_encoder": ["starmass.pretraining.methods.simsiam"],
        "make_maps": ["starmass.maps.channels.vector", "starmass.maps.channels.spectrum"],
    }
    scripts = {rule: f"{SCRIPTS}/{rule}.py" for rule in loaded} | {"pretrain_encoder": PRETRAINING}
    assert dict(re.findall(r"CODE (\w+) (\w+)", done.stdout + done.stderr)) == {
        rule: provenance.code_digest(scripts[rule], *modules) for rule, modules in loaded.items()
    }


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
