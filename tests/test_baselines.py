"""Baselines: each solves the problem it names, from the measurements alone, and says where it does not."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.polynomial.polynomial import polyval2d
from PIL import Image
from scipy.interpolate import BSpline
from seeds import seeded
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor

import bwtheory.baselines
from bwtheory import IntervalWaveletFamily
from bwtheory.baselines import BASELINES, baselines_of, cgls_iterates, grids
from bwtheory.baselines.baseline import operator_of
from bwtheory.baselines.compression import spline_grid, wavelet_terms
from bwtheory.baselines.grids import _OfGrid, _table_sizes, grid_of_least_variation, hash_grid
from bwtheory.baselines.least_squares import cgls
from bwtheory.baselines.restoration import bicubic, biharmonic, lanczos, non_local_means
from bwtheory.baselines.tomography import FILTERS, filtered_back_projection
from bwtheory.baselines.total_variation import gradient, gradient_adjoint, spectral_norm, total_variation
from bwtheory.tasks import TASKS, build_task
from bwtheory.tasks.images import LoadedImage
from bwtheory.tasks.operators import BlockAverage, LinearOperator, ParallelBeam, require_adjoint
from bwtheory.tasks.task import ImageTask, psnr

EPS = 2.0**-52
TASKS_OF_BASELINES = [(name, task) for name, baseline in BASELINES.items() for task in baseline.tasks]


def task_of(pixels: np.ndarray, operator: LinearOperator | None = None, **options) -> ImageTask:
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return ImageTask.of_pixels(pixels, LoadedImage(pixels, "phantom", "0" * 64), "stretch", operator=operator, **options)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seeded(seed)).uniform(0.1, 0.9, shape)


def blob(height: int, width: int, y: float, x: float, width_of_blob: float = 2.5) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return 0.8 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width_of_blob**2))


def blocky(height: int, width: int) -> np.ndarray:
    image = np.full((height, width), 0.3)
    image[height // 4 : 3 * height // 4, width // 3 :] = 0.8
    return image


def ramp(height: int, width: int) -> np.ndarray:
    """A plane in [0.1, 0.9], 0.01 steep or less along both axes for sides up to 40."""
    rows, columns = np.mgrid[:height, :width]
    return 0.1 + 0.01 * rows + 0.008 * columns


def solve(name: str, task: ImageTask) -> Tensor:
    baseline = BASELINES[name]
    settings = [baseline.setting.start] if baseline.setting else []
    sized = {"parameters": budget_of(task)} if baseline.sized else {}
    return baseline.solve(task, *settings, **sized)


def budget_of(task: ImageTask) -> int:
    """A third of the measurements, or what the smallest hash grid takes, for super-resolution."""
    return max(task.measurements.numel() // 3, 300)


# The table of baselines


@pytest.mark.parametrize("name, problem", TASKS_OF_BASELINES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_baseline_works_from_the_measurements_alone(name, problem, channels, tmp_path, monkeypatch):
    monkeypatch.setattr(grids, "STEPS", 3)
    path = tmp_path / "picture.png"
    Image.fromarray(np.round(255 * random(21, 26, channels).squeeze()).astype(np.uint8)).save(path)
    task = build_task(problem, str(path), "stretch", {})
    found = solve(name, task)
    assert found.values.shape == task.truth.shape == (math.prod(task.shape), channels)
    assert found.values.dtype == torch.float64 and found.values.isfinite().all() and found.note == ""
    blind = replace(task, truth=torch.full_like(task.truth, math.nan))
    assert torch.equal(solve(name, blind).values, found.values)
    if BASELINES[name].sized:
        assert 0 < found.parameters <= budget_of(task)
    else:
        assert found.parameters in (None, task.measurements.numel())
    if found.function is not None:
        assert torch.allclose(found.function(task.grid), found.values, rtol=0, atol=1e-12)
    other = replace(task, measurements=task.measurements.flip(0))
    assert not torch.equal(solve(name, other).values, found.values)


def test_baselines_by_task():
    assert {name for name, _ in TASKS_OF_BASELINES} == set(BASELINES)
    assert all(TASKS[problem].needs == "image" for _, problem in TASKS_OF_BASELINES)
    assert list(baselines_of("ct")) == ["fbp", "cgls", "tv", "grid-tv", "hash-grid"]
    assert list(baselines_of("signal")) == ["grid-tv", "hash-grid", "grid", "bspline-wavelet"]
    assert baselines_of("audio") == {}
    for baseline in BASELINES.values():
        setting = baseline.setting
        assert setting is None or (setting.start in setting.choices if setting.choices else setting.factor > 1)
    assert len({baseline.label for baseline in BASELINES.values()}) == len(BASELINES)


def test_example_of_the_package_runs():
    results = doctest.testmod(bwtheory.baselines)
    assert results.attempted >= 4 and results.failed == 0


def test_every_channel_is_reconstructed_for_itself_where_stated():
    """Up to rounding."""
    pixels = np.stack([blob(20, 24, 9, 10), blob(20, 24, 12, 15), ramp(20, 24)], axis=-1)
    beam, blocks = ParallelBeam((20, 24), np.arange(0, 180, 6)), BlockAverage((20, 24), 4)
    for method, operator in [(lambda t: filtered_back_projection(t, "ramp"), beam), (bicubic, blocks), (lanczos, blocks)]:
        values = method(task_of(pixels, operator)).values
        alone = [method(task_of(pixels[..., c], operator)).values for c in range(3)]
        assert (values - torch.cat(alone, dim=1)).abs().max() <= 1e-12


# Filtered back-projection


def centroid(image: np.ndarray) -> np.ndarray:
    weights = np.where(image > 0.2, image, 0)  # without the faint streaks far away
    return (np.indices(image.shape) * weights).sum(axis=(1, 2)) / weights.sum()


@pytest.mark.parametrize("shape", [(40, 40), (41, 41), (40, 29), (29, 40), (33, 52), (52, 33), (28, 45), (45, 28)])
def test_fbp_finds_a_blob_where_it_is(shape):
    """A blob 2.5 pixels wide has next to nothing near the sampling limit, so that discretization costs little.

    Shifted by a pixel it is at 33 dB or less, and by a half at 6 dB more, below what is asked for.
    """
    height, width = shape
    image = blob(height, width, 0.35 * height, 0.6 * width)
    task = task_of(image, ParallelBeam(shape, np.arange(0, 180, 2)))
    values = filtered_back_projection(task, "ramp").values
    found = values.numpy().reshape(shape)
    assert np.abs(centroid(found) - centroid(image)).max() < 0.1
    assert psnr(values, task.truth) > 40
    assert psnr(torch.from_numpy(np.roll(found, 1, axis=0)).reshape(-1, 1), task.truth) < 33
    assert psnr(torch.from_numpy(np.roll(found, 1, axis=1)).reshape(-1, 1), task.truth) < 33


def test_fbp_filters_are_ordered_from_sharp_to_smooth():
    task = task_of(blocky(32, 32), ParallelBeam((32, 32), np.arange(0, 180, 3)))
    roughness = [
        float(gradient(filtered_back_projection(task, name).values.reshape(32, 32, 1)).square().sum()) for name in FILTERS
    ]
    assert roughness == sorted(roughness, reverse=True) and len(set(roughness)) == len(FILTERS)


def test_fbp_takes_angles_in_any_order_and_over_any_half_turn():
    image = blob(31, 24, 14, 10)
    angles = np.arange(0, 180, 5.0)
    expected = filtered_back_projection(task_of(image, ParallelBeam((31, 24), angles)), "hann").values
    shuffled = np.random.default_rng(seeded()).permutation(angles)
    found = filtered_back_projection(task_of(image, ParallelBeam((31, 24), shuffled)), "hann").values
    assert (found - expected).abs().max() < 1e-12
    turned = filtered_back_projection(task_of(image, ParallelBeam((31, 24), shuffled - 97.5)), "hann").values
    assert 1e-12 < (turned - expected).abs().max() < 0.01  # other directions of the same blob


@pytest.mark.parametrize(
    "operator, filter_name, message",
    [
        (ParallelBeam((8, 8), [0, 90], frame="image"), "ramp", "whole lines"),
        (ParallelBeam((8, 8), np.linspace(0, 180, 10)), "ramp", "equally spaced modulo 180°; got gaps of 0° to 20°"),
        (ParallelBeam((8, 8), [0, 30, 60]), "ramp", "got gaps of 30° to 120°"),
        (BlockAverage((8, 8), 2), "ramp", "measures something else"),
        (None, "ramp", "measures something else"),
        (ParallelBeam((8, 8), [0, 90]), "Ramp", "no filter 'Ramp'; there are ramp, shepp-logan"),
    ],
)
def test_fbp_refuses_what_it_does_not_invert(operator, filter_name, message):
    with pytest.raises(ValueError, match=message):
        filtered_back_projection(task_of(random(8, 8), operator), filter_name)


# Conjugate gradients


def matrix_of(operator: LinearOperator) -> np.ndarray:
    return operator(torch.eye(math.prod(operator.shape), dtype=torch.float64)).numpy()


def test_cgls_iterates_are_the_best_of_their_krylov_spaces():
    """‖Ax − b‖ over span{c, AᵀAc, …}, c = Aᵀb, by dense least squares, the basis orthonormalized step by step."""
    task = task_of(random(7, 6), ParallelBeam((7, 6), np.arange(0, 180, 30)), noise=0.1)
    A, b = matrix_of(task.operator), task.measurements.numpy()[:, 0]
    basis = (A.T @ b)[:, None] / np.linalg.norm(A.T @ b)
    iterates = cgls_iterates(task, 6)
    assert [k for k, _, _ in iterates] == [1, 2, 3, 4, 5, 6]
    for _, values, residual in iterates:
        best = basis @ np.linalg.lstsq(A @ basis, b, rcond=None)[0]
        assert np.abs(values.numpy()[:, 0] - best).max() < 1e-10
        assert residual == pytest.approx(np.linalg.norm(A @ best - b), rel=1e-10)
        new = A.T @ (A @ basis[:, -1])
        for _ in range(2):
            new = new - basis @ (basis.T @ new)
        basis = np.column_stack([basis, new / np.linalg.norm(new)])
    assert (iterates[4][1] - iterates[5][1]).abs().max() > 1e-4
    assert torch.equal(cgls(task, 6).values, iterates[5][1])


def test_cgls_goes_on_to_the_least_squares_solution_and_ends_there():
    task = task_of(random(5, 4, 3), ParallelBeam((5, 4), np.arange(0, 180, 10)), noise=0.1)
    A = matrix_of(task.operator)
    expected, *_, singular = np.linalg.lstsq(A, task.measurements.numpy(), rcond=None)
    iterates = cgls_iterates(task, 500)
    assert len(iterates) < 500
    # A relative residual of 1e-14 in the normal equations, magnified by their condition number
    bound = 1e-12 * (singular[0] / singular[-1]) ** 2 * np.linalg.norm(expected)
    assert np.linalg.norm(iterates[-1][1].numpy() - expected) <= bound < 1e-6
    residuals = [residual for _, _, residual in iterates]
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in zip(residuals, residuals[1:]))


def test_cgls_of_blocks_repeats_their_pixels():
    """AAᵀ is a multiple of the identity: the first iterate is the pseudoinverse, and the last one."""
    task = task_of(random(8, 12), BlockAverage((8, 12), 4))
    values = cgls(task, 16).values
    assert (values - 16 * task.operator.adjoint(task.measurements)).abs().max() <= 16 * EPS
    assert len(cgls_iterates(task, 16)) <= 2


def test_cgls_needs_an_iteration():
    with pytest.raises(ValueError, match="iterations >= 1; got 0"):
        cgls(task_of(random(4, 4)), 0)


# Total variation


def objective(values: Tensor, task: ImageTask, weight: float) -> float:
    """½‖Ax − b‖²/‖A‖² + weight·TV(x), from the definition and with the norm of a dense matrix."""
    A = operator_of(task)
    norm = np.linalg.norm(matrix_of(A), 2)
    image = values.numpy().reshape(*task.shape, -1)
    down, across = np.zeros_like(image), np.zeros_like(image)
    down[:-1], across[:, :-1] = np.diff(image, axis=0), np.diff(image, axis=1)
    return 0.5 * float((A(values) - task.measurements).square().sum()) / norm**2 + weight * np.hypot(down, across).sum()


def distance_proved(value: float, tolerance: float) -> float:
    """For A = 1 the objective grows at least like ½‖x − x*‖²: what a relative gap allows."""
    return math.sqrt(2 * tolerance * value)


def tv_tasks() -> list[ImageTask]:
    image = np.clip(blocky(12, 15) + 0.1 * (random(12, 15) - 0.5), 0, 1)
    whole = task_of(image, noise=0.05)
    seen = torch.randperm(180, generator=torch.Generator().manual_seed(seeded()))[:70].sort().values
    inpainting = replace(whole, measurements=whole.measurements[seen], seen=seen)
    beam = ParallelBeam((12, 15), np.arange(0, 180, 9))
    return [whole, inpainting, task_of(image, beam, noise=0.01), task_of(image, BlockAverage((12, 15), 3))]


TV_NAMES = ["denoise", "inpaint", "ct", "superres"]


def test_gradient_and_its_transpose():
    image, field = torch.from_numpy(random(5, 7, 2) - 0.5), torch.from_numpy(random(2, 5, 7, 2) - 0.5)
    assert float((gradient(image) * field).sum()) == pytest.approx(float((image * gradient_adjoint(field)).sum()), rel=1e-13)
    plane = torch.from_numpy(ramp(5, 7))[..., None]
    down, across = gradient(plane)
    assert (down[:-1] - 0.01).abs().max() < 1e-15 and (across[:, :-1] - 0.008).abs().max() < 1e-15
    assert not down[-1].any() and not across[:, -1].any()


@pytest.mark.parametrize("operator", [ParallelBeam((9, 7), np.arange(0, 180, 20)), BlockAverage((8, 12), 4)])
def test_spectral_norm(operator):
    expected = np.linalg.norm(matrix_of(operator), 2)
    assert spectral_norm(operator) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("task", tv_tasks(), ids=TV_NAMES)
@pytest.mark.parametrize("weight", [1e-3, 3e-2])
def test_tv_is_as_close_to_its_minimum_as_it_says(task, weight):
    """Nothing in the box lies below (1 − tolerance)·objective: not a solution 100 times as accurate, nor images near it."""
    rough, fine = (total_variation(task, weight, tolerance, 40000) for tolerance in (1e-2, 1e-4))
    assert rough.note == fine.note == ""
    lowest = objective(fine.values, task, weight)
    assert (1 - 1e-4) * lowest <= objective(rough.values, task, weight) <= lowest / (1 - 1e-2)
    assert fine.values.min() >= 0 and fine.values.max() <= 1
    noise = torch.from_numpy(random(*fine.values.shape)) - 0.5
    blurred = fine.values + 0.02 * noise
    smoother = fine.values.mean() + 0.98 * (fine.values - fine.values.mean())
    for other in (blurred, smoother, task.truth):
        assert objective(other.clamp(0, 1), task, weight) > (1 - 1e-4) * lowest
    assert objective(blurred.clamp(0, 1), task, weight) > 1.001 * lowest


def test_tv_says_where_it_has_not_converged():
    task = tv_tasks()[2]
    found = total_variation(task, 1e-3, iterations=20)
    assert found.note.startswith("relative duality gap ") and found.note.endswith(" after 20 iterations")
    gap = float(found.note.split()[3])
    lowest = objective(total_variation(task, 1e-3, 1e-5, 40000).values, task, 1e-3)
    assert objective(found.values, task, 1e-3) * (1 - 1.05 * gap) <= lowest  # the gap is rounded to one digit: up to 5 %
    assert gap > 1e-3


@pytest.mark.parametrize("weight", [0.02, 0.1])
def test_tv_denoising_is_scikit_images(weight):
    """Both lie within √(2·excess) of the minimizer; scikit-image does not know its excess, so ours bounds it."""
    task, tolerance = task_of(np.clip(blocky(16, 19), 0.3, 0.8), noise=0.05), 1e-6
    values = total_variation(task, weight, tolerance, 40000).values
    value = objective(values, task, weight)
    noisy = task.measurements.numpy().reshape(16, 19)
    assert noisy.min() > 0 and noisy.max() < 1  # the box does nothing, as the minimizer keeps the range of the data
    theirs = {
        w: torch.from_numpy(denoise_tv_chambolle(noisy, w, eps=1e-10, max_num_iter=20000)).reshape(-1, 1)
        for w in (weight, 2 * weight)
    }
    excess = objective(theirs[weight], task, weight) - (1 - tolerance) * value
    assert 0 <= excess < 1e-3 * value
    allowed = math.sqrt(2 * excess) + distance_proved(value, tolerance)
    assert float((values - theirs[weight]).norm()) <= allowed
    assert float((values - theirs[2 * weight]).norm()) > 3 * allowed


@pytest.mark.parametrize("shape", [(1, 2), (2, 1)])
@pytest.mark.parametrize("weight, expected", [(0.05, (0.25, 0.65)), (0.2, (0.4, 0.5)), (0.25, (0.45, 0.45)), (5, (0.45, 0.45))])
def test_tv_of_two_pixels(shape, weight, expected):
    """Pixels 0.2 and 0.7 approach each other by the weight each, until they meet."""
    task, tolerance = task_of(np.array([0.2, 0.7]).reshape(shape)), 1e-8
    found = total_variation(task, weight, tolerance)
    assert found.note == ""
    error = float((found.values[:, 0] - torch.tensor(expected, dtype=torch.float64)).norm())
    assert error <= distance_proved(objective(found.values, task, weight), tolerance) + 2e-6  # or 1e-12 per pixel


@pytest.mark.parametrize("axis", [0, 1])
def test_tv_of_a_step_lowers_it_by_the_weight_over_its_width(axis):
    """Plateaus of 3 and 7 pixels across a step of the same length everywhere: each moves by weight/width."""
    step = np.r_[[0.2] * 3, [0.8] * 7]
    image = np.tile(step, (5, 1)) if axis else np.tile(step[:, None], (1, 5))
    expected = np.where(image < 0.5, 0.2 + 0.06 / 3, 0.8 - 0.06 / 7)
    task, tolerance = task_of(image), 1e-8
    found = total_variation(task, 0.06, tolerance, 40000)
    error = float((found.values - torch.from_numpy(expected).reshape(-1, 1)).norm())
    assert found.note == "" and error <= distance_proved(objective(found.values, task, 0.06), tolerance) + 1e-5


def test_tv_of_a_large_weight_is_the_mean():
    task = task_of(random(4, 5, 3))
    found = total_variation(task, 1.0, 1e-6, 40000)
    means = task.measurements.mean(dim=0).expand(20, 3)
    assert found.note == ""
    assert float((found.values - means).norm()) <= distance_proved(objective(found.values, task, 1.0), 1e-6)


def test_tv_keeps_to_the_range_of_images():
    """Below a weight's reach, data outside of [0, 1] are clipped; unclipped ones would be more than 0.1 away."""
    data = np.array([[-0.3, 0.5, 1.4]])
    found = total_variation(replace(task_of(np.clip(data, 0, 1)), measurements=torch.from_numpy(data).reshape(-1, 1)), 0.1)
    assert found.values[:, 0].tolist() == pytest.approx([0, 0.5, 1], abs=0.05)
    assert found.values.min() >= 0 and found.values.max() <= 1


