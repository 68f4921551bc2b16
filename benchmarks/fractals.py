"""How fast fractal images are drawn, written and read, each against its peer in the same run:
python benchmarks/fractals.py

Prints the page section as Markdown. Speeds are CPU time on one pinned core, medians of interleaved
runs, so that a busy machine spoils them little; only where a rate says "wall clock" does it need an
idle one.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numba
import numpy as np
import torch
import yaml
from torch.utils.data import DataLoader, Dataset, default_collate

from starmass.fractals.arithmetic import f32
from starmass.fractals.colours import paint_batch
from starmass.fractals.compilation import kernel
from starmass.fractals.generation import render_shard
from starmass.fractals.generators.flame import Generator, Options
from starmass.fractals.rendering import BURN_IN, PREVIEW_STEPS, add_points, find_frame
from starmass.fractals.shards import FractalImages, FractalPlanes, SeededOrder, import_hdf5plugin
from starmass.fractals.systems import sample_system
from starmass.fractals.walkers import WALKERS, start_walkers, take_step

ROOT = Path(__file__).resolve().parent.parent
SIZE = 336
STEPS = 1_000_000 // WALKERS
POINTS = STEPS * WALKERS
SYSTEMS = 40
BATCH = 32


@numba.njit(cache=True, error_model="numpy")
def plain_chaos_game(maps, cumulative, box, size, points, seed):
    """A peer: one walker, one map a step, double precision, as textbooks write it; counts alone."""
    np.random.seed(seed)  # noqa: NPY002  (inside numba)
    histogram = np.zeros((size, size), np.uint32)
    x, y = 0.0, 0.0
    for point in range(points + 20):
        u, k = np.random.random(), 0  # noqa: NPY002
        while cumulative[k] <= u:
            k += 1
        x, y = (
            maps[k, 0] * x + maps[k, 1] * y + maps[k, 2],
            maps[k, 3] * x + maps[k, 4] * y + maps[k, 5],
        )
        if point >= 20:
            column, row = int((x - box[0]) * box[2]), int((y - box[1]) * box[3])
            if 0 <= column < size and 0 <= row < size:
                histogram[row, column] += np.uint32(1)
    return histogram


@numba.njit(cache=True, error_model="numpy")
def plain_coloured_game(maps, cumulative, box, size, points, seed):
    """The same with what our images need besides: the mean colour coordinate of each pixel's
    points.
    """
    np.random.seed(seed)  # noqa: NPY002  (inside numba)
    histogram, colours = np.zeros((size, size), np.uint32), np.zeros((size, size), np.float32)
    x, y, colour = 0.0, 0.0, 0.5
    for point in range(points + 20):
        u, k = np.random.random(), 0  # noqa: NPY002
        while cumulative[k] <= u:
            k += 1
        x, y = (
            maps[k, 0] * x + maps[k, 1] * y + maps[k, 2],
            maps[k, 3] * x + maps[k, 4] * y + maps[k, 5],
        )
        colour = 0.5 * (colour + k / len(maps))
        if point >= 20:
            column, row = int((x - box[0]) * box[2]), int((y - box[1]) * box[3])
            if 0 <= column < size and 0 <= row < size:
                histogram[row, column] += np.uint32(1)
                colours[row, column] += np.float32(colour)
    return histogram, colours


@kernel
def memory_floor(histogram, points):
    """Nothing but increments of random cells of the histogram."""
    state = np.uint64(88172645463325252)
    cells = np.uint64(len(histogram))
    for _ in range(points):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        histogram[((state >> np.uint64(32)) * cells) >> np.uint64(32)] += np.uint64(1)


@kernel
def many_walkers(words, variations, table, cumulative, box, size, steps):
    """Ours: what an image's histogram takes, burn-in included."""
    generator = words.copy()
    walkers = start_walkers(generator)
    spare = walkers.copy()
    histogram = np.zeros(size * size + WALKERS, np.uint64)
    cells, amounts = np.empty(WALKERS, np.uint32), np.empty(WALKERS, np.uint64)
    for step in range(20 + steps):
        take_step(generator, variations, table, cumulative, walkers, spare)
        walkers, spare = spare, walkers
        if step >= 20:
            add_points(walkers, box, size, cells, amounts, histogram)
    return histogram


