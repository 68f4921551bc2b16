"""The whole box at once: its column density, for a picture."""

import numpy as np

from starmass.maps.projection import AXES, Cube, hydrogen_column, project_cube
from starmass.maps.simulations import Simulation

PARTS = 4  # along each side: a part of the box is read at a time


def project_box(
    simulation: Simulation, *, pixels: int, nucleus_mass: float, axis: str = "z"
) -> np.ndarray:
    """Column density (row, column) of hydrogen nuclei through a whole box [cm^-2].

    Oriented as maps are. Put together from :data:`PARTS` cubes along each side, exact as maps are,
    so that no more than one of them is in memory. The mass in the picture is the mass in the box.

    Parameters
    ----------
    simulation : opened; of a box that is not cubic, the cube of its longest side is shown
    pixels : along a side, a multiple of :data:`PARTS`
    nucleus_mass : of gas for each hydrogen nucleus [g]
    """
    box = simulation.box
    side, part = float(box.width.max()) / PARTS, pixels // PARTS
    line = AXES.index(axis)
    column = np.zeros((part * PARTS, part * PARTS))
    # Parts that hold gas: of a box 2.5 long where the longest side is 4, three of four.
    filled = np.ceil(np.round(box.width / side, 9)).astype(int)
    for place in np.ndindex(*filled):
        centre = box.left + (np.array(place) + 0.5) * side
        # No images: what a periodic box repeats beyond its own faces is not in the box.
        seen = project_cube(simulation.cells(centre, side), Cube(centre, side, part))
        row, across = place[(line + 2) % 3], place[(line + 1) % 3]
        column[row * part : (row + 1) * part, across * part : (across + 1) * part] += (
            seen.surface_density[line]
        )
    return hydrogen_column(column, nucleus_mass)