def test_tv_weights_are_relative_to_the_operator():
    class Tripled(LinearOperator):
        def _forward(self, values: Tensor) -> Tensor:
            return 3 * values

        _adjoint = _forward

    image = random(6, 7)
    plain, tripled = (total_variation(task_of(image, op), 0.05, 1e-5, 40000) for op in (None, Tripled((6, 7), 42)))
    assert plain.note == tripled.note == ""
    value = objective(plain.values, task_of(image), 0.05)
    assert float((plain.values - tripled.values).norm()) <= 2 * distance_proved(value, 1e-5)
    assert float((plain.values - total_variation(task_of(image), 0.05 * 3, 1e-5, 40000).values).norm()) > 0.1


@pytest.mark.parametrize("weight", [0, -1, math.inf, math.nan])
def test_tv_refuses_weights(weight):
    with pytest.raises(ValueError, match="finite weight > 0"):
        total_variation(task_of(random(4, 4)), weight)


# Super-resolution


@pytest.mark.parametrize("method, accuracy", [(bicubic, 1e-6), (lanczos, 0.002)])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_resized_planes_are_not_shifted(method, accuracy, factor):
    """Means of a plane are its values at the blocks' centres.  Cubic convolution reproduces planes, in float32; Lanczos'
    kernel nearly.  A shift by half a pixel, along either axis, would be 0.004 or more."""
    shape = (10 * factor, 12 * factor)
    image = ramp(*shape) / factor
    task = task_of(image, BlockAverage(shape, factor))
    found = method(task)
    inside = (slice(3 * factor, -3 * factor),) * 2
    error = np.abs(found.values.numpy().reshape(shape) - image)[inside]
    assert error.max() <= accuracy / factor
    shifted = np.abs(found.values.numpy().reshape(shape)[:-1, :-1] - image[1:, 1:])[inside]
    assert shifted.min() > 0.01 / factor
    assert found.parameters == 120 and found.note == ""


