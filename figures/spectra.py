"""Spectra with Gershgorin's discs: they decide for the wavelets and say nothing for the ReLUs."""

import numpy as np

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.spectrum import gershgorin_discs
from bwtheory.plots import BLACK, BLUE, VERMILION, canvas

LEVELS = 6


def draw():
    figure, rows = canvas(6.8, 4.6, nrows=2)
    families = (
        (WaveletFamily(LEVELS), BLUE, r"Wavelets of Theorem 3.3: all discs are away from 0"),
        (ReLUFamily.uniform(2**LEVELS - 1), VERMILION, r"Equally spaced ReLUs: every disc contains 0"),
    )
    for axes, (family, colour, name) in zip(rows, families):
        gram = family.gram()
        centres, radii = gershgorin_discs(gram)
        order = np.argsort(centres)
        for height, i in zip(np.linspace(-1, 1, family.size), order):
            axes.plot([centres[i] - radii[i], centres[i] + radii[i]], [height, height], color=colour, alpha=0.45, lw=1)
        axes.plot(
            centres[order],
            np.linspace(-1, 1, family.size),
            ".",
            color=colour,
            ms=3,
            label="Gershgorin discs and centres",
        )
        axes.plot(np.linalg.eigvalsh(gram), np.full(family.size, -1.35), "|", color=BLACK, ms=9, label="eigenvalues")
        axes.axvline(0, color=BLACK, lw=0.8)
        axes.set(title=f"{name}, $K = {family.size}$", yticks=[], ylim=(-1.7, 1.25))
        axes.spines["left"].set_visible(False)
    rows[0].legend(fontsize=9.5, loc="upper left")
    rows[1].set_xlabel("real axis")
    return figure
