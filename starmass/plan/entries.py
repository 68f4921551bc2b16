"""The config as a plan sees it, and its entries by name."""

from collections.abc import Mapping
from typing import Any

from starmass.config.ablations import add_variants
from starmass.config.whole import Config, read_config
from starmass.errors import InputError, closest


class Entries:
    """The config with all that ablations vary.

    Parameters
    ----------
    values : the config as Snakemake merged it
    """

    def __init__(self, values: Mapping[str, Any]):
        self.declared: Config = read_config(values)
        expanded = add_variants(self.declared.written())
        self.config: Config = read_config(expanded)
        self.study: str = self.config.study

    def entry(self, section: str, name: str) -> Any:
        """Return a named entry of a section, as ``maps.simulations``.

        Raises
        ------
        InputError
            when there is none; names the nearest that was declared
        """
        wing, kind = section.split(".")
        entries, declared = (
            getattr(getattr(config, wing), kind) for config in (self.config, self.declared)
        )
        if name not in entries:
            raise InputError(
                f"there is no entry {name!r} in {section}{closest(name, declared)};"
                f" entries: {', '.join(declared) or 'none yet'}."
            )
        return entries[name]
