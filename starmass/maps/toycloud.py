"""An analytic cloud with protostars, for the demo and the tests.

It is made of formulas evaluated on an AMR grid and is **not** a solver's solution.

It looks like a simulation, with similar confusion, but proves nothing about stars. The gas is a
log-normal density field with Mach-10 velocities of Burgers spectrum (energy ~ k^-2), decorrelating
in time, and it gathers in filaments. Each sink is born where the gas is dense, moves with the gas,
and grows at a falling rate. It sits in an envelope whose infall speed is sqrt(2 G M / r) times a
star's own efficiency. The envelope's density follows from that and the current accretion rate, and
its rotation grows with age. So a mass can be predicted from the maps in part, and not trivially.

Every number follows from the seed and the time of the snapshot alone: snapshots can be made in any
order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft, special

from starmass.compilation import compiled
from starmass.errors import InputError
from starmass.maps.descriptor import Descriptor, descriptor_yaml, parse_descriptor
from starmass.maps.sfumato import write_dump
from starmass.storage import write_text, written_aside
from starmass.units import GRAVITY, KM_CM, PARSEC_CM, SOLAR_MASS_G, YEAR_S

DESCRIPTION = "analytic cloud (formulas on an AMR grid), not a solver"
BOX_PC = 4.0
TOTAL_MASS = 3000.0  # Msun, gas and sinks
SOUND_SPEED = 0.19  # km/s, 10 K
MACH = 10.0
BASE_BLOCKS = 8
BLOCK_CELLS = 8
FINEST_LEVEL = 4  # 4 pc / (8 x 8 x 2^4) = 3.9e-3 pc
SINK_COUNT = 12
SNAPSHOT_COUNT = 6
FIRST_SNAPSHOT_YR = 2.0e5
SNAPSHOT_INTERVAL_YR = 8.0e4
ACCRETION_RADIUS_PC = 0.008
# In units where lengths are pc, velocities km/s and masses Msun.
GRAVITY_PC = GRAVITY * SOLAR_MASS_G / PARSEC_CM / KM_CM**2
KMS_TO_PC_YR = KM_CM * YEAR_S / PARSEC_CM


@dataclass(frozen=True)
class Stars:
    """Sinks at one time: positions [pc], velocities [km/s] (n, 3), and masses (n,).

    The other columns (n,) define the envelopes.
    """

    identity: np.ndarray
    birth_yr: np.ndarray
    mass: np.ndarray
    accretion_rate: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    infall: np.ndarray
    rotation: np.ndarray
    spin: np.ndarray
    loading: np.ndarray
    reach: np.ndarray
    age_yr: np.ndarray


def toycloud_descriptor(
    layout: Mapping[str, Any] | None = None, magnetic: bool = False
) -> Descriptor:
    """Descriptor of a toy run: lengths in pc, velocities in km/s, masses in Msun.

    ``layout`` replaces single keys of the format.
    """
    mapping: dict[str, Any] = {
        "format": "sfumato", "description": DESCRIPTION,
        "length_cm": PARSEC_CM, "mass_g": SOLAR_MASS_G, "time_s": PARSEC_CM / KM_CM,
        "box_width": [BOX_PC] * 3, "periodic": [True] * 3, "real_bytes": 4,
        "variables": ["MRHO", "MVX", "MVY", "MVZ"] + (["MBX", "MBY", "MBZ"] if magnetic else []),
        "facts": {
            "accretion_radius_pc": ACCRETION_RADIUS_PC, "sound_speed_kms": SOUND_SPEED,
            "mach": MACH,
        },
    }  # fmt: skip
    return parse_descriptor(mapping | dict(layout or {}), "toycloud layout")


def write_toycloud_descriptor(
    *, output: str | Path, layout: Mapping[str, Any] | None = None, magnetic_field: float = 0.0
) -> None:
    """Write the run's ``run.yaml`` (parameters as of :func:`write_toycloud`)."""
    write_text(output, descriptor_yaml(toycloud_descriptor(layout, magnetic_field > 0)))


def snapshot_time(number: int) -> float:
    """Time of the ``number``-th snapshot (from 1) [yr]."""
    return FIRST_SNAPSHOT_YR + (number - 1) * SNAPSHOT_INTERVAL_YR