@pytest.mark.parametrize("method", [bicubic, lanczos])
def test_resizing_is_symmetric(method):
    """Turning the image by 180° turns the result: no side is preferred.  float32 sums of 36 products."""
    image = random(12, 20)
    values, turned = (method(task_of(i, BlockAverage((12, 20), 4))).values.numpy() for i in (image, image[::-1, ::-1].copy()))
    assert np.abs(values[::-1] - turned).max() <= 72 * 2.0**-24
    assert np.abs(values - turned).max() > 0.01


def test_resizing_by_one_is_the_image():
    task = task_of(random(6, 7), BlockAverage((6, 7), 1))
    for method in (bicubic, lanczos):
        assert (method(task).values - task.truth).abs().max() <= 2.0**-23


def test_resizing_needs_blocks():
    with pytest.raises(ValueError, match="means of blocks"):
        bicubic(task_of(random(4, 4)))


# Inpainting and denoising


def missing_pixels(image: np.ndarray, missing: np.ndarray) -> ImageTask:
    whole, seen = task_of(image), torch.from_numpy(np.flatnonzero(~missing))
    return replace(whole, measurements=whole.measurements[seen], seen=seen)


def test_biharmonic_keeps_what_is_known_and_continues_planes():
    """A plane solves Δ²u = 0, and holes of two pixels or more from the border see nothing of it."""
    missing = np.zeros((14, 17), dtype=bool)
    missing[4:7, 5:9] = missing[10, 12] = True
    task = missing_pixels(ramp(14, 17), missing)
    values = biharmonic(task).values
    assert torch.equal(values[task.seen], task.measurements)
    assert (values - task.truth).abs().max() < 1e-10
    bent = missing_pixels(ramp(14, 17) ** 2 * (1 + np.sin(np.mgrid[:14, :17][1])) / 2, missing)
    assert 1e-4 < (biharmonic(bent).values - bent.truth).abs().max() < 0.3


