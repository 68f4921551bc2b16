"""Images that others made: the files of each set, and what shapes them."""

import hashlib
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from starmass.errors import InputError, closest
from starmass.images.listing import labelled_files, read_labels
from starmass.maps.channels import channel_facts
from starmass.plan import paths
from starmass.plan.entries import Entries
from starmass.plan.paths import UsersFile


class ImagesPlan(Entries):
    """What rules of image sets ask."""

    def __init__(self, *given: Any):
        super().__init__(*given)
        # Every job asks, and looking through a folder takes time.
        self.image_set_files = cache(self._image_set_files)
        self.image_listing = cache(self._image_listing)

    def image_set(self, name: str) -> Any:
        """Return an entry of ``images``.

        Raises
        ------
        InputError
            when there is none; names the nearest
        """
        sets = self.config.images
        if name not in sets:
            raise InputError(
                f"there is no entry {name!r} in images{closest(name, sets)}; entries:"
                f" {', '.join(sets) or 'none yet (docs/images.md)'}."
            )
        return sets[name]

    def _image_set_files(self, name: str) -> dict[str, Any]:
        """Return the ``labels`` of a set, and its ``images``: one file, or one for each line.

        Raises
        ------
        InputError
            when a file is not there, or images and labels don't fit
        """
        entry, key = self.image_set(name), f"images.{name}"
        labels = self.users_file(entry.labels, f"{key}.labels")
        if entry.file:
            return {"labels": labels, "images": [self.users_file(entry.file, f"{key}.file")]}
        folder = self.users_path(entry.folder, f"{key}.folder")
        if not Path(labels).is_file():
            raise InputError(
                f"config key '{key}.labels': {labels} has to be there before the run, for it names"
                " the images of a folder; make it first, or give file."
            )
        files = labelled_files(
            folder,
            read_labels(labels),
            name,
            column=entry.columns.file,
            unlabelled=entry.unlabelled,
        )
        return {"labels": labels, "images": list(map(UsersFile, files))}

    def image_set_inputs(self, name: str) -> dict[str, Any]:
        """Return the files that Snakemake watches for a set: not each image of a folder."""
        files = self.image_set_files(name)
        return files if self.image_set(name).file else {"labels": files["labels"]}

    def _image_listing(self, name: str) -> dict[str, str]:
        """Return where the images of a folder are, and a digest of their names, sizes and times.

        It is one parameter in place of an input for each image; empty for a set of one file.
        """
        entry = self.image_set(name)
        if entry.file:
            return {}
        digest = hashlib.sha256()
        for path in self.image_set_files(name)["images"]:
            facts = Path(path).stat()
            digest.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
        return {
            "folder": self.users_path(entry.folder, f"images.{name}.folder"),
            "column": entry.columns.file or "file",
            "digest": digest.hexdigest()[:16],
        }

    def image_set_options(self, name: str) -> dict[str, Any]:
        """Return what shapes a set's file of maps, beside the files of the user."""
        entry = self.image_set(name)
        own = entry.plain("file", "labels", "unlabelled")
        if entry.hydrogen_mass is None:
            own["hydrogen_mass"] = self.config.maps.projection.hydrogen_mass
        own["folder"] = entry.folder is not None
        extra = {name: one.plain() for name, one in self.config.maps.channels.items()}
        facts = {name: channel_facts(name, extra) for name in entry.channels or ()}
        known = {name: asdict(one) for name, one in facts.items() if one and name in extra}
        return {"entry": own, "known": known}

    def image_maps(self, name: str) -> str:
        """Return the path of a set as a file of maps."""
        self.image_set(name)
        return paths.image_set(name, "maps.h5")

    def image_objects(self, name: str) -> str:
        """Return the path of the list of a set's images."""
        self.image_set(name)
        return paths.image_set(name, "objects.csv")

    def all_image_maps(self) -> list[str]:
        """Return the files of maps of all sets.

        Raises
        ------
        InputError
            when there are none
        """
        if not self.config.images:
            raise InputError(
                "the config has no images; add a set, images: {NAME: {folder: ..., labels: ...}},"
                " as docs/images.md shows."
            )
        return [self.image_maps(name) for name in self.config.images]
