"""Snakemake for the tests: each run in a process of its own, forked from one that imported it.

Importing Snakemake takes longer than most dry runs. The forked process gets arguments, folder and
environment as a command does; nothing of starmass and no config has been read before.
"""

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

IMPORTED = ["snakemake.cli", "snakemake.report.html_reporter", "pydantic", "smart_open"]


def run_forked(
    arguments: list[str], folder: Path, environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess:
    """Run ``snakemake`` with ``arguments`` in ``folder``; the result is as `subprocess.run`'s."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with tempfile.TemporaryDirectory() as place:
        said, complained = Path(place, "stdout"), Path(place, "stderr")
        process = context.Process(
            target=_be_snakemake, args=(arguments, folder, environment, said, complained)
        )
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(["snakemake", *arguments], seconds)
        return subprocess.CompletedProcess(
            ["snakemake", *arguments], process.exitcode, said.read_text(), complained.read_text()
        )


def _be_snakemake(
    arguments: list[str], folder: Path, environment: dict[str, str], said: Path, complained: Path
) -> None:
    """Become what ``python -m snakemake`` in ``folder`` is, and end as it does."""
    assert not [name for name in sys.modules if name.split(".")[0] == "starmass"]
    for stream, path in ((1, said), (2, complained)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["snakemake", *arguments]
    sys.path[:0] = [str(folder), *environment["PYTHONPATH"].split(os.pathsep)]
    from snakemake.cli import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends a process without them
