"""A real SLURM on one machine: munged, slurmctld and two slurmd from Debian's packages, in a
private folder.

Nothing of the system's own SLURM is touched but one link, /etc/slurm/slurm.conf, which the executor
plugin's inner srun needs (it strips SLURM_CONF). Everything is ended by pid.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAMS = (
    "munged",
    "mungekey",
    "slurmctld",
    "slurmd",
    "sbatch",
    "srun",
    "squeue",
    "scancel",
    "scontrol",
    "sinfo",
)
SYSTEM_CONFIG = Path("/etc/slurm/slurm.conf")

CONFIG = """
ClusterName=starmass
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=0
MinJobAge=3000
KillWait=10
SlurmdTimeout=20
{tracking}
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
MpiDefault=none
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory={memory} \
Gres=gpu:fake:3 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 RealMemory={memory} \
Gres=gpu:fake:3 State=UNKNOWN
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=UNLIMITED State=UP
PartitionName=gpu Nodes=n1,n2 MaxTime=UNLIMITED State=UP
"""
CGROUP_TRACKING = """ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=1"""
PLAIN_TRACKING = """ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill"""
CGROUP = """CgroupAutomount=no
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainCores=no
ConstrainDevices=no
"""
# A count without device files is refused; these stand for three GPUs a node, so that GPU jobs queue
# and see an index.
GRES = "".join(
    f"NodeName={node} Name=gpu Type=fake File=/dev/{device}\n"
    for node in ("n1", "n2")
    for device in ("null", "zero", "full")
)


def missing() -> str | None:
    """Return why no cluster can be started here, or None."""
    absent = [
        program
        for program in PROGRAMS
        if not (shutil.which(program) or Path("/usr/sbin", program).exists())
    ]
    if absent:
        return (
            f"needs a SLURM to start: {', '.join(absent)} not found"
            " (apt-get install slurm-wlm slurmd slurmctld munge)"
        )
    if os.geteuid() != 0:
        return "needs root to start a SLURM of its own"
    if SYSTEM_CONFIG.exists() and not SYSTEM_CONFIG.is_symlink():
        return (
            f"a SLURM is configured here already ({SYSTEM_CONFIG}); the tests start their own and"
            " leave that one alone"
        )
    return None


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def end_with_parent() -> None:
    """Have the kernel end this process when the tests end, even if they are killed (Linux's
    PR_SET_PDEATHSIG).
    """
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Cluster:
    """Starts in the constructor, ends with :meth:`stop`; ``environment`` is what SLURM's commands
    need to find it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        # One at a time on a machine: the link is everybody's. The lock goes with the process.
        SYSTEM_CONFIG.parent.mkdir(parents=True, exist_ok=True)
        self.lock = open(SYSTEM_CONFIG.parent / "starmass-tests.lock", "w")  # noqa: SIM115
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.processes: dict[str, subprocess.Popen] = {}
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
        }
        for name in ("munge", "state", "spool-n1", "spool-n2"):
            (folder / name).mkdir(parents=True)
        (folder / "munge").chmod(0o755)
        ports = free_ports(3)
        memory = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20)
        has_cgroups = (
            Path("/sys/fs/cgroup/memory").is_dir()
            or Path("/sys/fs/cgroup/cgroup.controllers").is_file()
        )
        tracking = CGROUP_TRACKING if has_cgroups else PLAIN_TRACKING
        config = CONFIG.format(
            host=socket.gethostname(), folder=folder, ports=ports, memory=memory, tracking=tracking
        )
        (folder / "slurm.conf").write_text(config)
        (folder / "cgroup.conf").write_text(CGROUP)
        (folder / "gres.conf").write_text(GRES)
        SYSTEM_CONFIG.unlink(missing_ok=True)
        SYSTEM_CONFIG.symlink_to(folder / "slurm.conf")
        try:
            self._start_munge()
            self.start("slurmctld", "slurmctld", "-D", "-c", "-f", str(folder / "slurm.conf"))
            for node in ("n1", "n2"):
                self.start_node(node)
            self._wait_until_idle()
        except BaseException:
            self.stop()
            raise

    def _start_munge(self) -> None:
        munge = self.folder / "munge"
        subprocess.run(
            ["mungekey", "--create", f"--keyfile={munge / 'key'}"], check=True, env=self.environment
        )
        options = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        self.start(
            "munged",
            "munged",
            "--foreground",
            "--force",
            *(f"--{key}={munge / name}" for key, name in options.items()),
        )
        deadline = time.monotonic() + 20
        while not (munge / "socket").exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"munged did not start: {(munge / 'log').read_text()}")
            time.sleep(0.05)

    def start(self, name: str, *command: str) -> None:
        log = open(self.folder / f"{name}.out", "ab")  # noqa: SIM115 (the process holds it)
        self.processes[name] = subprocess.Popen(
            command,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def start_node(self, node: str) -> None:
        self.start(node, "slurmd", "-D", "-N", node, "-f", str(self.folder / "slurm.conf"))

    def lose_node(self, node: str) -> None:
        """End a node as a power cut would: its daemon and all that its jobs run, at once; then say
        so, as monitoring does.
        """
        jobs = self.run("squeue", "-h", "-w", node, "-o", "%i").stdout.split()
        daemon = self.processes.pop(node)
        daemon.kill()
        daemon.wait()
        for step in psutil.process_iter(["name", "cmdline"]):
            title = " ".join(step.info["cmdline"] or [])
            if any(title.startswith(f"slurmstepd: [{job}.") for job in jobs):
                for process in [step, *step.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")

    def bring_back(self, node: str) -> None:
        """Start a lost node again."""
        self.start_node(node)
        self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def _wait_until_idle(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            states = self.run("sinfo", "-h", "-N", "-o", "%N %t").stdout.split("\n")
            if {"n1 idle", "n2 idle"} <= {line.strip() for line in states}:
                return
            if time.monotonic() > deadline:
                logs = "\n".join(
                    path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log"))
                )
                raise RuntimeError(f"the nodes did not come up: {states}\n{logs}")
            time.sleep(0.2)

    def run(self, *command: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    def step_daemons(self) -> list[psutil.Process]:
        """Return the processes that run job steps on these nodes: nobody's children, known by their
        node's log, which they write.
        """
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] == "slurmstepd":
                with suppress(psutil.NoSuchProcess):
                    if any(
                        Path(file.path).is_relative_to(self.folder) for file in process.open_files()
                    ):
                        found.append(process)
        return found

    def stop(self) -> None:
        """End what was started, by pid: jobs, daemons, and what their ends left of job steps."""
        self.run("scancel", "--state=RUNNING", "--full") if "slurmctld" in self.processes else None
        for name in ("n1", "n2", "slurmctld", "munged"):
            process = self.processes.pop(name, None)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        steps = self.step_daemons()
        for step in steps:
            with suppress(psutil.NoSuchProcess):
                for process in [*step.children(recursive=True), step]:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
        psutil.wait_procs(steps, timeout=10)
        if SYSTEM_CONFIG.is_symlink() and SYSTEM_CONFIG.readlink() == self.folder / "slurm.conf":
            SYSTEM_CONFIG.unlink()
        self.lock.close()