@kernel
def frame_of(words, variations, table, cumulative, size, low, high):
    """The frame that an image of the system has."""
    generator = words.copy()
    walkers = start_walkers(generator)
    spare = walkers.copy()
    x, y = (
        np.empty(PREVIEW_STEPS * WALKERS, np.float32),
        np.empty(PREVIEW_STEPS * WALKERS, np.float32),
    )
    for step in range(BURN_IN + PREVIEW_STEPS):
        take_step(generator, variations, table, cumulative, walkers, spare)
        walkers, spare = spare, walkers
        if step >= BURN_IN:
            first = (step - BURN_IN) * WALKERS
            x[first : first + WALKERS], y[first : first + WALKERS] = (
                walkers[:WALKERS],
                walkers[WALKERS : 2 * WALKERS],
            )
    return find_frame(x, y, low, high, size)


def draw_systems(options: Options, count: int) -> list[tuple]:
    """Systems that have a frame: (words, variations, table, cumulative, box) each."""
    systems = []
    for seed in range(10 * count):
        words = np.random.SeedSequence([123, seed]).generate_state(4, np.uint64)
        system = sample_system(words.copy(), options.system_options())
        box, found = frame_of(words, *system, SIZE, f32(0.05), f32(0.95))
        if found:
            systems.append((words, *system, box))
        if len(systems) == count:
            break
    return systems


def clock(function: Callable[[], object]) -> float:
    """CPU seconds of one call on this thread."""
    start = time.thread_time()
    function()
    return time.thread_time() - start


def histograms() -> list[str]:
    """Histogram speed on the same affine systems: ours, the peer, the floor; and ours on flames."""
    affine = draw_systems(Options(variations=("linear",), variations_per_system=(1, 1)), SYSTEMS)
    flames = draw_systems(Options(), SYSTEMS)
    cells = np.zeros(SIZE * SIZE, np.uint64)
    memory_floor(cells, 10)
    many_walkers(*affine[0], SIZE, 1)
    for game in (plain_chaos_game, plain_coloured_game):
        game(np.zeros((1, 6)), np.array([2.0]), np.ones(4), SIZE, 10, 0)
    times: dict[str, list[float]] = {
        name: [] for name in ("floor", "affine", "peer", "coloured", "flame")
    }
    for system, flame in zip(affine, flames, strict=True):
        _, _, table, cumulative, box = system
        given = (
            table[:, :6].astype(float),
            cumulative.astype(float),
            box.astype(float),
            SIZE,
            POINTS,
            0,
        )
        times["affine"].append(clock(lambda system=system: many_walkers(*system, SIZE, STEPS)))
        times["peer"].append(clock(lambda given=given: plain_chaos_game(*given)))
        times["coloured"].append(clock(lambda given=given: plain_coloured_game(*given)))
        times["flame"].append(clock(lambda flame=flame: many_walkers(*flame, SIZE, STEPS)))
        times["floor"].append(clock(lambda: memory_floor(cells, POINTS)))
    middle = {name: float(np.median(values)) for name, values in times.items()}
    peer, coloured = (
        float(np.median(np.divide(times[name], times["affine"]))) for name in ("peer", "coloured")
    )
    floor = float(np.median(np.divide(times["affine"], times["floor"])))
    rows = [
        ("plain one-walker numba chaos game, affine, counts alone", middle["peer"]),
        ("the same with colour, as starmass draws", middle["coloured"]),
        ("starmass, affine, with colour", middle["affine"]),
        ("starmass, flame (37 variations), with colour", middle["flame"]),
        ("memory floor: random increments alone", middle["floor"]),
    ]
    return [
        f"Histogram of {POINTS:,} points at {SIZE} px, {SYSTEMS} systems, interleaved:",
        "",
        "| | ms an image | ns a point |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {1e3 * t:.2f} | {1e9 * t / POINTS:.2f} |" for name, t in rows),
        "",
        f"Affine: **{coloured:.1f} times** as fast as the plain chaos game that does the same"
        f" ({peer:.1f} times the one that only counts; bar 10), and **{floor:.1f} times** the"
        " floor's time (bar 3); medians of ratios.",
    ]


