"""What the workflow's tests share: a way to run Snakemake on this checkout in a folder of the
test's own.
"""

import os
import subprocess
import sys
from pathlib import Path

import demo_run
import pytest
import yaml
from snakemake_process import run_forked

ROOT = Path(__file__).resolve().parent.parent

# Tests run side by side: a thread each, and idle ones sleep instead of spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

LONGEST = (
    "test_slurm.py",
    "test_kills.py",
    "test_identity.py",
    "test_extending.py",
    "test_demo.py",
    "test_image_rules.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: a file is one worker's, and the last one should not
    leave the other workers idle.
    """
    items.sort(
        key=lambda item: (
            LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)
        )
    )


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def run_snakemake():
    """Return ``run(folder, *arguments, overlay={...}, seconds=...)``, which runs Snakemake.

    The checkout's workflow, with its results in ``folder``. ``as_command`` starts it as a user
    does; otherwise it is forked from a process that has Snakemake imported.
    """

    def run(
        folder: Path,
        *arguments: str,
        overlay: dict | None = None,
        presets=(),
        seconds: int = 600,
        as_command: bool = False,
    ) -> subprocess.CompletedProcess:
        configfiles = [ROOT / "config" / f"{name}.yaml" for name in presets]
        if overlay is not None:
            configfiles.append(folder / "overlay.yaml")
            configfiles[-1].write_text(yaml.safe_dump(overlay))
        # Options that take several words would swallow targets: these come first.
        given = [*arguments, "--snakefile", ROOT / "Snakefile", "--directory", folder]
        if configfiles:
            given += ["--configfile", *configfiles]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if not as_command:
            return run_forked(list(map(str, given)), folder, environment, seconds)
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *map(str, given)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def local_demo(run_snakemake, tmp_path_factory):
    """The demo, run on this machine once for all workers (``demo_run``); it has to have
    ended well.
    """
    done = demo_run.run_once(run_snakemake, tmp_path_factory)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    return done


@pytest.fixture(scope="session")
def ramses_data(tmp_path_factory) -> Path:
    """Folder with the real RAMSES dumps (unpacked), or skip with a sentence."""
    archives = Path(
        os.environ.get("STARMASS_RAMSES_DATA", ROOT.parent / "shared" / "data" / "ramses_a")
    )
    if not list(archives.glob("output_*")):
        pytest.skip(
            f"no RAMSES dumps in {archives}: set STARMASS_RAMSES_DATA to the folder that holds"
            " output_*.tar.xz"
        )
    folder = tmp_path_factory.mktemp("ramses")
    for archive in sorted(archives.glob("output_*.tar.xz")):
        subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
    return folder if list(folder.glob("output_*")) else archives
