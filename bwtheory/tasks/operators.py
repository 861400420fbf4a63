"""Forward operators of inverse problems, the linear ones each with its exact adjoint.

An image is a tensor of values (N, C), N = H·W pixels row by row; measurements are (M, C).  With the adjoint at hand, the
gradient of ½‖A·values − data‖² is ``adjoint(forward(values) − data)``, and nothing here goes through a caller's autograd.
"""

from __future__ import annotations

import copy
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn.functional import grid_sample

SPARSE_ENTRIES = 2**26  # largest matrix that method="auto" builds: with its transpose 1.1 GB in float32, 1.6 GB in float64
TOLERANCE = 1e-4  # of ‖A − Bᵀ‖ relative to ‖A‖, Frobenius norms: 1700 roundings to float32
SAMPLES_AT_ONCE = 2**19  # in one matrix-free chunk of at least one angle: some 150 MB for 3 channels in float64


class Operator(ABC):
    """A differentiable map of images to measurements.  A subclass defines ``_forward`` and ``_pull``.

    Attributes
    ----------
    shape : (H, W) of the image
    measurements : M
    dtype, device : of the tensors it takes and returns; float64 on the CPU until ``to`` changes it
    """

    def __init__(self, shape: tuple[int, int], measurements: int):
        self.shape, self.measurements = _image_shape(shape), measurements
        self.dtype, self.device = torch.float64, torch.device("cpu")

    @torch.no_grad()
    def forward(self, values: Tensor) -> Tensor:
        """Measurements (M, C) of values (N, C); ValueError for another shape or dtype."""
        return self._forward(self._checked(values, math.prod(self.shape), "values"))

    @torch.no_grad()
    def pull(self, values: Tensor, measurements: Tensor) -> Tensor:
        """The transposed derivative at values (N, C), of measurements: (N, C); ValueError for another shape or dtype."""
        values = self._checked(values, math.prod(self.shape), "values")
        return self._pull(values, self._checked(measurements, self.measurements, "measurements"))

    __call__ = forward

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """This operator for float32 or float64 tensors on a device.  Weights once rounded to float32 stay rounded."""
        moved = copy.copy(self)
        moved.device = self.device if device is None else torch.device(device)
        moved.dtype = self.dtype if dtype is None else dtype
        if moved.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"An operator is torch.float32 or torch.float64; got {dtype}.")
        return moved

    @abstractmethod
    def _forward(self, values: Tensor) -> Tensor: ...

    @abstractmethod
    def _pull(self, values: Tensor, measurements: Tensor) -> Tensor: ...

    def _checked(self, tensor: Tensor, rows: int, name: str) -> Tensor:
        if tensor.ndim != 2 or len(tensor) != rows or tensor.dtype != self.dtype:
            raise ValueError(
                f"The operator takes {name} ({rows}, C) in {self.dtype}; got {tuple(tensor.shape)} in {tensor.dtype}."
            )
        return tensor


class LinearOperator(Operator):
    """A linear map of images to measurements.  A subclass defines ``_forward`` and ``_adjoint``."""

    @torch.no_grad()
    def adjoint(self, measurements: Tensor) -> Tensor:
        """The transpose: (N, C) of measurements (M, C); ValueError for another shape or dtype."""
        return self._adjoint(self._checked(measurements, self.measurements, "measurements"))

    def _pull(self, values: Tensor, measurements: Tensor) -> Tensor:
        return self._adjoint(measurements)

    @abstractmethod
    def _adjoint(self, measurements: Tensor) -> Tensor: ...


