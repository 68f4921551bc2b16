"""Gas of moving-mesh codes: the Voronoi cells of the mesh-generating points, laid onto a cube.

A point of space belongs to the cell of the nearest mesh-generating point (Springel 2010, MNRAS 401,
791). A search for the nearest one at the middle of each voxel therefore gives the mesh at the
voxels' resolution. A voxel has the density of its cell. Cells smaller than a voxel are replaced by
cubes of their own volume and mass at their place. The cells that lie whole in the cube are scaled
by one factor, close to 1, so that their total mass is exact. The mass of cells that the cube's
faces cut is right to the voxels' resolution. docs/benchmarks.md says how exact this is, and how the
alternative (each cell's mass shared by its count of voxels) compares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from starmass.errors import InputError
from starmass.maps.projection import Blocks, Cube, Gas
from starmass.maps.units import PARSEC_CM, SOLAR_MASS_G

MOST_VOXELS = 512
"""Maximum number of voxels along a side of the cube."""
SLAB = 16
"""Planes of voxels that are laid onto the maps at once."""
TOLERANCE, ENOUGH = 0.1, 1000
"""Tolerance of mass against density times volume, and fewest voxels to check it by."""


@dataclass(frozen=True, eq=False)
class MovingMesh(Gas):
    """Gas in the Voronoi cells of a moving mesh: all that any point of the cube may be part of.

    Attributes
    ----------
    position : (n, 3) mesh-generating points [pc]
    mass : (n,) [Msun]
    volume : (n,) [pc^3]
    velocity : (3, n) [km/s]
    fields : other quantities by name, (n,) each, in the units that they were asked for
    source : the dump, for messages
    """

    position: np.ndarray
    mass: np.ndarray
    volume: np.ndarray
    velocity: np.ndarray
    fields: Mapping[str, np.ndarray] = field(default_factory=dict)
    source: str = "moving mesh"
    _laid: list[tuple[Cube, "_Voxels"]] = field(default_factory=list, init=False, repr=False)

    @property
    def density(self) -> np.ndarray:
        """(n,) [g cm^-3]."""
        return self.mass / self.volume * (SOLAR_MASS_G / PARSEC_CM**3)

    def deposit_moments(
        self, cube: Cube, weight: np.ndarray, mean: np.ndarray, square: np.ndarray
    ) -> float:
        """Add voxels and small cells, as :class:`~starmass.maps.projection.Gas` says."""
        return sum(
            Blocks(left, width, density, self.velocity[:, cells]).deposit_moments(
                cube, weight, mean, square
            )
            for left, width, density, cells in self._pieces(cube)
        )

    def deposit_values(
        self, cube: Cube, values: np.ndarray, weight: np.ndarray, sums: np.ndarray
    ) -> None:
        """Add ``values`` (map, 3, n), as :class:`~starmass.maps.projection.Gas` says."""
        for left, width, density, cells in self._pieces(cube):
            blocks = Blocks(left, width, density, self.velocity[:, cells])
            blocks.deposit_values(cube, values[:, :, cells], weight, sums)

    def deposit_lines(
        self,
        cube: Cube,
        velocity: np.ndarray,
        edges: np.ndarray,
        line_width: float,
        spectra: np.ndarray,
    ) -> None:
        """Add lines at ``velocity`` (3, n), as :class:`~starmass.maps.projection.Gas` says."""
        for left, width, density, cells in self._pieces(cube):
            blocks = Blocks(left, width, density, velocity[:, cells])
            blocks.deposit_lines(cube, velocity[:, cells], edges, line_width, spectra)

    def _pieces(
        self, cube: Cube
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """What to lay onto maps, part by part.

        Left and width (block, 3), density (block, i, j, k), and rows of the mesh (block, i, j, k).
        """
        if not self._laid or self._laid[0][0] is not cube:
            self._laid[:] = [(cube, _lay_voxels(self, cube))]  # channels of one cube come in turn
        voxels = self._laid[0][1]
        width = np.full((1, 3), voxels.width)
        for plane in range(0, len(voxels.owner), SLAB):
            cells = voxels.owner[None, plane : plane + SLAB]
            left = cube.left + np.array([plane * voxels.width, 0.0, 0.0])
            yield left[None], width, voxels.density[cells], cells
        cells = voxels.small[:, None, None, None]
        sides = np.repeat(np.cbrt(self.volume[voxels.small])[:, None], 3, axis=1)
        yield self.position[voxels.small] - 0.5 * sides, sides, self.density[cells], cells


@dataclass(frozen=True)
class _Voxels:
    """A mesh at the resolution of voxels.

    Attributes
    ----------
    width : of a voxel [pc]
    owner : (i, j, k) the cell of each voxel of the cube
    density : (n,) of each cell's voxels; 0 for small cells [g cm^-3]
    small : (m,) cells that go as cubes
    """

    width: float
    owner: np.ndarray
    density: np.ndarray
    small: np.ndarray


def voxels_along(pixels: int) -> int:
    """Voxels along a side of the cube: two a pixel of small maps, one a pixel of large ones."""
    return min(2 * pixels, max(128, pixels), MOST_VOXELS)


def _lay_voxels(mesh: MovingMesh, cube: Cube) -> _Voxels:
    count = voxels_along(cube.pixels)
    width = cube.side / count
    periodic = np.isfinite(cube.period)
    size = np.where(periodic, cube.period, 0.0)
    place = np.asarray(mesh.position, float) - cube.left
    place = np.where(periodic, np.mod(place, np.where(periodic, size, 1.0)), place)
    place = np.where(periodic & (place >= size), 0.0, place)  # a remainder rounded up to the period
    tree = cKDTree(place, boxsize=size, balanced_tree=False, compact_nodes=False)
    # One more voxel on each side shows which cells the cube's faces cut.
    middle = (np.arange(-1, count + 1) + 0.5) * width
    owner = np.empty((len(middle),) * 3, np.int32)
    for plane, depth in enumerate(middle):
        points = np.stack(np.broadcast_arrays(depth, middle[:, None], middle), axis=-1)
        owner[plane] = tree.query(points)[1]
    inner = owner[1:-1, 1:-1, 1:-1]
    tiny = mesh.volume < width**3
    cut = np.zeros(len(place), bool)
    for axis in range(3):
        for end in (0, -1):
            cut[np.take(owner, end, axis=axis)] = True
    whole = ~tiny & ~cut & np.all((place > 0.0) & (place < cube.side), axis=1)
    found = np.bincount(inner.ravel(), minlength=len(place)) * width**3
    seen = np.sum((found * mesh.mass / mesh.volume)[whole])
    factor = np.sum(mesh.mass[whole]) / seen if seen > 0.0 else 1.0
    if abs(factor - 1.0) > TOLERANCE and np.sum(found[whole]) > ENOUGH * width**3:
        raise InputError(
            f"{mesh.source}: about {np.round(cube.centre, 3).tolist()} pc the cells' masses are "
            f"{factor:.3g} times density times volume of the Voronoi mesh of their positions; name "
            "the right `density`, give the box as `load: {bounding_box: ...}`, or say "
            "`deposit: kernel`."
        )
    density = np.where(whole, factor, 1.0) * np.where(tiny, 0.0, mesh.density)
    return _Voxels(width, np.ascontiguousarray(inner), density, np.flatnonzero(tiny))
