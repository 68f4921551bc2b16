"""How far the lines of sight of a map reach: ``maps.projection.depth``.

Without a depth, a map holds the gas of a cube, and everything here is None.
"""

from typing import Any

import numpy as np

from starmass.errors import InputError
from starmass.maps.simulations import Box

WHOLE = "box"


def depth_lengths(depth: Any, box: Box) -> np.ndarray | None:
    """Length of the lines of sight along each axis (3,) [pc]; None where no depth is set.

    Parameters
    ----------
    depth : the config's ``maps.projection.depth``: a number of pc, ``box``, or None
    box : of the simulation; nothing is longer than its side along that axis

    Raises
    ------
    InputError : a depth that is neither a positive number nor ``box``
    """
    if depth is None:
        return None
    if depth == WHOLE:
        return np.array(box.width, float)
    is_number = isinstance(depth, int | float) and not isinstance(depth, bool)
    if not is_number or not np.isfinite(depth) or depth <= 0:
        raise InputError(
            f"maps.projection.depth: {depth!r} is no depth; give a number of pc above 0, or box "
            "for the whole box along the line of sight, or take it away for that of the cube."
        )
    return np.minimum(float(depth), np.asarray(box.width, float))


def line_ends(lengths: np.ndarray | None, centre: np.ndarray, box: Box) -> np.ndarray | None:
    """Where the lines of sight along x, y and z begin and end, from ``centre`` (3, 2) [pc].

    They are centred, reach through faces that are periodic, and are cut at faces that are not. Of
    a box as long as the line, all is seen once, wherever the centre is.

    Parameters
    ----------
    lengths : (3,) as :func:`depth_lengths` returns them [pc]
    centre : (3,) [pc]
    """
    if lengths is None:
        return None
    begin, end = -0.5 * lengths, 0.5 * lengths
    left = box.left - centre
    right = left + box.width
    whole = lengths >= box.width
    begin = np.where(box.periodic, begin, np.where(whole, left, np.maximum(begin, left)))
    end = np.where(box.periodic, end, np.where(whole, right, np.minimum(end, right)))
    return np.stack([begin, end], axis=1)
