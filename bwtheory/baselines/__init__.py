"""Reconstructions without a network, to be listed beside the networks.

>>> from bwtheory.tasks import build_task
>>> task = build_task("denoise", "camera", "stretch", {"shrink": 16})
>>> estimate = BASELINES["tv"].solve(task, 0.08)
>>> estimate.values.shape, estimate.note
(torch.Size([1024, 1]), '')
"""

from __future__ import annotations

from bwtheory.baselines.baseline import Baseline, Estimate, Setting
from bwtheory.baselines.compression import spline_grid, wavelet_terms
from bwtheory.baselines.grids import grid_of_least_variation, hash_grid
from bwtheory.baselines.least_squares import cgls, cgls_iterates
from bwtheory.baselines.restoration import bicubic, biharmonic, lanczos, non_local_means
from bwtheory.baselines.tomography import FILTERS, filtered_back_projection
from bwtheory.baselines.total_variation import total_variation

__all__ = ["BASELINES", "Baseline", "Estimate", "Setting", "baselines_of", "cgls_iterates"]

IMAGES = ("signal", "ct", "superres", "denoise", "inpaint")

BASELINES: dict[str, Baseline] = {
    "fbp": Baseline(
        "filtered back-projection", ("ct",), filtered_back_projection, Setting("filter", FILTERS[0], choices=FILTERS)
    ),
    "cgls": Baseline(
        "CGLS, stopped early",
        ("ct", "superres"),
        cgls,
        Setting("iterations", 16, 2**0.5, integer=True),
        iterates=cgls_iterates,
    ),
    "tv": Baseline("total variation", ("ct", "superres", "denoise", "inpaint"), total_variation, Setting("weight", 0.002, 2.0)),
    "grid-tv": Baseline(
        "interpolated grid, total variation", IMAGES, grid_of_least_variation, Setting("weight", 0.002, 2.0), sized=True
    ),
    "hash-grid": Baseline("hash grid", IMAGES, hash_grid, Setting("resolution", 1.0, 2**0.5), sized=True),
    "bicubic": Baseline("bicubic interpolation", ("superres",), bicubic),
    "lanczos": Baseline("Lanczos interpolation", ("superres",), lanczos),
    "biharmonic": Baseline("biharmonic inpainting", ("inpaint",), biharmonic),
    "nl-means": Baseline("non-local means", ("denoise",), non_local_means, Setting("strength", 0.8, 2**0.25)),
    "grid": Baseline("cubic splines on a grid", ("signal",), spline_grid, sized=True),
    "bspline-wavelet": Baseline("largest B-spline wavelet terms", ("signal",), wavelet_terms, sized=True),
}


def baselines_of(task_name: str) -> dict[str, Baseline]:
    """The baselines that apply to a task of this name, by their names; none for a task without images."""
    return {name: baseline for name, baseline in BASELINES.items() if task_name in baseline.tasks}
