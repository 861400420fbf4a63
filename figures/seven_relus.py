"""ψ is put together: its seven ReLUs are added one by one, and after the seventh nothing is left beyond x = 3."""

import numpy as np

from bwtheory.plots import BLACK, BLUE, VERMILION, canvas
from bwtheory.wavelet import BSplineWavelet


def draw():
    psi = BSplineWavelet(2)
    knots, slopes = [float(knot) for knot in psi.relu_knots], [float(slope) for slope in psi.relu_coefficients]
    left, right = (float(end) for end in psi.support)
    x = np.linspace(left - 0.5, right + 1, 1401)
    figure, grid = canvas(8.0, 4.8, nrows=2, ncols=4, sharex=True, sharey=True)
    panels = list(np.ravel(grid))
    total = np.zeros_like(x)
    for number, (axes, knot, slope) in enumerate(zip(panels, knots, slopes)):
        before, added = total.copy(), slope * np.maximum(0, x - knot)
        total = total + added
        axes.axvspan(left, right, color="0.94", zorder=0)
        if number:
            axes.plot(x, before, color=BLUE, lw=1, ls="--", label="sum before" if number == 1 else None)
        axes.plot(x, added, color=VERMILION, lw=1, label="new ReLU" if number == 1 else None)
        axes.plot(x, total, color=BLACK, lw=2, label="sum" if number == 1 else None)
        axes.plot(knot, np.interp(knot, x, total), "o", color=VERMILION, ms=5)
        shift = "x" if knot == 0 else f"x - {psi.relu_knots[number]}"
        sign = "-" if slope < 0 else "+" if number else ""
        axes.set_title(rf"${sign}\,{_fraction(abs(psi.relu_coefficients[number]))}\,\sigma({shift})$", fontsize=11)
    panels[1].legend(fontsize=9, loc="upper left")
    panels[0].set(ylim=(-1.1, 1.3), xlim=(x[0], x[-1]))
    panels[-1].axvspan(left, right, color="0.94", zorder=0)
    panels[-1].plot(x, psi(x), color=BLACK, lw=2)
    panels[-1].set_title(r"$\psi$, 0 outside $[0, 3]$", fontsize=11)
    for axes in grid[-1]:
        axes.set_xlabel("$x$")
    figure.suptitle("Seven ReLUs make one wavelet: after the last one the sum is zero again", fontsize=12)
    return figure


def _fraction(number):
    return str(number) if number.q == 1 else rf"\frac{{{number.p}}}{{{number.q}}}"
