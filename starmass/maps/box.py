"""The whole box at once: its column density, for eyes."""

import numpy as np

from starmass.maps.projection import AXES, Cube, hydrogen_column, project_cube
from starmass.maps.simulations import Simulation

PARTS = 4  # along each side: a part of the box is read at a time


def project_box(
    simulation: Simulation, *, pixels: int, nucleus_mass: float, axis: str = "z"
) -> np.ndarray:
    """Column density (row, column) of hydrogen nuclei through a whole box [cm^-2], oriented as maps are.

    The box is put together from :data:`PARTS` cubes along each side, exact as maps are, so that no more than one of them is in memory.

    Parameters
    ----------
    simulation : opened; of a box that is not cubic, the cube of its longest side is shown
    pixels : along a side, a multiple of :data:`PARTS`
    nucleus_mass : of gas for each hydrogen nucleus [g]
    """
    side, part = float(simulation.box.width.max()), pixels // PARTS
    line = AXES.index(axis)
    column = np.zeros((part * PARTS, part * PARTS))
    for place in np.ndindex(PARTS, PARTS, PARTS):
        centre = simulation.box.left + (np.array(place) + 0.5) * side / PARTS
        if np.any(centre - 0.5 * side / PARTS >= simulation.box.left + simulation.box.width):
            continue
        seen = project_cube(
            simulation.cells(centre, side / PARTS),
            Cube(centre, side / PARTS, part, simulation.box.period),
        )
        row, across = place[(line + 2) % 3], place[(line + 1) % 3]
        column[row * part : (row + 1) * part, across * part : (across + 1) * part] += (
            seen.surface_density[line]
        )
    return hydrogen_column(column, nucleus_mass)
