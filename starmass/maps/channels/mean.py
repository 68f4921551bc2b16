"""The density-weighted mean of a quantity: one map along each axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starmass.channels import Facts
from starmass.maps.channel import Channel

if TYPE_CHECKING:
    import numpy as np

    from starmass.maps.projection import Cube, Gas


class Mean(Channel):
    """Mean of the field ``field`` of the gas, in ``unit``."""

    @property
    def fields(self) -> dict[str, str]:
        """The quantity itself."""
        return {self.entry["field"]: self.entry["unit"]}

    @property
    def maps(self) -> dict[str, Facts]:
        """One map of the entry's name."""
        definition = f"density-weighted mean of {self.entry['field']}"
        return {self.name: Facts(self.entry["unit"], "mean", definition)}

    def project(self, gas: Gas, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Return the map along each axis: (axis, 1, row, column)."""
        from starmass.maps.deposits import project_means

        return project_means(gas, cube, [self.fields_of(gas) * 3])


CHANNEL = Mean
