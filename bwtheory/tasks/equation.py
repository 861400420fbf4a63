"""Partial differential equations in weak form: residuals of hat functions, which need no derivative of the network."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse.linalg import spsolve
from torch import Tensor

from bwtheory.tasks.images import save_image
from bwtheory.tasks.operators import Matrix
from bwtheory.tasks.sources import require_one_of
from bwtheory.tasks.task import SNRTask, add_noise, grid_coordinates, noise_notes, noise_std, pixel_coordinates

DEGREE = 6  # of the solutions' sines
DIFFUSIVITY = 0.05  # of the heat equation, on [−1, 1] for a duration of 2
FINER = 4  # points of the grid on which errors are measured, for each one that the equation is tested at
MOST_NODES = 65  # an axis: a dense matrix of 143 MB
STRONG = (
    "The strong form penalizes second derivatives at points, and those of networks of ReLUs or ψ are 0 almost everywhere: its "
    "gradient with respect to all weights is 0 (docs/theorems/9-second-order-problems.md). Leave out strong_form: the weak "
    "form is tested with hat functions."
)
Solution = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class System:
    """A finite-element system on n×n nodes of [−1, 1]², row by row: matrix u = load for the inner equations, data elsewhere.

    matrix, load : (Q, n²) and (Q,), integrals against test functions
    gram : (P, P) of the test functions, P nodes of one block; the Q equations are Q/P blocks of it
    given, data : numbers of the nodes where u is prescribed, and its values there
    traces : (R, n²) and (R,), more equations of size 1 for initial data
    """

    matrix: sparse.csr_array
    load: np.ndarray
    gram: np.ndarray
    given: np.ndarray
    data: np.ndarray
    traces: tuple[np.ndarray, np.ndarray] | None = None


def hats(nodes: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Mass and stiffness matrix (n, n) of the hat functions on n equally spaced nodes of [−1, 1]."""
    h = 2 / (nodes - 1)
    off, ends = np.ones(nodes - 1), np.r_[1.0, np.full(nodes - 2, 2.0), 1.0]
    mass = sparse.diags_array([off, 2 * ends, off], offsets=[-1, 0, 1]) * (h / 6)
    stiffness = sparse.diags_array([-off, ends, -off], offsets=[-1, 0, 1]) / h
    return mass.tocsr(), stiffness.tocsr()


