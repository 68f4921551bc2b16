"""Images to encoders: what each is trained on, and what its job asks for."""

from typing import Any

from starmass.config.pretraining import METHODS, SetImages
from starmass.errors import InputError
from starmass.plan.fractals import FractalsPlan
from starmass.plan.images import ImagesPlan
from starmass.plan.paths import image_set, teacher, training_maps

NOTHING_TO_DO = {"memory_mb": 1000, "runtime": 5, "threads": 1}
"""What a job asks for that will only say that it has failed permanently."""
RECONSTRUCTIONS = 6
"""Images in a figure of reconstructions."""


class PretrainingPlan(FractalsPlan, ImagesPlan):
    """What rules of the wing ``pretraining`` ask."""

    def encoder(self, name: str) -> Any:
        """Return an entry of ``pretraining.encoders``."""
        return self.entry("pretraining.encoders", name)

    def encoder_entries(self) -> dict[str, Any]:
        """Return all entries as they were written, with those of ablations."""
        entries = self.config.pretraining.encoders
        return {
            name: entry.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for name, entry in entries.items()
        }

    def teacher(self, encoder: str, seed: int = 0) -> str:
        """Return the path of an encoder of a seed; an encoder of one seed has it for all.

        Raises
        ------
        InputError
            when the encoder has several seeds, and this is none of them
        """
        seeds = self.encoder(encoder).seeds
        if len(seeds) > 1:
            self.check_seed(encoder, seed)
        return teacher(encoder, seed if len(seeds) > 1 else seeds[0])

    def check_seed(self, encoder: str, seed: int) -> None:
        """Raise InputError where an encoder has no pretraining of a seed."""
        seeds = self.encoder(encoder).seeds
        if seed not in seeds:
            raise InputError(
                f"the encoder {encoder} has no pretraining with seed {seed}; add the seed to"
                f" pretraining.encoders.{encoder}.seeds, which are"
                f" {', '.join(map(str, seeds))}."
            )

    def training_config(self, encoder: str) -> dict[str, Any]:
        """Return what an encoder's weights depend on, beside images and seed."""
        entry = self.encoder(encoder)
        others = set(METHODS) - {entry.method}
        return entry.plain("images", "probe", "execution", "resources", "seeds", *others)

    def pretraining_files(self, encoder: str, seed: int) -> dict[str, Any]:
        """Return what an encoder learns from (images), and what it is probed on (probe), if any."""
        self.check_seed(encoder, seed)
        entry = self.encoder(encoder)
        images = entry.images
        learnt = self.shard_files(images) if isinstance(images, str) else [self._maps(images)]
        return {"images": learnt, **({"probe": self._maps(entry.probe)} if entry.probe else {})}

    @staticmethod
    def _maps(entry: Any) -> str:
        """Path of the training maps of a study's split, or of a set, shown in some way."""
        if isinstance(entry, SetImages):
            return image_set(entry.set_, f"shown/{entry.preprocessing}.h5")
        return training_maps(entry.study, entry.split, entry.preprocessing)

    def pretraining_module(self, encoder: str) -> str:
        """Return the module of the method that an encoder learns by."""
        return f"starmass.pretraining.methods.{self.encoder(encoder).method}"

    def requested_resource(self, encoder: str, name: str, failed: bool) -> Any:
        """Return what a pretraining's job asks for.

        Parameters
        ----------
        encoder : entry of ``pretraining.encoders``
        name : a key of its ``resources``, or what SLURM is told: ``gres``, ``mpi``, ``slurm_extra``
        failed : whether the job will only say that it has failed permanently
        """
        asked = self.encoder(encoder).resources
        runtime = NOTHING_TO_DO["runtime"] if failed else asked.runtime
        if name == "gres":
            # For each node: a number for the whole job may be shared out unevenly.
            return f"gpu:{asked.gpus // asked.nodes}" if asked.gpus else None
        if name == "mpi":
            # A job that starts its own tasks is not wrapped in an srun of one task.
            return "srun" if asked.ranks > 1 else None
        if name == "slurm_extra":
            # The signal that makes a checkpoint comes some time before the limit.
            seconds = min(120, 60 * runtime // 4)
            tasks = asked.ranks // asked.nodes
            return f"--signal=TERM@{seconds} --ntasks-per-node={tasks}"
        return NOTHING_TO_DO[name] if failed and name in NOTHING_TO_DO else getattr(asked, name)

    def encoders_by(self, method: str) -> str:
        """Return a wildcard's pattern: the encoders that learn by a method."""
        entries = self.config.pretraining.encoders.items()
        return "|".join(name for name, one in entries if one.method == method) or "(?!)"

    def reconstruction_inputs(self, encoder: str, seed: int) -> dict[str, Any]:
        """Return the images that a figure of reconstructions is of."""
        return {"images": self.pretraining_files(encoder, seed)["images"]}

    def reconstruction_options(self, encoder: str) -> dict[str, Any]:
        """Return what shapes the reconstructions of a MAE."""
        return {
            "images": RECONSTRUCTIONS,
            "resolution": self.config.reporting.resolution,
            "normalise_pixels": self.encoder(encoder).mae.normalise_pixels,
        }

    def curve_options(self) -> dict[str, Any]:
        """Return what shapes the curves of a pretraining."""
        reporting = self.config.reporting
        return {"width": reporting.widths.pretraining, "resolution": reporting.resolution}
