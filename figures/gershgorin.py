"""Gershgorin's discs of both Gram matrices in the complex plane: where an eigenvalue can be, and where they are."""

import numpy as np
from matplotlib.patches import Circle

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.spectrum import gershgorin_discs
from bwtheory.plots import BLACK, BLUE, VERMILION, canvas

LEVELS = 5


def draw():
    figure, columns = canvas(8.0, 4.9, ncols=2)
    families = (
        (WaveletFamily(LEVELS), BLUE, "Wavelets: no disc reaches 0,\nso κ is bounded"),
        (ReLUFamily.uniform(2**LEVELS - 1), VERMILION, "ReLUs: every disc contains 0,\nso the discs do not bound κ"),
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
        axes.legend(loc="lower left", fontsize=9.5)
    columns[0].set_ylabel("imaginary axis")
    figure.suptitle(
        "One disc for each neuron. Its centre is the diagonal entry,\nits radius the sum of the other entries of the row.",
        fontsize=11,
    )
    return figure
