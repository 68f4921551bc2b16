"""Which images a step takes, in which order, and how they reach it with all their random draws."""

import hashlib
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from starmass.fractals.shards import FractalImages, FractalPlanes
from starmass.pretraining.draws import RandomStream, SampleIndex, generator
from starmass.pretraining.map_images import MapImages, is_image_set
from starmass.storage import open_hdf5

EDGE = 1 << 20  # bytes at either end of a shard that identify it


class Images(Protocol):
    """Any set of images of one ``shape`` (H, W, C).

    It has ``len()``, and ``[index]`` gives uint8, or the planes that :func:`unpack_images` paints.
    """

    shape: tuple[int, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray | dict[str, np.ndarray]: ...


def open_images(paths: Sequence[Path]) -> Images:
    """Open shards of fractals, or one file of training maps or of the images of a set."""
    if len(paths) == 1:
        if is_image_set(paths[0]):
            return MapImages(paths[0])
        with open_hdf5(paths[0]) as file:
            if "protostar" in file:
                return MapImages(paths[0])
    return FractalPlanes(FractalImages(paths))


def unpack_images(batch: dict[str, Tensor], device: torch.device) -> Tensor:
    """Return a loaded batch's images, uint8 [B, H, W, C], on ``device``.

    Planes are painted there, which saves the loaders a third of their work.
    """
    if "image" in batch:
        return batch["image"].to(device, non_blocking=True)
    planes = (
        batch[name].to(device, non_blocking=True)
        for name in ("images", "shades", "palette")
        if name in batch
    )
    return FractalPlanes.paint(*planes)


class Samples(Dataset):
    """Images with the draws that their views and masks need, by index."""

    def __init__(self, images: Images, draws: Callable[[SampleIndex], dict[str, np.ndarray]]):
        self.images = images
        self.draws = draws

    def __getitem__(self, index: SampleIndex) -> dict[str, np.ndarray]:
        image = self.images[index.image]
        return {**(image if isinstance(image, dict) else {"image": image}), **self.draws(index)}


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, images: int) -> np.ndarray:
    return generator(seed, RandomStream.ORDER, epoch).permutation(images)


def sample_indices(step: int, batch: int, images: int, seed: int) -> list[SampleIndex]:
    """Return the global batch of a step.

    Each pass over the images has a new order. Passes follow each other without a gap, also where
    the batch size does not divide them.
    """
    places = (divmod(step * batch + position, images) for position in range(batch))
    return [
        SampleIndex(step, position, epoch, int(_order(seed, epoch, images)[place]))
        for position, (epoch, place) in enumerate(places)
    ]


class RankBatches:
    """The sample_indices of one rank, step by step: a slice of each global batch."""

    def __init__(
        self, steps: Sequence[int], batch: int, images: int, seed: int, rank: int, world: int
    ):
        self.steps, self.batch, self.images, self.seed = steps, batch, images, seed
        self.mine = slice(rank * batch // world, (rank + 1) * batch // world)

    def __iter__(self) -> Iterator[list[SampleIndex]]:
        for step in self.steps:
            yield sample_indices(step, self.batch, self.images, self.seed)[self.mine]

    def __len__(self) -> int:
        return len(self.steps)


def load_batches(samples: Samples, batches: RankBatches, workers: int, *, pin: bool) -> DataLoader:
    """Return the stream of batches (tensors by name) for the steps of ``batches``.

    They are read by ``workers`` processes, or by this one.
    """
    return DataLoader(
        samples,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=pin,
        worker_init_fn=_prepare_worker,
    )


def _prepare_worker(number: int) -> None:
    """Set up a worker: it ignores signals and computes on one thread.

    Its rank handles signals: it finishes the step and then ends the worker.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def identify_files(paths: Sequence[str | Path]) -> list[list[Any]]:
    """Return name, size and a digest of both ends of every file.

    That distinguishes image sets without reading 100 GB.
    """
    return [[Path(path).name, Path(path).stat().st_size, _edges(Path(path))] for path in paths]


def _edges(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read(EDGE))
        file.seek(max(path.stat().st_size - EDGE, 0))
        digest.update(file.read(EDGE))
    return digest.hexdigest()
