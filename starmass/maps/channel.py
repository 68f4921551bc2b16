"""What all extra channels share: a name, the config's entry, and what they ask of the gas.

Light on imports, because the config is checked at every parse of the Snakefile: what projects gas
is imported where gas is projected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from starmass.channels import Facts

if TYPE_CHECKING:
    import numpy as np

    from starmass.maps.projection import Cube, Gas


@dataclass(frozen=True)
class Channel(ABC):
    """An extra channel: one map or several along each axis.

    Parameters
    ----------
    name : of its entry in the config
    entry : the entry, with the defaults of its kind

    Attributes
    ----------
    is_cube : whether its maps are the velocity channels of one cube
    """

    name: str
    entry: Mapping[str, Any]
    is_cube: ClassVar[bool] = False

    @property
    def fields(self) -> dict[str, str]:
        """Quantities that it needs of the cells, each with the unit that it wants."""
        return {}

    @property
    @abstractmethod
    def maps(self) -> dict[str, Facts]:
        """The maps that it gives along each axis, by name."""

    @abstractmethod
    def project(self, gas: Gas, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Return its maps of the cube: (axis, map, row, column).

        Parameters
        ----------
        gas : with the quantities of :attr:`fields`
        cube : what is seen
        frame : (3,) velocity that counts as rest [km/s]
        nucleus_mass : of gas for each hydrogen nucleus [g]
        """

    def fields_of(self, gas: Gas) -> list[np.ndarray]:
        """The quantities that it needs, in order."""
        return [gas.fields[name] for name in self.fields]
