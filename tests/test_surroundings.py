"""The workflow runs wherever it lies: below a space, without a home, installed, as a module."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile

from starmass.caches import kernel_folder, prepare_caches
from starmass.running.interpreter import NAME, one_word
from starmass.running.status import result_folders, snakefile_of

FLOW = ("Snakefile", "config", "resources", "workflow")
SPECIAL = "my work #1 $y 100% Prüfung"
NOWHERE = "/proc/nowhere"  # where root can't make a folder either


def lay(root, folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, folder / name)


def snakemake(folder, *arguments, python=sys.executable, **environment):
    """Run Snakemake in ``folder`` with nothing of this process's Python path."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [python, "-m", "snakemake", *arguments],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def environment_in(folder):
    """Make an environment in ``folder`` that borrows this one's packages; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (site,) = (folder / ".venv/lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / ".venv/bin/python"


def example(root):
    """The Snakefile of another workflow that the docs show."""
    page = (root / "docs/running.md").read_text()
    return re.search(r"```snakemake\n# Snakefile\n(.*?)```", page, flags=re.DOTALL)[1]


def test_the_docs_module_runs_installed_below_special_signs_and_without_a_home(root, tmp_path):
    """One start for all: no part of it may need the others to be plain."""
    flow, site, top = (tmp_path / SPECIAL / name for name in ("flow", "site", "{run}"))
    lay(root, flow, *FLOW)
    lay(root, site, "starmass")
    top.mkdir()
    text = example(root).replace("/path/to/starmass", str(flow))
    text += """
# What the scripts are told of results lies where Snakemake puts them.
class Wildcards(dict):
    __getattr__ = dict.__getitem__
chosen = Wildcards(study="demo", ablation="neighbours")
for name in ("compare_methods", "score_few_labels", "compare_variants", "plot_regression"):
    paths = str(workflow.get_rule(f"starmass_{name}").params.files(chosen))
    assert paths.count("'stars/results/") == paths.count("results/") > 0, paths
assert config["starmass"] == {"study": "demo"}, "the caller's config stays as it is"
assert workflow.default_target == "all", workflow.default_target
"""
    (top / "Snakefile").write_text(text, encoding="utf-8")
    (top / "config.yaml").write_text("samples: [a]\nstarmass: {study: demo}\n")
    environment = {
        "HOME": NOWHERE, "XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_CONFIG_HOME": NOWHERE,
        "PYTHONPATH": str(site), "NUMBA_CACHE_DIR": NOWHERE,
    }  # fmt: skip
    target = "stars/results/dumps/toycloud_a/run.yaml"
    done = snakemake(top, "-c1", target, python=environment_in(top), **environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (top / target).is_file() and (top / "stars/logs/dumps/toycloud_a/run.log").is_file()
    assert "Describing the dumps of toy cloud toycloud_a" in done.stderr
    assert "not present in the Snakefile" not in done.stderr  # localrules by another name
    assert (top / NAME).is_file()
    assert snakefile_of(top) == top / "Snakefile" and top / "stars/results" in result_folders(top)


def test_jobs_import_the_library_beside_the_snakefile(root, tmp_path):
    """Also where another one is installed, or none."""
    lay(root, tmp_path / "checkout", *FLOW, "starmass")
    with open(tmp_path / "checkout/starmass/__init__.py", "a") as file:
        file.write("import sys; print('here:', sys.argv[0], file=sys.stderr)\n")
    snakefile = str(tmp_path / "checkout/Snakefile")
    done = snakemake(tmp_path, "-c1", "--snakefile", snakefile, "results/dumps/toycloud_a/run.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"^here: .*write_toycloud_descriptor\.py$", done.stderr, flags=re.MULTILINE)


def test_as_a_module_without_a_prefix_everything_is_planned(root, tmp_path):
    (tmp_path / "Snakefile").write_text(f"""
module starmass:
    snakefile: "{root}/Snakefile"
    config: {{"maps": {{"simulations": {{"toycloud_a": {{"snapshots": 2}}}}}}}}
