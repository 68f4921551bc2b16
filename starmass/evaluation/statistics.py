"""Hand-made statistics of a map: the baseline that learned features have to exceed."""

from collections.abc import Sequence

import numpy as np

from starmass.errors import InputError


def describe(shown: np.ndarray, statistics: Sequence[str]) -> np.ndarray:
    """Return the named statistics side by side: float32 [row, number].

    Parameters
    ----------
    shown : [row, channel, height, width], the star in the middle
    statistics : names out of :data:`STATISTICS`
    """
    unknown = [name for name in statistics if name not in STATISTICS]
    if unknown:
        raise InputError(
            f"evaluation.features: there is no statistic {unknown[0]!r}; choose from"
            f" {', '.join(STATISTICS)}."
        )
    return np.concatenate([STATISTICS[name](shown) for name in statistics], axis=1).astype(
        np.float32
    )


def central(shown: np.ndarray) -> np.ndarray:
    """Mean and spread of each channel in the middle 2 x 2 pixels: 6 numbers for 3 channels."""
    return ring_statistics(shown, [radii(shown.shape[-1]) < 1.0])


def profile(shown: np.ndarray) -> np.ndarray:
    """Mean and spread of each channel in 9 annuli: 54 numbers for 3 channels.

    The annuli are evenly spaced in log radius, out to the corners.
    """
    radius = radii(shown.shape[-1])
    return ring_statistics(shown, ring_masks(radius, np.append(0.0, _profile_edges(radius))))


def profile_radii(pixels: int) -> np.ndarray:
    """Outer edge of each annulus of :func:`profile` that holds a pixel [pixels]."""
    radius = radii(pixels)
    edges = _profile_edges(radius)
    place = np.clip(np.searchsorted(edges, radius, side="left"), 0, len(edges) - 1)
    return edges[np.unique(place)]


def _profile_edges(radius: np.ndarray) -> np.ndarray:
    return np.geomspace(1.0, radius.max(), 9)


def annuli(shown: np.ndarray) -> np.ndarray:
    """Mean and spread of each channel in 11 annuli of equal width: 66 numbers for 3 channels.

    The annuli reach out to the edges.
    """
    radius = radii(shown.shape[-1])
    edges = np.append(np.linspace(0.0, shown.shape[-1] / 2, 12), np.inf)
    return ring_statistics(shown, ring_masks(radius, edges)[:-1])  # the corners left out


def moments(shown: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, skewness and excess kurtosis of each channel.

    They are 12 numbers for 3 channels; the last two are 0 for a flat channel.
    """
    values = shown.reshape(*shown.shape[:2], -1).astype(np.float64)
    mean, spread = values.mean(axis=2), values.std(axis=2)
    # A channel that varies by the rounding of its pixels alone is flat.
    varies = spread > np.finfo(np.float32).eps * np.abs(values).max(axis=2)
    apart = (
        (values - mean[..., None]) / np.where(varies, spread, 1.0)[..., None] * varies[..., None]
    )
    normal = np.where(varies, 3.0, 0.0)  # a normal distribution's kurtosis, which others exceed
    return np.concatenate(
        [mean, spread, (apart**3).mean(axis=2), (apart**4).mean(axis=2) - normal], axis=1
    )


def spectrum(shown: np.ndarray) -> np.ndarray:
    """log10 of each channel's power spectrum in 8 rings evenly spaced in log wavenumber.

    They are 24 numbers for 3 channels of 64 pixels.

    Wavenumbers are from once to half as often as there are pixels across the map. A Hann window
    takes away what the map's edges, which do not meet, would add; power is per pixel and mode, and
    does not fall below 1e-12.
    """
    pixels = shown.shape[-1]
    window = np.hanning(pixels)[:, None] * np.hanning(pixels)
    values = shown.astype(np.float64)
    modes = np.fft.fft2((values - values.mean(axis=(2, 3), keepdims=True)) * window)
    power = np.abs(modes) ** 2 / (window**2).sum()
    frequency = np.fft.fftfreq(pixels, 1 / pixels)
    wavenumber = np.hypot(frequency[:, None], frequency)
    place = np.digitize(
        wavenumber, np.geomspace(1.0, pixels / 2, 9) * (1 - 1e-9)
    )  # 0 is the mean, 9 the corners
    rings = [
        power[:, :, place == ring].mean(axis=2) for ring in range(1, 9) if (place == ring).any()
    ]
    return np.log10(np.maximum(np.concatenate(rings, axis=1), 1e-12))


STATISTICS = {
    "central": central,
    "profile": profile,
    "annuli": annuli,
    "moments": moments,
    "spectrum": spectrum,
}


def flatten(shown: np.ndarray) -> np.ndarray:
    """Return the pixels themselves: [row, channel * height * width]."""
    return shown.reshape(len(shown), -1)


def radii(pixels: int) -> np.ndarray:
    """Distance of each pixel's centre from the middle of a square map [pixels]."""
    offset = np.arange(pixels) - (pixels - 1) / 2
    return np.hypot(offset[:, None], offset[None, :])


def ring_masks(radius: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    """Masks of the annuli (inner, outer], the first with its centre, without the empty ones."""
    place = np.clip(np.searchsorted(edges, radius, side="left") - 1, 0, len(edges) - 2)
    return [place == ring for ring in np.unique(place)]


def ring_statistics(shown: np.ndarray, masks: Sequence[np.ndarray]) -> np.ndarray:
    """Mean and standard deviation of each channel under each mask: [row, mask * channel * 2]."""
    parts = []
    for mask in masks:
        inside = shown[:, :, mask].astype(np.float64)
        parts += [inside.mean(axis=2), inside.std(axis=2)]
    return np.concatenate(parts, axis=1)
