"""Files are whole or absent, whatever happens while they are written."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.storage import open_hdf5, write_text, written_aside


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")
    with pytest.raises(RuntimeError), written_aside(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    target, values = tmp_path / "table.csv", np.zeros(100_000)
    write_text(target, "old")
    with (
        pytest.raises(InputError, match=r"table\.csv: no room is left on its disk"),
        written_aside(target),
    ):
        os.write(os.open("/dev/full", os.O_WRONLY), b"new")  # the system's own error number
    # numpy says only how many bytes were written, so the disk itself is asked.
    with pytest.raises(OSError, match="requested"), written_aside(target):
        values.tofile("/dev/full")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(InputError, match="no room is left"), written_aside(target):
        values.tofile("/dev/full")
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["table.csv"]


def test_a_folder_replaces_the_older_one(tmp_path):
    target = tmp_path / "dump"
    for name in ("first", "second"):
        with written_aside(target) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert os.listdir(target) == ["second"]
    assert os.listdir(tmp_path) == ["dump"]


def test_a_kill_in_the_middle_leaves_no_file_of_that_name(tmp_path):
    script = """
        import os, signal, sys
        from starmass.storage import written_aside
        with written_aside(sys.argv[1]) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), tmp_path / "map.h5"], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob("*.h5"))
    # The next writer of that name clears away what the killed one left; that of another name leaves
    # it alone.
    write_text(tmp_path / "other.h5", "whole")
    assert len(os.listdir(tmp_path)) == 2
    write_text(tmp_path / "map.h5", "whole")
    assert sorted(os.listdir(tmp_path)) == ["map.h5", "other.h5"]


def test_what_a_living_process_writes_aside_is_left_alone(tmp_path):
    with written_aside(tmp_path / "map.h5") as first:
        first.write_text("first")
        write_text(tmp_path / "map.h5", "second")
    assert (tmp_path / "map.h5").read_text() == "first"


def test_a_folder_that_cannot_be_written_to_is_named():
    with pytest.raises(InputError, match="/proc/nowhere"), written_aside("/proc/nowhere/map.h5"):
        pass


def test_new_files_obey_the_umask(tmp_path):
    write_text(tmp_path / "page.html", "text")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_broken_file_is_named(tmp_path):
    whole = tmp_path / "whole.h5"
    with h5py.File(whole, "w") as file:
        file["values"] = list(range(10_000))
    broken = tmp_path / "broken.h5"
    broken.write_bytes(whole.read_bytes()[:5_000])
    for path in (broken, tmp_path / "absent.h5"):
        with pytest.raises(InputError, match=path.name), open_hdf5(path):
            pass
    with (
        pytest.raises(InputError, match=r"whole\.h5: not a file of its kind .*'velocity'"),
        open_hdf5(whole) as file,
    ):
        file["velocity"]
    with pytest.raises(KeyError, match="ours"), open_hdf5(whole):
        raise KeyError("ours")
