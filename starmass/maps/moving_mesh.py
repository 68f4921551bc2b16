"""Gas of moving-mesh codes: the Voronoi cells of the mesh-generating points, laid onto a cube.

A point of space belongs to the cell of the nearest mesh-generating point (Springel 2010, MNRAS 401,
791). A search for the nearest one at the middle of each voxel therefore gives the mesh at the
voxels' resolution. A voxel has the density of its cell. Cells smaller than a voxel are replaced by
cubes of their own volume and mass at their place. The cells that lie whole in the cube are scaled
by one factor, close to 1, so that their total mass is exact. The mass of cells that the cube's
faces cut is right to the voxels' resolution. docs/benchmarks.md says how exact this is, and how the
alternative (each cell's mass shared by its count of voxels) compares. The gas of
lines of sight before and behind the cube is laid out with a voxel for each pixel.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree

from starmass.errors import InputError
from starmass.maps.projection import Blocks, Cube, Gas
from starmass.units import PARSEC_CM, SOLAR_MASS_G

MOST_VOXELS = 512
"""Maximum number of voxels along a side of the cube."""
SLAB = 16
"""Planes of voxels that are laid onto the maps at once."""
EMPTY = 1e-9
"""Part of a side that is too short to be laid out."""
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
    _laid: list[tuple[Cube, list["_Voxels"]]] = field(default_factory=list, init=False, repr=False)

    @property
    def density(self) -> np.ndarray:
        """(n,) [g cm^-3]."""
        return self.mass / self.volume * (SOLAR_MASS_G / PARSEC_CM**3)

    def deposit_moments(
        self, cube: Cube, weight: np.ndarray, mean: np.ndarray, square: np.ndarray
    ) -> float:
        """Add voxels and small cells, as :class:`~starmass.maps.projection.Gas` says."""
        inside: list[float] = []
        for seen, left, width, density, cells in self._pieces(cube):
            blocks = Blocks(left, width, density, self.velocity[:, cells])
            mass = blocks.deposit_moments(seen, weight, mean, square)
            inside += [mass] if seen.line_ends is None else []
        if inside:
            return sum(inside)
        aside = (np.zeros_like(weight) for _ in range(3))
        return replace(self).deposit_moments(cube.alone(), *aside)

    def deposit_values(
        self, cube: Cube, values: np.ndarray, weight: np.ndarray, sums: np.ndarray
    ) -> None:
        """Add ``values`` (map, 3, n), as :class:`~starmass.maps.projection.Gas` says."""
        for seen, left, width, density, cells in self._pieces(cube):
            blocks = Blocks(left, width, density, self.velocity[:, cells])
            blocks.deposit_values(seen, values[:, :, cells], weight, sums)

    def deposit_lines(
        self,
        cube: Cube,
        velocity: np.ndarray,
        edges: np.ndarray,
        line_width: float,
        spectra: np.ndarray,
    ) -> None:
        """Add lines at ``velocity`` (3, n), as :class:`~starmass.maps.projection.Gas` says."""
        for seen, left, width, density, cells in self._pieces(cube):
            blocks = Blocks(left, width, density, velocity[:, cells])
            blocks.deposit_lines(seen, velocity[:, cells], edges, line_width, spectra)

    def _pieces(
        self, cube: Cube
    ) -> Iterator[tuple[Cube, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """What to lay onto maps, part by part.

        The cube as the part is seen in it, left and width (block, 3), density (block, i, j, k), and
        rows of the mesh (block, i, j, k).
        """
        if not self._laid or self._laid[0][0] is not cube:
            # Channels of one cube come in turn.
            self._laid[:] = [(cube, [_lay_voxels(self, cube, one) for one in _cuboids(cube)])]
        for voxels in self._laid[0][1]:
            for plane in range(0, len(voxels.owner), SLAB):
                cells = voxels.owner[None, plane : plane + SLAB]
                left = voxels.left + np.array([plane * voxels.width[0], 0.0, 0.0])
                yield voxels.seen, left[None], voxels.width[None], voxels.density[cells], cells
            cells = voxels.small[:, None, None, None]
            sides = np.repeat(np.cbrt(self.volume[voxels.small])[:, None], 3, axis=1)
            left = self.position[voxels.small] - 0.5 * sides
            yield voxels.seen, left, sides, self.density[cells], cells


@dataclass(frozen=True)
class _Cuboid:
    """A part of space that is cut into voxels.

    Attributes
    ----------
    seen : the cube, with the lines of sight that lie in the cuboid
    left, sides : (3,) lower corner and sides [pc]
    count : (3,) voxels along each side
    """

    seen: Cube
    left: np.ndarray
    sides: np.ndarray
    count: tuple[int, ...]


@dataclass(frozen=True)
class _Voxels:
    """A mesh at the resolution of voxels.

    Attributes
    ----------
    seen, left : see :class:`_Cuboid`
    width : (3,) sides of a voxel [pc]
    owner : (i, j, k) the cell of each voxel
    density : (n,) of each cell's voxels; 0 for small cells [g cm^-3]
    small : (m,) cells that go as cubes
    """

    seen: Cube
    left: np.ndarray
    width: np.ndarray
    owner: np.ndarray
    density: np.ndarray
    small: np.ndarray


def voxels_along(pixels: int) -> int:
    """Voxels along a side of the cube: two a pixel of small maps, one a pixel of large ones."""
    return min(2 * pixels, max(128, pixels), MOST_VOXELS)


def _cuboids(cube: Cube) -> list[_Cuboid]:
    """The cube, and parts of its lines of sight before and behind it, with a voxel for a pixel.

    Where a line of sight ends in the cube, what is left of the cube is a cuboid for each axis.
    """
    fine, half = voxels_along(cube.pixels), 0.5 * cube.side
    alone = _Cuboid(cube.alone(), cube.left, np.full(3, float(cube.side)), (fine,) * 3)
    if cube.line_ends is None:
        return [replace(alone, seen=cube)]
    is_whole = np.all(cube.line_ends[:, 0] <= -half) and np.all(cube.line_ends[:, 1] >= half)
    found = [alone] if is_whole else []
    for axis, (begin, end) in enumerate(cube.line_ends):
        middle = np.clip([begin, end], -half, half)
        if not is_whole:
            found.append(_cuboid_along(cube, axis, middle, fine))
        found += [
            _cuboid_along(cube, axis, np.array([start, stop]), min(cube.pixels, fine))
            for start, stop in ((begin, middle[0]), (middle[1], end))
            if stop - start > EMPTY * cube.side
        ]
    return found


def _cuboid_along(cube: Cube, axis: int, ends: np.ndarray, count: int) -> _Cuboid:
    """Part of the lines of sight along an axis; ``count`` voxels across, and such in depth."""
    left, sides, counts = cube.left, np.full(3, float(cube.side)), [count] * 3
    left[axis], sides[axis] = cube.centre[axis] + ends[0], ends[1] - ends[0]
    most = MOST_VOXELS**3 // count**2
    counts[axis] = min(max(1, math.ceil(count * sides[axis] / cube.side - EMPTY)), most)
    line_ends = np.zeros((3, 2))
    line_ends[axis] = ends
    return _Cuboid(replace(cube, line_ends=line_ends), left, sides, tuple(counts))


def _lay_voxels(mesh: MovingMesh, cube: Cube, cuboid: _Cuboid) -> _Voxels:
    width = cuboid.sides / cuboid.count
    volume = float(width.min()) ** 3 * float(np.prod(width / width.min()))
    periodic = np.isfinite(cube.period)
    size = np.where(periodic, cube.period, 0.0)
    place = np.asarray(mesh.position, float) - cuboid.left
    place = np.where(periodic, np.mod(place, np.where(periodic, size, 1.0)), place)
    place = np.where(periodic & (place >= size), 0.0, place)  # a remainder rounded up to the period
    tree = cKDTree(place, boxsize=size, balanced_tree=False, compact_nodes=False)
    # One more voxel on each side shows which cells the faces cut.
    x, y, z = (
        (np.arange(-1, count + 1) + 0.5) * wide
        for count, wide in zip(cuboid.count, width, strict=True)
    )
    owner = np.empty((len(x), len(y), len(z)), np.int32)
    for plane, depth in enumerate(x):
        points = np.stack(np.broadcast_arrays(depth, y[:, None], z), axis=-1)
        owner[plane] = tree.query(points)[1]
    inner = owner[1:-1, 1:-1, 1:-1]
    tiny = mesh.volume < volume
    cut = np.zeros(len(place), bool)
    for axis in range(3):
        for end in (0, -1):
            cut[np.take(owner, end, axis=axis)] = True
    whole = ~tiny & ~cut & np.all((place > 0.0) & (place < cuboid.sides), axis=1)
    found = np.bincount(inner.ravel(), minlength=len(place)) * volume
    seen = np.sum((found * mesh.mass / mesh.volume)[whole])
    factor = np.sum(mesh.mass[whole]) / seen if seen > 0.0 else 1.0
    if abs(factor - 1.0) > TOLERANCE and np.sum(found[whole]) > ENOUGH * volume:
        raise InputError(
            f"{mesh.source}: about {np.round(cube.centre, 3).tolist()} pc the cells' masses are "
            f"{factor:.3g} times density times volume of the Voronoi mesh of their positions; name "
            "the right `density`, give the box as `load: {bounding_box: ...}`, or say "
            "`deposit: kernel`."
        )
    density = np.where(whole, factor, 1.0) * np.where(tiny, 0.0, mesh.density)
    owner = np.ascontiguousarray(inner)
    return _Voxels(cuboid.seen, cuboid.left, width, owner, density, np.flatnonzero(tiny))