def require_adjoint(operator: LinearOperator, name: str, channels: int = 1) -> None:
    """ValueError unless an operator is linear and its adjoint is its transpose, to ``TOLERANCE``, for three random pairs."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        x = torch.randn(math.prod(operator.shape), channels, generator=generator, dtype=operator.dtype)
        y = torch.randn(operator.measurements, channels, generator=generator, dtype=operator.dtype)
        measured, back = operator.forward(x), operator.adjoint(y)
        gap = float(((measured * y).sum() - (x * back).sum()).abs())
        # ⟨Ax, y⟩ − ⟨x, By⟩ has the standard deviation ‖A − Bᵀ‖, and ‖Ax‖ is about ‖A‖.
        if not gap <= TOLERANCE * float(measured.norm()):
            raise ValueError(
                f"{name} is not linear, or its adjoint (A_adjoint, rmatvec) is not the adjoint of the map (A, matvec): "
                f"⟨Ax, y⟩ − ⟨x, Aᵀy⟩ is {gap:.2g}, more than {TOLERANCE:g} of ‖Ax‖ = {float(measured.norm()):.4g}."
            )


class Matrix(LinearOperator):
    """A dense real matrix (M, N), of values (N, C) that are no image: its shape is (N, 1)."""

    def __init__(self, matrix: np.ndarray):
        super().__init__((matrix.shape[1], 1), len(matrix))
        self._matrix = torch.from_numpy(np.ascontiguousarray(matrix, dtype=np.float64))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        moved = super().to(device, dtype)
        moved._matrix = self._matrix.to(moved.device, moved.dtype)
        return moved

    def _forward(self, values: Tensor) -> Tensor:
        return self._matrix @ values

    def _adjoint(self, measurements: Tensor) -> Tensor:
        return self._matrix.T @ measurements


class BlockAverage(LinearOperator):
    """Means of non-overlapping factor×factor blocks, row by row: the camera of super-resolution.

    Raises
    ------
    ValueError
        If factor < 1, or a side is no multiple of it.
    """

    def __init__(self, shape: tuple[int, int], factor: int):
        height, width = _image_shape(shape)
        if factor < 1 or height % factor or width % factor:
            raise ValueError(f"Blocks have a factor >= 1 that divides both sides; got factor={factor} for {height}×{width}.")
        super().__init__(shape, (height // factor) * (width // factor))
        self.factor = factor

    def _forward(self, values: Tensor) -> Tensor:
        (height, width), f = self.shape, self.factor
        return values.reshape(height // f, f, width // f, f, -1).mean(dim=(1, 3)).flatten(0, 1)

    def _adjoint(self, measurements: Tensor) -> Tensor:
        (height, width), f = self.shape, self.factor
        blocks = (measurements / f**2).reshape(height // f, 1, width // f, 1, -1)
        return blocks.expand(-1, f, -1, f, -1).reshape(height * width, -1)


class Sampling(LinearOperator):
    """The values of some pixels, given by their places row by row."""

    def __init__(self, shape: tuple[int, int], places: Tensor):
        super().__init__(shape, len(places))
        self.places = places

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        moved = super().to(device, dtype)
        moved.places = self.places.to(moved.device)
        return moved

    def _forward(self, values: Tensor) -> Tensor:
        return values[self.places]

    def _adjoint(self, measurements: Tensor) -> Tensor:
        zeros = measurements.new_zeros(math.prod(self.shape), measurements.shape[1])
        return zeros.index_add_(0, self.places, measurements)


class Rows(LinearOperator):
    """Some of another operator's measurements, given by their numbers."""

    def __init__(self, whole: LinearOperator, rows: Tensor):
        super().__init__(whole.shape, len(rows))
        self.whole, self.rows = whole, rows
        self.dtype, self.device = whole.dtype, whole.device

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        moved = super().to(device, dtype)
        moved.whole, moved.rows = self.whole.to(device, dtype), self.rows.to(moved.device)
        return moved

    def _forward(self, values: Tensor) -> Tensor:
        return self.whole(values)[self.rows]

    def _adjoint(self, measurements: Tensor) -> Tensor:
        zeros = measurements.new_zeros(self.whole.measurements, measurements.shape[1])
        return self.whole.adjoint(zeros.index_add_(0, self.rows, measurements))


