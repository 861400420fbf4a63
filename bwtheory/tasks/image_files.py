"""What an image file holds: its numbers as they are stored, and which of them are black and white, as its format says.

Everything is decided by the header, before a pixel is decoded.  docs/inputs.md has the table of kinds.
"""

from __future__ import annotations

import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from bwtheory.tasks.arrays import LARGEST_DECODED, is_array, read_array
from bwtheory.tasks.sources import kind_of, shown

LARGEST_IMAGE = 2**25  # pixels that are read whole: about 100 bytes each in training
# Formats whose 8 bits a channel Pillow gives as they are; HEIC, AVIF, JPEG 2000, … may hold more than it gives.
_PILLOW = ("PNG", "JPEG", "GIF", "BMP", "DIB", "WEBP", "TGA", "PCX", "PPM")
_PILLOW_BYTES = {"1": 1, "L": 1, "P": 4, "LA": 4, "PA": 4, "RGB": 4, "RGBA": 4, "I;16": 2, "I;16B": 2, "I": 4, "F": 4}
_STRIP = 2**22  # numbers that are averaged together


class _Unreadable(ValueError):
    """A sentence that is complete."""


@dataclass(frozen=True)
class ImageFile:
    """What a header says.

    kind : in words
    shape : (H, W) as it is stored, which ``decode`` may turn
    decoded_bytes : that ``decode`` needs at least
    black, white : the numbers that 0 and 1 stand for; None where the format does not say
    transparency : what the last channel is: "", "alpha", or "premultiplied" where the colours are multiplied by it
    decode : reads the numbers (H, W, C) as they are stored
    """

    kind: str
    shape: tuple[int, int]
    decoded_bytes: int
    black: float | None
    white: float | None
    transparency: str
    decode: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Levels:
    """Numbers (H, W, C) of a file as stored, C = 1 or 3; their kind, black and white as in ``ImageFile``; alpha (H, W)."""

    numbers: np.ndarray
    kind: str
    black: float | None
    white: float | None
    alpha: np.ndarray | None = None


Given = np.ndarray | Image.Image  # an image that is in memory


def read_levels(source: Path | Given, shrink: int = 1) -> Levels:
    """Decode an image file, or take an image that is in memory.

    Parameters
    ----------
    source : an existing file, an array as a .npy file may hold it, or an image of Pillow's
    shrink : means of blocks of shrink×shrink numbers instead; rows and columns without a whole block are left out

    Raises
    ------
    ValueError
        With a sentence for what cannot be read as its format says, for pixels of several pages, for premultiplied colours that
        are transparent, and for images above ``LARGEST_IMAGE`` pixels (after shrinking) or ``LARGEST_DECODED`` bytes.
    """
    with _a_sentence(source):
        file = _open(source)
        require_size(source, file, shrink)
        numbers = file.decode()
        if sorted(numbers.shape[:2]) != sorted(file.shape):
            raise ValueError(f"its header says {_size(file.shape)} pixels, and {_size(numbers.shape)} are in it")
        if shrink > 1:
            numbers = _block_means(numbers, shrink)
    alpha = None
    if file.transparency:
        opaque = max(file.black or 0.0, file.white or 0.0) or 1.0
        alpha, numbers = numbers[..., -1] / opaque, numbers[..., :-1]
        if file.transparency == "premultiplied" and alpha.min() < 1:
            raise _Unreadable(
                f"{name_of(source)} has colours that are multiplied by their transparency; save it flat, on a background."
            )
    return Levels(numbers, file.kind, file.black, file.white, alpha)


def count_pixels(source: Path | Given) -> int:
    """H·W of an image, from its header if it is a file."""
    with _a_sentence(source):
        return math.prod(_open(source).shape)


def name_of(source: Path | Given) -> str:
    """What a message calls an image: the path, or what is in memory."""
    if isinstance(source, Path):
        return shown(source)
    return "The array" if isinstance(source, np.ndarray) else "The image"


