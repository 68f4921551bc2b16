"""The whole box at once: all of the gas, put where it is, whatever the parts."""

import numpy as np
import pytest

from starmass.maps.box_projection import project_box
from starmass.maps.projection import Cube, project_cube
from starmass.maps.simulations import open_simulation


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("periodic", [True, False])
def test_parts_make_the_whole(write_run, axis, periodic):
    run, _ = write_run(seed=2, periodic=[periodic] * 3)
    simulation = open_simulation({"format": "sfumato"}, [run / "run.yaml"], "snap1")
    whole = project_cube(
        simulation.cells(np.full(3, 2.0), 4.0),
        Cube(np.full(3, 2.0), 4.0, 32, simulation.box.period),
    )
    column = project_box(simulation, pixels=32, nucleus_mass=2.0, axis=axis)
    np.testing.assert_allclose(column, whole.surface_density["xyz".index(axis)] / 2.0, rtol=1e-10)