def test_biharmonic_of_everything_known_and_of_nothing_missing():
    everything = missing_pixels(random(5, 6), np.zeros((5, 6), dtype=bool))
    assert torch.equal(biharmonic(everything).values, everything.truth)
    with pytest.raises(ValueError, match="misses pixels"):
        biharmonic(task_of(random(5, 6)))


def test_non_local_means_averages_what_looks_alike():
    """Plateaus hold hundreds of like patches: their noise is averaged.  A weak strength leaves some, a strong one blurs."""
    task = task_of(blocky(48, 48), noise=0.1)
    noisy = psnr(task.measurements, task.truth)
    weak, good, strong = (psnr(non_local_means(task, s).values, task.truth) for s in (0.05, 0.8, 20.0))
    assert good > noisy + 8 and good > weak + 3 and good > strong + 5


def test_non_local_means_refuses():
    with pytest.raises(ValueError, match="this task has none"):
        non_local_means(task_of(random(8, 8)), 0.8)
    with pytest.raises(ValueError, match="strength > 0; got 0"):
        non_local_means(task_of(random(8, 8), noise=0.1), 0)
    with pytest.raises(ValueError, match="every pixel was measured"):
        non_local_means(task_of(random(8, 8), BlockAverage((8, 8), 2), noise=0.1), 0.8)


