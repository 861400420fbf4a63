"""Least squares by conjugate gradients, stopped early: few iterations leave out what the measurements hardly determine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor

from bwtheory.baselines.baseline import Estimate, operator_of
from bwtheory.tasks.task import ImageTask

# SciPy divides by the residual, 0 at the exact solution.  An iterate with this one is a solution to float64 precision.
SOLVED = 1e-14


def cgls(task: ImageTask, iterations: int) -> Estimate:
    """The last of ``cgls_iterates``.  It is the iterate asked for, not a converged solution, and has no note."""
    return Estimate(_conjugate_gradients(task, iterations), None)


def cgls_iterates(task: ImageTask, iterations: int) -> list[tuple[int, Tensor, float]]:
    """Conjugate gradients on AᵀAx = Aᵀb from x = 0, all channels in one system.

    Iterate k has the least ‖Ax − b‖ in the Krylov space of dimension k (Hestenes and Stiefel 1952).

    Parameters
    ----------
    iterations : >= 1

    Returns
    -------
    (k, values (P, C), ‖Ax − b‖) for k = 1, 2, …, iterations, as a stopping rule like the discrepancy principle needs them; all
    are kept in memory.  The list ends early where the normal equations are solved to float64 precision.

    Raises
    ------
    ValueError
        If iterations < 1.
    """
    operator = operator_of(task)
    iterates: list[tuple[int, Tensor, float]] = []

    def record(values: Tensor) -> None:
        iterates.append((len(iterates) + 1, values.clone(), float((operator(values) - task.measurements).norm())))

    _conjugate_gradients(task, iterations, record)
    return iterates


def _conjugate_gradients(task: ImageTask, iterations: int, visit: Callable[[Tensor], None] | None = None) -> Tensor:
    if iterations < 1:
        raise ValueError(f"Conjugate gradients take iterations >= 1; got {iterations}.")
    operator = operator_of(task)
    right = operator.adjoint(task.measurements)

    def image(x: np.ndarray) -> Tensor:
        return torch.from_numpy(x.reshape(right.shape))

    def normal(x: np.ndarray) -> np.ndarray:
        return operator.adjoint(operator(image(x))).numpy().ravel()

    def visited(x: np.ndarray) -> None:
        assert visit is not None
        visit(image(x))

    system = LinearOperator((right.numel(), right.numel()), matvec=normal, dtype=np.float64)
    solution, _ = cg(system, right.numpy().ravel(), rtol=SOLVED, maxiter=iterations, callback=visit and visited)
    return image(np.asarray(solution))
