"""Snakemake sessions on the tests' SLURM: started with the shipped profile, watched,
always ended.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from slurm_cluster import end_with_parent

ROOT = Path(__file__).resolve().parent.parent
# What a tiny, quiet cluster needs: a short wait before the first look at a job, and between a job's
# end and its files.
TINY_CLUSTER = [
    "--slurm-init-seconds-before-status-checks",
    "1",
    "--latency-wait",
    "10",
    "--cores",
    "2",
    "--slurm-keep-successful-logs",
]


class Session:
    """A Snakemake in ``folder`` that sends its jobs to the cluster; ``with`` ends it, whatever
    happens.
    """

    def __init__(
        self,
        cluster,
        folder: Path,
        *arguments: str,
        overlay: dict | None = None,
        seconds: int = 1800,
    ):
        self.cluster, self.folder = cluster, folder
        folder.mkdir(parents=True, exist_ok=True)
        if overlay is not None:
            (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
        command = [
            sys.executable,
            "-m",
            "snakemake",
            *arguments,
            "--snakefile",
            ROOT / "Snakefile",
            "--directory",
            folder,
        ]
        command += ["--profile", ROOT / "slurm", *TINY_CLUSTER]
        if (folder / "overlay.yaml").exists():
            command += ["--configfile", folder / "overlay.yaml"]
        self.log = folder / "session.log"
        environment = {**cluster.environment, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with open(self.log, "a") as stream:
            # Snakemake takes a SIGTERM as a wish to end when the running jobs do: a test that hangs
            # needs more than that.
            limited = ["timeout", "-s", "KILL", str(seconds), *map(str, command)]
            self.process = subprocess.Popen(
                limited,
                cwd=folder,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        for number in self.jobs("PENDING", "RUNNING", "STOPPED", "COMPLETING"):
            self.cluster.run("scancel", number)

    def said(self) -> str:
        """Return all that Snakemake wrote, of this session and those before it in the folder."""
        return self.log.read_text()

    def kill(self) -> None:
        """End Snakemake as `kill -9` does, and `timeout` with it; its jobs go on."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def finish(self) -> str:
        """Wait for the end, which has to be a good one; return what was said."""
        self.process.wait()
        assert self.process.returncode == 0, self.said()[-6000:]
        return self.said()

    def wait_for(self, condition: Callable, seconds: float = 600):
        """Return the first truth that ``condition`` gives; Snakemake has to be running
        until then.
        """
        until = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, (
                f"Snakemake ended before the test's moment came:\n{self.said()[-6000:]}"
            )
            assert time.monotonic() < until, (
                f"the test's moment did not come:\n{self.said()[-6000:]}"
            )
            time.sleep(0.1)
        return found

    def jobs(self, *states: str) -> dict[str, tuple[str, str]]:
        """Return number -> (rule and wildcards, node) of this folder's jobs in the queue that are
        in one of ``states``.
        """
        listed = self.cluster.run(
            "squeue", "-h", "-t", ",".join(states), "-o", "%i|%k|%N|%Z"
        ).stdout.splitlines()
        rows = [line.split("|") for line in listed]
        return {
            number: (comment.removeprefix("rule_"), node)
            for number, comment, node, folder in rows
            if folder == str(self.folder)
        }

    def job_of(self, rule: str) -> str | None:
        """Return the number of a running job, by its rule and wildcards."""
        return next(iter(self.all_of(rule, "RUNNING")), None)

    def all_of(self, rule: str, *states: str) -> dict[str, tuple[str, str]]:
        """Return what :meth:`jobs` does, of one rule (with its wildcards) or one kind of group."""
        return {number: job for number, job in self.jobs(*states).items() if job[0] == rule}

    def minutes_of(self, number: str) -> int:
        """Return the run time that a job asked for."""
        limit = self.cluster.run(
            "squeue", "-h", "-t", "all", "-j", number, "-o", "%l"
        ).stdout.strip()
        days, _, clock = limit.rpartition("-")
        parts = [int(part) for part in clock.split(":")]
        return 1440 * int(days or 0) + (60 * parts[0] + parts[1] if len(parts) == 3 else parts[0])