def write_toycloud(
    *,
    output: str | Path,
    seed: int,
    snapshots: int,
    ranks: int = 2,
    layout: Mapping[str, Any] | None = None,
    magnetic_field: float = 0.0,
) -> None:
    """Write one snapshot of a toy run: a folder of cell files and a sink file.

    Parameters
    ----------
    output : the folder, whose name ends in the number of the snapshot, from 1
    seed, snapshots : of the run, the latter the number of snapshots that it is to have
    ranks : number of cell files
    layout : keys of the descriptor that differ from the toy run's, as for
        :func:`toycloud_descriptor`
    magnetic_field : of gas of mean density at rest, along z [microgauss]; 0 writes none
    """
    number = int(Path(output).name.rsplit("_", 1)[1])
    if not 1 <= number <= snapshots:
        raise InputError(
            f"{output}: the run has snapshots 1 to {snapshots}; ask for one of them, or raise"
            " `snapshots`."
        )
    time = snapshot_time(number)
    stars = make_stars(seed, time, snapshot_time(snapshots))
    levels, positions, cells = build_blocks(TurbulentField(seed, time), stars)
    descriptor = toycloud_descriptor(layout, magnetic_field > 0)
    if magnetic_field > 0:
        cells |= bend_field(cells, magnetic_field * 1e-6 / descriptor.variable("MBZ").cgs)
    sinks = {
        "id": stars.identity, "mass": stars.mass, "creation_time": stars.birth_yr * KMS_TO_PC_YR,
        **{name: stars.position[:, axis] for axis, name in enumerate("xyz")},
        **{f"v{name}": stars.velocity[:, axis] for axis, name in enumerate("xyz")},
    }  # fmt: skip
    with written_aside(output) as folder:
        write_dump(
            folder.parent, descriptor, folder.name, time=time * KMS_TO_PC_YR, step=number,
            levels=levels,
            positions=positions, cells=cells, sinks=sinks, ranks=ranks,
        )  # fmt: skip


# --- gas


