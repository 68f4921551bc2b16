"""Jobs killed at random moments, a hundred times: a file is whole or absent, and the next run
leaves nothing behind.
"""

import json
import os
import subprocess
import sys


def test_a_hundred_kills_leave_whole_files_or_none(root, tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    command = [sys.executable, root / "tests/kill_program.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout.splitlines()[-1])
    assert sum(rule["kills"] for rule in counts.values()) == 100
    # The moments were spread over the work: some came before the end, some after it, and some in
    # the middle of writing.
    for kind in ("whole", "absent", "aside"):
        assert sum(rule[kind] for rule in counts.values()) > 0, counts