def _poisson(nodes: int, data_seed: int) -> tuple[System, Solution]:
    """−Δu = f, u = 0 on the boundary; u is a random sum of products of sines."""
    order = np.arange(1, DEGREE + 1)
    omega = math.pi / 2 * order
    a = np.random.default_rng(data_seed).standard_normal((DEGREE, DEGREE)) / (order[:, None] ** 2 + order**2)

    def solution(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        sines = [np.sin(omega * (z[..., None] + 1)) for z in (y, x)]
        values: np.ndarray = np.einsum("...k,kl,...l->...", sines[0], a, sines[1])
        return values

    a = a / _largest(solution)
    x = np.linspace(-1, 1, nodes)[1:-1]
    h = 2 / (nodes - 1)
    tested = h * np.sinc(omega * h / (2 * math.pi)) ** 2 * np.sin(omega * (x[:, None] + 1))  # ∫ sin(ω(x+1)) φ_i, exactly
    load = (tested @ (a * (omega[:, None] ** 2 + omega**2)) @ tested.T).ravel()
    mass, stiffness = hats(nodes)
    matrix = (sparse.kron(stiffness, mass) + sparse.kron(mass, stiffness)).tocsr()
    inside = np.pad(np.ones((nodes - 2, nodes - 2), bool), 1).ravel()
    inner, outer = np.flatnonzero(inside), np.flatnonzero(~inside)
    rows = matrix[inner]
    return System(rows, load, rows[:, inner].toarray(), outer, np.zeros(len(outer))), solution


def _heat(nodes: int, data_seed: int) -> tuple[System, Solution]:
    """∂u/∂t = κ ∂²u/∂x², u = 0 at x = ±1, the columns; rows are times, from a random sum of sines at t = −1.

    Test functions are hats in x times 1 on the interval between two rows; u is taken linear in between (Crank–Nicolson).
    """
    order = np.arange(1, DEGREE + 1)
    omega = math.pi / 2 * order
    a = np.random.default_rng(data_seed).standard_normal(DEGREE) / order

    def solution(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        decay = np.exp(-DIFFUSIVITY * omega**2 * (t[..., None] + 1))
        values: np.ndarray = (decay * np.sin(omega * (x[..., None] + 1))) @ a
        return values

    a = a / _largest(solution)
    mass, stiffness = hats(nodes)
    step = 2 / (nodes - 1)
    new, old = mass + DIFFUSIVITY * step / 2 * stiffness, mass - DIFFUSIVITY * step / 2 * stiffness
    forward, backward = np.eye(nodes, k=1)[:-1], np.eye(nodes)[:-1]
    matrix = (sparse.kron(forward, new[1:-1]) - sparse.kron(backward, old[1:-1])).tocsr()
    x = np.linspace(-1, 1, nodes)
    start = solution(x, np.full(nodes, -1.0))
    start[[0, -1]] = 0
    gram = new[1:-1, 1:-1].toarray()
    sides = np.arange(nodes)[:, None] * nodes + [0, nodes - 1]
    root = np.zeros((nodes - 2, nodes * nodes))
    root[:, 1 : nodes - 1] = cholesky(gram)
    return (
        System(matrix, np.zeros(matrix.shape[0]), gram, sides.ravel(), np.zeros(2 * nodes), (root, root[:, :nodes] @ start)),
        solution,
    )


EQUATIONS: dict[str, Callable[[int, int], tuple[System, Solution]]] = {"poisson": _poisson, "heat": _heat}


def residuals(system: System, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """A matrix A (n², n²) and b with ‖Au − b‖² the squared dual norm of the residual, over h for heat, and boundary errors.

    The dual norm is that of the span of the test functions, rᵀG⁻¹r with their Gram matrix G in the energy.  For Poisson and
    u = 0 on the boundary it is the error |u − u_h|² in the energy, u_h the finite-element solution and u interpolated on the
    nodes, without solving for u_h: a condition number of 1 in H¹.
    """
    root = cholesky(system.gram, lower=True)
    size = len(root)

    def dual(block: np.ndarray) -> np.ndarray:
        parts = block.reshape(-1, size, *block.shape[1:])
        return np.concatenate([solve_triangular(root, part, lower=True) for part in parts])

    boundary = np.eye(nodes * nodes)[system.given]
    rows, values = [dual(system.matrix.toarray())], [dual(system.load)]
    if system.traces is not None:
        scale = math.sqrt(2 / (nodes - 1))  # makes a mass matrix one of size 1
        rows, values = [rows[0] / scale, system.traces[0] / scale], [values[0] / scale, system.traces[1] / scale]
    return np.concatenate([*rows, boundary]), np.concatenate([*values, system.data])


def finite_elements(equation: str, nodes: int, data_seed: int) -> np.ndarray:
    """The finite-element solution (n, n), as accurate as its grid: what no network of n² weights should be behind."""
    system, solution = EQUATIONS[equation](nodes, data_seed)
    u, known = np.zeros(nodes * nodes), system.given
    if equation == "heat":
        u[:nodes] = solution(np.linspace(-1, 1, nodes), np.full(nodes, -1.0))
        known = np.union1d(known, np.arange(nodes))
    u[system.given] = system.data
    free = np.setdiff1d(np.arange(nodes * nodes), known)
    u[free] = spsolve(system.matrix[:, free].tocsc(), system.load - system.matrix[:, known] @ u[known])
    return u.reshape(nodes, nodes)


@dataclass(frozen=True, kw_only=True)
class EquationTask(SNRTask):
    """The weak form at n×n nodes, and the exact solution on a grid ``FINER`` times as fine."""

    equation: str
    nodes: int
    data_seed: int

    reconstruction_name = "reconstruction.png"

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """Also the relative errors in L² and in H¹, by difference quotients; for heat, H¹ in x at all times.

        Quotients over 1/m of a cell see √(1 − 1/m²) of an error that changes linearly on it: 97 % for a quarter.
        """
        l2, h1 = relative_errors(self.equation, *(each.double().cpu().numpy() for each in (values, self.truth)))
        return {**super().metrics(values), "l2_error": l2, "h1_error": h1}

    def facts(self) -> dict[str, Any]:
        """As for other tasks, and the errors of the finite-element solution on the nodes that the network is tested at."""
        return {**super().facts(), "finite_elements": self.of_finite_elements(self.nodes)}

    def of_finite_elements(self, nodes: int) -> dict[str, float]:
        """``metrics`` of the finite-element solution on n×n nodes, interpolated bilinearly."""
        u, side = finite_elements(self.equation, nodes, self.data_seed), math.isqrt(len(self.grid))
        to = interpolation(nodes, np.linspace(-1, 1, side))
        values = torch.from_numpy((to @ u @ to.T).reshape(-1, 1))
        return {name: float(value) for name, value in self.metrics(values).items() if value is not None}

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """Grey for 0, black and white for −1 and 1."""
        side = math.isqrt(len(self.grid))
        save_image(path, (values.double().cpu().numpy().reshape(side, side, 1) + 1) / 2)


def interpolation(nodes: int, x: np.ndarray) -> np.ndarray:
    """(N, n): values of the hat functions on n nodes of [−1, 1] at x (N,)."""
    values: np.ndarray = np.maximum(0, 1 - np.abs((x[:, None] + 1) * (nodes - 1) / 2 - np.arange(nodes)))
    return values


def relative_errors(equation: str, values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """In L² and H¹ of values on a square grid, row by row; H¹ of the heat equation is in x, along the rows."""
    side = math.isqrt(len(truth))
    error, exact = (each.reshape(side, side) for each in (values - truth, truth))
    axes = (1,) if equation == "heat" else (0, 1)
    slopes = [math.sqrt(sum(float((np.diff(each, axis=axis) ** 2).mean()) for axis in axes)) for each in (error, exact)]
    return float(np.linalg.norm(error) / np.linalg.norm(exact)), slopes[0] / slopes[1]


def equation(
    source: str,
    coords: str = "stretch",
    *,
    nodes: int = 33,
    noise: float = 0.0,
    data_seed: int = 0,
    strong_form: bool = False,
) -> EquationTask:
    """Solve Poisson's or the heat equation on [−1, 1]² in weak form, tested with hat functions on n×n nodes.

    The residual is measured in the dual norm (arXiv 2308.16910); integrals of the network are those of its interpolant, so that
    there are no derivatives.  The solution is random by ``data_seed``, of largest value 1.

    Parameters
    ----------
    source : "poisson" or "heat"
    coords : as ``pixel_coordinates`` takes them; the domain is square
    nodes : n of an axis, 5 to 65
    noise : as ``add_noise`` takes it, of the whitened load and boundary data
    strong_form : refused

    Raises
    ------
    ValueError
        For another equation, number of nodes or noise, and for the strong form, with the reason.
    """
    require_one_of("equation", source)
    if strong_form:
        raise ValueError(STRONG)
    if not 5 <= nodes <= MOST_NODES:
        raise ValueError(f"An equation is tested on 5 to {MOST_NODES} nodes of an axis; got nodes={nodes}.")
    system, solution = EQUATIONS[source](nodes, data_seed)
    matrix, load = residuals(system, nodes)
    fine = grid_coordinates((FINER * (nodes - 1) + 1,) * 2, (1.0, 1.0))
    truth = solution(*fine.numpy().T)[:, None]
    measured = torch.from_numpy(load[:, None])
    return EquationTask(
        coordinates=pixel_coordinates(nodes, nodes, coords),
        measurements=add_noise(measured, noise, data_seed),
        noise_std=noise_std(measured, noise),
        notes=noise_notes(noise),
        grid=fine,
        truth=torch.from_numpy(truth),
        operator=Matrix(matrix),
        source=f"{source}, data seed {data_seed}",
        sha256=hashlib.sha256(truth.tobytes()).hexdigest(),
        equation=source,
        nodes=nodes,
        data_seed=data_seed,
    )


def _largest(solution: Solution) -> float:
    x, y = np.meshgrid(*(np.linspace(-1, 1, 129),) * 2)
    return float(np.abs(solution(x, y)).max())
