"""Conjugate gradients for one function of the span of K equally spaced ReLUs: in ReLUs, and in the complete wavelet basis."""

import numpy as np

from bwtheory.interval import IntervalWaveletFamily
from bwtheory.plots import BLUE, VERMILION, canvas

GOAL = 1e-4  # distance from the least-squares solution by the norm of the data, over the samples
LEVELS, LAST_OF_RELUS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 18, 19), 9  # K = 7, …, 1,572,865
STEPS = 400
SHOWN = 8  # levels of the left picture


def draw():
    figure, (left, right) = canvas(7.4, 4.2, ncols=2)
    for basis, colour, marker in (("relus", VERMILION, "o"), ("wavelets", BLUE, "^")):
        label = "constant and ReLUs" if basis == "relus" else "complete wavelet basis"
        left.semilogy(np.r_[1.0, distances(SHOWN, basis)], color=colour, label=label)
        levels = [J for J in LEVELS if basis == "wavelets" or J <= LAST_OF_RELUS]
        sizes, steps = zip(*((3 * 2**J + 1, steps_to_goal(J, basis)) for J in levels))
        ends = [(K, n) for K, n in zip(sizes, steps) if n is not None]
        right.loglog(*zip(*ends), marker, ls="-", lw=1, ms=4.5, color=colour, label=label)
        if missed := [K for K, n in zip(sizes, steps) if n is None]:
            right.loglog(missed, [STEPS] * len(missed), "^", mfc="none", color=colour, label=f"not after {STEPS} steps")
    left.axhline(GOAL, color="grey", lw=0.8, ls=":")
    left.set(
        xlabel="steps of conjugate gradients", ylabel="distance from the solution", title=f"one fit, $K = {3 * 2**SHOWN + 1}$"
    )
    right.set(xlabel="functions $K$", ylabel=f"steps to {GOAL:g}", title="fits of all sizes")
    right.legend(fontsize=9, loc="center right")
    figure.suptitle("In the wavelet basis a fit takes the same few steps at every size", fontsize=12)
    return figure


def samples(family):
    """Three in each cell, at the midpoints of its thirds, of a function with a kink that is no knot."""
    count = 3 * family.cells
    x = (2 * np.arange(count) + 1) / count - 1
    return x, np.exp(x) * np.sin(9 * x**2) + np.abs(x - 0.2)


def distances(levels, basis):
    """After each step, the distance to the least-squares solution; the list ends at a hundredth of GOAL."""
    family = IntervalWaveletFamily(levels)
    x, y = samples(family)
    solution = family.fit(x, y, tolerance=1e-12).values
    found = []

    def look(values):
        found.append(_norm(values - solution) / _norm(solution))
        return found[-1] < GOAL / 100

    family.fit(x, y, tolerance=1e-12, steps=STEPS, basis=basis, visit=look)
    return np.array(found)


def steps_to_goal(levels, basis):
    """The first step at which it is at most GOAL; None after STEPS."""
    near = np.flatnonzero(distances(levels, basis) <= GOAL)
    return int(near[0]) + 1 if len(near) else None


def _norm(values):
    return float(np.sqrt(np.mean(values**2)))
