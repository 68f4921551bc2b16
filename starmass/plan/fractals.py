"""Mathematics to images: shards are ranges of indices, and image i of a seed is in any the same."""

from typing import Any

from starmass.errors import InputError
from starmass.plan.entries import Entries
from starmass.plan.paths import FRACTALS


class FractalsPlan(Entries):
    """What rules of the wing ``fractals`` ask."""

    def images(self, name: str) -> Any:
        """Return an entry of ``fractals.images``."""
        return self.entry("fractals.images", name)

    def shards(self, images: str) -> dict[str, tuple[int, int]]:
        """Return the first index of each shard and the one after its last, by its name."""
        entry = self.images(images)
        count, size = entry.count, entry.images_per_shard
        return {
            f"{number:04d}": (start, min(start + size, count))
            for number, start in enumerate(range(0, count, size))
        }

    def shard_files(self, images: str) -> list[str]:
        """Return the paths of all shards of an entry."""
        return [f"{FRACTALS}/{images}/shard-{shard}.h5" for shard in self.shards(images)]

    def shard_range(self, images: str, shard: str) -> tuple[int, int]:
        """Return the range of indices of a shard.

        Raises
        ------
        InputError
            when the set has no shard of that number
        """
        ranges = self.shards(images)
        if shard not in ranges:
            raise InputError(
                f"{FRACTALS}/{images}/shard-{shard}.h5: this set has {len(ranges)} shards,"
                f" {next(iter(ranges))} to {list(ranges)[-1]}; ask for one of them or raise"
                f" fractals.images.{images}.count."
            )
        return ranges[shard]

    def image_options(self, images: str) -> dict[str, Any]:
        """Return what shapes the images of an entry, whatever their number and shards."""
        return self.images(images).plain("count", "images_per_shard")

    def rendering_minutes(self, images: str) -> int:
        """Return a generous time for a shard; the paper's 10,000 images take a minute or less."""
        return 5 + int(self.images(images).images_per_shard) // 2000

    def declared_images(self) -> list[str]:
        """Return the names of all sets of images, without those of ablations."""
        return list(self.declared.fractals.images)

    def generator_module(self, images: str) -> str:
        """Return the module that makes the images of an entry."""
        return f"starmass.fractals.generators.{self.images(images).generator}"

    def review(self, images: str) -> str:
        """Return the contact sheet of a set of images."""
        return f"{FRACTALS}/{images}/review.png"

    def declared_image_files(self) -> list[str]:
        """Return shards and contact sheet of each set of images, but not those of ablations."""
        return [
            path
            for images in self.declared_images()
            for path in (*self.shard_files(images), self.review(images))
        ]