# Signals


def polynomial(height: int, width: int, degree: int) -> np.ndarray:
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return polyval2d(y, x, random(degree + 1, degree + 1))


def test_grid_reproduces_cubics_and_no_quartics():
    for degree, low, high in [(3, 0, 1e-12), (4, 1e-3, 1)]:
        task = task_of(np.stack([polynomial(20, 25, degree)] * 3, axis=-1))
        found = spline_grid(task, 3 * 20)
        assert found.parameters == 3 * 20 and found.note == ""
        assert low <= float((found.values - task.truth).abs().max()) <= high


def test_grid_is_the_least_squares_fit():
    """Its residual is orthogonal to every product of two splines: 5 rows and 6 columns of cubic ones."""
    task = task_of(random(20, 24))
    found = spline_grid(task, 30)
    residual = (found.values - task.truth).numpy().reshape(20, 24)
    bases = []
    for pixels, coefficients in [(20, 5), (24, 6)]:
        knots = np.r_[[0] * 3, np.linspace(0, 1, coefficients - 2), [1] * 3]
        bases.append(BSpline.design_matrix(np.linspace(0, 1, pixels), knots, 3).toarray())
    assert found.parameters == 30
    assert np.abs(bases[0].T @ residual @ bases[1]).max() < 1e-12 * 480
    assert np.abs(bases[0].T @ residual).max() > 0.1  # more columns would do better


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (3, 40), (17, 23)])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.99])
def test_grid_stays_within_its_budget(shape, share):
    pixels = math.prod(shape)
    budget = max(1, int(share * pixels))
    found = spline_grid(task_of(random(*shape)), budget)
    assert 0.5 * budget <= found.parameters <= budget


