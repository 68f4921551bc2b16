"""The oct-tree of blocks: parents and children, and whether the blocks tile the box once."""

from collections.abc import Callable, Sequence

import numpy as np

from starmass.errors import InputError

MAXIMUM_LEVEL = 40


def find_parents(
    levels: np.ndarray,
    positions: np.ndarray,
    base_blocks: Sequence[int],
    where: Callable[[int], str],
    source: str,
) -> np.ndarray:
    """Return the row of every block's parent, -1 on the base level.

    Parameters
    ----------
    levels, positions : (block,) and (block, 3) refinement level, and index on that level
    base_blocks : number of blocks on level 0 along each side
    where : names the file and the block of a row, for errors
    source : the descriptor, for errors

    Raises
    ------
    InputError : two blocks in one place, a block outside the box, a hole in the base level, a block
        without its parent or siblings
    """
    parents = np.full(len(levels), -1)
    strange = np.flatnonzero((levels < 0) | (levels > MAXIMUM_LEVEL))
    if len(strange):
        raise InputError(
            f"{where(strange[0])} has an impossible level; see `integer_bytes`, `byte_order` and"
            f" `header` in {source}."
        )
    coarser_keys = coarser_rows = np.empty(0, np.int64)
    for level in range(int(levels.max(initial=0)) + 1):
        rows = np.flatnonzero(levels == level)
        place = positions[rows]
        outside = np.any((place < 0) | (place >= np.array(base_blocks) * 2.0**level), axis=1)
        if outside.any():
            raise InputError(
                f"{where(rows[outside][0])} lies outside the box; see `base_blocks` in {source}."
            )
        keys = morton_keys(place)
        order = np.argsort(keys, kind="stable")
        keys, rows = keys[order], rows[order]
        twice = np.flatnonzero(keys[1:] == keys[:-1])
        if len(twice):
            raise InputError(
                f"{where(rows[twice[0]])} and {where(rows[twice[0] + 1])} overlap; see `cells` in"
                f" {source}."
            )
        if level == 0:
            _check_base(len(rows), base_blocks, where, source)
        elif len(rows):
            parents[rows] = _match_parents(
                rows, positions[rows] // 2, coarser_keys, coarser_rows, where, source
            )
        coarser_keys, coarser_rows = keys, rows
    return parents


def _check_base(
    count: int, base_blocks: Sequence[int], where: Callable[[int], str], source: str
) -> None:
    wanted = int(np.prod(base_blocks))
    if count != wanted:
        place = where(0).split(": block")[0]
        raise InputError(
            f"{place}: the dump has {count} of the {wanted} blocks of the base level; "
            f"cell files are missing (see `cells` in {source}), or `base_blocks` there is wrong."
        )


def _match_parents(
    rows: np.ndarray,
    place: np.ndarray,
    keys: np.ndarray,
    coarser: np.ndarray,
    where: Callable[[int], str],
    source: str,
) -> np.ndarray:
    """Rows of the coarser blocks at ``place``, each of which has to have eight children or none."""
    wanted = morton_keys(place)
    found = np.searchsorted(keys, wanted)
    orphan = np.ones(len(rows), bool)
    inside = found < len(keys)
    orphan[inside] = keys[found[inside]] != wanted[inside]
    if orphan.any():
        raise InputError(
            f"{where(rows[orphan][0])} has no parent block; blocks are missing, see `cells` in"
            f" {source}."
        )
    children = np.bincount(found, minlength=len(keys))
    short = np.flatnonzero((children > 0) & (children < 8))
    if len(short):
        raise InputError(
            f"{where(coarser[short[0]])} has {children[short[0]]} of its eight children; blocks"
            f" are missing, see `cells` in {source}."
        )
    return coarser[found]


def morton_keys(positions: np.ndarray) -> np.ndarray:
    """Place of block positions (n, 3) along a Morton curve.

    Each position has its own key, to 21 bits an axis.
    """
    keys = np.zeros(len(positions), np.uint64)
    for axis in range(3):
        bits = positions[:, axis].astype(np.uint64)
        for shift, mask in _SPREADING:
            bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
        keys |= bits << np.uint64(axis)
    return keys


# Steps that move the lower 21 bits of a number to every third place.
_SPREADING = (
    (32, 0x1F00000000FFFF),
    (16, 0x1F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)
