"""What is known of a channel of the maps without looking at its values.

Light on imports, because the config is checked at every parse of the Snakefile.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What a channel is, and what becomes of it in other views of the same gas.

    Attributes
    ----------
    unit : as in the map file, an empty string for none
    adds_up : over the sky: ``column`` by itself; ``mean`` weighted by the column density;
        ``dispersion`` about the mean before it; ``other`` not at all
    definition : one line
    transform : how it is shown where the config says nothing: ``none`` or ``log10``
    from_behind : its sign when the gas is seen from behind: 1 or -1; 0 where it becomes another
        channel, so that the two views can't be averaged
    turns : whether it only moves with its pixels when the plane of the sky is turned or mirrored;
        False where it becomes another channel
    """

    unit: str
    adds_up: str
    definition: str
    transform: str = "none"
    from_behind: int = 1
    turns: bool = True


BASE = {
    "column_density": Facts(
        "cm**-2",
        "column",
        "hydrogen nuclei in the cube along the line of sight, per area",
        transform="log10",
    ),
    "v_los": Facts(
        "km/s",
        "mean",
        "density-weighted mean velocity along +axis, in the frame that velocity_frame names",
        from_behind=-1,
    ),
    "sigma_v": Facts(
        "km/s",
        "dispersion",
        "density-weighted dispersion of that velocity about v_los,"
        " from one cell to another (no thermal part)",
    ),
}
"""Channels that every map has, in order."""
