"""Forward operators: exact adjoints, the geometries they claim, and both methods of the Radon transform."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from seeds import normal
from skimage.transform import radon

from bwtheory.tasks import operators
from bwtheory.tasks.operators import BlockAverage, LinearOperator, ParallelBeam, Rows, Sampling

UNIT = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
SHAPES = [(1, 1), (1, 6), (8, 1), (7, 7), (9, 14), (16, 11)]
ANGLES = [0.0, 17.3, 45.0, 90.0, 121.9, 180.0, -33.0, 275.5]
FRAMES = ["full", "image"]
METHODS = ["sparse", "matrix-free"]


def rounding(size: int, dtype: torch.dtype = torch.float64) -> float:
    """What two evaluations of one projection may differ by, for |values| <= 1 in a frame of this many rows and columns.

    A coordinate is made of at most 8 rounded operations on numbers below 2.5·size, thus off by 20·size·u; bilinear
    interpolation changes by at most 2 for each pixel along either axis, and two codes have two axes each: 160·size·u for
    one sample.  A bin sums size samples; weights and summation add (size + 8)·u for each of these.
    """
    return (161 * size + 8) * size * UNIT[dtype]


def every_operator() -> list:
    cases = [
        pytest.param(lambda s=s, f=f, m=m: ParallelBeam(s, ANGLES, f, m), id=f"{f}-{m}-{s[0]}x{s[1]}")
        for s in SHAPES
        for f in FRAMES
        for m in METHODS
    ]
    cases += [
        pytest.param(lambda n=n, m=m: ParallelBeam((n, n), ANGLES, "circle", m), id=f"circle-{m}-{n}")
        for n in (1, 7, 12)
        for m in METHODS
    ]
    blocks = [((1, 1), 1), ((6, 9), 3), ((8, 12), 4), ((5, 7), 1)]
    cases += [pytest.param(lambda b=b: BlockAverage(*b), id=f"blocks-{b[0][0]}x{b[0][1]}") for b in blocks]
    cases += [pytest.param(lambda p=p: Sampling((4, 5), torch.tensor(p)), id=f"pixels-{len(p)}") for p in ([7], [19, 0, 3])]
    return cases + [pytest.param(lambda: Rows(ParallelBeam((5, 6), ANGLES), torch.tensor([11, 2, 40])), id="rows")]


def adjoint_gap(operator: LinearOperator, adjoint: LinearOperator, channels: int) -> tuple[float, float]:
    """|⟨Ax, y⟩ − ⟨x, Bᵀy⟩| and its bound for B = A.

    All weights are nonnegative, so either product is off by at most its number of operations times u·⟨A|x|, |y|⟩: N + M
    additions and a few operations on each weight.
    """
    x, y = normal(math.prod(operator.shape), channels), normal(operator.measurements, channels, seed=1)
    gap = ((operator(x) * y).sum() - (x * adjoint.adjoint(y)).sum()).abs()
    operations = sum(x.shape) + sum(y.shape) + 16
    bound = 2 * operations * UNIT[torch.float64] * (operator(x.abs()) * y.abs()).sum()
    return float(gap), float(bound)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("make", every_operator())
def test_adjoint_is_the_transpose(make, channels):
    operator = make()
    gap, bound = adjoint_gap(operator, operator, channels)
    assert gap <= bound


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("method", METHODS)
def test_the_adjoint_of_another_angle_is_told_apart(frame, method):
    operator, other = (ParallelBeam((9, 14), [*ANGLES[:-1], last], frame, method) for last in (275.5, 275.6))
    gap, bound = adjoint_gap(operator, other, 3)
    assert gap > 1e6 * bound


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("frame", FRAMES)
def test_sparse_and_matrix_free_are_the_same_map(shape, frame):
    x = normal(math.prod(shape), 3).clamp(-1, 1)
    stored, rotated = (ParallelBeam(shape, ANGLES, frame, method) for method in METHODS)
    assert (stored(x) - rotated(x)).abs().max() <= rounding(max(stored.bins, *shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", METHODS)
def test_full_frame_is_scikit_image(shape, method):
    image = normal(*shape).clamp(-1, 1)
    operator = ParallelBeam(shape, ANGLES, "full", method)
    expected = radon(image.numpy(), ANGLES, circle=False)
    found = operator.sinogram(operator(image.reshape(-1, 1)))[..., 0].T.numpy()
    assert found.shape == expected.shape == (operator.bins, len(ANGLES))
    assert np.abs(found - expected).max() <= rounding(operator.bins)


@pytest.mark.parametrize("side", [2, 7, 12])
@pytest.mark.parametrize("method", METHODS)
def test_circle_frame_is_scikit_image(side, method):
    """Corners included: scikit-image warns, and projects what it can."""
    image = normal(side, side).clamp(-1, 1)
    operator = ParallelBeam((side, side), ANGLES, "circle", method)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Radon transform: image must be zero outside")
        expected = radon(image.numpy(), ANGLES, circle=True)
    found = operator.sinogram(operator(image.reshape(-1, 1)))[..., 0].T.numpy()
    assert found.shape == expected.shape == (side, len(ANGLES))
    assert np.abs(found - expected).max() <= rounding(side)


@pytest.mark.parametrize("longest", [1, 2, 29, 70, 99, 169, 408, 435, 512, 985, 1393])
def test_full_frame_has_the_size_of_scikit_image(longest):
    assert ParallelBeam((1, longest), [0.0], "full", "matrix-free").bins == len(
        radon(np.zeros((1, longest)), [0.0], circle=False)
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", METHODS)
def test_image_frame_is_rotation_within_the_image(shape, method):
    """Against SciPy, whose mode "grid-constant" interpolates with zeros beyond the edge as zero padding does."""
    image = normal(*shape).clamp(-1, 1)
    operator = ParallelBeam(shape, ANGLES, "image", method)
    found = operator.sinogram(operator(image.reshape(-1, 1)))[..., 0].numpy()
    (height, width), center = shape, (np.array(shape)[:, None, None] - 1) / 2
    y, x = np.mgrid[:height, :width] - center
    for projection, angle in zip(found, np.deg2rad(ANGLES)):
        cos, sin = np.cos(angle), np.sin(angle)
        samples = np.stack([cos * y - sin * x, cos * x + sin * y]) + center
        rotated = map_coordinates(image.numpy(), samples, order=1, mode="grid-constant")
        assert np.abs(projection - rotated.sum(axis=0)).max() <= rounding(max(shape))


def test_image_frame_turns_as_scikit_image_does():
    """An odd square has the same centre in both; scikit-image's circle=True is then rotation within the image, too."""
    y, x = np.mgrid[-7:8, -7:8]
    image = np.where(x**2 + y**2 <= 49, normal(15, 15).clamp(-1, 1).numpy(), 0)
    operator = ParallelBeam((15, 15), ANGLES, "image")
    found = operator.sinogram(operator(torch.from_numpy(image).reshape(-1, 1)))[..., 0].T.numpy()
    assert np.abs(found - radon(image, ANGLES, circle=True)).max() <= rounding(15)


