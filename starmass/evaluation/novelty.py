"""Whether a map is like those of a simulation: a distance, and the offset of each channel.

The numbers compared are the statistics of annuli about the star (:func:`statistics.profile`): of
log column density, of the log gradient of velocity, of log dispersion, and of velocity relative to
the star. Their covariance is that of the simulation's maps, where each star counts once.

Two kinds of score are taken. The Mahalanobis distance finds structure that no star has. A wrong
unit or calibration moves a whole channel by a constant, which a distance in over 50 dimensions
hides: FWHM read as dispersion is found in 3 of 10 maps by distance, and in all by this score. It
is the matched filter of a constant offset, the likelihood ratio of a Gaussian with a shifted mean.
Its most likely value is the offset itself.

The rank of a score among those of held-out stars gives p. A star's score is found with all maps of
that star left out, for the object has none of its own in the simulation either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ShrunkCovariance

from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import Maps
from starmass.evaluation.splits import deal_groups
from starmass.evaluation.statistics import profile, profile_radii

FOLDS = 50
"""Groups of stars that are held out together where there are more stars than this."""
SHRINKAGE = 0.05
"""Share of the identity in the correlation matrix: stars are few, and their maps alike."""
UNITS = {
    "column_density": "dex",
    "v_los gradient": "dex",
    "sigma_v": "dex",
    "v_los": "km/s",
}
"""Quantities that are compared, with the unit of an offset."""


@dataclass(frozen=True)
class Described:
    """Maps in the numbers that are compared.

    Attributes
    ----------
    values : [row, number]
    quantities : [number] what each is of, out of :data:`UNITS`
    radii : [number] outer edge of its annulus [pc]
    measures : [number] ``mean`` or ``spread`` in the annulus
    """

    values: np.ndarray
    quantities: np.ndarray
    radii: np.ndarray
    measures: np.ndarray


def describe_maps(maps: Maps, *, with_velocity: bool) -> Described:
    """Return the numbers of maps in the star's frame.

    Parameters
    ----------
    maps : with one or more of the channels column_density, v_los and sigma_v
    with_velocity : whether velocities are relative to the star, so that their means count
    """
    channels = tuple(
        name for name in ("column_density", "v_los", "sigma_v") if name in maps.channels
    )
    shown = Preprocessing(
        channels=channels, column_density="log10", v_los="log_gradient", sigma_v="log10"
    ).transform(maps)
    quantities = ["v_los gradient" if name == "v_los" else name for name in channels]
    if with_velocity and "v_los" in channels:
        shown = np.concatenate([shown, maps.values[:, [maps.channels.index("v_los")]]], axis=1)
        quantities.append("v_los")
    values = profile(shown).astype(np.float64)
    # profile: annulus by annulus the means of all channels, then their spreads.
    edges = profile_radii(maps.values.shape[-1]) * maps.pixel_pc
    labels = (
        np.tile(quantities, 2 * len(edges)),
        np.repeat(edges, 2 * len(quantities)),
        np.tile(np.repeat(["mean", "spread"], len(quantities)), len(edges)),
    )
    # The spread of velocity is in its gradient already.
    kept = ~((labels[0] == "v_los") & (labels[2] == "spread"))
    return Described(values[:, kept], *(one[kept] for one in labels))


def _labels(described: Described) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return described.quantities, described.radii, described.measures


@dataclass(frozen=True)
class Scores:
    """Scores of maps.

    Attributes
    ----------
    distance : [row] Mahalanobis distance
    by_quantity, by_radius : name or radius -> [row] distance in these numbers alone
    offset : quantity -> [row] most likely constant offset, in the unit of :data:`UNITS`
    offset_z : quantity -> [row] the same in its standard deviations
    z : [row, number] each number in standard deviations from the mean
    """

    distance: np.ndarray
    by_quantity: dict[str, np.ndarray]
    by_radius: dict[float, np.ndarray]
    offset: dict[str, np.ndarray]
    offset_z: dict[str, np.ndarray]
    z: np.ndarray

    def tests(self) -> dict[str, np.ndarray]:
        """Return the scores that the verdict rests on, by name: [row] each."""
        offsets = {f"offset of {name}": np.abs(z) for name, z in self.offset_z.items()}
        return {"distance": self.distance, **offsets}


class Reference:
    """The distribution of a simulation's maps, each star counted once.

    Parameters
    ----------
    described : of the training maps
    stars : [row] identifies the star of each map
    """

    def __init__(self, described: Described, stars: np.ndarray):
        self.labels = _labels(described)
        quantities = self.labels[0]
        weights = 1.0 / np.bincount(stars)[stars]
        weights /= weights.sum()
        values = described.values
        signed = quantities == "v_los"
        # Seen from behind the same gas has the other sign: the mean is 0, and there is no
        # correlation with numbers that have no sign.
        self.mean = np.where(signed, 0.0, weights @ values)
        self.deviation = np.sqrt(weights @ (values - self.mean) ** 2)
        self.deviation[self.deviation < 1e-9] = 1e-9
        rows = (values - self.mean) / self.deviation * np.sqrt(weights * len(weights))[:, None]
        covariance = ShrunkCovariance(shrinkage=SHRINKAGE, assume_centered=True)
        found = covariance.fit(rows).covariance_
        found[np.ix_(signed, ~signed)] = found[np.ix_(~signed, signed)] = 0.0
        self.covariance = found
        self.precision = np.linalg.inv(found)

    def standardise(self, values: np.ndarray) -> np.ndarray:
        """Return numbers [row, number] in standard deviations from the mean."""
        return (values - self.mean) / self.deviation

    def score(self, values: np.ndarray) -> Scores:
        """Score maps by their numbers [row, number]."""
        z = self.standardise(values)
        quantities, radii, measures = self.labels
        distance = _length(z, self.precision)
        by_quantity = {
            str(name): self._partial(z, quantities == name) for name in dict.fromkeys(quantities)
        }
        by_radius = {
            float(radius): self._partial(z, radii == radius) for radius in dict.fromkeys(radii)
        }
        offset, offset_z = {}, {}
        for name in dict.fromkeys(quantities):
            # A constant that is added to the channel moves the means of its annuli alone.
            moved = ((quantities == name) & (measures == "mean")) / self.deviation
            filtered = self.precision @ moved
            norm = moved @ filtered
            offset[str(name)] = z @ filtered / norm
            offset_z[str(name)] = z @ filtered / np.sqrt(norm)
        return Scores(distance, by_quantity, by_radius, offset, offset_z, z)

    def apart(self, values: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Mahalanobis distance between one map's numbers [number] and others' [row, number]."""
        return _length((others - values) / self.deviation, self.precision)

    def _partial(self, z: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return _length(z[:, chosen], np.linalg.inv(self.covariance[np.ix_(chosen, chosen)]))


def _length(z: np.ndarray, precision: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", z, precision, z), 0.0))


def held_out_scores(described: Described, stars: np.ndarray) -> Scores:
    """Score every map by the maps of other stars.

    Parameters
    ----------
    described : of the training maps
    stars : [row] identifies the star of each map
    """
    names, places = np.unique(stars, return_inverse=True)
    folds = min(FOLDS, len(names))
    fold = deal_groups(places, folds, np.arange(len(names)))
    parts: list[tuple[np.ndarray, Scores]] = []
    for one in range(folds):
        held = fold == one
        rest = Described(described.values[~held], *_labels(described))
        reference = Reference(rest, np.unique(stars[~held], return_inverse=True)[1])
        parts.append((held, reference.score(described.values[held])))
    return _joined(parts, len(stars))


def _joined(parts: Sequence[tuple[np.ndarray, Scores]], rows: int) -> Scores:
    """Put the scores of rows (bool [row] each) together in the order of the rows."""

    def join(found: list[np.ndarray]) -> np.ndarray:
        whole = np.empty((rows, *found[0].shape[1:]))
        for (held, _), values in zip(parts, found, strict=True):
            whole[held] = values
        return whole

    scores = [one for _, one in parts]

    def join_each(key: str) -> dict:
        names = getattr(scores[0], key)
        return {name: join([getattr(one, key)[name] for one in scores]) for name in names}

    return Scores(
        distance=join([one.distance for one in scores]),
        by_quantity=join_each("by_quantity"),
        by_radius=join_each("by_radius"),
        offset=join_each("offset"),
        offset_z=join_each("offset_z"),
        z=join([one.z for one in scores]),
    )


def rank_p(scores: np.ndarray, others: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Return the share of stars, the object among them, whose score is at least that high [map].

    A star with several maps counts by the share of its maps. p of a map that is exchangeable with
    one drawn map of each star is at most alpha with probability alpha, or a little more seldom.

    Parameters
    ----------
    scores : [map] of objects
    others : [row] of held-out maps
    stars : [row] identifies the star of each, from 0
    """
    return (1.0 + _stars_above(scores, others, stars)) / (len(np.unique(stars)) + 1)


def held_out_p(scores: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Return p of every map [row] among the maps of other stars."""
    above = _stars_above(scores, scores, stars)
    for star in np.unique(stars):
        own = stars == star
        above[own] -= (scores[own] >= scores[own][:, None]).mean(axis=1)
    return (1.0 + above) / len(np.unique(stars))


def _stars_above(scores: np.ndarray, others: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Return how many stars score at least as high as each score, a star's maps sharing its one."""
    weights = 1.0 / np.bincount(stars)[stars]
    order = np.argsort(others)
    below = np.append(0.0, np.cumsum(weights[order]))
    return below[-1] - below[np.searchsorted(others[order], scores, side="left")]


def combined(tests: dict[str, np.ndarray], held_out: dict[str, np.ndarray]) -> np.ndarray:
    """Return the largest of several scores, each in units of its 95th percentile for held-out maps.

    One score takes one rank, so that several tests raise no more false alarms than one.
    """
    return np.max([tests[name] / np.quantile(held_out[name], 0.95) for name in held_out], axis=0)
