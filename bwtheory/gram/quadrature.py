"""Gram matrices by quadrature: shares nothing with the closed forms, it sees values of the features and the knots only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial.legendre import leggauss

from bwtheory.gram.structure import Matrix, Vector


def quadrature_gram(features: Callable[[Vector], Matrix], knots: Vector, degree: int) -> Matrix:
    """Gram matrix of piecewise polynomials by quadrature between the knots, exact up to rounding.

    Parameters
    ----------
    features : x of shape (N,) -> (K, N)
    knots : (n,) increasing, with both ends of the domain; each feature is a polynomial of this degree between them
    degree : for 1 the features have to be continuous

    Returns
    -------
    (K, K) float64 array
    """
    widths = np.diff(knots)
    if degree == 1:
        # From values at the knots alone, ∫fg = h/6 (2 f0 g0 + f0 g1 + f1 g0 + 2 f1 g1): a knot is a given number, so a
        # feature's value there is a correctly rounded difference, while nodes inside a short cell would be rounded.
        values = features(knots)
        f, g = values[:, :-1], values[:, 1:]
        cross = (f * widths) @ g.T
        return np.asarray(((f * widths) @ f.T + (g * widths) @ g.T) / 3 + (cross + cross.T) / 6)
    nodes, weights = leggauss(degree + 1)
    values = features((knots[:-1, None] + widths[:, None] * (nodes + 1) / 2).ravel())
    return np.asarray((values * (widths[:, None] * weights / 2).ravel()) @ values.T)
