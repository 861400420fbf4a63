"""Total variation for any linear measurement, by a primal-dual method that proves how far from the minimum it stops."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bwtheory.baselines.baseline import Estimate, operator_of
from bwtheory.tasks.operators import LinearOperator
from bwtheory.tasks.task import ImageTask

GRADIENT_NORM2 = 8  # ‖∇‖² < 8 for forward differences on a grid (Chambolle 2004)
RELAXATION = 1.8  # of the whole step; below 2 it converges (Condat 2013), and takes about half the iterations of 1
NEGLIGIBLE = 1e-12  # gap per pixel: data that are fitted to 1e-6 of the range of the images
DUAL_SCALE = 10.0  # in which residuals are balanced: pixels are of the order of 1, their multipliers smaller


def total_variation(task: ImageTask, weight: float, tolerance: float = 1e-3, iterations: int = 4000) -> Estimate:
    """argmin ½‖Ax − b‖²/‖A‖² + weight·TV(x) over images x with values in [0, 1], the range of every image here.

    TV sums the Euclidean norms of forward differences (zero beyond the last row and column), each channel for itself.
    ‖A‖ is the spectral norm, so that a weight means the same for few and many measurements: with A = 1 it is that of
    ``skimage.restoration.denoise_tv_chambolle``; in tomography with noise at a fixed fraction of the largest measurement, the
    best one hardly depends on the image's size (with 1 % and 100 angles 5e-4 to 1e-3, for sides from 32 to 256).

    The method is Chambolle and Pock's (2011) with both terms dualized, over-relaxed (Condat 2013), its step sizes balanced by
    the residuals (Goldstein et al. 2013).  For multipliers y of the data and p of the gradient, |p| <= weight, the Lagrangian
    has its minimum over the box at −½‖y‖² − ⟨b, y⟩ + Σ min(0, Aᵀy + ∇ᵀp): whatever y and p, a lower bound of the objective.

    Parameters
    ----------
    weight : > 0
    tolerance : stops at (objective − lower bound)/objective <= tolerance, which proves that the objective is that close to
        its minimum, up to float64 rounding, or at a gap of 1e-12 per pixel; ``note`` gives the gap if neither is reached
    iterations : at most

    Raises
    ------
    ValueError
        For a weight that is not positive and finite.
    """
    values, note = least_variation(operator_of(task), task.measurements, weight, tolerance, iterations)
    return Estimate(values, None, note)


def least_variation(
    operator: LinearOperator, measurements: Tensor, weight: float, tolerance: float = 1e-3, iterations: int = 4000
) -> tuple[Tensor, str]:
    """What ``total_variation`` minimizes, for any operator on a grid: values (N, C), and a note if it is not at the minimum."""
    if not (weight > 0 and math.isfinite(weight)):
        raise ValueError(f"Total variation needs a finite weight > 0; got {weight}.")
    scale = 1 / spectral_norm(operator)
    data = scale * measurements
    image = (*operator.shape, data.shape[1])

    x, y, p = torch.full(image, 0.5, dtype=torch.float64), torch.zeros_like(data), torch.zeros(2, *image, dtype=torch.float64)
    Ax, Dx, pull = scale * operator(x.flatten(0, 1)), gradient(x), torch.zeros_like(x)  # pull = Aᵀy + ∇ᵀp
    step, adaptivity, gap = 0.1, 0.5, math.inf
    for _ in range(iterations):
        # τ(σ‖A‖² + σ/8·‖∇‖²) < 1
        sigma_data, sigma_gradient, tau = step, step / GRADIENT_NORM2, 0.99 / (2 * step)
        next_x = (x - tau * pull).clamp(0, 1)
        next_Ax, next_Dx = scale * operator(next_x.flatten(0, 1)), gradient(next_x)
        next_y = (y + sigma_data * (2 * next_Ax - Ax - data)) / (1 + sigma_data)
        next_p = p + sigma_gradient * (2 * next_Dx - Dx)
        next_p /= (next_p.square().sum(dim=0).sqrt() / weight).clamp(min=1)
        next_pull = scale * operator.adjoint(next_y).reshape(image) + gradient_adjoint(next_p)

        objective = 0.5 * (next_Ax - data).square().sum() + weight * next_Dx.square().sum(dim=0).sqrt().sum()
        bound = next_pull.clamp(max=0).sum() - 0.5 * next_y.square().sum() - (data * next_y).sum()
        gap = float(objective - bound)
        if gap <= max(tolerance * float(objective), NEGLIGIBLE * x.numel()):
            return next_x.flatten(0, 1), ""

        primal = ((x - next_x) / tau - (pull - next_pull)).square().sum()
        dual = ((y - next_y) / sigma_data - (Ax - next_Ax)).square().sum()
        dual += ((p - next_p) / sigma_gradient - (Dx - next_Dx)).square().sum() / GRADIENT_NORM2
        ratio = DUAL_SCALE * float(primal.sqrt()) / max(float(dual.sqrt()), 1e-300)
        if not 2 / 3 < ratio < 3 / 2:
            step *= 1 - adaptivity if ratio > 1 else 1 / (1 - adaptivity)
            adaptivity *= 0.95  # the factors' product converges, and with it the method

        for state, new in ((x, next_x), (Ax, next_Ax), (Dx, next_Dx), (y, next_y), (p, next_p), (pull, next_pull)):
            state += RELAXATION * (new - state)
    relative = gap / float(objective)
    return next_x.flatten(0, 1), f"relative duality gap {relative:.0e} after {iterations} iterations"


def spectral_norm(operator: LinearOperator, tolerance: float = 1e-9, iterations: int = 1000) -> float:
    """‖A‖, by power iteration on AᵀA from a positive image, which no operator with nonnegative weights annihilates.

    A lower bound, close where ‖AᵀA‖ stands out among the eigenvalues; ``total_variation`` needs it to 1 %.
    """
    image = torch.rand(math.prod(operator.shape), 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    norm2 = 0.0
    for _ in range(iterations):
        image = operator.adjoint(operator(image / image.norm()))
        previous, norm2 = norm2, float(image.norm())
        if abs(norm2 - previous) <= tolerance * norm2:
            break
    if norm2 == 0:
        raise ValueError("The operator measures nothing.")
    return math.sqrt(norm2)


def gradient(image: Tensor) -> Tensor:
    """Forward differences (2, H, W, C) down and across an image (H, W, C); 0 beyond its last row and column."""
    differences = image.new_zeros(2, *image.shape)
    differences[0, :-1] = image[1:] - image[:-1]
    differences[1, :, :-1] = image[:, 1:] - image[:, :-1]
    return differences


def gradient_adjoint(field: Tensor) -> Tensor:
    """The transpose of ``gradient``: (H, W, C) of a field (2, H, W, C)."""
    image = torch.zeros_like(field[0])
    image[1:] += field[0, :-1]
    image[:-1] -= field[0, :-1]
    image[:, 1:] += field[1, :, :-1]
    image[:, :-1] -= field[1, :, :-1]
    return image
