"""Gershgorin's discs of both Gram matrices in the complex plane: where an eigenvalue can be, and where they are."""

import numpy as np
from matplotlib.patches import Circle

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.spectrum import gershgorin_discs
from bwtheory.plots import BLACK, BLUE, VERMILION, canvas

LEVELS = 5


def draw():
    figure, columns = canvas(10, 5, ncols=2)
    families = (
        (WaveletFamily(LEVELS), BLUE, r"$G_\psi$: no disc reaches 0, so $G_\psi$ is invertible"),
        (ReLUFamily.uniform(2**LEVELS - 1), VERMILION, r"$G_\sigma$: every disc contains 0, so they say nothing"),
    )
    for axes, (family, colour, title) in zip(columns, families):
        gram = family.gram()
        centres, radii = gershgorin_discs(gram)
        for centre, radius in zip(centres, radii):
            axes.add_patch(Circle((centre, 0), radius, fc=colour, ec=colour, alpha=0.06, lw=0))
            axes.add_patch(Circle((centre, 0), radius, fc="none", ec=colour, alpha=0.6, lw=0.7))
        axes.plot(np.linalg.eigvalsh(gram), np.zeros(family.size), "|", color=BLACK, ms=10, label="eigenvalues")
        axes.axvline(0, color=BLACK, lw=0.8, ls="--")
        low, high = min(0, (centres - radii).min()), (centres + radii).max()
        half = 0.55 * (high - low)
        axes.set(xlim=((low + high) / 2 - half, (low + high) / 2 + half), ylim=(-half, half), aspect="equal")
        axes.set(xlabel=f"real axis, $K = {family.size}$", title=title)
        axes.legend(loc="lower left", fontsize=8)
    columns[0].set_ylabel("imaginary axis")
    figure.suptitle(
        "One disc for each neuron: its centre is the diagonal entry, its radius the sum of the rest of its row", fontsize=11
    )
    return figure
