"""Images as arrays in [0, 1]: any file that Pillow reads, or one of scikit-image's by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from bwtheory.files import write_bytes

# The paper's images, recognized by their content; they are not part of this repository.
PAPER_IMAGES = {
    "bae785b3236037abe32914516e758ea108eac0a2f3430f3f4216574bbae6ea51": "the paper's cameraman (Figure 5)",
    "8690d234c3cabdb7758d62457e20b0c7b09cf063e324c27de8c69fd8f0c54072": "the paper's chest X-ray (Figures 4 and 7)",
}
IMAGE_OF_FIGURE = dict(zip(("fig5", "fig4"), PAPER_IMAGES)) | {"fig7": list(PAPER_IMAGES)[1]}  # the others are not public
BUILT_IN = (
    *("astronaut", "camera", "chelsea", "coffee", "coins", "immunohistochemistry", "moon", "page", "retina", "rocket"),
    *("shepp_logan_phantom", "text", "octaves"),
)
OCTAVES_SIDE = 128


@dataclass(frozen=True)
class LoadedImage:
    """Pixels (H, W, C) float64 in [0, 1], C = 1 or 3; the SHA-256 of the file (of the pixels for a built-in image).

    ``shrink`` is the factor by which it has been made smaller.
    """

    pixels: np.ndarray
    name: str
    sha256: str
    shrink: int = 1

    @property
    def label(self) -> str:
        """The image's name, or which of the paper's images it is, and how it was made smaller."""
        label = PAPER_IMAGES.get(self.sha256, self.name)
        return label if self.shrink == 1 else f"{label}, 1/{self.shrink} of its size"

    def shrunk(self, factor: int) -> LoadedImage:
        """Height and width divided by a factor >= 1 (rounded down), with anti-aliasing; ValueError for another factor."""
        if factor < 1:
            raise ValueError(f"An image is made smaller by a factor shrink >= 1; got {factor}.")
        if factor == 1:
            return self
        from skimage.transform import resize

        small = [max(1, side // factor) for side in self.pixels.shape[:2]]
        pixels = np.clip(resize(self.pixels, small, anti_aliasing=True), 0, 1)
        return replace(self, pixels=pixels, shrink=self.shrink * factor)


def load_image(source: str, seen: np.ndarray | None = None) -> LoadedImage:
    """Read an image.

    Parameters
    ----------
    source : path of a file (8 or 16 bits, gray, RGB, RGBA without its alpha, palette, float), or a name of ``BUILT_IN``
    seen : (H, W) booleans, some of them true; the other pixels of a file may hold anything, and come back as a seen one

    Raises
    ------
    ValueError
        If there is no such file or name, if Pillow cannot read it, if its pixels are not finite, or not as many as in ``seen``.
    """
    path = Path(source)
    if path.is_file():
        levels = read_levels(path)
        if seen is not None and levels.shape[:2] == seen.shape:
            levels = levels.copy()
            levels[~seen] = levels[seen][0]
        loaded = LoadedImage(_to_unit_range(levels, str(path)), path.stem, hashlib.sha256(path.read_bytes()).hexdigest())
    elif source in BUILT_IN:
        from skimage import data as samples

        pixels = octaves() if source == "octaves" else _to_unit_range(np.asarray(getattr(samples, source)()), source)
        loaded = LoadedImage(pixels, source, hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest())
    else:
        known = ", ".join(BUILT_IN)
        raise ValueError(f"There is no image file {source!r}, and no built-in image of that name; there are {known}.")
    if seen is not None and loaded.pixels.shape[:2] != seen.shape:
        (height, width), (rows, columns) = loaded.pixels.shape[:2], seen.shape
        raise ValueError(f"{source} has {height}×{width} pixels and its mask {rows}×{columns}; they must be of one size.")
    return loaded


def octaves(side: int = OCTAVES_SIDE) -> np.ndarray:
    """Pixels (side, side, 1): one plane wave of the same power for each octave of frequency below the last one, around 1/2.

    Each has whole numbers of cycles along both sides, so that they are orthogonal on the pixels, and a direction of its own.
    """
    y, x = np.mgrid[:side, :side] / side
    count = round(np.log2(side)) - 1
    directions = np.pi * (np.arange(count) * (np.sqrt(5) - 1) / 2 + 0.1)  # golden angles
    cycles = [np.round(1.25 * 2**k * np.array([np.cos(a), np.sin(a)])) for k, a in enumerate(directions)]
    waves = [np.cos(2 * np.pi * (down * y + across * x) + k) for k, (across, down) in enumerate(cycles)]
    return 0.5 + 0.5 * np.mean(waves, axis=0)[..., None]


def read_levels(path: Path) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3) of an image file as they are stored; ValueError if Pillow cannot read it."""
    try:
        with Image.open(path) as image:
            if image.mode in ("RGBA", "P", "CMYK", "YCbCr", "PA", "LAB", "HSV"):
                return np.asarray(image.convert("RGB"))
            return np.asarray(image.convert("L") if image.mode in ("1", "LA") else image)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is not an image that can be read: {error}.") from None


def _to_unit_range(pixels: np.ndarray, name: str) -> np.ndarray:
    """Integers by their range (wider ones hold 16-bit images in Pillow), floats outside [0, 1] by min-max."""
    if pixels.dtype == bool:
        values = pixels.astype(float)
    elif np.issubdtype(pixels.dtype, np.integer):
        values = pixels / (255 if pixels.dtype == np.uint8 else 65535)
    else:
        values = pixels.astype(float)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} has pixels that are not finite.")
        if values.size and (values.min() < 0 or values.max() > 1):
            values = (values - values.min()) / (values.max() - values.min() or 1)
    values = values if values.ndim == 3 else values[..., None]
    if values.size == 0:
        raise ValueError(f"{name} has no pixels.")
    return np.clip(values, 0, 1)


def save_image(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W, C) values as an 8-bit PNG, clipped to [0, 1]: gray, colour, or for other C the norm over the channels."""
    if pixels.shape[-1] not in (1, 3):
        pixels = np.linalg.norm(pixels, axis=-1, keepdims=True)
    levels = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(content, format="PNG")
    write_bytes(path, content.getvalue())
