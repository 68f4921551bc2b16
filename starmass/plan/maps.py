"""Dumps to maps: snapshots of simulations and the files of each."""

from functools import cache
from typing import Any

from starmass.errors import InputError
from starmass.maps.discovery import find_snapshot, find_snapshots
from starmass.plan.entries import Entries
from starmass.plan.paths import MAPS, OBSERVED, UsersFile


class MapsPlan(Entries):
    """What rules of the wing ``maps`` ask."""

    def __init__(self, *given: Any):
        super().__init__(*given)
        # Every job asks, and looking through a folder takes time.
        self.snapshots = cache(self._find_snapshots)

    def simulation(self, name: str) -> Any:
        """Return an entry of ``maps.simulations``."""
        return self.entry("maps.simulations", name)

    def _find_snapshots(self, simulation: str) -> dict[str, list[str]]:
        """Return the files of every snapshot's dump, by the snapshot's name."""
        entry = self.simulation(simulation)
        found = find_snapshots(entry.given(), self.config.data_root, name=simulation)
        return {snapshot: self._dump(entry, files) for snapshot, files in found.items()}

    def last_snapshot(self, simulation: str) -> str:
        """Return the name of a simulation's last snapshot."""
        return list(self.snapshots(simulation))[-1]

    def last_dump(self, simulation: str) -> list[str]:
        """Return the files of a simulation's last snapshot."""
        return list(self.snapshots(simulation).values())[-1]

    def dump_files(self, simulation: str, snapshot: str) -> list[str]:
        """Return the files of one snapshot; a job needs no more, and a run may have thousands."""
        entry = self.simulation(simulation)
        files = find_snapshot(entry.given(), self.config.data_root, snapshot, name=simulation)
        return self._dump(entry, files)

    @staticmethod
    def _dump(entry: Any, files: list[str]) -> list[str]:
        """Files of a dump: toy clouds' are made by a rule, others are the user's."""
        return files if entry.format == "toycloud" else list(map(UsersFile, files))

    def simulation_maps(self, simulation: str) -> list[str]:
        """Return the paths of all maps of a simulation."""
        return [f"{MAPS}/{simulation}/{snapshot}.h5" for snapshot in self.snapshots(simulation)]

    def observed_maps(self, observation: str, simulation: str) -> list[str]:
        """Return the paths of all maps of a simulation as an observation sees them."""
        self.entry("maps.observations", observation)
        return [
            f"{OBSERVED}/{observation}/{simulation}/{snapshot}.h5"
            for snapshot in self.snapshots(simulation)
        ]

    def map_options(self, simulation: str) -> dict[str, Any]:
        """Return what shapes the maps of a simulation."""
        entry = self.simulation(simulation)
        names = self.config.maps.channels_of(simulation)
        return {
            "projection": {**self.config.maps.projection.options(), "channels": names},
            "entry": entry.given("cuts", "channels"),
            # How a channel is shown changes no map.
            "channels": {
                name: self.config.maps.channels[name].plain("transform") for name in names
            },
        }

    def channel_kinds(self, simulation: str) -> list[str]:
        """Return the kinds of the extra channels of a simulation's maps."""
        channels = self.map_options(simulation)["channels"].values()
        return sorted({channel["kind"] for channel in channels})

    def channel_modules(self, simulation: str) -> list[str]:
        """Return the modules that make the extra channels of a simulation's maps."""
        return [f"starmass.maps.channels.{kind}" for kind in self.channel_kinds(simulation)]

    def cuts(self, simulation: str) -> dict[str, Any]:
        """Return the cuts of a simulation's catalogue: its own, or those of all simulations."""
        own = self.simulation(simulation).cuts
        return (self.config.maps.cuts if own is None else own).plain()

    def observation(self, name: str) -> dict[str, Any]:
        """Return what shapes the maps of an observation."""
        return self.entry("maps.observations", name).plain()

    def toycloud(self, simulation: str) -> dict[str, Any]:
        """Return the options of a toy cloud.

        Raises
        ------
        InputError
            when the simulation is another one, whose dumps are the user's
        """
        entry = self.simulation(simulation)
        if entry.format != "toycloud":
            raise InputError(
                f"results/dumps/{simulation}: only toy clouds are written, and"
                f" maps.simulations.{simulation} has format: {entry.format}; ask for its maps"
                " instead."
            )
        return entry.plain("format", "channels", "cuts")

    def fits_options(self, folder: str, snapshot: str, sink: str, axis: str) -> dict[str, Any]:
        """Return the options of a FITS file; observed maps are at their observation's distance."""
        if axis not in ("x", "y", "z"):
            raise InputError(
                f"results/{folder}/fits/{snapshot}_{sink}_{axis}.fits: there is no axis {axis};"
                " the axes are x, y, z."
            )
        fits = self.config.maps.fits
        return fits.given("distance") if folder.startswith("observed/") else fits.given()

    def page_options(self, simulation: str) -> dict[str, Any]:
        """Return what shapes the page of a simulation."""
        reporting = self.config.reporting
        return {
            "entry": self.simulation(simulation).given("cuts", "channels"),
            "hydrogen_mass": self.config.maps.projection.hydrogen_mass,
            "palettes": reporting.palettes.plain(),
            "resolution": reporting.resolution,
        }
