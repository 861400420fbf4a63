"""Films: frames drawn one after the other, and written as GIF, animated PNG or MP4."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image

from bwtheory.files import read_bytes, write_bytes
from bwtheory.plots import BLACK, BLUE, VERMILION, in_style
from bwtheory.report.charts import thinned
from bwtheory.report.folders import kind_of_film
from bwtheory.report.pictures import block_means
from bwtheory.tasks import ImageTask, Task
from bwtheory.tasks.audio import AudioTask
from bwtheory.training.error_map import COLOURS, absolute_error, common_scale
from bwtheory.training.judgement import in_unit_range, is_number

LAST_STAYS = 2.0  # seconds
SIDE = 320  # pixels of a picture within a frame, at most
SOUND_SHOWN = 0.02  # seconds
DOTS_PER_INCH = 100


def frame_epochs(last: int, count: int) -> list[int]:
    """0, and about so many epochs evenly on a logarithmic scale up to the last one."""
    if last < 1 or count < 2:
        return sorted({0, last})
    return sorted({0, *(round(last ** (n / (count - 2))) if count > 2 else last for n in range(count - 1)), last})


class Scene:
    """A frame's figure: what the network is, where it is wrong, and the score so far, on scales that stay.

    Parameters
    ----------
    task : what is learned
    final : values (P, C) at the end; the scale of the errors is theirs
    curve : (epoch, score) of the whole run; what is yet to come is drawn faintly
    title : of the film
    """

    def __init__(self, task: Task, final: np.ndarray, curve: Sequence[tuple[int, float]], title: str):
        self._task = task
        scores = [score for _, score in curve if is_number(score) and (score > 0 or task.higher_is_better)]
        self._curve = thinned([(epoch, score) for epoch, score in curve if epoch > 0 and is_number(score)])
        self._seen: dict[int, float] = {}
        with in_style():
            self._figure = Figure(figsize=(7.2, 5.2), dpi=DOTS_PER_INCH, layout="constrained")
            self._canvas = FigureCanvasAgg(self._figure)
            parts: Any = self._figure.subfigures(2, 1, height_ratios=(3, 2))
            above, below = parts
            self._draw: Any = self._pictures(above, final) if isinstance(task, ImageTask) else self._lines(above, final)
            axes = below.subplots()
            if self._curve:
                axes.plot(*zip(*self._curve), color=BLUE, lw=1, alpha=0.3)
            axes.set(xscale="log", xlabel="epoch", ylabel=f"{task.score_name} {task.score_unit}".rstrip())
            axes.set_xlim(0.95, 1.05 * max([epoch for epoch, _ in curve] + [2]))
            if scores and max(scores) > min(scores):
                margin = 0.05 * (max(scores) - min(scores)) if task.higher_is_better else 0.0
                axes.set_ylim(min(scores) - margin, max(scores) + margin)
            if not task.higher_is_better:
                axes.set_yscale("log")
            (self._so_far,) = axes.plot([], [], color=BLUE)
            (self._now,) = axes.plot([], [], "o", color=VERMILION, ms=5)
            self._title = self._figure.suptitle(title, fontsize=10, parse_math=False)
            self._name = title
        self.frame(0, final)
        self._figure.set_layout_engine("none")  # from now on nothing moves

    def frame(self, epoch: int, values: np.ndarray) -> Image.Image:
        """The picture at an epoch with these values (P, C) on the grid."""
        score = self._task.score(torch.from_numpy(np.asarray(values, dtype=np.float64)))
        self._seen |= {epoch: score} if epoch > 0 and math.isfinite(score) else {}
        so_far = sorted(({e: s for e, s in self._curve if e < epoch} | self._seen).items())
        with in_style(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # of a name in other letters
            self._draw(values)
            self._so_far.set_data(*zip(*so_far) if so_far else ([], []))
            self._now.set_data(*([epoch], [self._seen[epoch]]) if epoch in self._seen else ([], []))
            shown = f"{score:.2f} dB" if self._task.score_unit == "dB" else f"{score:.3g}"
            self._title.set_text(f"{self._name}\nepoch {epoch:,}: {self._task.score_name} {shown}")
            self._canvas.draw()
        return Image.fromarray(np.asarray(self._canvas.buffer_rgba())[..., :3].copy())

    def _pictures(self, place: Any, final: np.ndarray) -> Any:
        task = self._task
        assert isinstance(task, ImageTask)
        known = len(task.truth) > 0
        factor = -(-max(task.shape) // SIDE)

        def images(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if known:
                return in_unit_range(task, values)
            image = np.asarray(values, dtype=float).reshape(*task.shape, -1)
            return image, image

        def visible(image: np.ndarray) -> np.ndarray:
            small = np.clip(block_means(image, factor), 0, 1)
            small = small if small.shape[2] in (1, 3) else np.linalg.norm(small, axis=2, keepdims=True)
            return np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small

        image, truth = images(final)
        axes = np.atleast_1d(place.subplots(1, 3 if known else 1))
        for each, name in zip(axes, ("network", "absolute error", "truth")):
            each.set(xticks=[], yticks=[])
            each.set_title(name, fontsize=9)
        network = axes[0].imshow(visible(image), interpolation="nearest")
        if not known:
            return lambda values: network.set_data(visible(images(values)[0]))
        low, _ = common_scale([absolute_error(image, truth)])
        low = min(low, 0.1)

        def error(image: np.ndarray) -> np.ndarray:
            clipped: np.ndarray = np.clip(absolute_error(image, truth, factor), low, 1.0)
            return clipped

        wrong = axes[1].imshow(error(image), cmap=COLOURS, norm=LogNorm(low, 1.0), interpolation="nearest")
        place.colorbar(wrong, ax=axes[1], shrink=0.8)
        axes[2].imshow(visible(truth), interpolation="nearest")

        def draw(values: np.ndarray) -> None:
            image, _ = images(values)
            network.set_data(visible(image))
            wrong.set_data(error(image))

        return draw

    def _lines(self, place: Any, final: np.ndarray) -> Any:
        task, axes = self._task, place.subplots()
        if isinstance(task, AudioTask):
            middle, half = int(task.truth[:, 0].abs().argmax()), max(1, round(SOUND_SHOWN * task.rate / 2))
            window = slice(max(0, middle - half), middle + half)
            x, label = np.arange(len(task.truth))[window] / task.rate, "time in s, around the loudest moment"
        else:
            window, label = slice(None), "x"
            x = task.grid[:, 0].numpy()
        if len(task.truth):
            axes.plot(x, task.truth[window, 0], color=BLACK, lw=1, label="truth")
        (line,) = axes.plot(x, final[window, 0], color=VERMILION, label="network")
        low, high = axes.get_ylim()
        reach = 0.15 * (high - low)  # a network on its way is beyond what it learns
        axes.set(ylim=(low - reach, high + reach), xlabel=label)
        axes.legend(loc="upper right", fontsize=8)
        return lambda values: line.set_data(x, np.asarray(values)[window, 0])


def write_film(out: Path, frames: Sequence[Image.Image], seconds: float) -> None:
    """Write a film of frames of one size in so many seconds; the last frame stays a little.  Else the old file stays."""
    kind, each = kind_of_film(out), seconds / len(frames)
    if kind == "MP4":
        _write_mp4(out, frames, each)
        return
    kept = [frame.quantize(256, dither=Image.Dither.NONE) for frame in frames] if kind == "GIF" else frames
    durations = [max(20, round(1000 * each))] * len(kept)  # players take less for ten times as much
    durations[-1] += round(1000 * LAST_STAYS)
    content = io.BytesIO()
    kept[0].save(content, format=kind, save_all=True, append_images=kept[1:], duration=durations, loop=0)
    write_bytes(out, content.getbuffer())


def _write_mp4(out: Path, frames: Sequence[Image.Image], each: float) -> None:
    import imageio_ffmpeg

    width, height = (side - side % 2 for side in frames[0].size)  # as the codec needs them
    with TemporaryDirectory() as folder:
        made = Path(folder) / "film.mp4"
        writer = imageio_ffmpeg.write_frames(
            str(made), (width, height), fps=1 / each, codec="libx264", macro_block_size=2, ffmpeg_log_level="error"
        )
        try:
            writer.send(None)
            for frame in (*frames, *[frames[-1]] * round(LAST_STAYS / each)):
                writer.send(frame.crop((0, 0, width, height)).tobytes())
        except OSError as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"The film cannot be written: ffmpeg has ended ({reason}).") from None
        finally:
            writer.close()
        write_bytes(out, read_bytes(made))
