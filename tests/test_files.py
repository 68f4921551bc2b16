"""A file that can't be read or written is a sentence with its own cause: no whole one is
damaged.
"""

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
import safetensors.torch
import torch

from starmass.encoders import load_encoder
from starmass.errors import InputError
from starmass.evaluation.checkpoints import read_file
from starmass.evaluation.samples import read_samples
from starmass.files import HDF5, READING, WRITING, check_readable, unreadable, unwritable
from starmass.fractals.shards import FORMAT, Shard
from starmass.maps.yt_errors import yt_failures
from starmass.pretraining.attempts import failed_permanently
from starmass.pretraining.checkpoint import load_checkpoint, save_checkpoint
from starmass.reporting.curves import read_records
from starmass.reporting.inputs import read_table
from starmass.storage import create_hdf5, open_hdf5, read_hdf5, write_text, written_aside

DAMAGE = ("damaged", "cut short", "delete it")
READERS = {
    ".h5": (lambda path: read_hdf5(path).close(), Shard),
    ".safetensors": (load_encoder, read_file),
    ".csv": (read_samples, lambda path: read_table(path, ("row",))),
    ".jsonl": (read_records,),
}


def complaint(read, path):
    """Return the sentence with which a reader refuses a file."""
    with pytest.raises(InputError) as refused:
        read(path)
    assert str(path) in str(refused.value), refused.value
    return str(refused.value)


@contextmanager
def somebody_else():
    """Be a user who may not read what this one keeps to himself (as root, nobody)."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder():
    """A folder that anybody may enter; pytest's own are the user's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def whole(tmp_path):
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["plain"] = np.arange(1000.0)
        file.create_dataset("packed", data=np.arange(9999.0), chunks=(99,), compression="gzip")
    return tmp_path / "whole.h5"


def test_every_reader_tells_why_it_cannot_read(tmp_path):
    """Causes in which the file is whole, or not there: nobody is told to delete it."""
    for suffix, readers in READERS.items():
        path = tmp_path / f"file{suffix}"
        for read in readers:
            assert "there is no such file" in complaint(read, path)
            path.mkdir()
            assert "it is a folder" in complaint(read, path)
            path.rmdir()
            path.symlink_to(tmp_path / "gone")
            assert f"a link to {tmp_path / 'gone'}, which is not there" in complaint(read, path)
            path.unlink()
            path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
            assert "git lfs pull" in complaint(read, path)
            path.chmod(0)
            with somebody_else():
                said = complaint(read, path)
            assert "no permission to read it" in said
            path.unlink()
            path.write_text("word")
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            held = os.open(os.devnull, os.O_RDONLY)
            resource.setrlimit(resource.RLIMIT_NOFILE, (held, limits[1]))
            try:
                said = complaint(read, path)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                os.close(held)
            assert "too many files are open" in said and "ulimit -n" in said
            assert not any(word in said for word in DAMAGE)
            if suffix == ".h5" or read is load_encoder:
                assert "it is no " in complaint(read, path)
                path.write_text("")
                assert "it is empty" in complaint(read, path)
            path.unlink()


def test_a_locked_file_is_read_all_the_same(whole):
    """Results never change, so no lock is taken; where one is forced, the file is not damaged."""
    with open(whole, "rb+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="unable to lock file"):
            h5py.File(whole)
        with open_hdf5(whole) as file:
            assert file["plain"][7] == 7
        code = f"from starmass.storage import read_hdf5; read_hdf5({str(whole)!r})"
        forced = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "HDF5_USE_FILE_LOCKING": "TRUE"},
            capture_output=True,
            text=True,
            check=False,
        )
    said = forced.stderr.splitlines()[-1]
    assert "locked, not damaged" in said and "HDF5_USE_FILE_LOCKING=FALSE" in said
    for number in (errno.EAGAIN, errno.ENOLCK, errno.ENOSYS):  # a program, NFS, Lustre
        text = f"[Errno {number}] ... (unable to lock file, errno = {number}, error message = '')"
        locked = OSError(number, text)
        assert "locked, not damaged" in str(unreadable("a.h5", locked, HDF5))
        with pytest.raises(InputError, match="locked, not damaged"), yt_failures("a.h5"):
            raise locked


