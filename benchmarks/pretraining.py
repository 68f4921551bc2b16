"""Speed of pretraining: python benchmarks/pretraining.py [--steps 8] [--device cpu|cuda]
[--compile] [--precision bfloat16]

On a CPU: DINOv2's steps for the demo's encoder and a ViT-Ti, taking turns with the same made of
lightly's parts in a plain loop; what a step spends its time on; two ranks of one thread against one
of two. On a GPU: ViT-S and ViT-L at 336 pixels.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
import yaml
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs in a checkout that is not installed

from starmass.fractals.generation import render_shard  # noqa: E402
from starmass.fractals.shards import FractalImages  # noqa: E402
from starmass.pretraining.loop import Run  # noqa: E402
from starmass.pretraining.optimiser import clip_gradients  # noqa: E402
from starmass.pretraining.ranks import Ranks  # noqa: E402
from starmass.pretraining.recipe import Recipe, read_recipe  # noqa: E402
from starmass.pretraining.samples import (  # noqa: E402
    RankBatches,
    Samples,
    load_batches,
    open_images,
)

IMAGES = 64
ENCODERS = yaml.safe_load((ROOT / "config/library.yaml").read_text())["pretraining"]["encoders"]
NANO = ENCODERS["nano"]
TINY = {
    "batch_size": 32,
    "encoder": {
        "architecture": "vit_tiny_patch16_224",
        "patch_size": 8,
        "layer_scale": 0.1,
        "drop_path": 0.0,
    },
    "views": {"global_size": 64, "local_size": 32, "local_count": 4},
    "dinov2": {"prototypes": 2048},
}
CPU = {"nano": (NANO, 96), "ViT-Ti/8, 64 px": (TINY, 96)}
PAPER = {
    "batch_size": 64,
    "precision": "bfloat16",
    "views": {"global_size": 336, "local_size": 144},
    "execution": {"compile": True, "workers": 8},
}
GPU = {
    "ViT-S/16, 336 px": ({**PAPER, "encoder": {"architecture": "vit_small_patch16_224"}}, 336),
    "ViT-L/16, 336 px": (
        {**PAPER, "batch_size": 32, "encoder": {"architecture": "vit_large_patch16_224"}},
        336,
    ),
}


class Ours:
    """Steps of a run, each part timed."""

    def __init__(self, recipe: Recipe, shard: Path, device: torch.device):
        images = open_images([shard])
        self.run = Run(recipe, images, [], Path(tempfile.mkdtemp()), Ranks(0, 1, 0, device))
        batches = RankBatches(range(10**6), recipe.batch_size, len(images), 0, 0, 1)
        samples = Samples(images, self.run.method.draws)
        self.stream = iter(
            load_batches(samples, batches, recipe.execution.workers, pin=device.type == "cuda")
        )
        self.device, self.parts = device, defaultdict(list)

    def _mark(self, part: str) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.parts[part].append(now - self.since)
        self.since = now

    def step(self) -> None:
        """Do what `Run.take_step` does."""
        run, method = self.run, self.run.method
        self.since = time.perf_counter()
        batch = next(self.stream)
        self._mark("data")
        inputs = method.prepare(batch, self.device)
        self._mark("augmentation")
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=run.recipe.precision == "bfloat16"
        ):
            terms, _ = method(inputs, method.schedule(1))
        self._mark("forward")
        run.optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        self._mark("backward")
        clip_gradients(method.clip_groups(), run.recipe.optimiser.clip)
        run.optimiser.step()
        method.after_step(method.schedule(1))
        self._mark("optimiser")

    def flops(self) -> int:
        """Count a step's floating-point operations in products of matrices, augmentation
        left out.
        """
        method = self.run.method
        inputs = method.prepare(next(self.stream), self.device)
        with (
            FlopCounterMode(display=False) as counter,
            torch.autocast(self.device.type, torch.bfloat16),
        ):
            method(inputs, method.schedule(1))[0]["loss"].backward()
        return counter.get_total_flops()


PRODUCTS = ("::mm", "::addmm", "::bmm", "::baddbmm", "convolution", "dot_product", "::linear")
"""Parts of the names of torch's products of matrices, attention and convolutions among them."""