@pytest.mark.parametrize("shape", SHAPES)
def test_image_frame_ends_in_the_mirror_image(shape):
    operator = ParallelBeam(shape, np.linspace(0, 180, 5), "image")
    image = normal(math.prod(shape), 2).clamp(-1, 1)
    sinogram = operator.sinogram(operator(image))
    bound = rounding(max(shape))
    assert (sinogram[0] - image.reshape(*shape, 2).sum(dim=0)).abs().max() <= bound
    assert (sinogram[0] - sinogram[-1].flip(0)).abs().max() <= bound


def test_image_frame_loses_a_quarter_of_a_4_to_3_image_at_a_right_angle():
    operator = ParallelBeam((30, 40), [0.0, 90.0], "image")
    upright, lying = operator.sinogram(operator(torch.ones(1200, 1, dtype=torch.float64))).sum(dim=(1, 2)).tolist()
    # At 90° the 40×30 image lies in a frame of 30 rows; half-pixel centres put samples exactly on pixels.
    assert upright == pytest.approx(1200, rel=1e-12)
    assert lying == pytest.approx(900, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_full_frame_keeps_the_mass(method):
    """Samples of a turned grid meet a pixel's hat with total weight 1 only on average, and exactly at right angles.

    The hat has a nonnegative Fourier transform sinc²·sinc², so by Poisson summation the total over the grid is 1 + a series
    that is largest in size, δ(θ), for a pixel on a sample: δ(θ) = Σ_{n≠0} Λ(n₁ cos θ + n₂ sin θ)·Λ(n₂ cos θ − n₁ sin θ).
    A black border keeps the footprints of corner pixels in the frame.
    """
    image = np.pad(normal(9, 14).clamp(-1, 1).numpy(), 2)
    angles = [*ANGLES, -90.0, 360.0, 30.0, 60.0]
    operator = ParallelBeam(image.shape, angles, "full", method)
    masses = operator.sinogram(operator(torch.from_numpy(image).reshape(-1, 1))).sum(dim=(1, 2))
    for mass, angle in zip(masses.tolist(), np.deg2rad(angles)):
        cos, sin = np.cos(angle), np.sin(angle)
        n = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)])
        hats = np.maximum(0, 1 - np.abs(n @ [[cos, -sin], [sin, cos]])).prod(axis=1)
        assert abs(mass - image.sum()) <= hats.sum() * np.abs(image).sum() + operator.bins * rounding(operator.bins)


