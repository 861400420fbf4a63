"""Audio: a network fits all samples of a sound."""

from __future__ import annotations

import hashlib
import math
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile
from torch import Tensor

from bwtheory.files import write_bytes
from bwtheory.tasks.sources import BUILT_IN_SOUNDS, find_sound, kind_of, shadowed, shown
from bwtheory.tasks.task import SNRTask, add_noise, noise_notes

BUILT_IN_RATE = 16000  # Hz
UNKNOWN = (0x7FFFF, 0xFFFFF)  # first digits of the bytes in headers that are written before anybody knows how many come


@dataclass(frozen=True, kw_only=True)
class AudioTask(SNRTask):
    """Samples (N, channels) in [−1, 1] at a rate in Hz."""

    rate: int

    reconstruction_name = "reconstruction.wav"

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """A WAV file of floats, as they are: players clip what is beyond [−1, 1]."""
        content = BytesIO()
        wavfile.write(content, self.rate, values.cpu().numpy().astype(np.float32))
        write_bytes(path, content.getvalue())


def audio(source: str, coords: str = "stretch", *, seconds: float = 1.0, noise: float = 0.0, data_seed: int = 0) -> AudioTask:
    """The first seconds of a WAV file, or of the built-in "chirp".

    Raises
    ------
    ValueError
        If there is no such file, if it is no WAV file that SciPy reads, if it is shorter than its header says or its floats are
        not in [−1, 1], or if seconds is not positive.
    """
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"Audio needs seconds > 0; got {seconds}.")
    path = find_sound(source)
    if path:
        rate, samples = _read(path)
        label, sha256 = path.stem, hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        rate, samples = BUILT_IN_RATE, _chirp()
        label, sha256 = source, hashlib.sha256(samples.tobytes()).hexdigest()
    notes = *shadowed(source, BUILT_IN_SOUNDS), *noise_notes(noise)
    duration = len(samples) / rate
    if seconds > duration and seconds != 1:
        notes = *notes, f"{shown(source)} has {duration:.4g} s, not {seconds:g}; all of it is taken."
    samples = samples[: max(1, round(min(seconds, duration) * rate))]
    if not samples.any():
        notes = *notes, f"The first {len(samples) / rate:.4g} s of {shown(source)} are silent; --seconds takes more."
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
        notes=notes,
    )


def _read(path: Path) -> tuple[int, np.ndarray]:
    """Rate and samples (N, channels) in [−1, 1]; integers by their range."""
    name = shown(path)
    try:
        _refuse_short(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy's about chunks that are no sound
            rate, data = wavfile.read(path)
    except (ValueError, struct.error, ArithmeticError, UnboundLocalError, TypeError, EOFError) as error:  # SciPy's, for damage
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{name} is not a WAV file that can be read: {reason}.") from None
    if rate < 1:
        raise ValueError(f"{name} is not a WAV file that can be read: its header says {rate} samples a second.")
    if data.size == 0:
        raise ValueError(f"{name} holds no samples.")
    if data.dtype == np.uint8:
        data = (data.astype(float) - 128) / 128
    elif np.issubdtype(data.dtype, np.integer):
        data = data / -float(np.iinfo(data.dtype).min)
    data = data.astype(np.float64)
    if not np.isfinite(data).all():
        raise ValueError(f"{name} has samples that are not finite.")
    if (peak := float(np.abs(data).max())) > 1:
        raise ValueError(f"{name} holds floats up to {peak:.6g}, and floats of a WAV file are in [−1, 1]; divide them by that.")
    return rate, data if data.ndim == 2 else data[:, None]


def _refuse_short(path: Path) -> None:
    """ValueError for what is no WAV file, or holds less than its header says: SciPy would make memory for that."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(12)
        order = ">" if start[:4] == b"RIFX" else "<"
        if start[:4] not in (b"RIFF", b"RIFX", b"RF64") or start[8:] != b"WAVE":
            raise ValueError(kind_of(path) or "it does not begin as one")
        while len(chunk := file.read(8)) == 8:
            length = struct.unpack(order + "I", chunk[4:])[0]
            if chunk[:4] == b"data":
                held = size - file.tell()
                unknown = length >> 12 in UNKNOWN or not (length or any(start[4:8]))
                if start[:4] != b"RF64" and unknown and held > 0:
                    raise ValueError(
                        "its header does not say how many samples follow, as where a program has written it to a pipe; let "
                        "that program write to a file"
                    )
                if start[:4] != b"RF64" and length > held:
                    raise ValueError(f"its header says {length:,} bytes of samples, and {held:,} follow: it is cut short")
                return
            file.seek(length + length % 2, 1)
    raise ValueError("it has no samples")


def _chirp() -> np.ndarray:
    """One second from 100 Hz to 3 kHz with its octave, fading in and out."""
    t = np.arange(BUILT_IN_RATE) / BUILT_IN_RATE
    phase = 2 * np.pi * (100 * t + (3000 - 100) * t**2 / 2)
    return (np.sin(np.pi * t) * (0.6 * np.sin(phase) + 0.2 * np.sin(2 * phase)))[:, None]
