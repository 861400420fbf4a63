"""Where the wavelets of each scale live: Theorem 3.3's shifts leave most of D to one wavelet."""

import numpy as np

from bwtheory.families import WaveletFamily
from bwtheory.plots import BLUE, VERMILION, canvas

LEVELS = 5


def draw():
    figure, columns = canvas(8, 3.6, ncols=2, sharey=True)
    families = (
        (WaveletFamily(LEVELS), BLUE, "Theorem 3.3: $k = 0, …, 2^j - 1$"),
        (WaveletFamily(LEVELS, shifts="covering"), VERMILION, "All wavelets that meet $D$"),
    )
    for axes, (family, colour, title) in zip(columns, families):
        for (level, shift), (left, right) in zip(family.index, family.supports()):
            # neighbours overlap, so each scale is drawn on three interleaved lines
            height = level + 0.22 * (shift % 3 - 1)
            gap = 0.04 * (right - left)  # every third neighbour ends where this one begins
            axes.plot([left + gap, right - gap], [height, height], color=colour, lw=2.2, solid_capstyle="butt")
        axes.axvspan(-1, 1, color="0.9", zorder=0)
        axes.set(xlabel="$x$  ($D = [-1, 1]$ shaded)", title=f"{title}, $K = {family.size}$", xlim=(-2.4, 2.4))
        axes.set_yticks(np.arange(LEVELS))
    columns[0].set(ylabel="scale $j$")
    columns[0].invert_yaxis()
    return figure
