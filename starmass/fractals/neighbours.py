"""How different the images of a set are: the distance of each to the most similar other image.

Turned and mirrored versions count as well.
"""

import numpy as np

THUMBNAIL = 16  # pixels


def find_neighbours(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find each image's nearest neighbour.

    The distance of two images is 1 - r, where r is the correlation of their thumbnails of 16 x 16
    means: 0 for the same picture at any brightness, 1 for unrelated ones. The smallest value over
    the eight turns and reflections of one of them is taken.

    Parameters
    ----------
    images : brightness, uint8 [image, row, column], two images at least

    Returns
    -------
    distances : float [image]
    neighbours : which image is the nearest, int [image]
    """
    thumbnails = shrink(images)
    own = standardise(thumbnails)
    nearest, neighbours = np.full(len(images), -np.inf), np.zeros(len(images), int)
    for turns in range(4):
        for mirrored in (False, True):
            turned = np.rot90(thumbnails, turns, axes=(1, 2))
            likeness = own @ standardise(turned[:, :, ::-1] if mirrored else turned).T
            np.fill_diagonal(likeness, -np.inf)
            candidates = likeness.argmax(axis=1)
            values = likeness[np.arange(len(images)), candidates]
            closer = values > nearest
            nearest[closer], neighbours[closer] = values[closer], candidates[closer]
    return 1 - nearest, neighbours


def halves_distance(images: np.ndarray) -> np.ndarray:
    """Distance between the two halves of each image: float [image].

    The halves are the black and the white squares of a chess board.

    Two images nearer to each other than this are as alike as one picture drawn twice with fresh
    noise: duplicates.
    """
    black = np.indices(images.shape[1:]).sum(axis=0) % 2 == 0
    first, second = (standardise(shrink(np.where(half, images, 0))) for half in (black, ~black))
    return 1 - (first * second).sum(axis=1)


def shrink(images: np.ndarray) -> np.ndarray:
    """Return thumbnails: means of square blocks, float32 [image, 16, 16].

    Pixels left over at the right and lower edge are ignored.
    """
    block = images.shape[1] // THUMBNAIL
    corner = images[:, : THUMBNAIL * block, : THUMBNAIL * block]
    return corner.reshape(len(images), THUMBNAIL, block, THUMBNAIL, block).mean(
        axis=(2, 4), dtype=np.float32
    )


def standardise(thumbnails: np.ndarray) -> np.ndarray:
    """Return them as vectors of mean 0 and length 1: float32 [image, 256].

    Their products are correlations.
    """
    vectors = thumbnails.reshape(len(thumbnails), -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
