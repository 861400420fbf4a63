"""Linear maps of other libraries as operators: SciPy's, matrices, and objects with ``A`` and ``A_adjoint`` like deepinv's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import LinearOperator as SciPyLinearOperator
from scipy.sparse.linalg import aslinearoperator
from torch import Tensor

from bwtheory.tasks.in_memory import as_array
from bwtheory.tasks.operators import LinearOperator, require_adjoint
from bwtheory.tasks.physics import PhysicsOperator


class SciPyOperator(LinearOperator):
    """A real ``scipy.sparse.linalg.LinearOperator`` (M, N) of values (N, C), one column after the other, on the CPU.

    Raises
    ------
    ValueError
        If N is not H·W, values are complex, or ``rmatvec`` is not the transpose of ``matvec``.
    """

    def __init__(self, scipys: SciPyLinearOperator, shape: tuple[int, int]):
        rows, columns = scipys.shape
        if columns != math.prod(shape):
            raise ValueError(f"The operator takes {columns:,} values, and there are {shape[0]:,}×{shape[1]:,} of them.")
        if np.dtype(scipys.dtype or float).kind == "c":
            raise ValueError("The operator has complex values; operators here are real.")
        super().__init__(shape, rows)
        self.scipys = scipys
        require_adjoint(self, type(scipys).__name__)

    def _forward(self, values: Tensor) -> Tensor:
        return self._applied("matmat", values)

    def _adjoint(self, measurements: Tensor) -> Tensor:
        return self._applied("rmatmat", measurements)

    def _applied(self, method: str, columns: Tensor) -> Tensor:
        try:
            values = np.asarray(getattr(self.scipys, method)(columns.cpu().numpy()))
        except (NotImplementedError, TypeError, ValueError) as error:
            what, reason = f"{type(self.scipys).__name__}.{method}", " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{what} does not take numbers {tuple(columns.shape)}: {reason or 'it is not implemented'}. An operator needs "
                "matvec and rmatvec."
            ) from None
        return torch.from_numpy(np.ascontiguousarray(values)).to(columns.device, columns.dtype)


def as_operator(operator: Any, shape: tuple[int, int], channels: int = 1, dtype: torch.dtype = torch.float32) -> LinearOperator:
    """An operator on values (H·W, C).

    Parameters
    ----------
    operator : a ``LinearOperator``; one of SciPy's, a matrix (M, N) of NumPy, SciPy or torch; or an object with ``A`` and
        ``A_adjoint`` as ``PhysicsOperator`` takes it
    shape : (H, W); (N, 1) for N values that are no image
    channels : C
    dtype : that an object with ``A`` and ``A_adjoint`` computes in

    Raises
    ------
    ValueError
        For an operator that takes another number of values, or one whose adjoint is not its adjoint.
    TypeError
        For anything else.
    """
    if isinstance(operator, LinearOperator):
        if math.prod(operator.shape) != math.prod(shape):
            sides = "×".join(map(str, operator.shape))
            raise ValueError(f"The operator takes {sides} values, and there are {math.prod(shape):,}.")
        return operator.to(dtype=torch.float64)
    if hasattr(operator, "A") and hasattr(operator, "A_adjoint"):
        return PhysicsOperator(operator, shape, channels, dtype)
    if isinstance(operator, Tensor | np.ndarray):
        operator = as_array(operator, "The operator")
    if isinstance(operator, SciPyLinearOperator) or sparse.issparse(operator) or _is_matrix(operator):
        return SciPyOperator(aslinearoperator(operator), shape)
    raise TypeError(
        "An operator is a LinearOperator of bwtheory.tasks.operators or of SciPy, a real matrix (M, N), or an object with "
        f"methods A and A_adjoint; got {type(operator).__name__}."
    )


def _is_matrix(operator: Any) -> bool:
    return isinstance(operator, np.ndarray) and operator.ndim == 2 and operator.dtype.kind in "biuf"
