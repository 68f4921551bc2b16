"""What one rank does in test_ranks.py; started by it once for a run of one rank and twice for a run
of two.
"""

import sys
from pathlib import Path

import torch
from conftest import TINY, BlockImages

from starmass.pretraining.loop import Run
from starmass.pretraining.losses.koleo import koleo_loss
from starmass.pretraining.losses.targets import Center, prototypes_in_use, sinkhorn
from starmass.pretraining.ranks import ranks_joined
from starmass.pretraining.recipe import read_recipe
from starmass.pretraining.samples import RankBatches, Samples, load_batches

ROWS = {1: [slice(None)], 2: [slice(0, 5), slice(5, 16)]}  # uneven on purpose


def recipe(**method):
    return read_recipe({**TINY, "batch_size": 16, "dinov2": {**TINY["dinov2"], **method}})


MAE = {**TINY, "batch_size": 16, "method": "mae", "mae": {"decoder_width": 32, "decoder_heads": 2}}


def targets(ranks):
    """Sinkhorn, center and use of prototypes over rows that are shared out unevenly."""
    scores = torch.sin(torch.arange(16 * 12.0) ** 1.5).view(16, 12)
    mine = scores[ROWS[ranks.world][ranks.rank]]
    center = Center(12, 0.5)
    center.add(mine)
    center.move()
    assigned = sinkhorn(mine, 0.1)
    empty = sinkhorn(mine if ranks.first else mine[:0], 0.1)  # the other ranks have no row at all
    return {
        "assigned": assigned,
        "center": center.center,
        "used": prototypes_in_use(assigned),
        "empty": empty,
    }


def koleo(ranks):
    features = torch.cos(torch.arange(16 * 6.0) ** 1.3).view(16, 6)
    mine = features.chunk(ranks.world)[ranks.rank].clone().requires_grad_()
    loss = koleo_loss(mine, across_ranks=True)
    loss.backward()
    return {"loss": loss.detach(), "gradient": mine.grad / ranks.world}


def gradients(ranks, output, recipe):
    """Gradients of the first step of a run, clipped."""
    images = BlockImages()
    run = Run(recipe, images, ["blocks"], output, ranks)
    batches = RankBatches([0], 16, len(images), 0, ranks.rank, ranks.world)
    batch = next(iter(load_batches(Samples(images, run.method.draws), batches, 0, pin=False)))
    run.take_step(batch)
    return {
        name: parameter.grad
        for name, parameter in run.method.named_parameters()
        if parameter.grad is not None
    }


def main(output: Path) -> None:
    torch.set_num_threads(1)
    with ranks_joined("cpu") as ranks:
        found = {
            "targets": targets(ranks),
            "koleo": koleo(ranks),
            "centering": gradients(ranks, output, recipe(koleo_neighbours="all")),
            "sinkhorn": gradients(
                ranks,
                output,
                recipe(koleo_neighbours="all", targets="sinkhorn", separate_heads=True),
            ),
            "mae": gradients(ranks, output, read_recipe(MAE)),
            "mae_in_parts": gradients(
                ranks,
                output,
                read_recipe({**MAE, "execution": {**TINY["execution"], "accumulation": 4}}),
            ),
        }
        run = Run(recipe(koleo_neighbours="all"), BlockImages(), ["blocks"], output, ranks)
        run.train()
        found["trained"] = {name: value.detach() for name, value in run.method.state_dict().items()}
    torch.save(found, output / f"rank-{ranks.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