def test_damage_is_told_from_other_versions_and_kinds(whole, tmp_path):
    content = whole.read_bytes()
    result = tmp_path / "results" / "maps" / "file.h5"
    result.parent.mkdir(parents=True)
    for path, remedy in ((result, "delete it and run Snakemake"), (tmp_path / "a.h5", "get it")):
        path.write_bytes(content[:-3000])
        said = complaint(read_hdf5, path)
        assert "cut short or damaged" in said and remedy in said, said
    with h5py.File(whole) as file:
        place = file["packed"].id.get_chunk_info(5).byte_offset
    result.write_bytes(content[:place] + bytes(40) + content[place + 40 :])

    def read_all(path):
        with open_hdf5(path) as file:
            file["packed"][()]

    assert "cut short or damaged" in complaint(read_all, result)
    result.write_bytes(content[:8] + b"\x63" + content[9:])
    assert "newer HDF5 library" in complaint(read_hdf5, result)

    def look_for_more(path):
        with open_hdf5(path) as file:
            file["velocity"]

    result.write_bytes(content)
    assert "not a file of its kind" in complaint(look_for_more, result)
    with h5py.File(result, "r+") as file:
        file.attrs["provenance"] = json.dumps({"starmass": "0.0.3"})
    assert "starmass 0.0.3 wrote it" in complaint(look_for_more, result)
    with h5py.File(result, "r+") as file:
        file.attrs["format"] = FORMAT[:-1] + "0"
    assert f"wrote it ('{FORMAT[:-1]}0', and this one reads" in complaint(Shard, result)

    # A filter that this process lacks; hdf5plugin is loaded here, so another one is asked.
    with h5py.File(tmp_path / "zstd.h5", "w") as file:
        file.create_dataset("v", data=np.arange(9), **hdf5plugin.Zstd())
    code = f"""
from starmass.storage import open_hdf5
with open_hdf5({str(tmp_path / "zstd.h5")!r}) as file: file["v"][()]"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install hdf5plugin" in done.stderr.splitlines()[-1], done.stderr

    weights = tmp_path / "results" / "teacher.safetensors"
    for metadata in ({"encoder": {"width": 3}}, {}, []):
        text = {"starmass": json.dumps(metadata)}
        safetensors.torch.save_file({"a": torch.zeros(2)}, weights, metadata=text)
        assert "another version of starmass" in complaint(load_encoder, weights)
    weights.write_bytes(weights.read_bytes()[:-3])
    assert "cut short or damaged" in complaint(load_encoder, weights)
    torch.save({"a": 1}, weights)
    assert "no safetensors file but a file of torch.save" in complaint(load_encoder, weights)


def test_a_checkpoint_that_may_not_be_read_is_not_passed_over(folder):
    """An older one would undo its steps without a word."""
    for step in (1, 2):
        save_checkpoint(folder, step, {"method": torch.zeros(2)})
    for closed in (folder / "step-00000002" / "state.pt", folder):
        mode = closed.stat().st_mode
        closed.chmod(0)
        with somebody_else(), pytest.raises(InputError, match="no permission to read it"):
            load_checkpoint(folder)
        closed.chmod(mode)
    assert load_checkpoint(folder)["step"] == 2


def test_a_record_cut_short_does_not_end_the_workflow(tmp_path):
    """Snakemake asks for it whenever a job is made again."""
    (tmp_path / "nano.attempts.jsonl").write_text('{"error": "ValueError", "la')
    assert failed_permanently(tmp_path / "nano.log") is None


def test_what_cannot_be_written_is_a_sentence(tmp_path, folder):
    folder.chmod(0o555)
    with (
        somebody_else(),
        pytest.raises(InputError, match="no permission to write there; write elsewhere"),
        create_hdf5(folder / "map.h5"),
    ):
        pass
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:  # as of a quota, for which a test has no disk
        with (
            pytest.raises(InputError, match=r"map\.h5: it is larger than .*ulimit -f"),
            create_hdf5(tmp_path / "map.h5") as file,
        ):
            file["values"] = np.zeros(100_000)
        with pytest.raises(InputError, match=r"table\.csv: it is larger"):
            write_text(tmp_path / "table.csv", "word" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    # Another file's error is its own.
    with pytest.raises(FileNotFoundError), written_aside(tmp_path / "table.csv"):
        (tmp_path / "absent").read_text()
    assert not list(tmp_path.glob("*.h5")) and not list(tmp_path.glob("*.csv"))
    for number in (errno.ENOSPC, errno.EDQUOT):
        assert "make room" in str(unwritable("a.h5", number))


def test_every_cause_says_what_to_do():
    for number in (*READING, *WRITING, errno.EBADMSG):
        for sentence in (
            unreadable("a", OSError(number, os.strerror(number))),
            unwritable("a", number),
        ):
            assert "; " in str(sentence) and "{" not in str(sentence)
    check_readable(__file__)