class TurbulentField:
    """Log density and velocity [km/s] anywhere in the box at one time.

    Two periodic boxes of Fourier modes, summed: one of 4 pc, and one of 0.5 pc that repeats and
    carries the small scales. The phase of each mode turns at its own rate, about the turn-over rate
    at its scale, so that the cloud changes smoothly in time. The log density is the sum of a
    Gaussian field and of a ridged one, which is high along the curves where two more Gaussian
    fields both vanish. The ridged field is mapped to a normal distribution. So the density stays
    log-normal, and gathers in filaments.
    """

    SIZES = (
        (96, BOX_PC, 1, 20),
        (96, BOX_PC / 8, 3, 26),
    )  # grid, period [pc], lowest and highest wave number of the period
    RIDGES = 0.75  # share of the ridged field in the deviation of the log density

    def __init__(self, seed: int, time_yr: float, scales: int = 2):
        self.grids = []
        rms = MACH * SOUND_SPEED
        self.spread = (
            np.log1p((0.4 * MACH) ** 2) ** 0.5
        )  # of ln density, for a natural mixture of driving
        seam = 1 / 20.5  # share of the variance that k^-2 puts above the seam of the two boxes
        for index, (size, period, lowest, highest) in enumerate(self.SIZES[:scales]):
            line = np.fft.fftfreq(size, 1 / size)
            number = np.sqrt(
                line[:, None, None] ** 2
                + line[None, :, None] ** 2
                + np.arange(size // 2 + 1.0) ** 2
            )
            inside = (number >= lowest) & (number < highest)
            modes = number[inside]
            turning = modes**0.5 * rms * (period / BOX_PC) ** 0.5 / period * KMS_TO_PC_YR * time_yr
            variance = seam if index else 1 - seam
            grid = np.zeros((2, size, size, size, 4), np.float32)
            # Velocity (three components drawn alike: two thirds of the power without divergence),
            # then one Gaussian and two for the ridges.
            for component in (0, 1, 2, 4, 5, 6):
                random = np.random.default_rng([seed, 17, index, component])
                phase = random.uniform(0, 2 * np.pi, len(modes)) + turning * random.normal(
                    0, 1.5, len(modes)
                )
                spectrum = np.zeros(number.shape, complex)
                spectrum[inside] = modes**-2.0 * np.exp(
                    1j * phase
                )  # E(k) ~ k^-2 in three dimensions
                values = fft.irfftn(spectrum, s=(size,) * 3, overwrite_x=True)
                values *= (rms * (variance / 3) ** 0.5 if component < 3 else 1.0) / values.std()
                grid[component // 4, ..., component % 4] = values
            self.grids.append((grid[0], grid[1], period, variance**0.5))

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ln density (n,) (mean not set) and velocity (n, 3) at ``points`` (n, 3) [pc]."""
        velocity = sum(_sample(flow, points / period) for flow, _, period, _ in self.grids)[:, :3]
        # The log density is read upstream of the flow: gas is drawn out along it.
        moved = points - 0.06 * velocity
        log_density = np.zeros(len(points))
        for _, scalars, period, share in self.grids:
            gaussian, first, second, _ = _sample(scalars, moved / period).T
            ridged = special.ndtri(np.minimum(np.exp(-0.5 * (first**2 + second**2)), 0.9995))
            log_density += (
                self.spread
                * share
                * (self.RIDGES * ridged + (1 - self.RIDGES**2) ** 0.5 * gaussian)
            )
        return log_density, velocity


@compiled(fastmath=True)
def _sample(grid, where):  # type: ignore[no-untyped-def]
    """Quadratic B-spline values (points, 4) of a periodic grid (n, n, n, 4).

    They are taken at ``where`` (points, 3), in periods.
    """
    size = grid.shape[0]
    values = np.empty((where.shape[0], 4))
    index = np.empty((3, 3), np.int64)
    weight = np.empty((3, 3), np.float32)
    for point in range(where.shape[0]):
        for axis in range(3):
            place = where[point, axis] * size
            nearest = np.floor(place + 0.5)
            d = place - nearest
            weight[axis, 0] = 0.5 * (0.5 - d) ** 2
            weight[axis, 1] = 0.75 - d * d
            weight[axis, 2] = 0.5 * (0.5 + d) ** 2
            start = int(nearest) - 1 - size * int(np.floor((nearest - 1) / size))
            for tap in range(3):
                index[axis, tap] = start + tap if start + tap < size else start + tap - size
        first = second = third = fourth = np.float32(0.0)
        for a in range(3):
            for b in range(3):
                product = weight[0, a] * weight[1, b]
                for c in range(3):
                    factor = product * weight[2, c]
                    nearby = grid[index[0, a], index[1, b], index[2, c]]
                    first += factor * nearby[0]
                    second += factor * nearby[1]
                    third += factor * nearby[2]
                    fourth += factor * nearby[3]
        values[point, 0] = first
        values[point, 1] = second
        values[point, 2] = third
        values[point, 3] = fourth
    return values


# --- stars


def make_stars(seed: int, time_yr: float, end_yr: float) -> Stars:
    """Sinks that are born by ``time_yr`` in a run that ends at ``end_yr``.

    All draws are made for all sinks at every time, so that a sink is the same in every snapshot.
    """
    random = np.random.default_rng([seed, 29])
    field = TurbulentField(seed, 0.5 * end_yr, scales=1)
    candidates = random.uniform(0, BOX_PC, (20000, 3))
    log_density, flow = field.at(candidates)
    chosen = _choose_sites(random, candidates, log_density)
    site_density = np.exp(log_density[chosen] - np.median(log_density[chosen]))
    count = SINK_COUNT
    birth = np.sort(end_yr * 0.93 * random.uniform(0.0, 1.0, count) ** 1.4)
    growth_time = 1.8e5 * 10 ** random.normal(0, 0.15, count)
    final_mass = np.clip(2.2 * 10 ** random.normal(0, 0.45, count) * site_density**0.15, 0.15, 15.0)
    drift = 0.5 * flow[chosen] + random.normal(0, 0.2, (count, 3))
    infall = 0.75 * 10 ** random.normal(0, 0.13, count)
    rotation = random.uniform(0.1, 0.7, count)
    spin = random.normal(0, 1, (count, 3))
    spin /= np.linalg.norm(spin, axis=1, keepdims=True)
    loading = 10 ** random.normal(0, 0.2, count) * site_density**0.2
    born = birth < time_yr
    age = time_yr - birth
    spent = np.exp(-np.maximum(age, 0) / growth_time)
    position = np.mod(candidates[chosen] + drift * (time_yr - 0.5 * end_yr) * KMS_TO_PC_YR, BOX_PC)
    reach = np.minimum(0.03 + 1.5 * SOUND_SPEED * KMS_TO_PC_YR * np.maximum(age, 0), 0.12)
    columns = (
        np.arange(1, count + 1), birth, 0.04 + final_mass * (1 - spent),
        final_mass / growth_time * spent, position, drift,
        infall, rotation * age / (np.abs(age) + 1.5e5), spin, loading, reach, age,
    )  # fmt: skip
    return Stars(*(column[born] for column in columns))


def _choose_sites(
    random: np.random.Generator, points: np.ndarray, log_density: np.ndarray
) -> np.ndarray:
    """Rows of the sites of birth: dense places, no two closer than 0.1 pc."""
    order = np.argsort(-(1.5 * log_density + random.gumbel(size=len(points))))
    chosen: list[int] = []
    for row in order:
        separation = points[chosen] - points[row]
        separation -= BOX_PC * np.rint(separation / BOX_PC)
        if np.all(np.linalg.norm(separation, axis=-1) > 0.1):
            chosen.append(int(row))
        if len(chosen) == SINK_COUNT:
            break
    return np.array(chosen)


@compiled()
def _add_envelopes(
    points,
    density,
    momentum,
    position,
    velocity,
    mass,
    rate,
    infall,
    rotation,
    spin,
    loading,
    reach,
    decay,
):  # type: ignore[no-untyped-def]
    """Add every star's envelope to the gas at ``points`` (n, 3) [pc].

    It adds mass density [Msun pc^-3] and momentum density.
    """
    softening = 0.005
    arm = np.empty(3)
    for point in range(points.shape[0]):
        texture = (density[point] * BOX_PC**3 / TOTAL_MASS) ** 0.35
        for star in range(position.shape[0]):
            square = softening * softening
            for axis in range(3):
                arm[axis] = points[point, axis] - position[star, axis]
                arm[axis] -= BOX_PC * np.rint(arm[axis] / BOX_PC)
                square += arm[axis] * arm[axis]
            if square > (4 * reach[star]) ** 2:
                continue
            radius = np.sqrt(square)
            fall = infall[star] * np.sqrt(2 * GRAVITY_PC * mass[star] / radius)
            turn = rotation[star] * np.sqrt(GRAVITY_PC * mass[star] / radius)
            flowing = rate[star] / (4 * np.pi * square * fall * KMS_TO_PC_YR)
            resting = decay[star] * SOUND_SPEED**2 / (2 * np.pi * GRAVITY_PC * square)
            along = (
                spin[star, 0] * arm[0] + spin[star, 1] * arm[1] + spin[star, 2] * arm[2]
            ) / radius
            uneven = texture * (
                1 - rotation[star] * along**2
            )  # clumpy as the gas around it, flattened by rotation
            added = (
                2
                * loading[star]
                * uneven
                * (flowing + resting)
                * np.exp(-square / reach[star] ** 2)
            )
            density[point] += added
            for axis in range(3):
                b, c = (axis + 1) % 3, (axis + 2) % 3
                around = spin[star, b] * arm[c] - spin[star, c] * arm[b]
                momentum[point, axis] += added * (
                    velocity[star, axis] + (turn * around - fall * arm[axis]) / radius
                )


# --- grid


def build_blocks(
    field: TurbulentField, stars: Stars
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Refine where a star is near or a Jeans length has fewer than two cells.

    Returns levels, positions and cells by label.

    Parents hold the averages of their children, by mass for velocity. Box mass, gas and sinks, is
    3000 Msun.
    """
    offsets = (
        np.stack(np.meshgrid(*[np.arange(BLOCK_CELLS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        + 0.5
    ) / BLOCK_CELLS
    places = np.stack(np.meshgrid(*[np.arange(BASE_BLOCKS)] * 3, indexing="ij"), axis=-1).reshape(
        -1, 3
    )
    mean_density = (TOTAL_MASS - stars.mass.sum()) / BOX_PC**3
    scale = 0.0
    levels, refined = [], []
    for level in range(FINEST_LEVEL + 1):
        width = BOX_PC / BASE_BLOCKS / 2**level
        points = ((places[:, None] + offsets) * width).reshape(-1, 3)
        log_density, velocity = field.at(points)
        density = np.exp(log_density)
        if level == 0:
            scale = mean_density / density.mean()
        density *= scale
        momentum = density[:, None] * velocity
        _add_envelopes(
            points, density, momentum, stars.position, stars.velocity, stars.mass,
            stars.accretion_rate, stars.infall, stars.rotation,
            stars.spin, stars.loading, stars.reach, np.exp(-stars.age_yr / 3e5),
        )  # fmt: skip
        blocks = np.concatenate([density[:, None], momentum], axis=1).reshape(
            len(places), *[BLOCK_CELLS] * 3, 4
        )
        split = np.zeros(len(places), bool)
        if level < FINEST_LEVEL:
            jeans = SOUND_SPEED * np.sqrt(np.pi / (GRAVITY_PC * blocks[..., 0].max(axis=(1, 2, 3))))
            split = (jeans < 2 * width / BLOCK_CELLS) | _near_star(places, width, stars.position)
        levels.append((places, blocks))
        refined.append(split)
        places = (
            2 * places[split][:, None]
            + np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(1, 8, 3)
        ).reshape(-1, 3)
        if not len(places):
            break
    for level in range(len(levels) - 1, 0, -1):
        levels[level - 1][1][refined[level - 1]] = _average_children(levels[level][1])
    blocks = np.concatenate([cells for _, cells in levels])
    blocks *= mean_density / levels[0][1][..., 0].mean()
    density, momentum = blocks[..., 0], blocks[..., 1:]
    cells = {
        "MRHO": density,
        **{f"MV{axis}": momentum[..., index] / density for index, axis in enumerate("XYZ")},
    }
    depth = np.concatenate(
        [np.full(len(places), level) for level, (places, _) in enumerate(levels)]
    )
    return depth, np.concatenate([places for places, _ in levels]), cells


def bend_field(cells: Mapping[str, np.ndarray], strength: float) -> dict[str, np.ndarray]:
    """A magnetic field by label: along z, with a part along the velocity.

    Its strength goes as the root of the density (up to 100 times).

    A formula for the sake of maps: it is not free of divergence.
    """
    growth = strength * np.minimum(np.sqrt(cells["MRHO"] / (TOTAL_MASS / BOX_PC**3)), 100.0)
    return {
        f"MB{axis}": growth * ((axis == "Z") + cells[f"MV{axis}"] / (MACH * SOUND_SPEED))
        for axis in "XYZ"
    }


def _near_star(places: np.ndarray, width: float, stars: np.ndarray) -> np.ndarray:
    """Blocks that a star lies in, or nearer to than half a block."""
    distance = np.abs((places[:, None] + 0.5) * width - stars[None])
    distance = np.minimum(distance, BOX_PC - distance)
    return np.any(np.all(distance < width, axis=2), axis=1)


def _average_children(children: np.ndarray) -> np.ndarray:
    """Average children (8 n, c, c, c, fields), in x, y, z order, to parents (n, c, c, c, fields).

    The average is over the cells that each parent cell covers.
    """
    half = BLOCK_CELLS // 2
    fields = children.shape[-1]
    coarse = children.reshape(-1, half, 2, half, 2, half, 2, fields).mean(axis=(2, 4, 6))
    coarse = coarse.reshape(-1, 2, 2, 2, half, half, half, fields).transpose(0, 1, 4, 2, 5, 3, 6, 7)
    return coarse.reshape(-1, BLOCK_CELLS, BLOCK_CELLS, BLOCK_CELLS, fields)
