"""The number of peaks of the line profile of each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starmass.channels import Facts
from starmass.maps.channel import Channel

if TYPE_CHECKING:
    import numpy as np

    from starmass.maps.projection import Cube, Gas


class Components(Channel):
    """Peaks that stand out by ``prominence`` of the highest; ``line_width`` is in km/s."""

    @property
    def maps(self) -> dict[str, Facts]:
        """One map of the entry's name."""
        definition = (
            f"peaks of the line profile (own width {self.entry['line_width']} km/s) that stand out"
            f" by {self.entry['prominence']} of the highest"
        )
        return {self.name: Facts("", "other", definition)}

    def project(self, gas: Gas, cube: Cube, frame: np.ndarray, nucleus_mass: float) -> np.ndarray:
        """Return the number along each axis, NaN without gas: (axis, 1, row, column)."""
        import numpy as np

        from starmass.maps.deposits import in_frame, project_spectra
        from starmass.maps.kernels import count_peaks

        width = self.entry["line_width"]
        if not gas.velocity.size:
            return np.full((3, 1, cube.pixels, cube.pixels), np.nan)
        # Bins of half the line's own width over all velocities there are, with room for the wings.
        moving = in_frame(gas.velocity, frame)
        lowest, highest = float(moving.min()) - 4 * width, float(moving.max()) + 4 * width
        count = max(1, int(np.ceil((highest - lowest) / (0.5 * width))))
        spectra = project_spectra(
            gas, cube, frame, lowest, lowest + 0.5 * width * count, count, width
        )
        return count_peaks(spectra, float(self.entry["prominence"]))[:, None]


CHANNEL = Components