def require_size(source: Path | Given, file: ImageFile, shrink: int) -> None:
    """ValueError for an image that is not read: too many pixels after shrinking, or too many bytes before."""
    height, width = file.shape
    name, size = name_of(source), f"{_size(file.shape)} pixels"
    if not (height and width):
        raise _Unreadable(f"{name} has no pixels: {_size(file.shape)}.")
    if file.decoded_bytes > LARGEST_DECODED:
        raise _Unreadable(
            f"{name} has {size}, {file.decoded_bytes:,} bytes when unpacked, more than the {LARGEST_DECODED:,} (2^30) that are "
            f"read; make it smaller with another program."
        )
    if (height // shrink) * (width // shrink) > LARGEST_IMAGE:
        factor = math.ceil(math.sqrt(height * width / LARGEST_IMAGE))
        raise _Unreadable(
            f"{name} has {size}, more than the {LARGEST_IMAGE:,} (2^25) that are read; --shrink {factor} reads it smaller."
        )


@contextmanager
def _a_sentence(source: Path | Given) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about what it repairs
            yield
    except _Unreadable:
        raise
    # What Pillow, tifffile, pypng and NumPy raise for damaged files.
    except (ValueError, OSError, SyntaxError, EOFError, struct.error, zlib.error, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()).rstrip(".")
    except (KeyError, IndexError, TypeError, AttributeError, ArithmeticError, RuntimeError, AssertionError) as error:
        reason = f"its header is damaged ({type(error).__name__})"
    except MemoryError:  # a damaged header may claim anything
        reason = "it claims more than the memory holds"
    except Image.DecompressionBombError as error:
        reason = " ".join(str(error).split()).rstrip(".")
    else:
        return
    raise ValueError(f"{name_of(source)} is not an image that can be read: {reason}.")


def _open(source: Path | Given) -> ImageFile:
    if isinstance(source, np.ndarray):
        return _array(source)
    if isinstance(source, Image.Image):
        return _pillow_image(source)
    path = source
    if (size := path.stat().st_size) > 2 * LARGEST_DECODED:
        raise ValueError(f"it is a file of {size:,} bytes, and at most {2 * LARGEST_DECODED:,} (2^31) are read")
    if is_array(path):
        return _array(read_array(path))
    with open(path, "rb") as file:
        start = file.read(32)
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff_file(path)
    if start[:2] in (b"P2", b"P3", b"P5", b"P6") and start[2:3].isspace():
        return _netpbm_file(path)
    if start.startswith(b"\x89PNG\r\n\x1a\n") and start[24:25] == b"\x10" and start[25:26] in (b"\2", b"\4", b"\6"):
        return _deep_png_file(path)
    return _pillow_image(path)


def _array(numbers: np.ndarray) -> ImageFile:
    if np.ma.is_masked(numbers):
        count = int(np.ma.getmaskarray(numbers).sum())
        raise ValueError(f"{count:,} of its numbers are masked; fill them, or mark them in a --mask of the task inpaint")
    numbers = np.asarray(numbers)  # a matrix stays one of two axes
    if numbers.ndim == 2:
        numbers = numbers[..., None]
    if numbers.ndim != 3 or numbers.shape[2] not in (1, 3):
        turned = "; the channels come last" if numbers.ndim == 3 and numbers.shape[0] in (1, 3) else ""
        found = {0: "a number", 1: f"a row of {numbers.size}"}.get(numbers.ndim, _size(numbers.shape) + turned)
        raise ValueError(f"an image is an array H×W, H×W×1 or H×W×3, and this one is {found}")
    if numbers.dtype.kind not in "biuf":
        raise ValueError(f"an image holds real numbers, and this array {numbers.dtype}")
    black, white = _range_of(numbers.dtype, 8 * numbers.dtype.itemsize)
    return ImageFile(f"an array of {numbers.dtype}", numbers.shape[:2], numbers.nbytes, black, white, "", lambda: numbers)


def _range_of(dtype: np.dtype, bits: int) -> tuple[float | None, float | None]:
    """Black and white of a kind of number: unsigned ones of up to 16 bits, and truth values; nothing says it for others."""
    if dtype.kind == "b":
        return 0.0, 1.0
    return (0.0, 2.0**bits - 1) if dtype.kind == "u" and bits <= 16 else (None, None)


# Pillow: at most 8 bits a channel, gray of 16, and float


def _pillow_image(source: Path | Image.Image) -> ImageFile:
    with _without_pillows_limit(), _pillow(source) as image:
        kind, mode, size = f"a {image.format or 'Pillow'} image in {image.mode}", image.mode, image.size
        if getattr(image, "is_animated", False) and image.format != "MPO":  # a phone's MPO begins with the photo
            raise ValueError("it is an animation or a stack; save the frame that is meant as an image of its own")
        _refuse_colours({"CMYK": "printing inks (CMYK)", "LAB": "CIE Lab", "HSV": "HSV", "RGBa": "", "La": ""}.get(mode))
        alpha = mode in ("RGBA", "LA", "PA") or ("transparency" in image.info and mode in ("P", "L", "RGB"))
        if "transparency" in image.info and not alpha:
            raise ValueError(f"it has a transparent colour, which is not read in a {mode} image; save it without")
        if mode not in _PILLOW_BYTES:
            raise ValueError(f"its pixels are of Pillow's mode {mode}")
    white: float | None = {"1": 1.0, "I;16": 65535.0, "I;16B": 65535.0, "I": 65535.0, "F": None}.get(mode, 255.0)
    width, height = size
    return ImageFile(
        kind,
        (height, width),
        (_PILLOW_BYTES[mode] + (4 if alpha else 0)) * width * height,
        None if white is None else 0.0,
        white,
        "alpha" if alpha else "",
        lambda: _decode_with_pillow(source, alpha),
    )


def _decode_with_pillow(source: Path | Image.Image, alpha: bool) -> np.ndarray:
    with _without_pillows_limit(), _pillow(source) as opened:
        image: Image.Image = ImageOps.exif_transpose(opened)
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA" if alpha else "RGB")
        elif alpha and image.mode in ("L", "RGB"):
            image = image.convert({"L": "LA", "RGB": "RGBA"}[image.mode])
        return _array_of(image)


def _array_of(image: Image.Image) -> np.ndarray:
    """Pixels (H, W, C), a strip at a time: Pillow makes three more copies of what is converted."""
    width, height = image.size
    rows = max(1, _STRIP // width)
    strips = (np.asarray(image.crop((0, top, width, min(top + rows, height)))) for top in range(0, height, rows))
    for n, strip in enumerate(strips):
        if n == 0:
            numbers = np.empty((height, *strip.shape[1:]), dtype=strip.dtype)
        numbers[n * rows : (n + 1) * rows] = strip
    return numbers if numbers.ndim == 3 else numbers[..., None]


def _pillow(path: Path | Image.Image, formats: tuple[str, ...] = _PILLOW) -> AbstractContextManager[Image.Image]:
    """To be closed afterwards, unless somebody else has opened it."""
    if isinstance(path, Image.Image):
        return nullcontext(path)
    try:
        return Image.open(path, formats=formats)
    except Image.UnidentifiedImageError:
        raise ValueError(kind_of(path) or "its kind is not known; save it as PNG or TIFF") from None


@contextmanager
def _without_pillows_limit() -> Iterator[None]:
    """Pillow's limit on pixels is another one than ``require_size`` states."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


# PNG with colours of 16 bits, which Pillow reduces to 8


def _deep_png_file(path: Path) -> ImageFile:
    with open(path, "rb") as file:
        header = file.read(33)
    width, height, _, colour = struct.unpack(">IIBB", header[16:26])
    channels = {2: 3, 4: 2, 6: 4}[colour]
    with _without_pillows_limit(), _pillow(path, ("PNG",)) as image:
        if getattr(image, "is_animated", False):
            raise ValueError("it is an animation; save the frame that is meant as an image of its own")
        if "transparency" in image.info:
            raise ValueError("it has a transparent colour of 16 bits, which is not read; save it without, or with alpha")
    needed = 2 * channels * width * height

    def decode() -> np.ndarray:
        import png

        def pieces() -> Iterable[bytes]:
            return (data for name, data in png.Reader(filename=str(path)).chunks() if name == b"IDAT")

        try:
            _refuse_bomb(
                pieces(), needed + 8 * (height + 8)
            )  # a byte for each row of each of the 7 passes of an interlaced one
        except png.Error as error:
            raise ValueError(f"it is damaged or cut short ({error})") from None
        numbers = np.empty((height, width * channels), dtype=np.uint16)
        for n, row in enumerate(png.Reader(filename=str(path)).read()[2]):
            numbers[n] = row
        with _without_pillows_limit(), _pillow(path, ("PNG",)) as image:
            turn = int(image.getexif().get(0x112, 1))  # Pillow decodes the pixels to look for it
        return _turned(numbers.reshape(height, width, channels), turn)

    kind = f"a PNG image of 16 bits, {'gray' if channels == 2 else 'RGB'}"
    return ImageFile(kind, (height, width), needed, 0.0, 65535.0, "alpha" if channels in (2, 4) else "", decode)


def _refuse_bomb(pieces: Iterable[bytes], expected: int) -> None:
    """ValueError if a zlib stream unpacks to more than is expected; unpacks it in pieces and keeps none."""
    unpack, count = zlib.decompressobj(), 0
    for piece in pieces:
        while piece:
            count += len(unpack.decompress(piece, 2**20))
            piece = unpack.unconsumed_tail
            if count > expected:
                raise ValueError(f"its pixels unpack to more than the {expected:,} bytes that its header says")


# Netpbm: numbers up to a largest one that the header says


def _netpbm_file(path: Path) -> ImageFile:
    data = path.read_bytes()
    at = 2
    fields: list[int] = []
    while len(fields) < 3:
        while data[at : at + 1].isspace():
            at += 1
        if data[at : at + 1] == b"#":
            at = data.index(b"\n", at) + 1
            continue
        end = at
        while data[end : end + 1].isdigit():
            end += 1
        if not at < end <= at + 9:
            raise ValueError("its header does not say width, height and largest number")
        fields.append(int(data[at:end]))
        at = end
    width, height, largest = fields
    if not 1 <= largest <= 65535:
        raise ValueError(f"its header says {largest} for white, and 1 to 65535 are possible")
    channels = 3 if data[1:2] in b"36" else 1
    count, stored = width * height * channels, ">u2" if largest > 255 else "u1"

    def decode() -> np.ndarray:
        if data[1:2] in b"23":
            words = b" ".join(line.partition(b"#")[0] for line in data[at:].splitlines()).split()
            numbers, rest = np.array([int(word) for word in words[:count]], dtype=np.int64), words[count:]
        else:
            body = data[at + 1 :]
            numbers = np.frombuffer(body, dtype=stored, count=min(count, len(body) // np.dtype(stored).itemsize))
            rest = [body[numbers.nbytes :]] if body[numbers.nbytes :].startswith((b"P5", b"P6")) else []
        if len(numbers) < count:
            raise ValueError(f"it is cut short: {len(numbers):,} of {count:,} numbers")
        if rest:
            raise ValueError("it holds more than one image; save the one that is meant as a file of its own")
        if numbers.max(initial=0) > largest or numbers.min(initial=0) < 0:
            raise ValueError(f"it holds {numbers.max()}, and its header says {largest} for white")
        return numbers.astype(np.uint16).reshape(height, width, channels)

    return ImageFile(f"a PNM image of levels up to {largest}", (height, width), 2 * count, 0.0, float(largest), "", decode)


# TIFF


def _tiff_file(path: Path) -> ImageFile:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        if not isinstance(page, tifffile.TiffPage):
            raise ValueError("its first page cannot be read")
        others = sum(
            not getattr(tiff.pages[n], "is_reduced", False) for n in range(1, min(len(tiff.pages), 100))
        )  # others are its thumbnails
        pages = _images_in(tiff, page, others + 1)
        if pages > 1:
            many = f"{pages} or more" if len(tiff.pages) > 100 else str(pages)
            raise ValueError(f"it is a stack of {many} images (pages, slices or channels); save one as a file of its own")
        return _tiff_page(path, page)


def _images_in(tiff: Any, page: Any, pages: int) -> int:
    """Images of a stack: pages, planes in a page, and those of which only the first has a page, as ImageJ writes them."""
    shape, axes = page.shape, page.axes
    stacked = math.prod(side for side, axis in zip(shape, axes) if axis not in "YXS")
    return max(int(pages * stacked), int((tiff.imagej_metadata or {}).get("images", 1)) if tiff.is_imagej else 1)


def _tiff_page(path: Path, page: Any) -> ImageFile:
    from tifffile import COMPRESSION, PHOTOMETRIC

    height, width, samples = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    tint = page.photometric
    _refuse_colours({PHOTOMETRIC.SEPARATED: "printing inks (CMYK)", PHOTOMETRIC.CIELAB: "CIE Lab"}.get(tint))
    plain = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR)
    if tint not in plain:
        raise ValueError(f"its colours are of the kind {getattr(tint, 'name', tint)}; save it as gray or RGB")
    if page.dtype is None or page.dtype.kind not in "biuf":
        raise ValueError(f"its pixels are {'of no known kind' if page.dtype is None else page.dtype}, and not real numbers")
    colours = 3 if tint in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR) else 1
    extra = tuple(int(kind) for kind in page.extrasamples)[: samples - colours]
    if samples - colours not in (0, 1) or (samples > colours and extra not in ((1,), (2,))):
        raise ValueError(
            f"each pixel has {samples} numbers, and the file does not say which are colours: save it as gray, RGB or RGBA"
        )
    transparency = {0: "", 1: "premultiplied", 2: "alpha"}[sum(extra)]
    tag = page.tags.get(274)
    turn = int(tag.value) if tag else 1
    shape = height, width
    kind = f"a TIFF image of {page.dtype} numbers" + (f" with {bits} bits" if bits not in (8, 16, 32, 64) else "")
    depth = (3 * 2 if tint == PHOTOMETRIC.PALETTE else page.dtype.itemsize) * samples
    needed = depth * width * height
    unpacked = COMPRESSION.NONE, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.PACKBITS
    black: float | None
    white: float | None
    if page.compression in unpacked and bits in (1, 8, 16, 32, 64) and tint != PHOTOMETRIC.YCBCR:
        if tint == PHOTOMETRIC.PALETTE:
            black, white = 0.0, 65535.0
        else:
            black, white = (0.0, 1.0) if bits == 1 else _range_of(page.dtype, bits)
        if tint == PHOTOMETRIC.MINISWHITE:
            black, white = (1.0, 0.0) if page.dtype.kind == "f" else (white, black)
        return ImageFile(kind, shape, needed, black, white, transparency, lambda: _decode_tiff(path, turn))
    gray = colours == samples == 1 and bits in (16, 32)
    if not (bits <= 8 or (gray and page.dtype.kind in "uf" and (bits == 16) == (page.dtype.kind == "u"))):
        name = getattr(page.compression, "name", page.compression)
        raise ValueError(f"it is {kind[2:]} in the compression {name}; save it without compression or with Deflate")
    # Pillow orients it, applies the palette, and makes 0 black where white is zero, but for 16 bits.
    with _without_pillows_limit(), _pillow(path, ("TIFF",)) as image:
        mode = image.mode
    modes = ("1", "L", "P", "RGB", "RGBA", "LA", "I;16", "I;16B", "I;16L", "F")
    if mode not in modes or (bits > 8) != (mode not in modes[:6]):
        raise ValueError(f"it is {kind[2:]}, which Pillow gives as {mode}; save it without compression or with Deflate")
    black, white = {"1": (0.0, 1.0), "F": (None, None)}.get(mode, (0.0, 65535.0 if bits == 16 else 255.0))
    if tint == PHOTOMETRIC.MINISWHITE and bits > 8:
        black, white = (white, black) if white is not None else (1.0, 0.0)
    return ImageFile(kind, shape, 4 * width * height, black, white, transparency, lambda: _decode_tiff_with_pillow(path))


def _decode_tiff(path: Path, turn: int) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        _refuse_packed_bombs(tiff, page)
        numbers = page.asarray()
        numbers = np.moveaxis(numbers, page.axes.index("S"), -1) if "S" in page.axes else numbers
        numbers = numbers.reshape(int(page.imagelength), int(page.imagewidth), -1)
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            palette = np.asarray(page.colormap)
            if palette.ndim != 2 or len(palette) != 3 or numbers.shape[2] != 1:
                raise ValueError("its palette is damaged")
            if not (palette % 256).any():  # colours of 8 bits, times 256 as libtiff and Pillow write them
                palette = palette // 256 * 257
            numbers = palette[:, numbers[..., 0]].transpose(1, 2, 0)
        return _turned(numbers, turn)


def _refuse_packed_bombs(tiff: Any, page: Any) -> None:
    """tifffile unpacks a strip whole, whatever comes out."""
    from tifffile import COMPRESSION

    if page.compression not in (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE):
        return
    tall = page.rowsperstrip if not page.is_tiled else page.tilelength
    wide = page.imagewidth if not page.is_tiled else page.tilewidth
    most = min(tall, page.imagelength) if not page.is_tiled else tall
    expected = int(most) * int(wide) * int(page.samplesperpixel) * page.dtype.itemsize
    if expected > LARGEST_DECODED:
        raise ValueError(f"its strips or tiles are of {expected:,} bytes")
    for offset, count in zip(page.dataoffsets, page.databytecounts):
        tiff.filehandle.seek(offset)
        _refuse_bomb([tiff.filehandle.read(count)], expected)


def _decode_tiff_with_pillow(path: Path) -> np.ndarray:
    with _without_pillows_limit(), _pillow(path, ("TIFF",)) as image:
        return _array_of(image.convert("RGB") if image.mode == "P" else image)


# What they share


def _turned(numbers: np.ndarray, orientation: int) -> np.ndarray:
    """As a camera held it: the orientation of EXIF and TIFF, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        numbers = numbers.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        numbers = numbers[::-1]
    return numbers[:, ::-1] if orientation in (2, 3, 6, 7) else numbers


def _refuse_colours(name: str | None) -> None:
    if name is not None:
        raise ValueError(f"its colours are {name or 'multiplied by their transparency'}; convert it to RGB")


def _block_means(numbers: np.ndarray, factor: int) -> np.ndarray:
    """Means over factor×factor blocks, float64, a strip at a time."""
    height, width, channels = numbers.shape[0] // factor, numbers.shape[1] // factor, numbers.shape[2]
    means = np.empty((height, width, channels))
    rows = max(1, _STRIP // (factor * numbers.shape[1] * channels))
    for top in range(0, height, rows):
        strip = numbers[top * factor : min(top + rows, height) * factor, : width * factor]
        means[top : top + rows] = strip.reshape(-1, factor, width, factor, channels).mean(axis=(1, 3), dtype=np.float64)
    return means


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
