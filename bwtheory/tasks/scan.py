"""Whether projections can be what they are taken for, by conditions that the line integrals of every image meet.

The k-th moment of a projection over its bins, Σ sᵏ p(θ, s), is a homogeneous polynomial of degree k in cos θ and sin θ
(Helgason and Ludwig): the sums are the same for all angles, the centre of mass moves on a sinusoid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MOMENTS = 5  # k = 0, …, 4: higher ones weigh the outermost bins, where noise is all there is
# Rotated pixels are sampled bin by bin, so that the moments of an exact scan are off too: radon's, of photos, phantoms and
# boxes of 24 to 128 pixels a side, by at most 0.009 of the mass (tests/test_inputs.py asks that again).  Single pixels are off
# by more.
DISCRETE = 0.01
BETTER = 4.0  # another reading of the same numbers is taken for the right one if it fits so many times better
CLOSED = "a scan from 0° to 180° with both ends; give a file of its angles"
SPREADS = 4.0  # of the noise, or of an estimate's own error


@dataclass(frozen=True)
class Fit:
    """How well the moments of so many projections meet the conditions.

    misfit, noise : root of the summed mean squared misfits, and what noise leaves of them, relative to the mass
    """

    misfit: float
    noise: float
    angles: int

    @property
    def fails(self) -> bool:
        """Whether neither discretization nor noise explains the misfit.

        The root mean square of n Gaussian numbers has the relative standard deviation 1/√(2n).
        """
        return self.misfit > DISCRETE + self.noise * (1 + SPREADS / math.sqrt(2 * (self.angles - MOMENTS)))


def check_scan(measured: np.ndarray, degrees: np.ndarray, source: str, angles_are_given: bool) -> tuple[str, ...]:
    """Notes about a sinogram (angles, bins, channels); its channels are summed.

    Parameters
    ----------
    measured, degrees : line integrals, and one angle for each of their rows
    source : how messages name the file
    angles_are_given : by a file, and not only their number

    Raises
    ------
    ValueError
        Where the numbers are no line integrals but counts, or fit clearly better as another scan: transposed, over 360°, with
        both ends of 180°.
    """
    rows = measured.sum(axis=2)
    _refuse_counts(rows, source)
    notes = *_negative(rows, source), *_at_the_edge(rows, source)
    if len(rows) < MOMENTS + 3 or rows.shape[1] < 4 or not abs(rows.sum(axis=1)).mean() > 0:
        return notes  # too few to tell
    given, count = moments_fit(rows, degrees), len(rows)
    others = {}
    if not angles_are_given:
        others = {
            "a scan over 360°; give a file of its angles": np.linspace(0, 360, count, endpoint=False),
            "a scan over 360° with both ends; give a file of its angles": np.linspace(0, 360, count),
            CLOSED: np.linspace(0, 180, count),
        }
    fits = {what: moments_fit(rows, other) for what, other in others.items()}
    if rows.shape[0] == rows.shape[1]:
        fits["transposed: a row is a projection, its columns are the detector's bins"] = moments_fit(rows.T, degrees)
    if CLOSED in fits and fits[CLOSED].misfit < given.misfit and _ends_meet(rows):
        raise ValueError(f"The last projection of {source} is the first one backwards: it looks like {CLOSED}.")
    best = min(fits, key=lambda what: fits[what].misfit, default=None)
    if best is not None and given.misfit > max(DISCRETE, BETTER * fits[best].misfit):
        raise ValueError(
            f"The projections of {source} do not fit to each other at these angles (off by {given.misfit:.1%} of their mass, "
            f"and by {fits[best].misfit:.1%} otherwise); it looks like {best}."
        )
    shifted = _axis(rows, degrees, source)
    if shifted or not given.fails:
        return *notes, *shifted
    sums = rows.sum(axis=1)
    spread = float(sums.std() / abs(sums.mean()))
    off = (
        f"their moments are off by {given.misfit:.1%} of their mass, and their sums vary by {spread:.1%}, which should be equal"
    )
    likely = "Wrong angles, an object larger than the detector, or bad rows do that."
    return *notes, f"The projections of {source} do not fit to each other: {off}. {likely}"


def moments_fit(rows: np.ndarray, degrees: np.ndarray, axis: float | None = None) -> Fit:
    """How well projections (angles, bins) meet the conditions, with the rotation axis at a bin (bins // 2)."""
    powers = _positions(rows.shape[1], axis)[:, None] ** np.arange(MOMENTS)
    moments, mass = rows @ powers, abs(rows.sum(axis=1)).mean()
    squares = 0.0
    for k in range(MOMENTS):
        design = _polynomials(degrees, k)
        misfit = moments[:, k] - design @ np.linalg.lstsq(design, moments[:, k], rcond=None)[0]
        squares += float(misfit @ misfit) / (len(rows) - design.shape[1])
    return Fit(np.sqrt(squares) / mass, noise_of(rows) * float(np.sqrt((powers**2).sum())) / mass, len(rows))


def noise_of(rows: np.ndarray) -> float:
    """Standard deviation of white noise from second differences along the detector, whose median edges do not move."""
    return float(np.median(abs(np.diff(rows, 2, axis=1)))) / (0.6745 * np.sqrt(6)) if rows.shape[1] > 2 else 0.0


def _positions(bins: int, axis: float | None = None) -> np.ndarray:
    return (np.arange(bins) - (bins // 2 if axis is None else axis)) / (bins / 2)


def _polynomials(degrees: np.ndarray, degree: int) -> np.ndarray:
    """A basis (angles, degree + 1) of the homogeneous polynomials in cosine and sine."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.stack([c ** (degree - i) * s**i for i in range(degree + 1)], axis=1)


def _ends_meet(rows: np.ndarray) -> bool:
    """Whether the last row is the first one backwards, so much nearer than neighbours are to each other.

    The moments hardly tell: with A angles the others are off by at most 180°/A.
    """
    bins = rows.shape[1]
    inside = np.arange(1 - bins % 2, bins)  # the first of an even number of bins has no counterpart
    gap = rows[-1, inside] - rows[0, 2 * (bins // 2) - inside]
    steps = np.linalg.norm(rows[[1, -1]] - rows[[0, -2]], axis=1)
    return BETTER * float(np.linalg.norm(gap)) < float(steps.min())


def _refuse_counts(rows: np.ndarray, source: str) -> None:
    """Beside an object a detector counts most, and an integral is zero; nothing else is largest at both ends."""
    ends, middle = rows[:, [0, -1]].mean(axis=1), rows.mean(axis=1)
    if rows.shape[1] >= 8 and (rows >= 0).all() and np.mean(ends > middle) > 0.9 and np.median(ends) > 0.5 * rows.max():
        raise ValueError(
            f"{source} looks like counts or intensities: largest beside the object and smaller behind it. Line integrals are "
            f"−log(counts / counts without an object)."
        )


def _negative(rows: np.ndarray, source: str) -> tuple[str, ...]:
    below = float(-np.minimum(rows, 0).sum() / abs(rows).sum())
    if not below > 0.1 or -rows.min() < SPREADS * noise_of(rows):
        return ()
    return (f"{below:.0%} of {source} is negative, and integrals of a density are not: is the sign or an offset missing?",)


def _at_the_edge(rows: np.ndarray, source: str) -> tuple[str, ...]:
    ends = float(np.median(rows[:, [0, -1]]))
    if rows.shape[1] < 8 or ends < 0.1 * rows.max() or ends * np.sqrt(2 * len(rows)) < SPREADS * noise_of(rows):
        return ()
    return (
        f"The outermost bins of {source} are at {ends / rows.max():.0%} of the largest, and should see past the object: it is "
        f"larger than the detector, or an offset has to be taken off.",
    )


def _axis(rows: np.ndarray, degrees: np.ndarray, source: str) -> tuple[str, ...]:
    """A note where the centre of mass circles around another bin than the middle one."""
    centre, half = rows @ _positions(rows.shape[1]), rows.shape[1] / 2
    mass = abs(rows.sum(axis=1)).mean()
    design = np.column_stack([np.ones(len(rows)), _polynomials(degrees, 1)])
    if np.linalg.matrix_rank(design) < 3 or np.linalg.cond(design) > 100:
        return ()  # over few degrees a shift looks like a turn
    found = np.linalg.lstsq(design, centre, rcond=None)[0]
    misfit = centre - design @ found
    error = float(np.sqrt(misfit @ misfit / (len(rows) - 3) * np.linalg.inv(design.T @ design)[0, 0]))
    shift = float(found[0]) / mass * half
    if abs(shift) < max(0.25, SPREADS * error / mass * half):
        return ()
    axis = rows.shape[1] // 2 + shift
    return (
        f"The rotation axis of {source} seems to be at bin {axis:.2f}, counted from 0, and is taken to be at "
        f"{rows.shape[1] // 2}: shift the rows by {-shift:.2f} bins if it is not.",
    )
