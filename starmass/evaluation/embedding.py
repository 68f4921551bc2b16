"""Features projected to a plane, for viewing: principal components and t-SNE.

t-SNE keeps neighbours together; its other distances mean nothing.
"""

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from starmass.errors import InputError
from starmass.evaluation.principal_axes import numerical_rank, principal_axes
from starmass.evaluation.samples import protostars

COMPONENTS = 50
"""Principal components that t-SNE starts from, as its authors advise."""
PERPLEXITY = 30.0


def embed_features(
    features: np.ndarray,
    samples: pd.DataFrame,
    train: np.ndarray,
    test: np.ndarray,
    *,
    perplexity: float = PERPLEXITY,
    seed: int = 0,
) -> pd.DataFrame:
    """Put every row that takes part into two planes.

    The principal components are those of the training rows. t-SNE (van der Maaten & Hinton 2008, J.
    Mach. Learn. Res. 9, 2579; Barnes-Hut, started from the first two components) has no training
    part: it is fitted to all rows, sees no label and predicts nothing. The same seed gives the same
    plane on one machine; another processor's rounding may turn or rearrange it.

    Parameters
    ----------
    features : [row, dimension]
    train, test : row numbers
    perplexity : about how many neighbours of a row are kept near; less where there are few rows

    Returns
    -------
    one row a row of the study, in their order: row, part; pc_1, pc_2, and the share of the training
    rows' variance along them (pc_1_share, pc_2_share); tsne_1, tsne_2; whether its nearest other
    row, by Euclidean distance of features, is of the same star (same_protostar) and the same
    simulation (same_simulation): 0 or 1
    """
    from sklearn.manifold import TSNE  # slow to import
    from sklearn.neighbors import NearestNeighbors

    rows = np.sort(np.concatenate([train, test]))
    if len(rows) < 5:
        raise InputError(
            f"embedding: a study of {len(rows)} maps has too few neighbours to draw; take the"
            " study's key embedding out."
        )
    x = np.asarray(features, np.float64)
    centre = x[train].mean(axis=0)
    axes, variances = principal_axes(x[train] - centre)
    rank = numerical_rank(x[train], axes, variances)
    kept = int(np.clip(rank, 2, COMPONENTS))
    axes[:, rank:] = 0.0  # rounding has no direction
    axes = axes[:, :kept] * np.sign(
        axes[np.abs(axes[:, :kept]).argmax(axis=0), np.arange(kept)]
    )  # else signs would be random
    scores = (x[rows] - centre) @ axes
    start = 1e-4 * scores[:, :2] / max(float(scores[:, 0].std()), np.finfo(float).tiny)
    with threadpool_limits(limits=1):  # threads would add up in an order of their own
        tsne = TSNE(
            2,
            perplexity=min(perplexity, (len(rows) - 1) / 3),
            init=start.astype(np.float32),
            random_state=seed,
        )
        plane = tsne.fit_transform(scores.astype(np.float32))
        nearest = rows[
            NearestNeighbors(n_neighbors=1, algorithm="brute")
            .fit(x[rows])
            .kneighbors(return_distance=False)[:, 0]
        ]
    shares = variances[:2] / max(float(variances.sum()), np.finfo(float).tiny)
    star, simulation = protostars(samples), samples["simulation"].to_numpy()
    return pd.DataFrame(
        {
            "row": rows,
            "part": np.where(np.isin(rows, train), "train", "test"),
            "pc_1": scores[:, 0],
            "pc_2": scores[:, 1],
            "pc_1_share": shares[0],
            "pc_2_share": shares[1],
            "tsne_1": plane[:, 0],
            "tsne_2": plane[:, 1],
            "same_protostar": (star[nearest] == star[rows]).astype(int),
            "same_simulation": (simulation[nearest] == simulation[rows]).astype(int),
        }
    )
