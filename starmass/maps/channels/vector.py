"""A part of the density-weighted mean of a vector, as seen along each axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starmass.channels import Facts
from starmass.maps.channel import Channel

if TYPE_CHECKING:
    import numpy as np

    from starmass.maps.projection import Cube, Gas

PARTS = {
    "along": "component along +axis",
    "columns": "component along the map's columns",
    "rows": "component along the map's rows",
    "sky": "length of the component in the plane of the sky",
}


class Vector(Channel):
    """The part ``part`` of the vector whose components are ``field``_x, _y and _z, in ``unit``."""

    @property
    def fields(self) -> dict[str, str]:
        """The three components."""
        return {f"{self.entry['field']}_{axis}": self.entry["unit"] for axis in "xyz"}

    @property
    def maps(self) -> dict[str, Facts]:
        """One map of the entry's name."""
        part = self.entry["part"]
        # What was along the columns is along the rows in a map that is turned, or has the other
        # sign in one that is mirrored.
        in_sky = part in ("columns", "rows")
        facts = Facts(
            self.entry["unit"],
            "other" if part == "sky" else "mean",
            f"density-weighted mean of {self.entry['field']}: {PARTS[part]}",
            from_behind={"along": -1, "sky": 1}.get(part, 0),
            turns=not in_sky,
        )
        return {self.name: facts}

    def project(self, gas: Gas, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Return the map along each axis: (axis, 1, row, column)."""
        import numpy as np

        from starmass.maps.deposits import project_means

        vector = self.fields_of(gas)
        along, columns, rows = (
            project_means(gas, cube, [[vector[(axis + step) % 3] for axis in range(3)]])
            for step in range(3)
        )
        parts = {"along": along, "columns": columns, "rows": rows, "sky": np.hypot(columns, rows)}
        return parts[self.entry["part"]]


CHANNEL = Vector