def end_to_end(folder: Path, images: int) -> tuple[list[str], Path, float, float]:
    """Accepted images a CPU second with the write, and what they take on disk."""
    Generator(Options()).render(0, 0)
    rates, summary = [], {}
    for repeat in range(3):
        path = folder / f"shard-{repeat:04d}.h5"
        start = time.process_time()
        summary = render_shard(
            path,
            generator="flame",
            options={"size": SIZE},
            seed=0,
            start=repeat * images,
            stop=(repeat + 1) * images,
        )
        rates.append(images / (time.process_time() - start))
    rate, gigabytes = float(np.median(rates)), path.stat().st_size / images * 1e6 / 1e9
    text = [
        f"End to end, {SIZE} px, colour, {images} images a run, three runs: **{rate:.0f} accepted"
        " images a CPU second** (bar 100;"
        f" {min(rates):.0f} to {max(rates):.0f}); {summary['accepted_share']:.0%} of the"
        " candidates accepted,"
        f" {summary['points_per_image'] / 1e6:.2f} million points an accepted image.",
    ]
    return text, path, rate, gigabytes


def storage(path: Path) -> list[str]:
    """Room and speed of ways to keep the same images."""
    plugin = import_hdf5plugin()
    images = FractalImages([path])
    rows = min(200, len(images))
    planes = [images.planes(i) for i in range(rows)]
    grey, shades = (np.stack([one[name] for one in planes]) for name in ("images", "shades"))
    colour = np.stack([images[i] for i in range(rows)])
    zstd, lz4 = (
        plugin.Blosc("zstd", 1, plugin.Blosc.NOSHUFFLE),
        plugin.Blosc("lz4", 1, plugin.Blosc.NOSHUFFLE),
    )
    gzip = {"compression": "gzip", "compression_opts": 1}
    lines = [
        "| kept as | GB a million | written/s | read at random/s |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, arrays, filters in (
        ("grey alone, zstd", [grey], zstd),
        ("**grey + shades, zstd**", [grey, shades], zstd),
        ("grey + shades, lz4", [grey, shades], lz4),
        ("grey + shades, gzip 1", [grey, shades], gzip),
        ("red, green, blue, zstd", [colour], zstd),
        ("grey + shades, none", [grey, shades], {}),
    ):
        with (
            tempfile.NamedTemporaryFile(suffix=".h5") as temporary,
            h5py.File(temporary.name, "w") as file,
        ):
            sets = [
                file.create_dataset(str(k), a.shape, a.dtype, chunks=(1, *a.shape[1:]), **filters)
                for k, a in enumerate(arrays)
            ]
            write = clock(
                lambda sets=sets, arrays=arrays: [
                    s.__setitem__(i, a[i])
                    for i in range(rows)
                    for s, a in zip(sets, arrays, strict=True)
                ]
            )
            file.flush()
            order = np.random.default_rng(0).permutation(rows).tolist()
            read = min(
                clock(lambda sets=sets, order=order: [s[i] for i in order for s in sets])
                for _ in range(3)
            )
            size = sum(s.id.get_storage_size() for s in sets)
        lines.append(
            f"| {name} | {size / rows * 1e6 / 1e9:.0f} | {rows / write:,.0f} | {rows / read:,.0f} |"
        )
    return [
        "HDF5, one image a chunk, blosc without shuffling where zstd or lz4, CPU time of one"
        " core, reading without painting:",
        "",
        *lines,
    ]


class Clocked:
    """Stacks a batch and says which worker did it and how much CPU time the worker has spent so
    far.
    """

    def __call__(self, samples: list) -> tuple:
        return default_collate(samples), os.getpid(), time.process_time()


