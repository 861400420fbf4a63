"""Where the neurons of each scale live: Theorem 3.3's shifts leave most of D to one wavelet, the complete basis does not."""

import numpy as np

from bwtheory.families import WaveletFamily
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.plots import BLUE, GREEN, VERMILION, canvas

LEVELS = 5


def draw():
    figure, columns = canvas(8.4, 4.0, ncols=3, sharey=True)
    theorem, covering, basis = WaveletFamily(LEVELS), WaveletFamily(LEVELS, shifts="covering"), IntervalWaveletFamily(LEVELS)
    families = (
        (theorem.index, theorem.supports(), BLUE, "Theorem 3.3: on the right\nfine scales are missing"),
        (covering.index, covering.supports(), VERMILION, "All that overlap $D$:\nlinearly dependent, $\\kappa = \\infty$"),
        (*supports_of_basis(basis), GREEN, "Complete basis:\nevery scale everywhere"),
    )
    for axes, (index, supports, colour, title) in zip(columns, families):
        for (level, shift), (left, right) in zip(index, supports):
            # neighbours overlap, so each scale is drawn on three interleaved lines
            height = level + 0.22 * (shift % 3 - 1)
            gap = 0.04 * (right - left)  # every third neighbour ends where this one begins
            axes.plot([left + gap, right - gap], [height, height], color=colour, lw=2.2, solid_capstyle="butt")
        axes.axvspan(-1, 1, color="0.9", zorder=0)
        axes.set(xlabel="$x$ ($D$ is shaded)", title=f"{title}\n$K = {len(supports)}$", xlim=(-2.4, 2.4))
        axes.title.set_fontsize(10.5)
    columns[0].set_yticks(np.arange(-1, LEVELS), ["coarse", *map(str, range(LEVELS))])
    columns[0].set(ylabel="scale $j$")
    columns[0].invert_yaxis()
    return figure


def supports_of_basis(basis):
    """(level, number within it) and support of each function, read off its values; the four of the coarse level have −1."""
    knots = basis.knots()
    middles = (knots[1:] + knots[:-1]) / 2
    sizes = [4, *(3 * 2**level for level in range(basis.levels))]
    index = [(level - 1, number) for level, size in enumerate(sizes) for number in range(size)]
    touched = [np.flatnonzero(row) for row in basis(middles)]
    return index, [(knots[cells[0]], knots[cells[-1] + 1]) for cells in touched]
