"""Mapping at paper scale, against the plain way: python benchmarks/maps.py [--blocks 30000]
[--sinks 40] [--folder DIR] [--depth box]

Writes a SFUMATO run of about so many blocks of 8 x 8 x 8 cells and so many sinks into a temporary
folder, and times in fresh processes: starmass (three axes x three channels about every sink), and
the plain way of doing the same on the same dump with yt (a projection an axis and field, each to a
fixed-resolution buffer). The two take turns, so that a busy machine slows both.

With ``--depth`` the two are starmass without a depth of the lines of sight and with it.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # so that it runs in a checkout that is not installed

BOX, BASE, CELLS, LEVELS = 4.0, 8, 8, 7
SIDE, PIXELS = 0.5, 64


def write_run(run: Path, blocks: int, sinks: int, seed: int = 0) -> None:
    """Refine about the sinks, level by level, until the blocks are that many; log-normal density,
    normal velocities.
    """
    from starmass.maps.descriptor import descriptor_yaml
    from starmass.maps.sfumato import write_dump
    from starmass.maps.toycloud import toycloud_descriptor

    random = np.random.default_rng(seed)
    stars = random.uniform(0, BOX, (sinks, 3))
    children = np.array(list(itertools.product(range(2), repeat=3)))
    places = np.array(list(itertools.product(range(BASE), repeat=3)))
    levels, positions, level = [np.zeros(len(places), int)], [places], 0
    count = len(places)
    while count + 8 <= blocks and level < LEVELS:
        width = BOX / BASE / 2**level
        distance = np.abs((places[:, None] + 0.5) * width - stars)
        nearest = np.minimum(distance, BOX - distance).max(axis=2).min(axis=1)
        order = np.argsort(nearest, kind="stable")
        # What is left is shared by the levels that are left: ever smaller regions about the sinks.
        split = order[: (blocks - count) // 8 // (LEVELS - level)]
        places = (2 * places[split][:, None] + children).reshape(-1, 3)
        level += 1
        levels.append(np.full(len(places), level))
        positions.append(places)
        count += len(places)
    levels, positions = np.concatenate(levels), np.concatenate(positions)
    shape = (len(levels), CELLS, CELLS, CELLS)
    cells = {
        "MRHO": np.exp(random.normal(0, 1, shape).astype(np.float32))
        * 4.0 ** levels[:, None, None, None]
    }
    cells |= {f"MV{axis}": random.normal(0, 2, shape).astype(np.float32) for axis in "XYZ"}
    table = {"id": np.arange(sinks), "mass": np.ones(sinks), "creation_time": np.zeros(sinks)}
    table |= {axis: stars[:, i] for i, axis in enumerate("xyz")} | {
        f"v{axis}": np.zeros(sinks) for axis in "xyz"
    }
    descriptor = toycloud_descriptor()
    run.mkdir()
    (run / "run.yaml").write_text(descriptor_yaml(descriptor))
    write_dump(
        run,
        descriptor,
        "snapshot",
        time=1.0,
        levels=levels,
        positions=positions,
        cells=cells,
        sinks=table,
        ranks=4,
    )


def peak_mb() -> float:
    """Most memory this process has had so far."""
    return (
        int(
            next(
                line
                for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith("VmHWM")
            ).split()[1]
        )
        / 1024
    )


def read_mb() -> float:
    """Bytes this process has asked files for so far."""
    return int(Path("/proc/self/io").read_text().split()[1]) / 1e6


class Clock:
    """Wall and CPU seconds since the last look."""

    def __init__(self) -> None:
        self.last = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        now = time.perf_counter(), time.process_time()
        passed = now[0] - self.last[0], now[1] - self.last[1]
        self.last = now
        return passed


def measure_ours(run: Path, sinks: int, depth: float | str | None = None) -> dict:
    """Open, then map every sink with what make_maps calls for each."""
    clock = Clock()
    from starmass.maps.depth import depth_lengths, line_ends
    from starmass.maps.mapping import map_sink
    from starmass.maps.projection import Blocks, Cube, project_cube
    from starmass.maps.simulations import open_simulation

    one = Blocks(
        np.zeros((1, 3)), np.full((1, 3), 0.1), np.ones((1, 8, 8, 8)), np.ones((3, 1, 8, 8, 8))
    )
    project_cube(one, Cube(np.zeros(3), 0.5, 64, np.full(3, 4.0)))
    found = {"import": clock.lap()}
    memory, read = peak_mb(), read_mb()
    opened = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snapshot")
    stars = opened.sinks()
    found |= {
        "open": clock.lap(),
        "blocks": len(opened.dump.levels),
        "open_mb": read_mb() - read,
        "open_memory": peak_mb() - memory,
    }
    memory, read = peak_mb(), read_mb()
    clock.lap()
    lengths = depth_lengths(depth, opened.box)
    for centre in stars.position[:sinks]:
        map_sink(
            opened, centre, np.zeros(3), side=SIDE, pixels=PIXELS, nucleus_mass=2.3e-24,
            depth=lengths,
        )  # fmt: skip
    found |= {
        "sinks": clock.lap(),
        "sinks_mb": read_mb() - read,
        "sinks_memory": peak_mb() - memory,
        "memory": peak_mb(),
    }
    touched, reading, kernel = [], np.zeros(2), np.zeros(2)
    for centre in stars.position[:sinks]:
        ends = line_ends(lengths, centre, opened.box)
        cube = Cube(centre, SIDE, PIXELS, opened.box.period, ends)
        clock.lap()
        blocks = opened.cells(centre, cube.cuboids())
        reading += clock.lap()
        project_cube(blocks, cube)
        kernel += clock.lap()
        touched.append(len(blocks.left))
    found |= {"touched": float(np.mean(touched)), "finest_pc": opened.finest_cell_pc}
    return found | {"reading": list(reading), "kernel": list(kernel)}


def measure_plain(run: Path, sinks: int) -> dict:
    """The same of one dump with yt: of density, and weighted by it velocity and its square, along
    each axis, each to a buffer.
    """
    clock = Clock()
    import yt

    import starmass.maps.frontend  # noqa: F401

    yt.set_log_level("error")
    found = {"import": clock.lap()}
    memory = peak_mb()
    dataset = yt.load(str(run / "snapshot"))
    for axis in "xyz":
        dataset.add_field(
            ("gas", f"square_{axis}"),
            lambda field, data, axis=axis: data["gas", f"velocity_{axis}"] ** 2,
            sampling_type="cell", units="cm**2/s**2",
        )  # fmt: skip
    dataset.index  # noqa: B018 (yt reads the grid here)
    stars = dataset.arr(dataset.dump.sinks.position[:sinks], "code_length")
    found |= {"open": clock.lap(), "open_memory": peak_mb() - memory}
    memory, read = peak_mb(), read_mb()
    side = dataset.quan(SIDE, "pc")
    for centre in stars:
        cube = dataset.region(centre, centre - 0.5 * side, centre + 0.5 * side)
        for axis in "xyz":
            columns = dataset.proj(("gas", "density"), axis, data_source=cube)
            weighted = dataset.proj(
                ("gas", f"velocity_{axis}"), axis, weight_field=("gas", "density"), data_source=cube
            )
            squares = dataset.proj(
                ("gas", f"square_{axis}"), axis, weight_field=("gas", "density"), data_source=cube
            )
            columns.to_frb(side, PIXELS, center=centre, periodic=True)["gas", "density"]
            mean = weighted.to_frb(side, PIXELS, center=centre, periodic=True)[
                "gas", f"velocity_{axis}"
            ]
            square = squares.to_frb(side, PIXELS, center=centre, periodic=True)[
                "gas", f"square_{axis}"
            ]
            np.sqrt(np.maximum(square - mean**2, 0))
    found |= {
        "sinks": clock.lap(),
        "sinks_mb": read_mb() - read,
        "sinks_memory": peak_mb() - memory,
        "memory": peak_mb(),
    }
    return found


def in_a_process(kind: str, run: Path, sinks: int, *more: str) -> dict:
    """One measurement in a process of its own; first of all for its memory's sake."""
    command = [
        sys.executable,
        __file__,
        "--measure",
        kind,
        "--folder",
        str(run),
        "--sinks",
        str(sinks),
        *more,
    ]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def compare(folder: Path, blocks: int, sinks: int, repeats: int) -> None:
    """Write a run of that size, measure both ways in turn, print the table."""
    run = folder / f"run{blocks}"
    write_run(run, blocks, sinks)
    size = sum(file.stat().st_size for file in run.rglob("*.bin")) / 1e6
    plain_sinks = min(sinks, 8)
    ours, plain = [], []
    for _ in range(repeats):
        ours.append(in_a_process("ours", run, sinks))
        plain.append(in_a_process("plain", run, plain_sinks))

    def best(results: list[dict], key: str, per: int = 1) -> str:
        wall, cpu = (min(result[key][which] for result in results) / per for which in (0, 1))
        return f"{wall:.4f} s ({cpu:.4f} s of CPU)"

    first, other = ours[0], plain[0]
    cpu = [
        min(r["sinks"][1] for r in results) / n
        for results, n in ((ours, sinks), (plain, plain_sinks))
    ]
    wall = [
        min(r["sinks"][0] for r in results) / n
        for results, n in ((ours, sinks), (plain, plain_sinks))
    ]
    print(
        f"\n{first['blocks']} blocks, {size:.0f} MB in 4 files, finest cell"
        f" {first['finest_pc']:.1e} pc, {sinks} sinks; best of {repeats}"
    )
    print(f"  a cube touches {first['touched']:.0f} leaf blocks on average")
    print(f"{'':26}{'starmass':32}plain yt ({plain_sinks} of the sinks)")
    print(f"{'open':26}{best(ours, 'open'):32}{best(plain, 'open')}")
    print(
        f"{'a sink, 3 axes x 3 maps':26}{best(ours, 'sinks', sinks):32}"
        f"{best(plain, 'sinks', plain_sinks)}"
    )
    print(f"{'  of it reading blocks':26}{best(ours, 'reading', sinks):32}")
    print(f"{'  of it the kernel':26}{best(ours, 'kernel', sinks):32}")
    print(f"{'read to open':26}{first['open_mb']:.2f} MB")
    print(
        f"{'read a sink':26}{first['sinks_mb'] / sinks:.2f}"
        f" MB{'':24}{other['sinks_mb'] / plain_sinks:.2f} MB"
    )
    print(
        f"{'memory: index':26}+{first['open_memory']:.0f} MB{'':26}+{other['open_memory']:.0f} MB"
    )
    print(
        f"{'memory: all sinks':26}+{first['sinks_memory']:.0f}"
        f" MB{'':26}+{other['sinks_memory']:.0f} MB"
    )
    print(f"{'memory: most':26}{first['memory']:.0f} MB{'':26}{other['memory']:.0f} MB")
    print(f"{'ratio a sink':26}{wall[1] / wall[0]:.1f} (of CPU: {cpu[1] / cpu[0]:.1f})", flush=True)