def test_grid_of_all_pixels_is_the_image():
    task = task_of(random(7, 9, 3))
    assert torch.equal(spline_grid(task, 189).values, task.truth) and spline_grid(task, 10**6).parameters == 189
    assert not torch.allclose(spline_grid(task, 188).values, task.truth)


# Interpolated grids


def test_a_grid_with_all_pixels_is_total_variation():
    task = task_of(blocky(9, 12), noise=0.1)
    found = grid_of_least_variation(task, 0.05, 10**4)
    assert torch.equal(found.values, total_variation(task, 0.05).values) and found.parameters == 9 * 12


def test_a_grid_is_bilinear_between_its_nodes():
    """A product of straight lines is fitted to what little weight TV has, at the pixels and at any place between them."""
    y, x = np.meshgrid(np.linspace(-1, 1, 11), np.linspace(-1, 1, 16), indexing="ij")
    task = task_of(0.5 + 0.2 * x + 0.1 * y + 0.1 * x * y)
    found = grid_of_least_variation(task, 1e-7, 12)
    places = torch.from_numpy(np.random.default_rng(seeded(3)).uniform(-1, 1, (50, 2)))
    expected = 0.5 + 0.2 * places[:, 0] + 0.1 * places[:, 1] + 0.1 * places[:, 0] * places[:, 1]
    assert found.parameters == 12 and float((found.values - task.truth).abs().max()) < 1e-3
    assert float((found.function(places)[:, 0] - expected).abs().max()) < 1e-3