use rule * from starmass as stars_*
""")
    done = snakemake(tmp_path, "--dry-run", "--quiet", "host", "reason", PYTHONPATH=str(root))
    planned = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, flags=re.MULTILINE))
    assert done.returncode == 0, done.stderr[-3000:]
    assert planned["stars_make_maps"] == "2" and planned["stars_build_table"] == "1"


def test_an_include_is_refused_in_a_sentence_with_the_way_out(root, tmp_path):
    (tmp_path / "Snakefile").write_text(f'include: "{root}/Snakefile"\n')
    done = snakemake(tmp_path, "--dry-run", PYTHONPATH=str(root))
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("starmass:")]
    assert done.returncode and "Traceback" not in done.stderr
    assert "use it as a module instead: module starmass: snakefile:" in said and str(root) in said


def test_rules_name_nothing_of_the_main_snakefile(root):
    """It may be another workflow's: Snakemake formats messages with its names, in its folder."""
    for path in (root / "workflow/rules").glob("*.smk"):
        text = path.read_text()
        for message in re.findall(r'message:\n +("[^"]+")', text):
            assert not re.search(r"{(?!wildcards|params)", message), (path.name, message)
        assert "workflow.basedir" not in text and "\nlocalrules:" not in text, path.name


def test_an_interpreter_below_a_space_is_one_word_for_a_shell(tmp_path):
    plain, special = tmp_path / "plain", tmp_path / SPECIAL
    for folder in (plain, special):
        folder.mkdir()
    link = special / "python"
    link.symlink_to(sys.executable)
    assert one_word(sys.executable, plain) == sys.executable
    for folder in (plain, special):
        word = one_word(str(link), folder)
        assert shlex.quote(word) == word
        done = subprocess.run(
            f"{word} -c 'import sys; print(*sys.argv[1:])' 'a b' c",
            shell=True, cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "a b c\n", done.stderr
        assert one_word(str(link), folder) == word


def test_make_calls_the_interpreter_and_no_script_of_the_environment(root):
    """The first line of a script names its interpreter, which has to be one word."""
    assert set(re.findall(r"\$\(BIN\)/(\S+)", (root / "Makefile").read_text())) == {"python"}


def test_caches_go_where_they_can_be_written_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writable = {"HOME": str(tmp_path)}
    prepare_caches(writable)
    assert writable == {"HOME": str(tmp_path)}
    assert kernel_folder(writable) == tmp_path / ".cache/starmass/numba"
    assert os.listdir(tmp_path) == []

    named = {"HOME": NOWHERE, "NUMBA_CACHE_DIR": str(tmp_path / "n"), "MPLCONFIGDIR": str(tmp_path)}
    before = dict(named)
    prepare_caches(named)
    assert named == before

    # A run's own folder; without a run one that is this user's alone.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    mine = tmp_path / "tmp" / f"starmass-{os.getuid()}"
    for home in ({"HOME": NOWHERE}, {"HOME": NOWHERE, "NUMBA_CACHE_DIR": NOWHERE}):
        environment = dict(home)
        prepare_caches(environment)
        assert environment["NUMBA_CACHE_DIR"] == str(mine / "numba")
        assert environment["MPLCONFIGDIR"] == str(mine / "matplotlib")
        assert stat.S_IMODE(mine.stat().st_mode) == 0o700
    mine.chmod(0o777)  # somebody else could put compiled code there
    prepare_caches(environment := {"HOME": NOWHERE})
    assert not environment["NUMBA_CACHE_DIR"].startswith(str(mine))
    (tmp_path / ".snakemake").mkdir()
    prepare_caches(environment := {"XDG_CACHE_HOME": NOWHERE, "XDG_CONFIG_HOME": NOWHERE})
    assert environment["NUMBA_CACHE_DIR"] == str(tmp_path / ".snakemake/starmass-caches/numba")


def test_kernels_are_compiled_and_kept_without_a_home(root, tmp_path):
    (tmp_path / ".snakemake").mkdir()
    without = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NUMBA_CACHE_DIR")
    inherited = {key: value for key, value in os.environ.items() if key not in without}
    code = "from starmass.fractals.arithmetic import log; print(log(1.0))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**inherited, "PYTHONPATH": str(root), "HOME": NOWHERE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and float(done.stdout) == 0, done.stderr
    assert list((tmp_path / ".snakemake/starmass-caches/numba").rglob("*.nbi"))
