"""A function that was fitted, and the way back to it from a run's folder."""

from __future__ import annotations

import functools
import math
import shutil
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import bwtheory
from bwtheory.catalogue import GIVEN
from bwtheory.nn.calibration import products_of_run
from bwtheory.options import nearest
from bwtheory.tasks import ImageTask, dimensions_of
from bwtheory.tasks.in_memory import as_array
from bwtheory.tasks.task import grid_coordinates, image_extent
from bwtheory.torch_settings import usual_settings
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import predict
from bwtheory.training.run import RunDirectory
from bwtheory.training.session import Session
from bwtheory.training.size import refuse_what_does_not_fit

SCORES = ("psnr", "snr", "rmse", "residual")  # of the tasks
BYTES_OF_A_PIXEL = 56  # two coordinates in float64 twice and in float32, and a gray value three times
EXAMPLES = ("astronaut", "chelsea", "coffee")  # networks in the package, of images with a free licence: docs/play.md
LARGEST_SHOWN = 512  # pixels along a side of what a notebook shows


class Fit:
    """A function that was fitted: call it with coordinates.  In a notebook it shows its image and how it was trained.

    Attributes
    ----------
    network : the ``torch.nn.Module`` that it is
    config : all settings, a ``TrainingConfig``
    interrupted : whether training was stopped by Ctrl-C before its end
    """

    def __init__(
        self,
        network: nn.Module,
        config: TrainingConfig,
        session: Session | None = None,
        run: RunDirectory | None = None,
        interrupted: bool = False,
    ):
        self.network, self.config, self.interrupted = network, config, interrupted
        self._session, self._run = session, run
        self._shape: tuple[int, int] | None = None  # of a copy

    def __getstate__(self) -> dict[str, Any]:
        """For ``copy`` and ``pickle``, as worker processes send it: without what ``save`` needs, if it has no folder."""
        kept = {} if self._run is not None else {"history": self.history, "summary": self.summary}
        return {**self.__dict__, **kept, "_session": None, "_shape": self.shape}

    @usual_settings()
    def __call__(self, coordinates: Any) -> np.ndarray:
        """Values at coordinates.

        Parameters
        ----------
        coordinates : (N, d) in [−1, 1]; see ``bw.grid`` for those of images

        Returns
        -------
        (N, C) float32, or float64 for a network of such numbers

        Raises
        ------
        ValueError
            For an array of another shape, or one that ``as_array`` does not take, such as one with masked entries.
        """
        like = next(iter(self.network.parameters()), torch.empty(0))
        found = as_array(coordinates, "An array of coordinates")
        wanted = dimensions_of(self.config.task, self.config.task_options)
        if found.ndim != 2 or found.shape[1] != wanted or found.dtype.kind not in "biuf":
            raise ValueError(f"Coordinates are numbers (N, {wanted}); got {found.shape} of {found.dtype}.")
        x = torch.as_tensor(np.ascontiguousarray(found)).to(like.device, like.dtype)
        products, _ = products_of_run(self.config.engine)  # others, where these are not available, round differently
        return predict(self.network, x, self.config.chunk_size, products).cpu().numpy()

    @usual_settings()
    def image(self, shape: Sequence[int] | None = None) -> np.ndarray:
        """The image that a function of two coordinates is, at any resolution; outermost pixel centres are those of training.

        Parameters
        ----------
        shape : (H, W); that of the image it was fitted to, without it

        Returns
        -------
        (H, W), or (H, W, C) for C > 1: 0 is black and 1 is white, and nothing is clipped

        Raises
        ------
        ValueError
            For a function of another number of coordinates, and without a shape for one that was fitted to no image.
        """
        dimensions = dimensions_of(self.config.task, self.config.task_options)
        if dimensions != 2:
            raise ValueError(f"A function of two coordinates is an image; this one has {dimensions}.")
        sides = self.shape if shape is None else sides_of(shape)
        if sides is None:
            raise ValueError("This function was fitted to no image of a size: ask for one, f.image((H, W)).")
        if len(sides) != 2:
            raise ValueError(f"An image has a shape (H, W); got {tuple(sides)}.")
        refuse_what_does_not_fit(f"An image of {sides[0]}×{sides[1]}", BYTES_OF_A_PIXEL * math.prod(sides))
        values = self(grid_coordinates(sides, image_extent(*(self.shape or sides), self.config.coords)).numpy())
        return values.reshape(sides if values.shape[1] == 1 else (*sides, -1))

    @property
    def shape(self) -> tuple[int, int] | None:
        """(H, W) of the image that it was fitted to; None if there was none, or if an unfinished run does not say."""
        if self._session is not None:
            return self._session.task.shape if isinstance(self._session.task, ImageTask) else None
        if self._shape is not None:
            return self._shape
        found = self.summary.get("shape")
        return (found[0], found[1]) if found else None

    @functools.cached_property
    def history(self) -> list[dict[str, Any]]:
        """Rows with ``epoch`` (steps taken), ``loss``, and ``psnr`` in dB or another score, oldest first."""
        if self._run is not None:
            return self._run.read_metrics()
        return self._session.rows if self._session is not None else []

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """Final scores, and everything about how they came about, as in summary.json; empty if training has not ended."""
        if self._run is not None:
            try:
                return self._run.read_summary()
            except FileNotFoundError:
                return {}
        return self._session.summary() if self._session is not None and self._session.is_finished else {}

    def save(self, folder: str | Path) -> Path:
        """Write a run folder that ``bw.load`` reads; returns its path.

        ValueError if it holds a run already, and for a copy of a fit that has no folder.
        """
        target = RunDirectory(Path(folder).expanduser())
        if target.has_files:
            raise ValueError(f"{target.path} already holds a run; choose another folder.")
        if self._run is not None:
            shutil.copytree(self._run.path, target.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))
        elif self._session is None:
            raise ValueError(
                "A copy of a fit has no optimizer to continue with: save the first one, or fit with run=folder and load that."
            )
        else:
            self._session.save_as(RunDirectory.create(target.path, self.config))
        return target.path

    def __repr__(self) -> str:
        last = self.history[-1] if self.history else {}
        scores = [f"{name} {last[name]:.4g}" for name in (*SCORES, "loss") if last.get(name) is not None]
        state = ["interrupted"] if self.interrupted else []
        name = type(self.network).__name__ if self.config.activation == GIVEN else self.config.activation
        return f"<Fit of {self.config.source}: {', '.join([name, *scores, *state])}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the image, or the function of one coordinate, and the loss over the steps."""
        from bwtheory.plots import BLUE, canvas, in_style

        dimensions = dimensions_of(self.config.task, self.config.task_options)
        with in_style():
            figure, axes = canvas(7.5, 3.2, ncols=2 if dimensions <= 2 else 1, squeeze=False)
            if dimensions == 2:
                sides = self.shape or (LARGEST_SHOWN // 2,) * 2
                pixels = self.image([min(side, LARGEST_SHOWN) for side in sides])
                shown = pixels if pixels.ndim == 2 or pixels.shape[2] == 3 else np.linalg.norm(pixels, axis=2)
                aspect = sides[0] / sides[1] * shown.shape[1] / shown.shape[0]
                axes[0, 0].imshow(np.clip(shown, 0, 1), cmap="gray", vmin=0, vmax=1, aspect=aspect)
                axes[0, 0].set_axis_off()
            elif dimensions == 1:
                x = grid(LARGEST_SHOWN)
                axes[0, 0].plot(x[:, 0], self(x), color=BLUE)
            name = next((n for n in SCORES if any(row.get(n) is not None for row in self.history)), "loss")
            rows = [row for row in self.history if row.get(name) is not None]
            axes[0, -1].plot([row["epoch"] for row in rows], [row[name] for row in rows], color=BLUE)
            axes[0, -1].set(xlabel="steps", ylabel="PSNR in dB" if name == "psnr" else name)
            axes[0, -1].set_yscale("linear" if name == "psnr" else "log")
            content = BytesIO()
            figure.savefig(content, format="png", dpi=100)
        return content.getvalue()


@usual_settings()
def grid(shape: int | Sequence[int]) -> np.ndarray:
    """Coordinates of the pixel centres of an image, row by row, or of the points of any grid.

    Column 0 is x, along the *last* axis of an array of this shape, from left to right; column 1 is y, along the axis before it,
    from top to bottom; and so on.  So ``f(bw.grid((H, W))).reshape(H, W, -1)`` is an image.

    Parameters
    ----------
    shape : (H, W), or another number of sides >= 1, or one number

    Returns
    -------
    (product of the sides, number of sides) float64 in [−1, 1]; both ends of a side are ±1, and a side of one point is 0

    Examples
    --------
    >>> import bwtheory as bw
    >>> bw.grid((2, 3)).tolist()
    [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    """
    sides = sides_of(shape)
    refuse_what_does_not_fit(f"A grid of {'×'.join(map(str, sides))} points", 16.0 * math.prod(sides) * len(sides))
    return grid_coordinates(sides, (1.0,) * len(sides)).numpy()


def load(folder: str | Path, trust: bool = False, network: nn.Module | None = None) -> Fit:
    """The function that a run has learned.

    Parameters
    ----------
    folder : of a run; its final weights, or those of the last checkpoint of an unfinished run.  A name of ``EXAMPLES`` is a
        network of the package, unless there is such a folder
    trust : whether the run may execute code that is no part of this package: an activation or an operator that it names
    network : for a run of a module of your own, such a module, which gets the weights

    Returns
    -------
    Fit : as ``bw.fit`` returns it

    Raises
    ------
    ValueError
        If the folder is no run directory, holds no weights yet, weights that are damaged or do not fit its configuration, or
        names code that is not to be trusted.

    Warns
    -----
    UserWarning
        If the weights of a finished run are damaged, and those of its checkpoint are taken.
    """
    function, problem = load_or_restore(_place(folder), trust, network)
    if problem:
        warnings.warn(problem, stacklevel=2)
    return function


def _place(folder: str | Path) -> Path:
    """The folder that ``load`` means; ValueError where none has this name, but a network of the package has a similar one."""
    path = Path(folder).expanduser()
    if path.exists() or not isinstance(folder, str):
        return path
    if folder in EXAMPLES:
        return Path(bwtheory.__file__).parent / "examples" / folder
    if near := nearest(folder, EXAMPLES):
        raise ValueError(f"There is no run folder {folder!r}{near}; the networks of the package are {', '.join(EXAMPLES)}.")
    return path


def load_or_restore(folder: Path, trust: bool = False, network: nn.Module | None = None) -> tuple[Fit, str]:
    """``load``, and the sentence that it warns with, if any."""
    run = RunDirectory(folder)
    config = run.read_config()
    run.refuse_foreign_code(config, trust)
    learned, problem = run.learned(config, network)
    return Fit(learned.eval(), config, run=run), problem


def sides_of(shape: int | Sequence[int]) -> tuple[int, ...]:
    """The sides of a grid as whole numbers; ValueError for others, or sides below 1."""
    given = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) for side in given)
    if not given or not whole or min(given) < 1:
        raise ValueError(f"A shape has whole numbers >= 1, such as (512, 512); got {shape!r}.")
    return tuple(int(side) for side in given)
