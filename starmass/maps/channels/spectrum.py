"""A position-position-velocity cube, cut into ``count`` velocity channels: a map each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from starmass.channels import Facts
from starmass.maps.channel import Channel

if TYPE_CHECKING:
    import numpy as np

    from starmass.maps.projection import Cube, Gas


@dataclass(frozen=True)
class Spectrum(Channel):
    """Column density from ``lowest`` to ``highest`` [km/s].

    Each cell's line is ``line_width`` wide.
    """

    is_cube: ClassVar = True

    @property
    def maps(self) -> dict[str, Facts]:
        """A map for each velocity channel: ``NAME_000``, ``NAME_001``, ..."""
        entry, count = self.entry, self.entry["count"]
        step = (entry["highest"] - entry["lowest"]) / count
        edges = [entry["lowest"] + index * step for index in range(count)] + [entry["highest"]]
        own = f"own width {entry['line_width']} km/s"
        return {
            f"{self.name}_{index:03d}": Facts(
                "cm**-2",
                "column",
                f"hydrogen nuclei per area at {low:g} to {high:g} km/s ({own})",
                from_behind=0,  # its gas is in the channel of the opposite velocities
            )
            for index, (low, high) in enumerate(itertools.pairwise(edges))
        }

    def project(self, gas: Gas, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Return hydrogen nuclei per area [cm^-2]: (axis, velocity channel, row, column)."""
        from starmass.maps.deposits import project_spectra

        keys = ("lowest", "highest", "count", "line_width")
        return project_spectra(gas, cube, frame, *(self.entry[k] for k in keys)) / nucleus_mass


CHANNEL = Spectrum
