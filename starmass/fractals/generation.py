"""Ranges of images: options by name, rendering on several threads, shards."""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from starmass.config.sentences import validated
from starmass.errors import InputError
from starmass.fractals.rendering import VERDICTS
from starmass.fractals.shards import Generator, write_shard
from starmass.provenance import provenance_json
from starmass.registry import load

GENERATORS = "starmass.fractals.generators"
BATCH = 8  # images that a thread renders before it hands them over


def create_generator(name: str, options: Mapping[str, Any]) -> Generator:
    """Return the generator of this name with its options; what they leave out takes its default.

    Raises
    ------
    InputError
        for a name, an option or a value that it doesn't know
    """
    module = load(GENERATORS, name)
    return module.Generator(validated(module.Options, options, what="option"))


def render_range(
    generator: Generator, seed: int, indices: range, *, threads: int = 1
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, Any]]]:
    """Yield planes and facts of the images of ``seed`` with these indices, in order.

    They are rendered on several threads.
    """
    batches = [indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque = deque()
        try:
            for batch in batches:
                waiting.append(
                    pool.submit(
                        lambda some: [generator.render(seed, index) for index in some], batch
                    )
                )
                if (
                    len(waiting) > 2 * threads
                ):  # enough to keep the threads busy while a batch is being written
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def render_shard(
    output: str | Path,
    *,
    generator: str,
    options: Mapping[str, Any],
    seed: int,
    start: int,
    stop: int,
    compression: str = "zstd",
    threads: int = 1,
    progress: bool = False,
) -> dict[str, Any]:
    """Render images ``start`` to ``stop`` - 1 of a seed into a shard.

    Parameters
    ----------
    output : HDF5 file
    generator, options : what to render, see :func:`create_generator`
    seed, start, stop : image i of a seed is the same whatever the range
    compression : ``zstd``, ``gzip`` or ``none``
    threads : images rendered at once
    progress : show a bar

    Returns
    -------
    The sums that are kept in the shard's attributes too, and what follows from them, see
    :func:`describe_sums`.
    """
    if not 0 <= start < stop:
        raise InputError(
            f"start {start}, stop {stop}: no images lie in this range; give 0 <= start < stop."
        )
    if seed < 0:
        raise InputError(f"seed: {seed} is negative; give a whole number from 0.")
    maker = create_generator(generator, options)
    indices = range(start, stop)
    rendered = tqdm(
        render_range(maker, seed, indices, threads=threads),
        total=len(indices),
        unit="image",
        disable=not progress,
        mininterval=0.5,
    )
    attributes = {
        "generator": generator,
        "seed": seed,
        "provenance": provenance_json(
            config={"generator": generator, "compression": compression, **maker.options.plain()},
            seed=seed,
        ),
    }
    facts = write_shard(
        output,
        rendered,
        indices=indices,
        facts=maker.facts,
        attributes=attributes,
        compression=compression,
        sums=add_up_facts,
    )
    return describe_sums(add_up_facts(facts))


def add_up_facts(facts: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Add up the facts of some images: their number.

    Where candidates are rejected, also candidates, points and rejections by cause.
    """
    sums = {"images": len(next(iter(facts.values())))}
    if "rejections" in facts:
        rejections = facts["rejections"].sum(axis=0)
        sums |= {
            "candidates": sums["images"] + int(rejections.sum()),
            "points": int(facts["points"].sum()),
        }
        sums |= {
            f"rejected_{cause}": int(number)
            for cause, number in zip(VERDICTS[1:], rejections, strict=True)
        }
    return sums


def describe_sums(sums: Mapping[str, int]) -> dict[str, int | float]:
    """Return the sums with what follows from them.

    That is the share of candidates that was accepted, and the points that an image took.
    """
    derived: dict[str, int | float] = dict(sums)
    if "candidates" in sums:
        derived |= {
            "accepted_share": sums["images"] / sums["candidates"],
            "points_per_image": sums["points"] / sums["images"],
        }
    return derived
