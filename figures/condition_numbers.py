"""κ of the Gram matrices against the number of neurons, with the proved rates."""

import numpy as np

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas
from bwtheory.wavelet import BSplineWavelet

LEVELS = range(2, 13)


def draw():
    widths = np.array([2**levels - 1 for levels in LEVELS])
    relu = np.array([ReLUFamily.uniform(int(K)).condition_number() for K in widths])
    wavelet = [WaveletFamily(levels).condition_number() for levels in LEVELS]
    unnormalized = [WaveletFamily(levels, normalized=False).condition_number() for levels in LEVELS]
    interval = [IntervalWaveletFamily(levels) for levels in range(1, 9)]
    generator = np.random.default_rng(0)
    random = [ReLUFamily(np.sort(generator.uniform(-1, 1, int(K)))).condition_number() for K in widths]
    limit = float(BSplineWavelet(2).gram_condition_number())

    figure, (left, right) = canvas(7.4, 5.2, ncols=2, gridspec_kw={"width_ratios": [3, 2]})
    left.loglog(widths, random, "v", color=SKY, ms=4.5, label="ReLUs with random biases (one draw)")
    left.loglog(widths, relu, "o", color=VERMILION, ms=4.5, label="equally spaced ReLUs")
    left.loglog(widths, relu_rate(widths), color=VERMILION, lw=1, label=r"$3\,(2/\beta_1)^4 K^4$: the true rate")
    left.loglog(widths, relu[0] * (widths / widths[0]) ** 3.0, color=VERMILION, ls=":", label="$K^3$: the rate of Theorem 3.1")
    left.loglog(widths, unnormalized, "s", color=ORANGE, ms=4, label="wavelets without $2^{j/2}$")
    left.loglog(widths, 27 / 32 * (widths + 1), color=ORANGE, lw=1, label=r"$\frac{27}{32}(K+1)$")
    left.loglog(widths, wavelet, "^", color=BLUE, ms=4.5, label=r"wavelets of Theorem 3.3")
    left.loglog(
        [f.size for f in interval], [f.condition_number() for f in interval], "D", color=GREEN, ms=4, label="complete basis"
    )
    left.set(xlabel="neurons $K$", ylabel=r"condition number $\kappa$", ylim=(0.5, 1e30))
    left.set_title("ReLUs: like $K^4$ or worse")
    figure.legend(loc="outside lower center", ncols=2, fontsize=9.5)

    right.semilogx(widths, wavelet, "^-", color=BLUE, ms=4.5, lw=1)
    right.axhline(limit, color=BLACK, lw=1, ls="--")
    right.annotate("least upper bound 9/4", (widths[0], limit), xytext=(0, 4), textcoords="offset points", fontsize=9.5)
    right.semilogx(
        [f.size for f in interval],
        [f.condition_number() for f in interval],
        "D-",
        color=GREEN,
        ms=4,
        lw=1,
    )
    right.set(xlabel="neurons $K$", ylim=(1, 2.75), title="Wavelets: below 9/4")
    right.text(widths[0], 2.5, "all wavelets that overlap $D$:\n$\\kappa = \\infty$ from 2 scales on", fontsize=9.5)
    return figure


def relu_rate(widths):
    """3 (2/β)⁴ K⁴ with β the first root of cos β cosh β = −1, the frequency of a cantilever beam."""
    from scipy.optimize import brentq

    beta = brentq(lambda b: np.cos(b) * np.cosh(b) + 1, 1.5, 2.5)
    return 3 * (2 / beta) ** 4 * widths**4.0