def test_mass_at_a_right_angle_is_exact():
    """δ = 0: nothing but rounding, also for pixels in the corners."""
    image = normal(9 * 14, 1).clamp(-1, 1)
    operator = ParallelBeam((9, 14), [0.0, 90.0, 180.0, 270.0], "full")
    masses = operator.sinogram(operator(image)).sum(dim=(1, 2))
    assert (masses - image.sum()).abs().max() <= operator.bins * rounding(operator.bins)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("method", METHODS)
def test_float32_is_float64_rounded(frame, method):
    exact = ParallelBeam((16, 11), ANGLES, frame, method)
    rounded = exact.to("cpu", torch.float32)
    assert (exact.dtype, rounded.dtype) == (torch.float64, torch.float32)
    x, y = normal(16 * 11, 3).clamp(-1, 1).float(), normal(exact.measurements, 3).float()
    size = max(exact.bins, 16)
    assert rounded(x).dtype == rounded.adjoint(y).dtype == torch.float32
    assert (rounded(x) - exact(x.double())).abs().max() <= rounding(size, torch.float32)
    if method == "sparse":
        # Weights are rounded once: the error is that of a sum of nonnegative terms, at most 3 bins for each angle.
        bound = (3 * len(ANGLES) + 2) * UNIT[torch.float32] * exact.adjoint(y.abs().double())
        assert ((rounded.adjoint(y) - exact.adjoint(y.double())).abs() <= bound).all()


def test_block_average():
    image = torch.arange(24.0, dtype=torch.float64).reshape(4, 6)
    operator = BlockAverage((4, 6), 2)
    assert operator.measurements == 6
    assert operator(image.reshape(-1, 1))[:, 0].tolist() == [3.5, 5.5, 7.5, 15.5, 17.5, 19.5]
    single = operator.to(dtype=torch.float32)
    assert single(image.float().reshape(-1, 1)).dtype == torch.float32
    assert torch.equal(BlockAverage((4, 6), 1)(image.reshape(-1, 1)), image.reshape(-1, 1))


def test_chunks_of_angles_change_nothing(monkeypatch):
    operator = ParallelBeam((9, 14), ANGLES, "image", "matrix-free")
    x, y = normal(9 * 14, 3), normal(operator.measurements, 3)
    whole = operator(x), operator.adjoint(y)
    monkeypatch.setattr(operators, "SAMPLES_AT_ONCE", 3 * 9 * 14)  # 3, 3 and 2 angles
    assert torch.equal(operator(x), whole[0])
    # The chunks' sums over angles are rounded apart: at most 3·3 samples of each angle meet a pixel.
    bound = 2 * 9 * len(ANGLES) * UNIT[torch.float64] * operator.adjoint(y.abs())
    assert ((operator.adjoint(y) - whole[1]).abs() <= bound).all()