def read_rate(dataset: Dataset, images: int) -> tuple[float, float]:
    """Images a second by the wall clock, and CPU seconds that a worker spends on an image, from two
    workers of torch's DataLoader.
    """
    order = [
        i
        for epoch in range(-(-images // len(dataset)))
        for i in SeededOrder(len(dataset), seed=0, epoch=epoch)
    ]
    loader = DataLoader(
        dataset,
        batch_size=BATCH,
        sampler=order,
        num_workers=2,
        collate_fn=Clocked(),
        prefetch_factor=4,
        drop_last=True,
    )
    clocks: dict[int, list[float]] = {}
    batches = iter(loader)
    for _ in range(8):  # workers are up and files open
        _, worker, spent = next(batches)
        clocks.setdefault(worker, []).append(spent)
    start, count = time.perf_counter(), 0
    for _, worker, spent in batches:
        clocks.setdefault(worker, []).append(spent)
        count += BATCH
    wall = time.perf_counter() - start
    spent = sum(values[-1] - values[0] for values in clocks.values())
    return count / wall, spent / (BATCH * sum(len(values) - 1 for values in clocks.values()))


def reading(paths: list[Path], images: int) -> list[str]:
    """Rates from two workers: planes for a trainer that paints, and painted images."""
    everything = FractalImages(paths)
    rounds = [
        (read_rate(FractalPlanes(everything), images), read_rate(everything, images))
        for _ in range(3)
    ]
    batch = default_collate([everything.planes(i) for i in range(BATCH)])
    paint = min(clock(lambda: paint_batch(**batch)) for _ in range(3)) / BATCH
    lines = [
        f"Two workers of torch's DataLoader at {SIZE} px, batches of {BATCH} in a seeded order"
        f" over {len(everything)} images,"
        " median of three runs:",
        "",
        "| what arrives | images/s, wall clock | CPU of a worker an image | two workers with a"
        " core each |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, which in (
        ("planes and palette (`FractalPlanes`)", 0),
        ("red, green, blue (`FractalImages`)", 1),
    ):
        wall = float(np.median([one[which][0] for one in rounds]))
        cpu = float(np.median([one[which][1] for one in rounds]))
        lines.append(f"| {name} | {wall:,.0f} | {1e6 * cpu:.0f} us | {2 / cpu:,.0f}/s |")
    busy = (
        f"Load average meanwhile {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores;"
        f" painting a batch with torch on one core takes {1e3 * paint:.1f} ms an image."
    )
    return [*lines, "", busy]


def planning() -> list[str]:
    """Time to plan a million images."""
    lines = [
        "| a million images in | jobs planned | CPU s | wall s |",
        "| --- | ---: | ---: | ---: |",
    ]
    for shards in (100, 1000):
        entry = {
            "generator": "flame",
            "count": 1_000_000,
            "images_per_shard": 1_000_000 // shards,
            "size": SIZE,
        }
        with tempfile.TemporaryDirectory() as folder:
            overlay = Path(folder, "overlay.yaml")
            overlay.write_text(yaml.safe_dump({"fractals": {"images": {"million": entry}}}))
            command = [
                sys.executable,
                "-m",
                "snakemake",
                "--snakefile",
                ROOT / "Snakefile",
                "--directory",
                folder,
                "--configfile",
                overlay,
            ]
            command += [
                "--dry-run",
                "--quiet",
                "rules",
                "--",
                "results/fractals/million/review.png",
            ]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines.append(f"| {shards} shards | {shards + 1} | {spent:.1f} | {wall:.1f} |")
    return lines


def main() -> None:
    """Measure everything and print it as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--images", type=int, default=400, help="images of each of three shards (default 400)"
    )
    parser.add_argument(
        "--read",
        type=int,
        default=3000,
        help="images read in each round (default 3000, at least 640)",
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.sched_setaffinity(0, {min(cores)})
        parts = [histograms()]
        text, path, rate, gigabytes = end_to_end(folder, given.images)
        parts += [text, storage(path)]
        os.sched_setaffinity(0, cores)
        parts.append(reading(sorted(folder.glob("*.h5")), max(given.read, 640)))
        parts.append(planning())
    hours = 1e6 / rate / 3600
    parts.append(
        [
            f"**The paper's million at {SIZE} px**, extrapolated: {hours:.1f} core hours"
            f" ({60 * hours / 64:.0f} minutes on 64 cores),"
            f" {gigabytes:.0f} GB in colour."
        ]
    )
    print(
        f"## Fractals\n\n`python benchmarks/fractals.py` on {processor()}, {len(cores)} cores,"
        f" Python {platform.python_version()},"
    )
    print(f"numba {numba.__version__}. CPU time on one pinned core, medians.\n")
    print("\n\n".join("\n".join(part) for part in parts))


def processor() -> str:
    """Name of the processor and the widest vectors that it has."""
    text = Path("/proc/cpuinfo").read_text()
    name = next(
        (line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")),
        platform.machine(),
    )
    return f"{name} ({'AVX-512' if 'avx512f' in text else 'AVX2' if 'avx2' in text else 'SSE2'})"


if __name__ == "__main__":
    main()
