"""Figure 1, left: the wavelet and the seven ReLUs whose sum it is."""

import numpy as np

from bwtheory.plots import BLACK, VERMILION, canvas
from bwtheory.wavelet import BSplineWavelet


def draw():
    psi = BSplineWavelet(2)
    left, right = (float(end) for end in psi.support)
    x = np.linspace(left - 1, right + 1, 2001)
    figure, axes = canvas(5.5, 4.2)
    for number, (knot, slope) in enumerate(zip(psi.relu_knots, psi.relu_coefficients)):
        relu = float(slope) * np.maximum(0, x - float(knot))
        axes.plot(x, relu, color=VERMILION, lw=1, label="the seven ReLUs" if number == 0 else None)
        height = 1.45 if abs(slope) > 2 else 0.9
        reach = min(height / abs(float(slope)), x[-1] - float(knot))
        axes.annotate(
            f"${slope}$",
            (float(knot) + reach, float(slope) * reach),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=11,
            color=VERMILION,
            va="center",
        )
    axes.plot(x, psi(x), color=BLACK, lw=2.4, label=r"their sum $\psi$")
    axes.plot([float(k) for k in psi.relu_knots], psi([float(k) for k in psi.relu_knots]), "o", ms=4, color=BLACK)
    axes.set(
        xlim=(x[0], x[-1] + 0.3),
        ylim=(-1.9, 1.9),
        xlabel="$x$",
        title="The wavelet ψ is a sum of seven ReLUs",
    )
    axes.set_xticks([float(k) for k in psi.relu_knots], [f"${k}$" for k in psi.relu_knots])
    axes.legend(loc="lower left")
    return figure
