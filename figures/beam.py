"""Theorem 3.1's matrix is a beam: the eigenvectors of G_σ are the modes of a cantilever, and so κ grows like K⁴."""

import numpy as np
from scipy.integrate import trapezoid
from scipy.optimize import brentq

from bwtheory.families import ReLUFamily
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, VERMILION, canvas

SIZE, MODES = 64, 4


def draw():
    family = ReLUFamily.uniform(SIZE)
    eigenvalues, vectors = (part[..., ::-1] for part in np.linalg.eigh(family.gram()))
    roots = np.array([frequency(k) for k in range(1, SIZE + 1)])
    b = np.linspace(-1, 1, 401)
    figure, (left, right) = canvas(8.2, 4.8, ncols=2, gridspec_kw={"width_ratios": [3, 2]})
    for k, colour in zip(range(MODES), (BLUE, VERMILION, GREEN, ORANGE)):
        shape = mode(roots[k], (1 - b) / 2)
        found = vectors[:, k] * np.sqrt(SIZE / 2)
        found = found * np.sign(found @ mode(roots[k], (1 - family.biases) / 2))
        left.plot(b, shape / np.sqrt(trapezoid(shape**2, b)), color=colour, lw=1.5, label=f"mode {k + 1}")
        left.plot(family.biases, found, "o", color=colour, ms=3.2, mec="none")
    left.plot([], [], "-", color=BLACK, lw=1.5, label="cantilever, clamped at $b = 1$")
    left.plot([], [], "o", color=BLACK, ms=3.2, label=rf"eigenvectors of $G_\sigma$, $K = {SIZE}$")
    left.set(xlabel="bias $b$", ylim=(-1.55, 2.6), title="Eigenvectors of ReLUs are\nthe modes of a beam")
    left.legend(fontsize=9, ncols=2, loc="upper right")
    number = np.arange(1, SIZE + 1)
    right.loglog(number, SIZE / 2 * (2 / roots) ** 4, "-", color=BLACK, lw=1, label=r"$\frac{K}{2}(2/\beta_k)^4$: the beam")
    right.loglog(number, eigenvalues, "o", color=BLUE, ms=3.5, label=r"eigenvalues of $G_\sigma$")
    right.set(xlabel="number $k$", title="Eigenvalues fall like $k^{-4}$:\n$\\kappa$ grows like $K^4$")
    right.legend(fontsize=9)
    return figure


def frequency(k):
    """The k-th root β of cos β cosh β = −1; beyond the tenth (k − ½)π to all digits."""
    middle = (k - 0.5) * np.pi
    if k > 10:
        return middle
    return brentq(lambda beta: np.cos(beta) + 1 / np.cosh(beta), middle - 0.4, middle + 0.4)


def mode(beta, s):
    """Of a beam on 0 ≤ s ≤ 1 that is clamped at 0 and free at 1."""
    ratio = (np.cosh(beta) + np.cos(beta)) / (np.sinh(beta) + np.sin(beta))
    return np.cosh(beta * s) - np.cos(beta * s) - ratio * (np.sinh(beta * s) - np.sin(beta * s))
