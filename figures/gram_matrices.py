"""The Gram matrices as images, beside their spectra."""

import numpy as np

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.plots import BLUE, GREEN, VERMILION, canvas

LEVELS = 5


def draw():
    families = (
        (ReLUFamily.uniform(2**LEVELS - 1), VERMILION, "o", "Equally spaced ReLUs"),
        (WaveletFamily(LEVELS), BLUE, "^", "Wavelets of Theorem 3.3"),
        (IntervalWaveletFamily(LEVELS - 1), GREEN, "D", "Complete basis"),
    )
    figure, grid = canvas(8.4, 5.6, nrows=2, ncols=3, gridspec_kw={"height_ratios": [3, 2]})
    for (matrix, spectrum), (family, colour, marker, name) in zip(grid.T, families):
        gram = family.gram()
        scale = np.sqrt(np.outer(np.diag(gram), np.diag(gram)))
        image = matrix.imshow(gram / scale, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        matrix.set(title=f"{name}\n$K = {family.size}$", xticks=[], yticks=[])
        matrix.grid(False)
        eigenvalues = np.linalg.eigvalsh(gram)[::-1]
        spectrum.semilogy(np.arange(1, family.size + 1), eigenvalues / eigenvalues[0], marker, color=colour, ms=3.5)
        spectrum.set(xlabel="number", ylim=(1e-7, 3))
        spectrum.set_title(rf"$\kappa$ = {_number(family.condition_number())}", fontsize=11)
    grid[1, 0].set_ylabel("eigenvalue / largest")
    figure.colorbar(image, ax=grid[0], shrink=0.85, label="cosine of the angle")
    figure.suptitle(
        "ReLUs are nearly parallel: κ is in the millions.\nWavelets are nearly orthogonal: κ is below 9/4.",
        fontsize=12,
    )
    return figure


def _number(value):
    if value < 1000:
        return f"{value:.2f}"
    exponent = int(np.floor(np.log10(value)))
    return rf"${value / 10**exponent:.1f} \cdot 10^{exponent}$"
