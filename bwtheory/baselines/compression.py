"""An image stored in a given number of real numbers: coefficients of splines on a grid, or the largest of a wavelet basis."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import linalg, sparse
from scipy.interpolate import BSpline
from scipy.sparse.linalg import LinearOperator, lsqr

from bwtheory.baselines.baseline import Estimate, grid_shape, measured_image
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.tasks.task import ImageTask

DEGREE = 3
# Per level.  On the camera at 128×128, with 200 to 8000 terms, 8 is within 0.03 dB of it, 2 costs up to 1.1 dB and 1 up to 6.6.
LEVEL_WEIGHT = 4.0
HATS_WEIGHT = 2 / math.sqrt(6)  # as it would be with hats of height 3/4 beside wavelets 2^(j/2)ψ, where it was chosen
PRECISION, ITERATIONS = 1e-5, 1000  # of LSQR: ‖Aᵀr‖ <= PRECISION·‖A‖·‖r‖, or ‖r‖ that small against the image


def spline_grid(task: ImageTask, parameters: int) -> Estimate:
    """Cubic splines (of lower degree on fewer than four coefficients) on a uniform grid, fitted by least squares.

    The grid has the image's aspect ratio, and as many coefficients for each channel as fit; all channels share it.  As many
    as there are pixels are the pixels.

    Parameters
    ----------
    parameters : coefficients, at most

    Raises
    ------
    ValueError
        If they are fewer than the channels, or if not every pixel was measured.
    """
    image = measured_image(task).numpy()
    height, width, channels = image.shape
    rows, columns = grid_shape((height, width), parameters, channels)
    if (rows, columns) == (height, width):
        return Estimate(torch.from_numpy(image.reshape(-1, channels)), image.size)
    # B_y (B_y⁺ F B_x⁺ᵀ) B_xᵀ: projections onto the columns of B_y and B_x
    values = np.einsum("ij,jkc,lk->ilc", _projection(height, rows), image, _projection(width, columns), optimize=True)
    return Estimate(torch.from_numpy(values.reshape(-1, channels)), rows * columns * channels)


def _projection(pixels: int, coefficients: int) -> np.ndarray:
    """The matrix (pixels, pixels) of least squares in the splines with this many coefficients and uniform knots."""
    degree = min(DEGREE, coefficients - 1)
    knots = np.r_[[0.0] * degree, np.linspace(0, 1, coefficients - degree + 1), [1.0] * degree]
    basis = linalg.orth(BSpline.design_matrix(np.linspace(0, 1, pixels), knots, degree).toarray())
    projection: np.ndarray = basis @ basis.T
    return projection


def wavelet_terms(task: ImageTask, parameters: int) -> Estimate:
    """The largest terms of the image in the products of two ``IntervalWaveletFamily``, refitted by least squares.

    The family is the paper's linear B-spline wavelet, completed at the ends of the interval, on as few levels as represent
    every image; pixels are equally spaced, ends included.  There are more functions than pixels.  The coefficients are
    therefore those of an interpolation in which fine scales weigh more, by ``LEVEL_WEIGHT`` to the power of the level in
    either direction.  Terms are compared by their norm on the pixels, over all channels.

    Parameters
    ----------
    parameters : two for each term, its coefficient and its place

    Raises
    ------
    ValueError
        If parameters < 2, or if not every pixel was measured.
    """
    image = np.moveaxis(measured_image(task).numpy(), 2, 0)
    if parameters < 2:
        raise ValueError(f"A wavelet term takes two numbers; got parameters={parameters}.")
    down, across = (_samples(side) for side in image.shape[1:])
    rows, columns = _interpolation(down), _interpolation(across)
    coefficients = np.stack([rows @ channel @ columns.T for channel in image])
    sizes = np.abs(coefficients) * np.outer(*(sparse.linalg.norm(basis, axis=0) for basis in (down, across)))
    kept = np.argsort(-sizes, axis=None, kind="stable")[: parameters // 2]

    def synthesis(terms: np.ndarray) -> np.ndarray:
        all_terms = np.zeros(coefficients.shape)
        all_terms.flat[kept] = terms.ravel()
        return np.stack([down @ (across @ channel.T).T for channel in all_terms]).ravel()

    def analysis(values: np.ndarray) -> np.ndarray:
        products = [down.T @ (across.T @ channel.T).T for channel in values.reshape(image.shape)]
        return np.stack(products).ravel()[kept]

    operator = LinearOperator((image.size, kept.size), matvec=synthesis, rmatvec=analysis, dtype=np.float64)
    terms, reason, steps, *_ = lsqr(
        operator, image.ravel(), atol=PRECISION, btol=PRECISION, iter_lim=ITERATIONS, x0=coefficients.flat[kept]
    )
    values = np.moveaxis(synthesis(terms).reshape(image.shape), 0, 2).reshape(-1, len(image))
    note = "" if reason in (0, 1, 2, 4, 5) else f"least squares not at {PRECISION:g} after {steps} iterations"
    return Estimate(torch.from_numpy(np.ascontiguousarray(values)), 2 * kept.size, note)


def _samples(pixels: int) -> sparse.csr_array:
    """The basis (pixels, K) with the fewest levels J that has K = 3·2^J + 1 >= pixels, at the pixels."""
    levels = next(J for J in range(1, 64) if pixels <= 3 * 2**J + 1)
    return sparse.csr_array(IntervalWaveletFamily(levels, coarse="hats")(np.linspace(-1, 1, pixels)).T)


def _interpolation(samples: sparse.csr_array) -> np.ndarray:
    """The matrix (K, pixels) of the interpolating coefficients with the least weighted norm."""
    functions = samples.shape[1]
    levels = round(math.log2((functions - 1) / 3))
    hats = HATS_WEIGHT * np.array([math.sqrt(2), 1, 1, math.sqrt(2)])
    weights = np.r_[hats, np.repeat(LEVEL_WEIGHT ** np.arange(1, levels + 1), [3 * 2**j for j in range(levels)])]
    inverse: np.ndarray = linalg.pinv(samples.toarray() / weights) / weights[:, None]
    return inverse
