"""How a map is shown: transforms, zoom and scaling, the same for every method.

Whatever is fitted here is fitted on training rows alone.
"""

import numpy as np

from starmass.config import features as config
from starmass.errors import InputError
from starmass.evaluation.samples import Maps

# Below these values a logarithm would show rounding errors, not gas.
SMALLEST = {
    "column_density": 1e10,
    "v_los": 1e-2,
    "sigma_v": 1e-3,
}  # cm^-2; km/s/pc (of the gradient); km/s

CONSTANT = 4
"""Limits closer than this many times a pixel's precision are those of a constant channel."""


class Preprocessing(config.Preprocessing):
    """A way of showing a map; its keys are those of the config."""

    def transform(self, maps: Maps) -> np.ndarray:
        """Return the chosen channels, transformed and cut out.

        Returns
        -------
        float32 [row, channel, zoom, zoom]
        """
        missing = [name for name in self.channels if name not in maps.channels]
        if missing:
            raise InputError(
                f"evaluation.preprocessing: there is no channel {missing[0]!r} in the maps;"
                f" they have {', '.join(maps.channels)}."
            )
        stray = [name for name in self.blank if name not in self.channels]
        if stray:
            raise InputError(
                f"evaluation.preprocessing: {stray[0]!r} is to be blank, but the channels shown are"
                f" {', '.join(self.channels)}."
            )
        central = self._centre(maps.values.shape[-1])
        shown = np.empty(
            (len(maps), len(self.channels), *2 * (central.stop - central.start,)), np.float32
        )
        for at, name in enumerate(self.channels):
            whole = maps.values[:, maps.channels.index(name)]
            shown[:, at] = (
                0.0
                if name in self.blank
                else self._transform_channel(name, whole, maps)[:, central, central]
            )
        return shown

    def _transform_channel(self, name: str, values: np.ndarray, maps: Maps) -> np.ndarray:
        choice = {
            "column_density": self.column_density,
            "v_los": self.v_los,
            "sigma_v": self.sigma_v,
        }.get(name, self.transforms.get(name, "none"))
        if choice == "relative":
            return values - maps.star_velocity[:, None, None].astype(np.float32)
        if choice == "log_gradient":
            if not np.isfinite(maps.pixel_pc):
                raise InputError(
                    "evaluation.preprocessing: v_los: log_gradient is per pc, and the images have"
                    " no size in the sky; add side [pc] to their entry of images, or use another"
                    " transform."
                )
            rows, columns = np.gradient(values, maps.pixel_pc, axis=(1, 2))
            values = np.hypot(rows, columns)
        if choice not in ("log10", "log_gradient"):
            return values
        if name in SMALLEST:
            return np.log10(np.maximum(values, SMALLEST[name]))
        if not (values > 0).all():
            raise InputError(
                f"evaluation.preprocessing: transforms.{name} is log10, but the channel has values"
                f" of 0 or less (the least is {values.min():g}); use none."
            )
        return np.log10(values)

    def _centre(self, pixels: int) -> slice:
        zoom = pixels if self.zoom is None else self.zoom
        if zoom > pixels or (pixels - zoom) % 2:
            raise InputError(
                f"evaluation.preprocessing: a zoom of {zoom} pixels has no place in the middle of"
                f" {pixels}; choose an even difference below it."
            )
        return slice((pixels - zoom) // 2, (pixels + zoom) // 2)

    def find_limits(self, shown: np.ndarray, train: np.ndarray) -> np.ndarray:
        """Return what becomes 0 and 1: [1 or row, channel, 2].

        It is of training rows only, or each map's own, or the config's.

        Parameters
        ----------
        shown : [row, channel, height, width] from :meth:`transform`
        train : training rows
        """
        if self.scaling == "fixed":
            missing = [name for name in self.channels if name not in self.limits]
            if missing:
                raise InputError(
                    "evaluation.preprocessing: scaling is fixed, but limits has no entry for"
                    f" {missing[0]!r}; add it as [lowest, highest]."
                )
            return np.array([[self.limits[name] for name in self.channels]], np.float64)
        if self.scaling == "map":
            return np.moveaxis(np.percentile(shown, self.percentiles, axis=(2, 3)), 0, -1)
        each = [
            np.percentile(shown[train, channel], self.percentiles)
            for channel in range(shown.shape[1])
        ]
        return np.array([each], np.float64)

    def images_size(self, zoom: int, patch_size: int = 1) -> int:
        """Side of the image that a zoom becomes, for tokens of ``patch_size`` image pixels."""
        if self.image_size and self.pixels_per_token:
            raise InputError(
                "evaluation.preprocessing: image_size and pixels_per_token both set the image's"
                " side;"
                " give one of them."
            )
        size = self.image_size or (
            zoom if self.pixels_per_token is None else zoom * patch_size / self.pixels_per_token
        )
        if size % patch_size or size < patch_size:
            raise InputError(
                f"evaluation.preprocessing: an image of {size:g} pixels is no whole number of"
                " tokens of"
                f" {patch_size} pixels; change pixels_per_token or image_size (zoom is {zoom})."
            )
        return int(size)


def scale(shown: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Bring limits to 0 and 1, float32; values beyond the training rows' limits go beyond both.

    A channel whose limits agree to the precision of its pixels is only moved: its rounding is no
    structure.
    """
    lowest, highest = limits[..., 0, None, None], limits[..., 1, None, None]
    size = np.maximum(np.abs(lowest), np.abs(highest))
    varies = highest - lowest > CONSTANT * np.finfo(np.float32).eps * size
    return ((shown - lowest) / np.where(varies, highest - lowest, 1.0)).astype(np.float32)
