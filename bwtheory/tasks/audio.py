"""Audio: a network fits all samples of a sound."""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile
from torch import Tensor

from bwtheory.files import write_bytes
from bwtheory.tasks.task import Task, add_noise

BUILT_IN_RATE = 16000  # Hz


@dataclass(frozen=True, kw_only=True)
class AudioTask(Task):
    """Samples (N, channels) in [−1, 1] at a rate in Hz."""

    rate: int

    score_name = "snr"
    score_unit = "dB"
    reconstruction_name = "reconstruction.wav"

    def score(self, values: Tensor) -> float:
        """Signal-to-noise ratio: power of the sound over the mean squared error, in dB."""
        power, error = float(self.truth.square().mean()), float((values.double() - self.truth).square().mean())
        return 10 * math.log10(power / error) if power and error else math.copysign(math.inf, power - error)

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        content = BytesIO()
        wavfile.write(content, self.rate, np.clip(values.cpu().numpy(), -1, 1).astype(np.float32))
        write_bytes(path, content.getvalue())


def audio(source: str, coords: str = "stretch", *, seconds: float = 1.0, noise: float = 0.0, data_seed: int = 0) -> AudioTask:
    """The first seconds of a WAV file, or of the built-in "chirp".

    Raises
    ------
    ValueError
        If there is no such file, if it is no WAV file that SciPy reads, or if seconds is not positive.
    """
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"Audio needs seconds > 0; got {seconds}.")
    path = Path(source)
    if path.is_file():
        rate, samples = _read(path)
        label, sha256 = path.stem, hashlib.sha256(path.read_bytes()).hexdigest()
    elif source == "chirp":
        rate, samples = BUILT_IN_RATE, _chirp()
        label, sha256 = source, hashlib.sha256(samples.tobytes()).hexdigest()
    else:
        raise ValueError(f"There is no audio file {source!r}, and the only built-in sound is 'chirp'.")
    samples = samples[: max(1, round(seconds * rate))]
    t = np.linspace(-1, 1, len(samples)) if len(samples) > 1 else np.zeros(1)
    coordinates, truth = torch.from_numpy(t).unsqueeze(1), torch.from_numpy(samples)
    return AudioTask(
        coordinates=coordinates,
        measurements=add_noise(truth, noise, data_seed),
        grid=coordinates,
        truth=truth,
        source=label,
        sha256=sha256,
        rate=rate,
    )


def _read(path: Path) -> tuple[int, np.ndarray]:
    """Rate and samples (N, channels) in [−1, 1]; integers by their range."""
    try:
        rate, data = wavfile.read(path)
    except (ValueError, struct.error, ArithmeticError, UnboundLocalError) as error:  # SciPy's, for damaged headers
        raise ValueError(f"{path} is not a WAV file that can be read: {error}") from None
    if data.size == 0:
        raise ValueError(f"{path} holds no samples.")
    if data.dtype == np.uint8:
        data = (data.astype(float) - 128) / 128
    elif np.issubdtype(data.dtype, np.integer):
        data = data / -float(np.iinfo(data.dtype).min)
    data = data.astype(np.float64)
    if not np.isfinite(data).all():
        raise ValueError(f"{path} has samples that are not finite.")
    return rate, data if data.ndim == 2 else data[:, None]


def _chirp() -> np.ndarray:
    """One second from 100 Hz to 3 kHz with its octave, fading in and out."""
    t = np.arange(BUILT_IN_RATE) / BUILT_IN_RATE
    phase = 2 * np.pi * (100 * t + (3000 - 100) * t**2 / 2)
    return (np.sin(np.pi * t) * (0.6 * np.sin(phase) + 0.2 * np.sin(2 * phase)))[:, None]
