"""The same bytes from the machine code of every x86-64 level that numba can be told to write.

Each level compiles in a process of its own, and keeps its code in the usual cache (in a folder of
its own). The kernels of flames take 26 s of CPU to compile: they are held to the lowest level
alone, by the code of the processor that the tests run on.
"""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from starmass.fractals.generation import GENERATORS, create_generator
from starmass.registry import names_in

TEXTURES = {"gaussian_field": 50, "gradient_noise": 50, "dead_leaves": 50}
IMAGES = {"x86-64": {"flame": 200, **TEXTURES}, "haswell": TEXTURES}
"""Processor -> generator -> number of images."""


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


def test_every_generator_is_held_to_it():
    assert set(IMAGES["x86-64"]) == set(names_in(GENERATORS))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="levels of x86-64")
@pytest.mark.parametrize("processor", IMAGES)
def test_every_processor_gives_the_same_bytes(processor):
    # Without the empty list of features numba would add those of the processor that it runs on.
    environment = {**os.environ, "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    code = f"import test_identity; print(test_identity.digests({processor!r}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{digests(processor)}\n", done.stderr