@pytest.mark.parametrize("frame", FRAMES)
def test_auto_stores_a_matrix_up_to_the_stated_size(monkeypatch, frame):
    assert ParallelBeam((20, 27), ANGLES, frame).method == "sparse"
    entries = ParallelBeam((20, 27), ANGLES, frame, "sparse")._matrix._nnz()
    monkeypatch.setattr(operators, "SPARSE_ENTRIES", entries // 2)
    assert ParallelBeam((20, 27), ANGLES, frame).method == "matrix-free"
    monkeypatch.setattr(operators, "SPARSE_ENTRIES", 2 * entries)
    assert ParallelBeam((20, 27), ANGLES, frame).method == "sparse"


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_flows_and_inference_mode_works(method):
    operator = ParallelBeam((5, 6), [10.0, 100.0], method=method)
    x = normal(30, 2)
    assert not operator(x.clone().requires_grad_()).requires_grad
    y = operator(x)
    with torch.inference_mode():
        assert torch.equal(operator.adjoint(operator(x)), operator.adjoint(y))


def test_sinogram_is_ordered_by_angle_and_bin():
    operator = ParallelBeam((4, 6), [0, 90], "image")
    assert (operator.shape, operator.bins, operator.angles, operator.measurements) == ((4, 6), 6, (0.0, 90.0), 12)
    measurements = torch.arange(24).reshape(12, 2)
    assert operator.sinogram(measurements).shape == (2, 6, 2)
    assert operator.sinogram(measurements)[1, 2].tolist() == [16, 17]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: BlockAverage((8, 10), 4), "factor=4 for 8×10"),
        (lambda: BlockAverage((8, 8), 0), "factor >= 1"),
        (lambda: BlockAverage((0, 8), 1), r"sides >= 1; got \(0, 8\)"),
        (lambda: ParallelBeam((4, 4), []), "one or more finite"),
        (lambda: ParallelBeam((4, 4), [0.0, math.nan]), "finite numbers; got .*nan"),
        (lambda: ParallelBeam((4, 4), [math.inf]), "finite numbers; got .*inf"),
        (lambda: ParallelBeam((4, 4), [[0.0]]), "sequence"),
        (lambda: ParallelBeam((4, 4), [0.0], frame="square"), "'full', 'image' or 'circle'; got 'square'"),
        (lambda: ParallelBeam((4, 5), [0.0], frame="circle"), "an image is square; got 4×5"),
        (lambda: ParallelBeam((4, 4), [0.0], method="dense"), "'sparse' or 'matrix-free'; got 'dense'"),
        (lambda: BlockAverage((4, 4), 2).to("cpu", torch.float16), "got torch.float16"),
        (lambda: BlockAverage((4, 4), 2)(normal(15, 1)), r"values \(16, C\) in torch.float64; got \(15, 1\)"),
        (lambda: BlockAverage((4, 4), 2)(normal(16)), r"got \(16,\)"),
        (lambda: BlockAverage((4, 4), 2).adjoint(normal(4, 1).float()), r"measurements \(4, C\).* in torch.float32"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("method", METHODS)
def test_cuda_is_the_cpu(method):
    on_cpu = ParallelBeam((16, 11), ANGLES, "full", method)
    on_gpu = on_cpu.to("cuda")
    x = normal(16 * 11, 3).clamp(-1, 1)
    assert (on_gpu(x.cuda()).cpu() - on_cpu(x)).abs().max() <= rounding(on_cpu.bins)
    gap, bound = (on_gpu.adjoint(on_gpu(x.cuda())).cpu() - on_cpu.adjoint(on_cpu(x))).abs().max(), rounding(on_cpu.bins)
    # Aᵀ after A: the bins' errors, weighted by at most 3 bins of weight <= 2 for each angle, and Aᵀ's own.
    assert gap <= 2 * 6 * len(ANGLES) * on_cpu.bins * bound


def test_rows_and_pixels_are_the_ones_named():
    whole = ParallelBeam((5, 6), ANGLES)
    x = normal(30, 2)
    rows = torch.tensor([11, 2, 40])
    assert torch.equal(Rows(whole, rows)(x), whole(x)[rows])
    assert torch.equal(Sampling((5, 6), torch.tensor([29, 1]))(x), x[[29, 1]])
