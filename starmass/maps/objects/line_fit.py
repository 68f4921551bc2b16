"""One Gaussian fitted to each spectrum of a cube, all spectra at once.

A plain second moment adds up the noise of all channels; clipping the noise away cuts the wings of
the line as well. A fit is biased by neither.
"""

from dataclasses import dataclass

import numpy as np

STEPS = 60
"""Most steps of a fit; few spectra take more than 10."""
ENOUGH = 1e-6
"""Relative change of the squared residuals, or of a channel, at which a fit ends."""
PIXELS = 2048
"""Spectra that are fitted at once, for memory."""


@dataclass(frozen=True)
class Lines:
    """Gaussians, one a spectrum; NaN where there is none.

    Attributes
    ----------
    peak : in the unit of the spectra
    centre, width : mean and dispersion [km/s]
    misfit : squared residuals over the squared noise, for each degree of freedom
    significance : signal to noise of the line as a whole, in the channels that are there
    """

    peak: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    misfit: np.ndarray
    significance: np.ndarray


def fit_lines(spectra: np.ndarray, velocities: np.ndarray, noise: np.ndarray) -> Lines:
    """Fit a Gaussian to each spectrum by least squares (Levenberg and Marquardt).

    Parameters
    ----------
    spectra : [spectrum, channel], NaN where a channel is missing
    velocities : [channel], equal steps [km/s]
    noise : [spectrum], standard deviation of a channel
    """
    found = np.full((5, len(spectra)), np.nan)
    for first in range(0, len(spectra), PIXELS):
        part = slice(first, first + PIXELS)
        found[:, part] = _fit(spectra[part], velocities, noise[part])
    return Lines(*found)


def _fit(spectra: np.ndarray, velocities: np.ndarray, noise: np.ndarray) -> np.ndarray:
    step = abs(float(velocities[1] - velocities[0]))
    there = np.isfinite(spectra)
    data = np.where(there, spectra, 0.0)
    values = _start(data, velocities, step)
    model, _ = _model(values, velocities, there)
    cost = ((data - model) ** 2).sum(1)
    damping = np.full(len(data), 1e-3)
    active = np.arange(len(data))
    for _ in range(STEPS):
        given, seen = data[active], there[active]
        model, slopes = _model(values[active], velocities, seen)
        normal = np.einsum("nci,ncj->nij", slopes, slopes)
        gradient = np.einsum("nci,nc->ni", slopes, given - model)
        diagonal = np.einsum("nii->ni", normal)
        least = 1e-12 * diagonal.max(1, keepdims=True) + 1e-300
        damped = normal + np.eye(3) * (damping[active, None] * diagonal + least)[:, None, :]
        move = np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        tried = values[active] + move
        tried[:, 2] = np.clip(tried[:, 2], 0.2 * values[active, 2], 5 * values[active, 2])
        other = ((given - _model(tried, velocities, seen)[0]) ** 2).sum(1)
        better = other <= cost[active]
        settled = np.abs(other - cost[active]) <= ENOUGH * cost[active]
        settled |= np.all(np.abs(move[:, 1:]) < ENOUGH * step, axis=1)
        values[active] = np.where(better[:, None], tried, values[active])
        cost[active] = np.where(better, other, cost[active])
        damping[active] = np.clip(damping[active] * np.where(better, 0.1, 10.0), 1e-9, 1e9)
        active = active[~settled]
        if not active.size:
            break
    model, _ = _model(values, velocities, there)
    freedom = np.maximum(there.sum(1) - 3, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        misfit = cost / noise**2 / freedom
        significance = np.sqrt((model**2).sum(1)) / noise
    low, high = velocities.min(), velocities.max()
    good = (values[:, 0] > 0) & (values[:, 1] > low) & (values[:, 1] < high)
    good &= values[:, 2] < high - low
    return np.where(good, [*values.T, misfit, significance], np.nan)


def _start(data: np.ndarray, velocities: np.ndarray, step: float) -> np.ndarray:
    """Return peak, its velocity, and the width that its neighbourhood has: [spectrum, 3]."""
    padded = np.pad(data, ((0, 0), (1, 1)))
    smooth = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    place = smooth.argmax(1)
    peak = np.take_along_axis(smooth, place[:, None], 1)
    channels = np.arange(data.shape[1])
    # Channels about the peak, up to the first below half of it on either side.
    low = smooth < 0.5 * peak
    left = np.where(low & (channels < place[:, None]), channels, -1).max(1)
    right = np.where(low & (channels > place[:, None]), channels, data.shape[1]).min(1)
    width = np.maximum(right - left - 1, 1) * step / 2.355
    return np.stack([np.maximum(peak[:, 0], 1e-300), velocities[place], width], 1)


def _model(
    values: np.ndarray, velocities: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return Gaussians [spectrum, channel] and their slopes [spectrum, channel, 3]."""
    peak, centre, width = (values[:, place, None] for place in range(3))
    off = (velocities - centre) / width
    shape = np.where(there, np.exp(-0.5 * np.minimum(off**2, 1400)), 0.0)
    model = peak * shape
    return model, np.stack([shape, model * off / width, model * off**2 / width], -1)
