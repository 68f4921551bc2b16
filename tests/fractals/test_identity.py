"""The same bytes from the machine code of every x86-64 level that numba can be told to write.

Each level compiles in a process of its own, and keeps its code in the usual cache (in a folder of
its own). The kernels of flames take 26 s of CPU to compile: they are held to the lowest level
alone, by the code of the processor that the tests run on.
"""

import hashlib
import os
import pickle
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import types

from starmass.compilation import cache_folder
from starmass.fractals.generation import GENERATORS, create_generator
from starmass.registry import names_in

TEXTURES = {"gaussian_field": 50, "gradient_noise": 50, "dead_leaves": 50}
IMAGES = {"x86-64": {"flame": 200, **TEXTURES}, "haswell": TEXTURES}
"""Processor -> generator -> number of images."""
SEVERAL_TYPES = {"arithmetic.exp", "arithmetic.power", "systems.draw_whole"}
"""Compiled at their definition, and draw_whole, which sample_system alone calls."""


def digests(processor: str) -> dict[str, str]:
    """SHA-256 of planes and facts of some small images of each generator."""
    found = {}
    for name, count in IMAGES[processor].items():
        generator, digest = create_generator(name, {"size": 32}), hashlib.sha256()
        for index in range(count):
            planes, facts = generator.render(7, index)
            for values in (*planes.values(), *(np.asarray(facts[key]) for key in sorted(facts))):
                digest.update(np.ascontiguousarray(values))
        found[name] = digest.hexdigest()
    return found


def listed_kernels() -> dict[str, list[tuple[types.Type, ...]]]:
    """Argument types of each kernel that numba lists on the disk, in their order."""
    modules = [module for name, module in sys.modules.items() if name.startswith("starmass.fract")]
    found = {}
    for folder in (cache_folder(module.__file__) for module in modules):
        for path in folder.rglob("*.nbi"):
            with path.open("rb") as file:
                pickle.load(file)  # numba's version
                _, entries = pickle.load(file)
            found[path.name.split("-")[0]] = [key[0] for key in entries]
    return found


def check_lists() -> None:
    """Several processes may write the lists at once.

    An entry named by a kernel is of one process, and breaks the next. The order of several types
    has to be the same in all processes.
    """
    listed = listed_kernels()
    assert {"walkers.take_step", "arithmetic.exp"} <= set(listed)
    for name, entries in listed.items():
        assert not any(isinstance(kind, types.Dispatcher) for entry in entries for kind in entry)
        assert len(entries) == 1 or name in SEVERAL_TYPES, (name, entries)
    assert [str(entry) for entry in listed["arithmetic.exp"]] == ["(float32,)", "(float64,)"]


def test_every_generator_is_held_to_it():
    assert set(IMAGES["x86-64"]) == set(names_in(GENERATORS))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="levels of x86-64")
@pytest.mark.parametrize("processor", IMAGES)
def test_every_processor_gives_the_same_bytes(processor):
    # Without the empty list of features numba would add those of the processor that it runs on.
    environment = {**os.environ, "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    code = f"import test_identity; print(test_identity.digests({processor!r}));"
    code += "test_identity.check_lists()" if "flame" in IMAGES[processor] else ""
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{digests(processor)}\n" and done.returncode == 0, done.stderr