@pytest.mark.parametrize("nodes", [(1, 1), (3, 5), (7, 4)])
def test_the_adjoint_of_interpolation(nodes):
    blocks = BlockAverage((8, 6), 2)
    require_adjoint(_OfGrid(nodes, blocks), "A grid", channels=2)
    constant = _OfGrid(nodes, blocks)(torch.ones(math.prod(nodes), 1, dtype=torch.float64))
    assert torch.allclose(constant, torch.ones_like(constant), rtol=0, atol=1e-14)


def test_the_variation_of_a_grid_is_penalized():
    task = task_of(blocky(12, 12))
    rough, smooth = (grid_of_least_variation(task, weight, 40).values.reshape(12, 12, 1) for weight in (1e-4, 0.2))
    assert float(gradient(smooth).norm()) < 0.5 * float(gradient(rough).norm())


def test_a_hash_grid_with_an_entry_for_each_node_fits_and_hashing_costs():
    """12×12 pixels: all nodes take some 900 numbers; with 500 those of the fine grids are shared by a hash."""
    task = task_of(blob(12, 12, 5.3, 7.2))
    whole, hashed = (hash_grid(task, 1.0, parameters) for parameters in (4000, 500))
    assert hashed.parameters <= 500 < whole.parameters <= 4000
    assert psnr(whole.values, task.truth) > 25 and psnr(whole.values, task.truth) > psnr(hashed.values, task.truth)