def share_of_products(side: Ours, steps: int) -> float:
    """Return the share of a step's CPU time in products of matrices."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(steps):
            side.step()
    times = {one.key: one.self_cpu_time_total for one in profiled.key_averages()}
    products = sum(time for name, time in times.items() if any(part in name for part in PRODUCTS))
    return products / sum(times.values())


class Lightly:
    """The same method out of lightly's parts, as its documentation puts them together: in float32,
    or under torch's autocast.
    """

    def __init__(self, recipe: Recipe, shard: Path, precision: str = "float32"):
        from lightly.loss import DINOLoss, IBOTPatchLoss, KoLeoLoss
        from lightly.models.modules import DINOProjectionHead, MaskedVisionTransformerTIMM
        from lightly.transforms.dino_transform import DINOTransform
        from PIL import Image

        from starmass.encoders import create_encoder

        self.method, views, self.precision = recipe.dinov2, recipe.views, precision
        pixels = FractalImages([shard])
        self.images, self.batch, self.at = (
            [Image.fromarray(pixels[i]) for i in range(len(pixels))],
            recipe.batch_size,
            0,
        )
        self.transform = DINOTransform(
            views.global_size,
            views.global_area,
            views.local_size,
            views.local_area,
            views.local_count,
        )
        sizes = (self.method.head_hidden, self.method.head_bottleneck, self.method.prototypes)

        def networks() -> torch.nn.ModuleDict:
            trunk = create_encoder(recipe.description(), 0)
            head = DINOProjectionHead(trunk.embed_dim, *sizes)
            return torch.nn.ModuleDict({"trunk": MaskedVisionTransformerTIMM(trunk), "head": head})

        self.student, self.teacher = networks(), networks().requires_grad_(False)
        self.dino = DINOLoss(self.method.prototypes)
        self.ibot = IBOTPatchLoss(self.method.prototypes)
        self.koleo = KoLeoLoss()
        self.optimiser = torch.optim.AdamW(self.student.parameters(), 1e-4)

    def step(self) -> None:
        """Crops, both networks, three losses, a step, the average."""
        from lightly.models.utils import random_block_mask, update_momentum

        chosen = [self.images[(self.at + i) % len(self.images)] for i in range(self.batch)]
        self.at += self.batch
        views = [
            torch.stack(crop)
            for crop in zip(*(self.transform(image) for image in chosen), strict=True)
        ]
        whole, parts = torch.cat(views[:2]), torch.cat(views[2:])
        trunk, head = self.student["trunk"], self.student["head"]
        grid = trunk.vit.patch_embed.grid_size
        mask = torch.zeros(len(whole), grid[0] * grid[1] + 1, dtype=torch.bool)
        mask[:, 1:] = random_block_mask((len(whole), *grid)).flatten(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            with torch.no_grad():
                seen = self.teacher["trunk"].encode(whole)
                targets, patch_targets = (
                    self.teacher["head"](seen[:, 0]).float(),
                    self.teacher["head"](seen[mask]).float(),
                )
            tokens = trunk.encode(whole, mask=mask)
            scored = head(tokens[:, 0]), head(tokens[mask]), head(trunk.encode(parts)[:, 0])
        tokens, classes, patches, local = (found.float() for found in (tokens, *scored))
        loss = self.dino(
            targets.chunk(2), [*classes.chunk(2), *local.chunk(len(views) - 2)], teacher_temp=0.04
        )
        loss = loss + self.ibot(
            patch_targets, patches, mask[:, 1:].unflatten(1, grid), teacher_temp=0.04
        )
        loss = loss + 0.1 * sum(self.koleo(crop) for crop in tokens[:, 0].chunk(2))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 3.0)
        self.optimiser.step()
        for part in ("trunk", "head"):
            update_momentum(self.student[part], self.teacher[part], 0.99)


def take_turns(sides: list, steps: int) -> list[tuple[float, float]]:
    """Return each side's seconds a step, by the clock and of the CPU: medians after a step to warm
    up.
    """
    seconds: list[list[tuple[float, float]]] = [[] for _ in sides]
    for _ in range(steps + 1):
        for side, found in zip(sides, seconds, strict=True):
            clock, cpu = time.perf_counter(), time.process_time()
            side.step()
            found.append((time.perf_counter() - clock, time.process_time() - cpu))
    return [tuple(map(statistics.median, zip(*found[1:], strict=True))) for found in seconds]


def matrix_rate(device: torch.device, precision: str) -> float:
    """Measured floating-point operations a second of a large product of matrices."""
    size, kind = 8192 if device.type == "cuda" else 2048, getattr(torch, precision)
    one = torch.randn(size, size, device=device, dtype=kind)
    rates = []
    for _ in range(12):
        if device.type == "cuda":
            torch.cuda.synchronize()
        since = time.perf_counter()
        one @ one
        if device.type == "cuda":
            torch.cuda.synchronize()
        rates.append(2 * size**3 / (time.perf_counter() - since))
    return max(rates)


def ranks_rate(
    recipe: dict, shard: Path, ranks: int, threads: int, steps: int
) -> tuple[float, float]:
    """Images a second of a run over the command line, its first steps left out, and the share of
    its time in which it waited for images.
    """
    folder = Path(tempfile.mkdtemp())
    execution = {**recipe.get("execution", {}), "log_steps": steps}
    text = yaml.safe_dump({**recipe, "epoch_steps": steps, "epochs": 3, "execution": execution})
    (folder / "recipe.yaml").write_text(text)
    command = [
        sys.executable,
        *(
            ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
            if ranks > 1
            else []
        ),
    ]
    command += [
        "-m",
        "starmass.pretraining",
        "--config",
        folder / "recipe.yaml",
        "--images",
        shard,
        "--output",
        folder / "out",
    ]
    subprocess.run(
        [*map(str, command), "--threads", str(threads)], cwd=ROOT, check=True, capture_output=True
    )
    records = [json.loads(line) for line in (folder / "out/metrics.jsonl").read_text().splitlines()]
    return max((record["images_per_second"], record["data_wait"]) for record in records[1:])


def shares(parts: dict[str, list[float]]) -> str:
    """What a step spends its time on, the first step left out."""
    medians = {name: statistics.median(seconds[1:]) for name, seconds in parts.items()}
    return ", ".join(
        f"{name} {value / sum(medians.values()):.0%}" for name, value in medians.items()
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=8, help="timed steps of each side")
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument(
        "--compile", action="store_true", help="compile ours (on a GPU it always is)"
    )
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of ours (on a GPU always bfloat16)",
    )
    options = parser.parse_args()
    device = torch.device(options.device)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch sees no GPU here: nothing was measured; --device cpu runs everywhere")
    precision = "bfloat16" if device.type == "cuda" else options.precision
    peak = matrix_rate(device, precision)
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} thread(s)"
    )
    print(name)
    for label, (entry, size) in (CPU if device.type == "cpu" else GPU).items():
        shard = Path(tempfile.mkdtemp()) / "shard-0000.h5"
        render_shard(shard, generator="flame", seed=0, options={"size": size}, start=0, stop=IMAGES)
        execution = {**entry.get("execution", {}), **({"compile": True} if options.compile else {})}
        recipe = read_recipe({**entry, "precision": precision, "execution": execution})
        flops = Ours(read_recipe({**entry, "execution": {"workers": 0}}), shard, device).flops()
        ours = Ours(recipe, shard, device)
        peers = dict.fromkeys(("float32", precision)) if device.type == "cpu" else {}
        sides = [ours, *(Lightly(recipe, shard, one) for one in peers)]
        (clock, cpu), *peer = take_turns(sides, options.steps)
        peak = max(peak, matrix_rate(device, precision))
        print(
            f"{label}, batch {recipe.batch_size}, {precision}: {recipe.batch_size / clock:.1f}"
            f" images/s, {clock:.3f} s a step ({cpu:.3f} s of CPU)"
        )
        print(f"  {shares(ours.parts)}")
        print(
            f"  {flops / recipe.batch_size / 1e9:.3g} GFLOP an image, {flops / clock / 1e12:.3g}"
            f" of the measured {peak / 1e12:.3g} TFLOP/s"
        )
        products = share_of_products(ours, 3) if peers else 1.0
        for one, (other, other_cpu) in zip(peers, peer, strict=True):
            print(
                f"  lightly's parts, {one}: {other:.3f} s a step ({other_cpu:.3f}):"
                f" {other / clock:.2f} times ours ({other_cpu / cpu:.2f})"
            )
            if one == precision:
                print(
                    f"    {products:.0%} of our CPU time is in products of matrices; were all else"
                    f" free, it would be {other_cpu / cpu / products:.2f} times"
                )
        if device.type == "cuda":
            print(f"  {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
            torch.cuda.reset_peak_memory_stats()
    if device.type == "cpu":
        for name in ("nano", "nano_mae"):
            recipe = {**ENCODERS[name], "precision": precision}
            rates = [
                ranks_rate(recipe, shard, ranks, threads, options.steps)
                for ranks, threads in ((1, 1), (1, 2), (2, 1))
            ]
            (one, waited), (two, _), (ranks, _) = rates
            print(
                f"{name}, {precision}: {one:.0f} images/s on one thread ({waited:.0%} of the time"
                f" waiting for images), {two:.0f} on two, {ranks:.0f} as two ranks of one"
            )
        print(
            "No GPU: ViT-S and ViT-L at 336 pixels were not measured; on a machine with one, the"
            " same command does." * (not torch.cuda.is_available())
        )


if __name__ == "__main__":
    main()