def compare_depths(folder: Path, blocks: int, sinks: int, repeats: int, depth: str) -> None:
    """Write a run of that size, measure maps without and with a depth in turn, print the table."""
    run = folder / f"run{blocks}"
    write_run(run, blocks, sinks)
    found: dict[str, list[dict]] = {"none": [], depth: []}
    for _ in range(repeats):
        found["none"].append(in_a_process("ours", run, sinks))
        found[depth].append(in_a_process("ours", run, sinks, "--depth", depth))
    print(f"\n{found['none'][0]['blocks']} blocks, {sinks} sinks; best of {repeats}")
    print(f"{'depth':26}{'none':32}{depth}")
    for name, key in (
        ("a sink, 3 axes x 3 maps", "sinks"), ("  of it reading blocks", "reading"),
        ("  of it the kernel", "kernel"),
    ):  # fmt: skip
        best = [
            [min(one[key][which] for one in results) / sinks for which in (0, 1)]
            for results in found.values()
        ]
        texts = [f"{wall:.4f} s ({cpu:.4f} s of CPU)" for wall, cpu in best]
        print(f"{name:26}{texts[0]:32}{texts[1]}")
        if key == "sinks":
            texts = [f"{9 / cpu:.0f}" for _, cpu in best]
            print(f"{'maps per second of CPU':26}{texts[0]:32}{texts[1]}")
    for name, key, per, unit in (
        ("leaf blocks read", "touched", 1, ""), ("read a sink", "sinks_mb", sinks, " MB"),
        ("memory: all sinks", "sinks_memory", 1, " MB"), ("memory: most", "memory", 1, " MB"),
    ):  # fmt: skip
        texts = [f"{results[0][key] / per:.4g}{unit}" for results in found.values()]
        print(f"{name:26}{texts[0]:32}{texts[1]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--blocks", type=int, nargs="+", default=[30000, 8000], help="blocks of the runs to compare"
    )
    parser.add_argument("--sinks", type=int, default=40)
    parser.add_argument(
        "--repeats", type=int, default=2, help="the least of so many measurements counts"
    )
    parser.add_argument(
        "--folder", type=Path, help="where to write the runs; a temporary folder by default"
    )
    parser.add_argument(
        "--depth", help="pc, or box: compare maps without and with it, in place of yt"
    )
    parser.add_argument("--measure", choices=["ours", "plain"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    depth = options.depth if options.depth in (None, "box") else float(options.depth)
    if options.measure == "ours":
        print(json.dumps(measure_ours(options.folder, options.sinks, depth)))
        return
    if options.measure:
        print(json.dumps(measure_plain(options.folder, options.sinks)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for blocks in options.blocks:
            size = (Path(folder), blocks, options.sinks, options.repeats)
            if options.depth:
                compare_depths(*size, options.depth)
            else:
                compare(*size)


if __name__ == "__main__":
    main()