def test_tables_of_a_hash_grid_share_a_budget():
    assert _table_sizes([4, 9, 100], 200) == [4, 9, 100]
    assert _table_sizes([4, 9, 100], 40) == [4, 9, 27]
    assert _table_sizes([4, 9, 100], 2) == [0, 0, 0]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda task: hash_grid(task, 0.0, 1000), "a finite resolution > 0; got 0"),
        (lambda task: hash_grid(task, 1.0, 100), "at least [0-9]+ parameters; got parameters=100"),
        (lambda task: grid_of_least_variation(task, -1.0, 100), "a finite weight > 0; got -1"),
        (lambda task: grid_of_least_variation(task, 1.0, 0), "a coefficient for each of 1 channels; got parameters=0"),
    ],
)
def test_grids_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call(task_of(random(6, 6)))


def sum_of_wavelets(places: list[tuple[int, int]], pixels: int, levels: int) -> np.ndarray:
    basis = IntervalWaveletFamily(levels, coarse="hats")(np.linspace(-1, 1, pixels))
    return sum(np.outer(basis[i], basis[j]) * (0.9 - 0.2 * n) for n, (i, j) in enumerate(places))


def test_wavelet_terms_find_a_sparse_image():
    """13 pixels and 13 functions: coefficients are unique, and an image of three terms takes three."""
    task = task_of(sum_of_wavelets([(1, 5), (7, 2), (10, 11)], 13, 2))
    exact, short = wavelet_terms(task, 7), wavelet_terms(task, 5)
    assert (exact.parameters, short.parameters, exact.note, short.note) == (6, 4, "", "")
    assert (exact.values - task.truth).abs().max() < 1e-6
    assert (short.values - task.truth).abs().max() > 0.1


def test_wavelet_terms_are_refitted():
    """With 13 pixels a kept term is known by its function: the residual must be orthogonal to the largest term."""
    image = random(13, 13)
    task = task_of(image)
    found = wavelet_terms(task, 2)
    basis = IntervalWaveletFamily(2, coarse="hats")(np.linspace(-1, 1, 13)).T
    inverse, norms = np.linalg.inv(basis), np.linalg.norm(basis, axis=0)
    terms = inverse @ image @ inverse.T
    i, j = np.unravel_index(np.argmax(np.abs(terms) * np.outer(norms, norms)), terms.shape)
    product = np.outer(basis[:, i], basis[:, j])
    best = product * (product * image).sum() / (product**2).sum()
    assert np.abs(found.values.numpy().reshape(13, 13) - best).max() < 1e-5
    assert np.abs(product * terms[i, j] - best).max() > 1e-3  # without the refit


@pytest.mark.parametrize("shape", [(1, 12), (16, 16), (23, 31)])
def test_more_wavelet_terms_fit_better_and_all_fit_exactly(shape):
    """Kept terms are nested, so that least squares cannot get worse, up to its precision."""
    pixels = math.prod(shape)
    task = task_of(np.stack([random(*shape), random(*shape, seed=1)], axis=-1))
    budgets = [pixels // 10, pixels // 3, pixels, 3 * pixels]
    estimates = [wavelet_terms(task, max(2, budget)) for budget in budgets]
    errors = [float((found.values - task.truth).norm()) for found in estimates]
    assert all(b < a for a, b in zip(errors, errors[1:]))
    assert all(found.parameters <= max(2, budget) for found, budget in zip(estimates, budgets))
    whole = wavelet_terms(task, 10**6)
    assert whole.note == "" and float((whole.values - task.truth).norm()) < 1e-5 * float(task.truth.norm())


@pytest.mark.parametrize("method", [spline_grid, wavelet_terms])
def test_sized_methods_refuse(method):
    with pytest.raises(ValueError, match="got parameters="):
        method(task_of(random(4, 4, 3)), 1)
    with pytest.raises(ValueError, match="every pixel was measured"):
        method(task_of(random(4, 4), BlockAverage((4, 4), 2)), 8)


def test_baselines_do_not_read_the_truth():
    """Nothing in the package names the field, the channels that are counted on it, or the scores."""
    package = Path(bwtheory.baselines.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    assert not any(f".{name}" in source for name in ("truth", "channels", "score", "metrics"))
