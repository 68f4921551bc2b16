"""The config as a plan sees it, and its entries by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starmass.config.ablations import add_variants
from starmass.config.whole import Config, read_config
from starmass.errors import InputError, closest
from starmass.plan.paths import UsersFile
from starmass.provenance import ROOT


class Entries:
    """The config with all that ablations vary.

    Parameters
    ----------
    values : the config as Snakemake merged it
    checkout : folder whose ``resources`` is ``{resources}`` in paths of the config
    """

    def __init__(self, values: Mapping[str, Any], checkout: Path = ROOT):
        self.resources = str(checkout / "resources")
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

    def users_path(self, given: str, key: str) -> str:
        """Return a path of the config, in which ``{data_root}`` and ``{resources}`` may stand.

        Raises
        ------
        InputError
            when the first does, and nothing says what it is; names the config's ``key``
        """
        root = self.config.data_root
        if "{data_root}" in given and root is None:
            raise InputError(
                f"config key {key!r}: {given} has {{data_root}}; give it: --config data_root=DIR."
            )
        return given.replace("{data_root}", root or "").replace("{resources}", self.resources)

    def users_file(self, given: str, key: str) -> str:
        """Return a file that the config names: the user's, or one that a rule makes.

        What lies in ``results/`` is made by a rule.

        Raises
        ------
        InputError
            when a file of the user does not exist; names the config's ``key``
        """
        path = self.users_path(given, key)
        if path.startswith("results/"):
            return path
        if not Path(path).is_file():
            raise InputError(
                f"config key {key!r}: there is no file {path}; give its path, seen from the folder"
                " that Snakemake runs in."
            )
        return UsersFile(path)
