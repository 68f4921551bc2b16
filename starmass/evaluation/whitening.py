"""Whitening of features, as a scikit-learn transformer: by principal components or by columns."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from starmass.errors import InputError
from starmass.evaluation.principal_axes import column_scale, numerical_rank, principal_axes


class Whitening(TransformerMixin, BaseEstimator):
    """Bring features to unit variance, as it is over the rows that it is fitted to.

    scikit-learn's PCA and StandardScaler do the same where every column varies. They do not know
    how precisely the features were stored, so they scale rounding up to unit variance.

    Parameters
    ----------
    components : a number of principal components that are kept, each scaled to unit variance;
        ``all`` keeps every one that the rows span; ``standard`` brings each column to zero mean
        and unit variance, and a constant one to 0; None leaves the features as they are

    Attributes
    ----------
    mean_ : [dimension] of the rows; absent where components is None
    turn_ : [dimension, component] for principal components
    scale_ : [dimension] for ``standard``; inf where a column is constant
    """

    def __init__(self, components: int | str | None = None):
        self.components = components

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn mean and scale of features.

        Components in which the rows vary by no more than their rounding are dropped, whatever
        number was asked for (:func:`numerical_rank`): whitening would make them as large as the
        rest.

        Parameters
        ----------
        X : [row, dimension]
        y : unused

        Raises
        ------
        InputError
            when the rows span fewer components than are asked for, or none
        """
        x = validate_data(self, X, dtype=np.float64, ensure_min_features=0)
        if self.components is None:
            return self
        if self.components == "standard":
            self.mean_, self.scale_ = column_scale(x)
            return self
        rows, dimensions = x.shape
        most = min(rows - 1, dimensions)
        if most < 1:
            empty = f"0 feature(s) (shape=({rows}, 0)) while a minimum of 1 is required"
            found = empty if dimensions == 0 else "one sample (a training row) has no components"
            raise InputError(f"whitening: {found}; take whitening away.")
        if self.components != "all" and not 1 <= int(self.components) <= most:
            raise InputError(
                f"whitening: {self.components} components, but {rows} rows of {dimensions} numbers"
                f" span only {most}; lower it."
            )
        self.mean_ = x.mean(axis=0)
        axes, variances = principal_axes(x - self.mean_)
        kept = numerical_rank(x, axes, variances)
        if kept == 0:
            raise InputError(
                f"whitening: the features of all {rows} training rows agree to the digits that are"
                " stored, so nothing can be predicted from them; look at the encoder (or the input)"
                " that they come from."
            )
        if self.components != "all":
            kept = min(kept, int(self.components))
        self.turn_ = axes[:, :kept] / np.sqrt(variances[:kept])
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return whitened features.

        Parameters
        ----------
        X : [row, dimension]

        Returns
        -------
        float64 [row, component], or [row, dimension] where no principal components are taken
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, ensure_min_features=0, reset=False)
        if self.components is None:
            return x
        if self.components == "standard":
            return (x - self.mean_) / self.scale_
        return (x - self.mean_) @ self.turn_