class ParallelBeam(LinearOperator):
    """Parallel-beam Radon transform: the image, rotated bilinearly and zero outside, summed along columns.

    Frame coordinates (x, y) sample the image at R(x, y), a rotation by the angle about the two centres, in the sense of
    ``skimage.transform.radon``.  A bin is a column x; measurements are ordered (angle, bin).

    Parameters
    ----------
    shape : (H, W)
    angles : degrees, at least one
    frame : ``"full"`` is ``skimage.transform.radon(circle=False)``, to (161·bins + 8)·bins·2⁻⁵³ for float64 values in
        [−1, 1]: a square frame with the diagonal of the longer side's square, which nothing leaves but part of the corner
        pixels' footprints.
        ``"image"`` is the image's own H×W frame about ((W−1)/2, (H−1)/2), as in the published code: W bins, and what
        rotates out is lost, at 90° a quarter of a 4:3 image.
        ``"circle"`` is ``skimage.transform.radon(circle=True)``, as accurately: an n×n image, n bins, the axis in the pixel
        n//2; it is meant for what lies in the inscribed circle, and loses the corners.
    method : ``"sparse"`` stores the matrix and its transpose; ``"matrix-free"`` rotates at every call, in bounded memory,
        with the accuracy of the rotated coordinates (in float32 some 1e-5 pixels at 400×400) and, on CUDA, atomic sums
        in its adjoint; ``"auto"`` is sparse up to about ``SPARSE_ENTRIES`` entries.

    Attributes
    ----------
    angles : degrees, as floats
    bins : per angle, so that M = len(angles)·bins
    frame, method : as above; the method is the one chosen

    Raises
    ------
    ValueError
        If there are no angles, one is not finite, the frame or method is none of these, or the frame is "circle" and the
        image is not square.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        angles: Sequence[float] | np.ndarray | Tensor,
        frame: str = "full",
        method: str = "auto",
    ):
        degrees = np.asarray(angles, dtype=np.float64)
        if degrees.ndim != 1 or not degrees.size or not np.isfinite(degrees).all():
            raise ValueError(f"Angles are a sequence of one or more finite numbers; got {angles!r}.")
        if frame not in ("full", "image", "circle"):
            raise ValueError(f"A frame is 'full', 'image' or 'circle'; got {frame!r}.")
        if method not in ("auto", "sparse", "matrix-free"):
            raise ValueError(f"A method is 'auto', 'sparse' or 'matrix-free'; got {method!r}.")

        height, width = _image_shape(shape)
        if frame == "full":
            longest = max(height, width)
            # scikit-image's own expressions, rounding included.
            self.bins = self._rows = longest + math.ceil(math.sqrt(2) * longest - longest)
            self._frame_center = (float(self.bins // 2),) * 2
            self._image_center = float(width // 2), float(height // 2)
        else:
            if frame == "circle" and height != width:
                raise ValueError(f"In the frame 'circle' an image is square; got {height}×{width}.")
            self._rows, self.bins = height, width
            center = (width - 1) / 2, (height - 1) / 2
            self._frame_center = self._image_center = (float(width // 2),) * 2 if frame == "circle" else center
        super().__init__((height, width), degrees.size * self.bins)
        self.angles, self.frame = tuple(degrees.tolist()), frame
        radians = np.deg2rad(degrees)
        self._rotations = [(float(c), float(s)) for c, s in zip(np.cos(radians), np.sin(radians))]

        if method == "auto":
            method = "sparse" if self._estimated_entries() <= SPARSE_ENTRIES else "matrix-free"
        self.method = method
        if method == "sparse":
            matrix = sparse.vstack([self._projection(c, s) for c, s in self._rotations], format="csr")
            self._matrix, self._transpose = to_torch(matrix), to_torch(matrix.T.tocsr())

    def sinogram(self, measurements: Tensor) -> Tensor:
        """Measurements (M, C) as (angles, bins, C)."""
        return measurements.reshape(len(self.angles), self.bins, -1)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        moved = super().to(device, dtype)
        if moved.device.type not in ("cpu", "cuda"):  # torch has no products with sparse matrices there
            moved.method = "matrix-free"
        elif self.method == "sparse":
            moved._matrix = moved_matrix(self._matrix, moved.device, moved.dtype)
            moved._transpose = moved_matrix(self._transpose, moved.device, moved.dtype)
        return moved

    def _forward(self, values: Tensor) -> Tensor:
        if self.method == "sparse":
            return self._matrix @ values
        image = values.T.reshape(1, -1, *self.shape)
        projections = [self._project(image, rotations) for rotations in self._chunks()]
        return torch.cat(projections, dim=1).permute(1, 2, 0).flatten(0, 1)

    def _adjoint(self, measurements: Tensor) -> Tensor:
        if self.method == "sparse":
            return self._transpose @ measurements
        parts = self.sinogram(measurements).permute(2, 0, 1).split(self._angles_at_once(), dim=1)
        # The map is linear: its vector-Jacobian product, at any image, is the adjoint.
        with torch.inference_mode(False), torch.enable_grad():
            image = torch.zeros(1, measurements.shape[1], *self.shape, dtype=self.dtype, device=measurements.device)
            image.requires_grad_()
            total = torch.zeros_like(image, requires_grad=False)
            for rotations, part in zip(self._chunks(), parts):
                total += torch.autograd.grad(self._project(image, rotations), image, part)[0]
        return total.flatten(2)[0].T.contiguous()

    def _angles_at_once(self) -> int:
        return max(1, SAMPLES_AT_ONCE // (self._rows * self.bins))

    def _chunks(self) -> Iterator[list[tuple[float, float]]]:
        for start in range(0, len(self._rotations), self._angles_at_once()):
            yield self._rotations[start : start + self._angles_at_once()]

    def _project(self, image: Tensor, rotations: list[tuple[float, float]]) -> Tensor:
        """Projections (C, angles, bins) of an image (1, C, H, W)."""
        cos, sin = torch.tensor(rotations, dtype=image.dtype, device=image.device).T[:, :, None, None]
        x = torch.arange(self.bins, dtype=image.dtype, device=image.device) - self._frame_center[0]
        y = torch.arange(self._rows, dtype=image.dtype, device=image.device)[:, None] - self._frame_center[1]
        height, width = self.shape
        # align_corners=True would divide by W − 1, which is zero for a side of one pixel; these are the same samples.
        across = (2 * (cos * x + sin * y + self._image_center[0]) + 1) / width - 1
        down = (2 * (cos * y - sin * x + self._image_center[1]) + 1) / height - 1
        grid = torch.stack([across, down], dim=-1).reshape(1, -1, self.bins, 2)
        rotated = grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return rotated.reshape(-1, len(rotations), self._rows, self.bins).sum(dim=2)

    def _projection(self, cos: float, sin: float) -> sparse.csr_array:
        """The matrix (bins, N) of one angle, from the pixels' side, so that no entry comes twice.

        A pixel at (u, v) in the frame has weight Λ(cos a + sin b)·Λ(cos b − sin a) in the sample (u + a, v + b), with the
        hat Λ(t) = max(0, 1 − |t|).  It is zero unless |a|, |b| < |cos| + |sin| <= √2: at most 3 bins and 3 rows.
        """
        height, width = self.shape
        dx = np.arange(width) - self._image_center[0]
        dy = (np.arange(height) - self._image_center[1])[:, None]
        u = (cos * dx - sin * dy + self._frame_center[0]).reshape(-1)
        v = (sin * dx + cos * dy + self._frame_center[1]).reshape(-1)
        reach = abs(cos) + abs(sin)
        candidates = np.arange(1, 4)[:, None]
        bins, rows = np.floor(u - reach) + candidates, np.floor(v - reach) + candidates
        cos_a, sin_a = cos * (bins - u), sin * (bins - u)
        weights = np.zeros_like(bins)
        for row in rows:
            b = row - v
            weights += _hat(cos_a + sin * b) * _hat(cos * b - sin_a) * ((row >= 0) & (row < self._rows))
        kept = (weights > 0) & (bins >= 0) & (bins < self.bins)
        pixels = np.broadcast_to(np.arange(height * width, dtype=np.int32), kept.shape)
        places = bins[kept].astype(np.int32), pixels[kept]
        return sparse.coo_array((weights[kept], places), shape=(self.bins, height * width)).tocsr()

    def _estimated_entries(self) -> int:
        """Σ N·2(|cos θ| + |sin θ|): as many bins as footprints are long.  Samples meet 70 to 90 % of them."""
        return math.ceil(math.prod(self.shape) * sum(2 * (abs(c) + abs(s)) for c, s in self._rotations))


def _image_shape(shape: tuple[int, int]) -> tuple[int, int]:
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"An image has a shape (H, W) with sides >= 1; got {shape!r}.")
    return int(shape[0]), int(shape[1])


def _hat(t: np.ndarray) -> np.ndarray:
    hat: np.ndarray = np.maximum(0, 1 - np.abs(t))
    return hat


def to_torch(matrix: sparse.csr_array) -> Tensor:
    """A torch CSR tensor on the same memory; SciPy's indices are int32 wherever the number of entries allows."""
    return _csr(torch.from_numpy(matrix.indptr), torch.from_numpy(matrix.indices), torch.from_numpy(matrix.data), matrix.shape)


def moved_matrix(matrix: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A CSR tensor on a device, with entries of a dtype."""
    rows, columns = matrix.crow_indices().to(device), matrix.col_indices().to(device)
    return _csr(rows, columns, matrix.values().to(device, dtype), (matrix.shape[0], matrix.shape[1]))


def _csr(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(rows, columns, values, size=shape, check_invariants=False)
