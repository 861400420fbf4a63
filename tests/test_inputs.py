"""What people bring: every kind of file is read as its format says, or refused with a sentence that says why and what to do."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import png
import pytest
import tifffile
import torch
from PIL import Image
from scipy.io import wavfile
from skimage.transform import radon

from bwtheory import cli
from bwtheory.tasks import absolute_source, build_task
from bwtheory.tasks.arrays import LARGEST_DECODED, LARGEST_TEXT
from bwtheory.tasks.audio import audio
from bwtheory.tasks.image_files import LARGEST_IMAGE, read_levels
from bwtheory.tasks.images import load_image
from bwtheory.tasks.masks import read_mask
from bwtheory.tasks.measured import load_truth, read_numbers
from bwtheory.tasks.physics import physics
from bwtheory.tasks.scan import DISCRETE, moments_fit

Write = Callable[[Path], object]
RAMP = np.arange(12).reshape(3, 4)
UNIT = RAMP / 11
BYTES = np.uint8(20 * RAMP)
DEEP = np.stack([60 * RAMP, 65535 - 60 * RAMP, 7 + RAMP], axis=2).astype(np.uint16)  # steps that 8 bits do not have


def tiff(numbers: np.ndarray, **options: object) -> Write:
    return lambda path: tifffile.imwrite(path, numbers, **options)


def pillow(numbers: np.ndarray, mode: str | None = None, **options: object) -> Write:
    image = Image.fromarray(numbers) if mode is None else Image.fromarray(numbers).convert(mode)
    return lambda path: image.save(path, **options)


def array(numbers: np.ndarray) -> Write:
    return lambda path: np.save(path, numbers)


def content(data: bytes) -> Write:
    return lambda path: path.write_bytes(data)


def deep_png(numbers: np.ndarray, bits: int = 16, **options: object) -> Write:
    height, width = numbers.shape[:2]
    greyscale = numbers.ndim == 2 or numbers.shape[2] == 2
    alpha = numbers.ndim == 3 and numbers.shape[2] in (2, 4)
    writer = png.Writer(width, height, greyscale=greyscale, alpha=alpha, bitdepth=bits, **options)

    def write(path: Path) -> None:
        with open(path, "wb") as file:
            writer.write(file, numbers.reshape(height, -1).tolist())

    return write


def palette(**options: object) -> Write:
    image = Image.fromarray(np.uint8([[0, 1, 2], [2, 1, 0]]), mode="P")
    image.putpalette([10, 20, 30, 200, 0, 0, 7, 250, 100])
    return lambda path: image.save(path, **options)


COLOURS = np.array([[10, 20, 30], [200, 0, 0], [7, 250, 100]])[[[0, 1, 2], [2, 1, 0]]] / 255
DEEP_PALETTE = np.zeros((3, 256), np.uint16)
DEEP_PALETTE[:, 1] = 65535, 1000, 3
NETPBM = struct.pack(">12H", *range(0, 12000, 1000))

# kind of file: suffix, how it is written, its pixels (H, W[, C]) in [0, 1]
READ: dict[str, tuple[str, Write, np.ndarray]] = {
    "TIFF uint8": (".tif", tiff(BYTES), BYTES / 255),
    "TIFF uint16": (".tif", tiff(np.uint16(5000 * RAMP)), 5000 * RAMP / 65535),
    "TIFF uint16 big-endian": (".tif", tiff(np.uint16(5000 * RAMP), byteorder=">"), 5000 * RAMP / 65535),
    "TIFF float16": (".tif", tiff(UNIT.astype("f2")), UNIT.astype("f2")),
    "TIFF float32": (".tif", tiff(UNIT.astype("f4")), UNIT.astype("f4")),
    "TIFF float64": (".tif", tiff(UNIT), UNIT),
    "TIFF float32 RGB": (".tif", tiff((DEEP / 65535).astype("f4"), photometric="rgb"), (DEEP / 65535).astype("f4")),
    "TIFF white is zero, 8 bits": (".tif", tiff(BYTES, photometric="miniswhite"), 1 - BYTES / 255),
    "TIFF white is zero, 16 bits": (".tif", tiff(np.uint16(5000 * RAMP), photometric="miniswhite"), 1 - 5000 * RAMP / 65535),
    "TIFF 1 bit": (".tif", tiff(RAMP % 3 == 0, photometric="minisblack"), RAMP % 3 == 0),
    "TIFF 1 bit, white is zero": (".tif", tiff(RAMP % 3 == 0, photometric="miniswhite"), RAMP % 3 > 0),
    "TIFF palette of 16 bits": (
        ".tif",
        tiff(np.uint8([[0, 1]]), photometric="palette", colormap=DEEP_PALETTE),
        DEEP_PALETTE[:, None, :2].transpose(1, 2, 0) / 65535,
    ),
    "TIFF 1 bit, packed for fax": (".tif", pillow(RAMP % 3 == 0, compression="group4"), RAMP % 3 == 0),
    "TIFF LZW": (".tif", pillow(BYTES, compression="tiff_lzw"), BYTES / 255),
    "TIFF Deflate": (".tif", tiff(np.uint16(5000 * RAMP), compression="zlib"), 5000 * RAMP / 65535),
    "TIFF tiles": (".tif", tiff(np.tile(BYTES, (10, 10)), tile=(16, 16)), np.tile(BYTES, (10, 10)) / 255),
    "TIFF 16-bit RGB": (".tif", tiff(DEEP, photometric="rgb"), DEEP / 65535),
    "TIFF 16-bit RGB in planes": (
        ".tif",
        tiff(np.ascontiguousarray(DEEP.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate"),
        DEEP / 65535,
    ),
    "TIFF RGBA": (
        ".tif",
        tiff(np.dstack([BYTES] * 4), photometric="rgb", extrasamples=["unassalpha"]),
        np.dstack([BYTES] * 3) / 255,
    ),
    "TIFF palette": (".tif", palette(), COLOURS),
    "PNG 1 bit": (".png", pillow(RAMP % 3 == 0), RAMP % 3 == 0),
    "PNG 2 bits": (".png", deep_png(RAMP % 4, bits=2), RAMP % 4 / 3),
    "PNG 4 bits": (".png", deep_png(RAMP, bits=4), RAMP / 15),
    "PNG 8 bits": (".png", pillow(BYTES), BYTES / 255),
    "PNG 16 bits": (".png", pillow(np.uint16(5000 * RAMP)), 5000 * RAMP / 65535),
    "PNG 16-bit RGB": (".png", deep_png(DEEP), DEEP / 65535),
    "PNG 16-bit RGB, interlaced": (".png", deep_png(DEEP, interlace=True), DEEP / 65535),
    "PNG 16-bit gray with alpha": (".png", deep_png(DEEP[..., :2]), DEEP[..., :1] / 65535),
    "PNG palette": (".png", palette(), COLOURS),
    "PNG palette with transparency": (".png", palette(transparency=b"\x00\x80\xff"), COLOURS),
    "PNG gray with alpha": (".png", pillow(np.dstack([BYTES, 255 - BYTES])), BYTES / 255),
    "PNG RGBA": (
        ".png",
        pillow(np.dstack([BYTES, 255 - BYTES, BYTES // 2, BYTES])),
        np.dstack([BYTES, 255 - BYTES, BYTES // 2]) / 255,
    ),
    "PNG by another name": (".jpg", pillow(BYTES, format="PNG"), BYTES / 255),
    "BMP": (".bmp", pillow(BYTES), BYTES / 255),
    "GIF": (".gif", palette(), COLOURS),
    "WebP": (".webp", pillow(np.dstack([BYTES] * 3), lossless=True), np.dstack([BYTES] * 3) / 255),
    "TGA": (".tga", pillow(BYTES), BYTES / 255),
    "JPEG": (".jpg", pillow(np.full((8, 8), 100, np.uint8)), np.full((8, 8), 100 / 255)),
    "PGM to 15": (".pgm", content(b"P5\n# by hand\n4 3 15\n" + bytes(range(12))), RAMP / 15),
    "PGM to 11000": (".pgm", content(b"P5 4 3 11000\n" + NETPBM), UNIT),
    "PGM in text": (".pgm", content(b"P2\n4 3\n100\n" + b" ".join(b"%d" % (9 * n) for n in range(12))), 9 * RAMP / 100),
    "PPM to 1000": (
        ".ppm",
        content(b"P6 2 1 1000\n" + struct.pack(">6H", 0, 500, 1000, 1, 2, 3)),
        np.array([[[0, 500, 1000], [1, 2, 3]]]) / 1000,
    ),
    "PBM": (".pbm", pillow(RAMP % 3 == 0), RAMP % 3 == 0),
    ".npy bool": (".npy", array(RAMP % 3 == 0), RAMP % 3 == 0),
    ".npy uint8": (".npy", array(BYTES), BYTES / 255),
    ".npy uint16 big-endian": (".npy", array((5000 * RAMP).astype(">u2")), 5000 * RAMP / 65535),
    ".npy float16": (".npy", array(UNIT.astype("f2")), UNIT.astype("f2")),
    ".npy float32 in Fortran's order": (".npy", array(np.asfortranarray(UNIT.astype("f4"))), UNIT.astype("f4")),
    ".npy float64": (".npy", array(UNIT), UNIT),
    ".npy H×W×3": (".npy", array(DEEP), DEEP / 65535),
    ".npz": (".npz", lambda path: np.savez_compressed(path, image=BYTES), BYTES / 255),
    "CSV": (".csv", lambda path: np.savetxt(path, UNIT, delimiter=","), UNIT),
}

UNSAID = "the format does not say which number is black and which white"
OUTSIDE = "floats are read from 0 for black to 1 for white"


def stack(path: Path) -> None:
    tifffile.imwrite(path, np.stack([BYTES, BYTES]), photometric="minisblack")


def hyperstack(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((5, 16, 20), "u1"), imagej=True)


def holed(value: float) -> np.ndarray:
    numbers = UNIT.copy()
    numbers[1, 2] = value
    return numbers


def cut(write: Write, keep: float = 0.6) -> Write:
    def cut_short(path: Path) -> None:
        write(path)
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return cut_short


NOISE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
RIGHT = np.uint8(np.hypot(*np.mgrid[:40, :40]) * 4)

# kind of file: suffix, how it is written, what the sentence says
REFUSED: dict[str, tuple[str, Write, str]] = {
    **{
        f"TIFF {kind}": (".tif", tiff((10 * RAMP).astype(kind)), f"{kind} numbers; they go from 0 to 110")
        for kind in ("int8", "int16", "int32", "int64", "uint32", "uint64")
    },
    **{
        f".npy {kind}": (".npy", array((10 * RAMP).astype(kind)), UNSAID)
        for kind in ("int8", "int16", "int32", "int64", "uint32", "uint64")
    },
    "TIFF int32 to 2^20": (".tif", tiff((RAMP * 2**20 // 11).astype("i4")), "--value-range 0 1048576"),
    "TIFF float above 1": (".tif", tiff((255 * UNIT).astype("f4")), OUTSIDE),
    "TIFF float below 0": (".tif", tiff(UNIT - 0.5), "go from -0.5 to 0.5"),
    "TIFF float white is zero, above 1": (".tif", tiff((255 * UNIT).astype("f4"), photometric="miniswhite"), OUTSIDE),
    "TIFF NaN": (".tif", tiff(holed(np.nan).astype("f4")), "1 pixels of 12 that are not finite"),
    ".npy infinite": (".npy", array(holed(-np.inf)), "1 pixels of 12 that are not finite"),
    "TIFF complex": (".tif", tiff(UNIT.astype("c8")), "not real numbers"),
    ".npy complex": (".npy", array(UNIT.astype("c16")), "real numbers"),
    ".npy dates": (".npy", array(RAMP.astype("M8[s]")), "real numbers"),
    ".npy words": (".npy", array(np.array([["a", "b"]])), "real numbers"),
    ".npy objects": (".npy", lambda path: np.save(path, np.array([[1, None]]), allow_pickle=True), "Python objects"),
    ".npy channels first": (".npy", array(np.zeros((3, 40, 50))), "the channels come last"),
    ".npy 4-D": (".npy", array(np.zeros((1, 3, 4, 1))), "1×3×4×1"),
    ".npy empty": (".npy", array(np.zeros((0, 4))), "no pixels"),
    ".npz of two": (".npz", lambda path: np.savez(path, a=BYTES, b=BYTES), "it holds 2 arrays ('a', 'b')"),
    "TIFF pages": (".tif", stack, "a stack of 2 images"),
    "TIFF of ImageJ": (".tif", hyperstack, "a stack of 5 images"),
    "TIFF 5 channels": (
        ".tif",
        tiff(np.zeros((5, 6, 5), "u1"), photometric="minisblack", planarconfig="contig"),
        "does not say which are colours",
    ),
    "TIFF premultiplied": (
        ".tif",
        tiff(np.dstack([BYTES] * 4), photometric="rgb", extrasamples=["assocalpha"]),
        "multiplied by their transparency",
    ),
    "TIFF CMYK": (".tif", pillow(NOISE, "CMYK"), "printing inks (CMYK)"),
    "JPEG CMYK": (".jpg", pillow(NOISE, "CMYK"), "printing inks (CMYK)"),
    "TIFF Lab": (".tif", pillow(NOISE, "LAB"), "CIE Lab"),
    "GIF animation": (
        ".gif",
        lambda path: Image.fromarray(BYTES).save(path, save_all=True, append_images=[Image.fromarray(255 - BYTES)]),
        "an animation or a stack",
    ),
    "PNG 16-bit transparent colour": (".png", deep_png(DEEP, transparent=(0, 65535, 7)), "a transparent colour of 16 bits"),
    "PGM above its white": (".pgm", content(b"P5 4 3 10\n" + bytes(range(12))), "holds 11, and its header says 10"),
    "PGM without its size": (".pgm", content(b"P5 4\n"), "does not say width, height"),
    "two PGM": (".pgm", content(2 * (b"P5 4 3 15\n" + bytes(range(12)))), "more than one image"),
    "PNG cut": (".png", cut(pillow(NOISE)), "not an image that can be read"),
    "PNG 16-bit RGB cut": (".png", cut(deep_png(NOISE.astype(np.uint16))), "not an image that can be read"),
    "JPEG cut": (".jpg", cut(pillow(NOISE)), "truncated"),
    "TIFF cut": (".tif", cut(tiff(NOISE, photometric="rgb")), "not an image that can be read"),
    "PGM cut": (".pgm", cut(content(b"P5 4 3 255\n" + bytes(12)), 0.8), "cut short"),
    ".npy cut": (".npy", cut(array(BYTES), 0.95), "follow"),
    ".npz cut": (".npz", cut(lambda path: np.savez(path, a=NOISE)), "it is not a .npz file, or it is cut short"),
    "zero bytes PNG": (".png", content(b""), "it is empty"),
    "zero bytes .npy": (".npy", content(b""), "it is empty"),
    "zero bytes CSV": (".csv", content(b""), "it is empty"),
    "HEIC": (".jpg", content(b"\0\0\0\x18ftypheic" + bytes(50)), "a HEIC photo; convert it"),
    "DICOM": (".dcm", content(bytes(128) + b"DICM" + bytes(50)), "a DICOM file"),
    "SVG": (".svg", content(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "it has no pixels"),
    "two arrays in .npy": (
        ".npy",
        lambda path: path.write_bytes(array(BYTES)(path) or 2 * path.read_bytes()),
        "it holds more than one array",
    ),
    "PNG named .npy": (".npy", lambda path: Image.fromarray(BYTES).save(path, "PNG"), "it is a PNG image and no .npy file"),
    "PNG named .csv": (".csv", lambda path: Image.fromarray(BYTES).save(path, "PNG"), "a PNG image and no text in UTF-8"),
    ".npy named .png": (".png", content(np.lib.format.MAGIC_PREFIX + bytes(50)), "it needs a name that ends with .npy"),
    "Git LFS": (".png", content(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
    "HTML": (".png", content(b"<!DOCTYPE html><html></html>"), "a page of HTML"),
    "NIfTI": (".nii", content(bytes(344) + b"n+1\0" + bytes(20)), "a NIfTI file; save the slice"),
    "float up to 255": (".npy", array(255 * UNIT), "such as --value-range 0 255 "),
    "float to 254": (".npy", array(254 * UNIT), "such as --value-range 0 255 "),
    "float of 16 bits": (".npy", array(60000 * UNIT), "such as --value-range 0 65535 "),
    "float beyond 1 by rounding": (".npy", array(UNIT * (1 + 1e-7)), "such as --value-range 0 1 "),
    "words": (".png", content(b"what is this"), "save it as PNG or TIFF"),
}


@pytest.mark.parametrize("kind", READ)
def test_numbers_are_read_as_the_format_says(kind, tmp_path):
    suffix, write, expected = READ[kind]
    write(path := tmp_path / f"i{suffix}")
    expected = expected if expected.ndim == 3 else expected[..., None]
    pixels = load_image(str(path)).pixels
    # A division of two exact numbers is rounded once; subtraction from 1 rounds once more.
    assert pixels.dtype == np.float64 and np.allclose(pixels, expected, rtol=0, atol=2.0**-52)
    assert pixels.shape == expected.shape and not np.signbit(pixels).any()


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_said(kind, tmp_path):
    suffix, write, sentence = REFUSED[kind]
    write(path := tmp_path / f"i{suffix}")
    with pytest.raises(ValueError) as refused:
        load_image(str(path))
    message = str(refused.value)
    assert sentence in message
    assert message.endswith(".") and "\n" not in message and str(path) in message and message.count(str(path)) == 1


def test_a_folder_and_no_file(tmp_path):
    with pytest.raises(ValueError, match="is a folder; a file is needed"):
        load_image(str(tmp_path))
    with pytest.raises(ValueError, match=r"There is no image file 'nowhere\.png'"):
        load_image("nowhere.png")


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "uint64", "float32"])
@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_a_value_range_says_what_numbers_mean(dtype, suffix, tmp_path):
    numbers = (RAMP * 10).astype(dtype) if dtype.startswith("u") else (RAMP * 10 - 50).astype(dtype)
    path = tmp_path / f"i{suffix}"
    (tiff if suffix == ".tif" else array)(numbers)(path)
    for low, high in ((-50, 60), (0, 200), (60, -50)):  # the last one: white is the smaller number
        found = load_image(str(path), value_range=(low, high))
        assert np.allclose(found.pixels[..., 0], (numbers.astype(float) - low) / (high - low), rtol=1e-15, atol=1e-15)
        assert found.value_range == (low, high)


@pytest.mark.parametrize("bad", [(0, 0), (0, np.nan), (0, np.inf), (1,), (1, 2, 3)])
def test_a_value_range_is_two_numbers(bad, tmp_path):
    tiff(BYTES)(path := tmp_path / "i.tif")
    with pytest.raises(ValueError, match="two different finite numbers"):
        load_image(str(path), value_range=bad)


def test_a_built_in_image_has_no_value_range():
    with pytest.raises(ValueError, match="camera is a built-in image"):
        load_image("camera", value_range=(0, 1))


@pytest.mark.parametrize("task", ["signal", "superres", "denoise", "inpaint", "ct"])
def test_the_reconstruction_is_written_in_the_numbers_of_the_file(task, tmp_path):
    numbers = np.int16(RAMP * 100 - 500)
    tiff(numbers)(path := tmp_path / "hu.tif")
    options = {"value_range": (-500.0, 600.0)} | ({"factor": 1} if task == "superres" else {})
    made = build_task(task, str(path), "stretch", options)
    made.save_reconstruction(tmp_path / "reconstruction.png", made.truth)
    assert np.allclose(np.load(tmp_path / "reconstruction.npy"), numbers, rtol=0, atol=1e-9)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "reconstruction.png")), np.round(255 * UNIT))


def test_a_value_range_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiff(np.int16(RAMP * 100 - 500))(Path("hu.tif"))
    small = ["--epochs", "2", "--hidden-features", "8", "--hidden-layers", "1", "--device", "cpu", "--out", "o"]
    assert cli.main(["train", "signal", "--image", "hu.tif", *small]) == 2
    assert "--value-range -500 600" in capsys.readouterr().err
    assert cli.main(["train", "signal", "--image", "hu.tif", "--value-range", "-500", "600", *small]) == 0
    (run,) = Path("o").iterdir()
    assert np.load(run / "reconstruction.npy").shape == (3, 4)
    assert json.loads((run / "config.json").read_text())["task_options"]["value_range"] == [-500, 600]


def test_a_normalized_signal_keeps_the_numbers_of_the_file(tmp_path):
    numbers = np.int16(RAMP * 100 - 500)
    tiff(numbers)(path := tmp_path / "hu.tif")
    made = build_task("signal", str(path), "stretch", {"value_range": (-1000.0, 3000.0), "normalize": True})
    assert float(made.truth.min()) == 0 and float(made.truth.max()) == 1
    assert np.allclose(made.in_units_of_the_file(made.image(made.truth))[..., 0], numbers, rtol=0, atol=1e-9)


TURNED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNED)
def test_orientation(orientation, tmp_path):
    """A photo is shown as the camera was held: orientation 6 is turned clockwise; 8-bit and 16-bit PNG, TIFF."""
    exif = Image.Exif()
    exif[0x112] = orientation
    pillow(BYTES, exif=exif)(tmp_path / "8.png")
    tifffile.imwrite(tmp_path / "8.tif", BYTES, extratags=[(274, "H", 1, orientation, True)])
    deep_png(DEEP)(tmp_path / "16.png")
    data, turn = (tmp_path / "16.png").read_bytes(), exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(turn)) + b"eXIf" + turn + struct.pack(">I", zlib.crc32(b"eXIf" + turn))
    (tmp_path / "16.png").write_bytes(data[:33] + chunk + data[33:])
    for name, stored in (("8.png", BYTES / 255), ("8.tif", BYTES / 255), ("16.png", DEEP / 65535)):
        pixels = load_image(str(tmp_path / name)).pixels
        expected = TURNED[orientation](stored)
        assert np.array_equal(pixels, expected.reshape(*expected.shape[:2], -1)), name


def test_notes_about_what_was_read(tmp_path):
    pillow(np.dstack([BYTES, np.uint8(255 * (RAMP > 3))]))(tmp_path / "alpha.png")
    assert "4 transparent pixels of 12" in load_image(str(tmp_path / "alpha.png")).notes[0]
    tiff(np.uint16(370 * RAMP))(tmp_path / "12bits.tif")
    (note,) = load_image(str(tmp_path / "12bits.tif")).notes
    assert "go from 0 to 4070, and white is 65535" in note and "--value-range" in note
    tiff(np.uint16(5000 * RAMP))(tmp_path / "16bits.tif")
    assert load_image(str(tmp_path / "16bits.tif")).notes == ()


# Bombs: small files that claim much


def png_of_chunks(path: Path, bits: int, colour: int, side: int, pixels: bytes) -> None:
    header = struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")
    chunks = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def bomb_png(path: Path, side: int = 9400) -> None:
    """Black pixels of 1 bit."""
    png_of_chunks(path, 1, 0, side, bytes((1 + (side + 7) // 8) * side))


def bomb_npy(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header + b"\n" + bytes(100))


def bomb_wav(path: Path) -> None:
    data = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16) + struct.pack("<4sI", b"data", 4 * 10**9)
    path.write_bytes(struct.pack("<4sI4s", b"RIFF", 4 * 10**9 + 36, b"WAVE") + data + bytes(1000))


def bomb_pgm(path: Path) -> None:
    path.write_bytes(b"P5 5000 5000 255\n" + bytes(10))


def bomb_tiff(path: Path) -> None:
    """A strip of 100×100 pixels that unpacks to 120 MB."""
    tifffile.imwrite(path, np.zeros((100, 100), "u1"), compression="zlib")
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        count, offset = page.tags["StripByteCounts"], page.tags["StripOffsets"]
        places = count.valueoffset, offset.valueoffset, count.dtype
    packed, data = zlib.compress(bytes(12 * 10**7)), bytearray(path.read_bytes())
    for place, value in zip(places, (len(packed), len(data))):
        struct.pack_into("<H" if places[2] == 3 and place == places[0] and value < 2**16 else "<I", data, place, value)
    path.write_bytes(bytes(data) + packed)


def bomb_deep_png(path: Path) -> None:
    """A header of 4×4 pixels, and 120 MB of them."""
    png_of_chunks(path, 16, 2, 4, bytes(12 * 10**7))


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\1\0" + struct.pack("<H", 118))
        file.write(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 200), }".ljust(117) + b"\n")
        file.truncate(2 * LARGEST_DECODED + 1)


BOMBS: dict[str, tuple[str, Write, str, str]] = {
    "1-bit PNG": (".png", bomb_png, "images.load_image", "9400×9400 pixels, more than the 33,554,432"),
    ".npy": (".npy", bomb_npy, "images.load_image", "1000000×1000000 numbers of float64, 8,000,000,000,000 bytes"),
    "PGM": (".pgm", bomb_pgm, "images.load_image", "10 of 25,000,000 numbers"),
    "TIFF": (".tif", bomb_tiff, "images.load_image", "unpack to more than the 10,000 bytes"),
    "16-bit PNG": (".png", bomb_deep_png, "images.load_image", "unpack to more than"),
    "large file": (".npy", sparse, "images.load_image", "at most 2,147,483,648"),
    "WAV": (".wav", bomb_wav, "audio.audio", "4,000,000,000 bytes of samples"),
    "mask": (".png", bomb_png, "masks.read_mask", "9400×9400 pixels"),
    "sinogram": (".npy", bomb_npy, "tomography.read_angles", "follow"),
}

LIMITED = """
import resource, sys
import numpy, PIL.Image, tifffile, png, scipy.io.wavfile, skimage.transform
import bwtheory.tasks.named
def allow(megabytes):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, resource.RLIM_INFINITY))
for read, path in zip(sys.argv[1::2], sys.argv[2::2]):
    allow(100)
    module, function = read.split(".")
    try:
        getattr(sys.modules["bwtheory.tasks." + module], function)(path)
    except ValueError as error:
        print(error)
allow(300)  # 88 MB as Pillow has them, the same as an array, and strips
pixels = sys.modules["bwtheory.tasks.images"].load_image(sys.argv[2], shrink=100).pixels
print(*pixels.shape, pixels.max())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux what memory it uses")
def test_bombs_in_bounded_memory(tmp_path):
    """Each is refused with its reason in 100 MB, and the first one can be read smaller."""
    arguments = []
    for n, (suffix, write, read, _) in enumerate(BOMBS.values()):
        write(path := tmp_path / f"{n}{suffix}")
        arguments += [read, str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    *refusals, small = done.stdout.splitlines()
    for line, (_, _, _, sentence) in zip(refusals, BOMBS.values(), strict=True):
        assert sentence in line
    assert small == "94 94 1 0.0"


def test_refused_before_it_is_decoded(tmp_path, monkeypatch):
    bomb_png(path := tmp_path / "bomb.png")
    assert path.stat().st_size < 12_000 and LARGEST_IMAGE < 9400**2
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("The pixels have been decoded."))
    with pytest.raises(ValueError, match="--shrink 2 reads it smaller"):
        load_image(str(path))


def test_the_factor_that_is_named_is_enough(tmp_path):
    bomb_png(path := tmp_path / "bomb.png", 6000)
    with pytest.raises(ValueError, match="--shrink 2 reads"):
        load_image(str(path))
    assert load_image(str(path), shrink=2).pixels.shape == (3000, 3000, 1)


def test_large_images_are_shrunk_by_means(tmp_path, monkeypatch):
    monkeypatch.setattr("bwtheory.tasks.images.LARGEST_IMAGE", 10)
    monkeypatch.setattr("bwtheory.tasks.image_files.LARGEST_IMAGE", 10)
    numbers = np.random.default_rng(0).integers(0, 256, (7, 9), dtype=np.uint8)
    pillow(numbers)(path := tmp_path / "i.png")
    means = numbers[:6, :9].reshape(2, 3, 3, 3).mean(axis=(1, 3)) / 255
    assert np.allclose(load_image(str(path), shrink=3).pixels[..., 0], means, rtol=0, atol=1e-15)


def test_a_text_that_is_too_long(tmp_path):
    path = tmp_path / "a.txt"
    with open(path, "wb") as file:
        file.truncate(LARGEST_TEXT + 1)
    with pytest.raises(ValueError, match=r"save it as \.npy"):
        read_numbers(str(path), "angles")


# Masks

SEEN = np.full((32, 48), True)
SEEN[10:20, 10:30] = False
WHITE = np.uint8(255 * SEEN)


def resized(path: Path) -> None:
    big = Image.fromarray(WHITE).resize((480, 320), Image.Resampling.BICUBIC)
    big.resize((48, 32), Image.Resampling.BICUBIC).save(path)


MASKS: dict[str, tuple[str, Write]] = {
    "two levels": (".png", pillow(WHITE)),
    "1 bit": (".png", pillow(SEEN)),
    "JPEG": (".jpg", pillow(WHITE, quality=75)),
    "colour JPEG": (".jpg", pillow(np.dstack([WHITE] * 3), quality=75)),
    "antialiased": (".png", resized),
    "in the transparency": (".png", pillow(np.dstack([np.full_like(WHITE, 255)] * 3 + [WHITE]))),
    "in one colour": (".png", pillow(np.dstack([np.zeros_like(WHITE), WHITE, np.zeros_like(WHITE)]))),
    "video levels": (".png", pillow(np.uint8(np.where(SEEN, 235, 16)))),
    "0 and 1 of 8 bits": (".png", pillow(np.uint8(SEEN))),
    "white is zero": (".tif", tiff(255 - WHITE, photometric="miniswhite")),
    "NaN and 1": (".tif", tiff(np.where(SEEN, 1, np.nan).astype("f4"))),
    "NaN, 0 and 1": (".tif", tiff(np.where(SEEN, 1, np.where(np.arange(48) < 20, np.nan, 0)).astype("f4"))),
    ".npy bool": (".npy", array(SEEN)),
    ".npy int64": (".npy", array(SEEN.astype(int))),
    ".npy float": (".npy", array(SEEN.astype(float))),
    "CSV": (".csv", lambda path: np.savetxt(path, SEEN, delimiter=",")),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_that_are_hardly_two_valued(kind, tmp_path):
    suffix, write = MASKS[kind]
    write(path := tmp_path / f"mask{suffix}")
    seen, sentence = read_mask(str(path))
    assert np.array_equal(seen, SEEN)
    assert sentence.startswith(f"1,336 of 1,536 pixels are seen by the mask {path}") and "invert" not in sentence


def test_a_mask_that_may_be_inverted_says_so(tmp_path):
    pillow(255 - WHITE)(path := tmp_path / "mask.png")
    seen, sentence = read_mask(str(path))
    assert np.array_equal(seen, ~SEEN)
    assert "200 of 1,536" in sentence and "at least 127.5, half way from 0 to 255" in sentence and "invert the mask" in sentence


@pytest.mark.parametrize(
    "numbers, sentence",
    [
        (np.full((4, 4), 255, np.uint8), "Nothing is hidden: the mask"),
        (np.zeros((4, 4), np.uint8), "Nothing is seen: the mask"),
        (np.full((4, 4), np.nan), "Nothing is seen: the mask"),
        (np.uint8(np.where(np.eye(4) > 0, 120, 110)), "too near to each other"),
        (np.uint8(np.linspace(0, 255, 400).reshape(20, 20)), "is no mask: "),
        (np.dstack([WHITE, WHITE.T.reshape(WHITE.shape), WHITE]), "disagree in"),
        (np.ones((4, 4), complex), "real numbers"),
    ],
    ids=["all seen", "nothing seen", "all NaN", "gray", "a picture", "channels", "complex"],
)
def test_masks_that_are_refused(numbers, sentence, tmp_path):
    array(numbers)(path := tmp_path / "mask.npy")
    with pytest.raises(ValueError, match=sentence):
        read_mask(str(path))


@pytest.mark.parametrize(
    "shape, likely", [((48, 32), "one of them is turned"), ((64, 96), "made smaller or larger"), ((5, 7), "")]
)
def test_a_mask_of_another_size(shape, likely, tmp_path):
    pillow(WHITE)(tmp_path / "i.png")
    mask = np.zeros(shape, np.uint8)
    mask[0] = 255
    pillow(mask)(tmp_path / "m.png")
    with pytest.raises(ValueError, match=f"32×48 pixels and its mask {shape[0]}×{shape[1]}; .*{likely}"):
        build_task("inpaint", str(tmp_path / "i.png"), "stretch", {"mask": str(tmp_path / "m.png")})


def test_unknown_pixels_of_an_image_may_be_nan(tmp_path):
    """Under the mask everything is allowed; what is seen is read as it is, and the note says how many."""
    numbers = np.where(SEEN, 0.25, np.nan)
    numbers[0, 0] = 0.75
    array(numbers)(tmp_path / "i.npy")
    array(SEEN)(tmp_path / "m.npy")
    task = build_task("inpaint", str(tmp_path / "i.npy"), "stretch", {"mask": str(tmp_path / "m.npy")})
    assert torch.equal(task.measurements[:, 0], torch.from_numpy(numbers[SEEN]))
    assert any("1,336 of 1,536 pixels are seen" in note for note in task.notes)


# Units


def test_noise_in_grey_levels(tmp_path):
    pillow(WHITE)(tmp_path / "i.png")
    pillow(WHITE)(tmp_path / "m.png")
    image = str(tmp_path / "i.png")
    with pytest.raises(ValueError, match=r"grey levels of 255, it is 0\.09804"):
        build_task("denoise", image, "stretch", {"noise": 25.0})
    with pytest.raises(ValueError, match=r"grey levels of 255, it is 0\.09804"):
        build_task("inpaint", image, "stretch", {"mask": str(tmp_path / "m.png"), "noise_std": 25.0})
    assert any("larger than" in note for note in build_task("denoise", image, "stretch", {"noise": 0.9}).notes)


def test_noise_in_the_numbers_of_the_file(tmp_path):
    numbers = np.random.default_rng(0).integers(-1000, 1000, (12, 12)).astype("i2")
    tiff(numbers)(path := tmp_path / "i.tif")
    options = {"noisy": True, "noise_std": 25.0, "value_range": (-1000.0, 1000.0)}
    task = build_task("denoise", str(path), "stretch", options)
    assert task.noise_std == 25 / 2000 and task.facts()["noise_std_stated"] == pytest.approx(25)


def test_an_image_that_is_noisy_already(tmp_path):
    """By default noise is added, and it is said; with --noisy the pixels are the measurements."""
    pillow(BYTES)(path := tmp_path / "noisy.png")
    plain = build_task("denoise", str(path), "stretch", {})
    assert not torch.equal(plain.measurements, plain.truth) and any("--noisy" in note for note in plain.notes)
    task = build_task("denoise", str(path), "stretch", {"noisy": True})
    assert np.array_equal(task.measurements.numpy()[:, 0], BYTES.ravel() / 255)
    assert task.score_name == "residual" and "noise_std_added" not in task.facts()
    with pytest.raises(ValueError, match="--truth goes with --noisy"):
        build_task("denoise", str(path), "stretch", {"truth": str(path)})
    known = build_task("denoise", str(path), "stretch", {"noisy": True, "truth": str(path)})
    assert known.score(known.truth) == np.inf


def test_a_physics_in_grey_levels(tmp_path, monkeypatch):
    """The score of an image in 0..255 is that of the same image in 0..1."""
    (tmp_path / "grey_levels.py").write_text(
        "import torch\n"
        "class Same:\n"
        "    def A(self, x): return x\n"
        "    def A_adjoint(self, y): return y\n"
        "def image(white):\n"
        "    x = torch.linspace(0, white, 48).reshape(1, 1, 6, 8)\n"
        "    return Same(), x, x\n"
        "def levels(): return image(255.0)\n"
        "def unit(): return image(1.0)\n"
        "def unknown(): return image(255.0)[:2]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    levels, unit, unknown = (physics(f"grey_levels:{name}") for name in ("levels", "unit", "unknown"))
    values = torch.linspace(0, 1, 48)[:, None] + 0.1
    assert levels.scale == 255 and unit.scale == 1 and unknown.scale == pytest.approx(255)
    assert levels.score(values) == pytest.approx(unit.score(values), abs=1e-4) == pytest.approx(20, abs=1e-4)  # 0.1 is 20 dB
    assert "range up to 255" in levels.notes[0] and unit.notes == () and "seems to be" in unknown.notes[0]


# Sinograms


def phantom(side: int = 32) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side // 2
    return 0.5 * (x**2 + y**2 < (0.4 * side) ** 2) + 0.4 * ((x - 4) ** 2 + (y + 5) ** 2 < (0.15 * side) ** 2)


def beside(side: int = 32) -> np.ndarray:
    """Discs far from the axis, which an angle moves most."""
    y, x = np.mgrid[:side, :side] - side // 2
    return 0.5 * ((x - 7) ** 2 + (y + 5) ** 2 < 16) + 0.8 * ((x + 2) ** 2 + (y - 9) ** 2 < 6)


def scan(degrees: np.ndarray, side: int = 32) -> np.ndarray:
    return radon(phantom(side), degrees, circle=True).T


def sinogram_task(folder: Path, numbers: np.ndarray, angles: int | np.ndarray, **options: object):
    np.save(folder / "s.npy", numbers)
    if isinstance(angles, np.ndarray):
        np.savetxt(folder / "a.txt", angles)
    given = int(angles) if isinstance(angles, int) else str(folder / "a.txt")
    return build_task("ct", str(folder / "s.npy"), "stretch", {"sinogram": True, "angles": given, **options})


HALF = np.linspace(0, 180, 30, endpoint=False)
FULL = np.linspace(0, 360, 30, endpoint=False)
SQUARE = np.linspace(0, 180, 32, endpoint=False)


@pytest.mark.parametrize("angles", [HALF, FULL, SQUARE, np.linspace(0, 90, 30), np.arange(0, 180, 24.0)], ids=range(5))
def test_a_good_scan_has_no_notes(angles, tmp_path):
    assert sinogram_task(tmp_path, scan(angles), angles).notes == ()


@pytest.mark.parametrize("side", [24, 33, 64])
def test_exact_scans_meet_the_conditions(side):
    """A number of angles, and what of the moments the bins of a discrete scan leave."""
    degrees = np.linspace(0, 180, 40, endpoint=False)
    assert moments_fit(scan(degrees, side), degrees).misfit < DISCRETE


WRONG_SCANS: dict[str, tuple[np.ndarray, int | np.ndarray, str]] = {
    "radians": (scan(HALF), np.deg2rad(HALF), "looks like radians"),
    "radians, a quarter turn": (scan(np.linspace(0, 90, 30)), np.deg2rad(np.linspace(0, 90, 30)), "looks like radians"),
    "eight angles in radians": (scan(np.arange(0, 180, 24.0)), np.deg2rad(np.arange(0, 180, 24.0)), "looks like radians"),
    "three angles in radians": (scan(np.array([0.0, 60, 120])), np.deg2rad([0.0, 60, 120]), "looks like radians"),
    "transposed": (scan(HALF).T, HALF, "32 × 30, for 30 angles; transpose it"),
    "square, transposed": (scan(SQUARE).T, SQUARE, "it looks like transposed"),
    "square, transposed, a number": (scan(SQUARE).T, 32, "it looks like transposed"),
    "360° by number": (scan(FULL), 30, "it looks like a scan over 360°; give a file"),
    "360° with both ends": (scan(np.linspace(0, 360, 30)), 30, "it looks like a scan over 360° with both ends"),
    "180° with both ends": (radon(beside(), np.linspace(0, 180, 12), circle=True).T, 12, "from 0° to 180° with both ends"),
    "counts": (1e4 * np.exp(-scan(HALF) / 20), HALF, "looks like counts or intensities"),
    "NaN": (np.where(np.eye(30, 32), np.nan, scan(HALF)), HALF, "30 of them NaN or infinite"),
    "first axis of one": (scan(HALF)[None], HALF, "1 × 30 × 32, for 30 angles; leave out its first axis"),
    "slices": (np.repeat(scan(HALF)[..., None], 6, axis=2), HALF, "a stack of slices is reconstructed one by one"),
    "too few angles": (scan(HALF), HALF[:-1], "30 × 32, for 29 angles"),
    "zero": (np.zeros((30, 32)), HALF, "is zero everywhere"),
    "complex": (scan(HALF).astype(complex), HALF, "finite real numbers"),
}


@pytest.mark.parametrize("kind", WRONG_SCANS)
def test_scans_that_are_something_else(kind, tmp_path):
    numbers, angles, sentence = WRONG_SCANS[kind]
    with pytest.raises(ValueError) as refused:
        sinogram_task(tmp_path, numbers, angles)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("count", [13, 31, 61])
@pytest.mark.parametrize("side", [32, 33])
def test_both_ends_of_half_a_turn(side, count, tmp_path):
    """Given by their number, 0° and 180° are one projection twice; without the last one, noisy or not, nothing is refused."""
    closed, opened = np.linspace(0, 180, count), np.linspace(0, 180, count, endpoint=False)
    with pytest.raises(ValueError, match="is the first one backwards: it looks like a scan from 0° to 180° with both ends"):
        sinogram_task(tmp_path, scan(closed, side), count)
    assert sinogram_task(tmp_path, scan(closed, side), closed).notes == ()
    exact = scan(opened, side)
    assert sinogram_task(tmp_path, exact, count).notes == ()
    for seed in range(10):
        noise = 0.05 * exact.max() * np.random.default_rng(seed).standard_normal(exact.shape)
        assert sinogram_task(tmp_path, exact + noise, count).notes == (), seed


def test_symmetric_objects_have_no_ends_that_meet(tmp_path):
    """A disc and a square, whose projections repeat themselves, in a scan without its second end."""
    y, x = np.mgrid[:32, :32] - 16
    for image in (x**2 + y**2 < 100.0, np.maximum(abs(x), abs(y)) < 9.0, np.maximum(abs(x - 2), abs(y)) < 7.0):
        for count in (12, 30, 31):
            degrees = np.linspace(0, 180, count, endpoint=False)
            sinogram_task(tmp_path, radon(image.astype(float), degrees, circle=True).T, count)


NOTED_SCANS = {
    "shifted axis": (np.roll(scan(HALF), 2, axis=1), "seems to be at bin 18.0"),
    "an offset": (scan(HALF) + 4, "The outermost bins"),
    "negative": (-scan(HALF), "is the sign or an offset missing"),
    "bad rows": (scan(HALF) * np.where(np.arange(30) % 7, 1, 2)[:, None], "their sums vary by"),
}


@pytest.mark.parametrize("kind", NOTED_SCANS)
def test_scans_that_are_noted(kind, tmp_path):
    numbers, sentence = NOTED_SCANS[kind]
    assert any(sentence in note for note in sinogram_task(tmp_path, numbers, HALF).notes)


def test_noise_is_no_wrong_geometry(tmp_path):
    """White noise of 5 % of the largest integral: nothing is refused, nothing noted, for 20 draws."""
    exact = scan(HALF)
    for seed in range(20):
        noise = 0.05 * exact.max() * np.random.default_rng(seed).standard_normal(exact.shape)
        assert sinogram_task(tmp_path, exact + noise, HALF).notes == (), seed


TEXTS = {
    "header": "degrees\n0\n45\n90\n",
    "columns": "0,45,90\n",
    "semicolons": "0;45;90\n",
    "decimal comma": "0,0;45,0;90,0\n",
    "decimal comma, lines": "angle;\n0,0;\n45,0;\n90,0;\n",
    "BOM": "\ufeff0\n45\n90\n",
    "comment": "# degrees\n0 # first\n45\n\n90\n",
    "Windows": "0\r\n45\r\n90\r\n",
    "tabs": "0\t45\t90\n",
    "decimal comma, spaces": "0,0 45,0 90\n",
}
COUNTED = [
    "0,1,2\n3,4,5\n",
    "0,1,2\n7,8,2\n",
    "0,1\n0.5,0.2\n",
    "0,1,2,3,4,5,6,7,8,9\n",
    "0,1,2,3,4,5,6,7\n8,9,10,11,12,13,14,15\n",
]


@pytest.mark.parametrize("text", COUNTED)
def test_a_first_line_that_counts_may_be_data(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert read_numbers(str(path), "angles").tolist() == [[float(word) for word in line.split(",")] for line in text.split()]


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_as_programs_write_them(kind, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(TEXTS[kind].encode())
    assert np.array_equal(read_numbers(str(path), "angles").ravel(), [0, 45, 90])


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("1,2\n3\n", "its line 2 has 1 numbers, and line 1 has 2"),
        ("# a\n\nx,y\n1,2\n3,,\n", "its line 5 has 3 numbers, and line 4 has 2"),
        ("1,2\n3,x\n", "its line 2 has 'x' where a number is expected"),
        ("1,2\n3,,\n", "its line 2 has 3 numbers"),
        ("1,5;2.5\n", "both commas and points"),
        ("1,2 3,4\n5,6 7.5\n", "its line 1 has"),
        ("1_0\n2\n3\n", "its line 1 has '1_0' where a number is expected"),
        ("1\nnan\n", "1 of them NaN"),
        (",0,1\n0,0.5,0.25\n1,0.1,0.2\n", "its first line and column number columns and rows"),
        (",a,b\n0,0.5,0.25\n1,0.1,0.2\n", "its first column has no name"),
        ("0,1,2\n0.5,0.25,1.0\n", "its first line numbers the columns"),
        ("0,1,2,3,4,5,6,7\n9,9,9,9,9,9,9,9\n", "its first line numbers the columns"),
    ],
)
def test_texts_that_are_refused(text, sentence, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ValueError) as refused:
        read_numbers(str(path), "angles")
    assert sentence in str(refused.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".tif", ".txt"])
def test_a_sinogram_in_any_container(suffix, tmp_path):
    numbers, path = scan(HALF), tmp_path / f"s{suffix}"
    {
        ".npy": lambda: np.save(path, numbers),
        ".npz": lambda: np.savez(path, sinogram=numbers),
        ".csv": lambda: np.savetxt(path, numbers, delimiter=","),
        ".txt": lambda: np.savetxt(path, numbers),
        ".tif": lambda: tifffile.imwrite(path, numbers),
    }[suffix]()
    assert np.allclose(read_numbers(str(path), "a sinogram"), numbers, rtol=1e-15, atol=1e-17)


def test_a_truth_that_is_turned(tmp_path):
    array(np.zeros((3, 4)))(path := tmp_path / "t.npy")
    with pytest.raises(ValueError, match=r"4×3×1\. One of them is turned"):
        load_truth(str(path), (4, 3, 1))


# Names


def test_a_file_called_like_a_built_in_image(tmp_path, monkeypatch):
    """The name means the built-in image in every folder, and a note says so; ./camera is the file."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(BYTES).save("camera", format="PNG")
    built_in = load_image("camera")
    assert built_in.pixels.shape == (512, 512, 1) and "the file of that name in this folder is ./camera" in built_in.notes[0]
    assert load_image("./camera").pixels.shape == (3, 4, 1) and load_image("./camera").notes == ()
    assert absolute_source("signal", "camera") == "camera"
    assert absolute_source("signal", "./camera") == str(tmp_path / "camera")
    bomb_wav(Path("chirp"))
    assert audio("chirp").rate == 16000 and "./chirp" in audio("chirp").notes[0]


def test_names_with_a_tilde(tmp_path, monkeypatch):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(work)
    pillow(BYTES)(home / "i.png")
    assert load_image("~/i.png").pixels.shape == (3, 4, 1)
    assert absolute_source("signal", "~/i.png") == str(home / "i.png")
    with pytest.raises(ValueError, match="There is no image file"):
        load_image("~nobody-of-that-name/i.png")


@pytest.mark.parametrize("name", ["two words.png", "ünï→.png", "line\nbreak.png", "[x]*?.png", "-dash.png", "%d.png"])
def test_names_of_all_kinds(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pillow(np.dstack([BYTES, 0 * BYTES]), format="PNG")(Path(name))
    loaded = load_image(name)
    assert loaded.pixels.shape == (3, 4, 1) and "\n" not in loaded.notes[0]


def test_names_that_are_not_utf8(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.png")
    try:
        pillow(BYTES, format="PNG")(Path(name))
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(ValueError, match="is not valid UTF-8; rename the file"):
        load_image(name)


def test_names_in_utf8_where_python_takes_names_as_ascii(tmp_path):
    """The C locale without UTF-8 mode: the name is fine, the environment is not."""
    pillow(BYTES, format="PNG")(tmp_path / "caf\u00e9.png")
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = [sys.executable, "-c", "import sys; from bwtheory.tasks.images import load_image; load_image(sys.argv[1])"]
    child = subprocess.run([*words, tmp_path / "caf\u00e9.png"], env=environment, capture_output=True, text=True, check=False)
    assert child.returncode == 1
    encoding = "Names of files are ascii in this environment"
    assert encoding in child.stderr and child.stderr.rstrip().endswith("is UTF-8; set PYTHONUTF8=1.")


@pytest.mark.parametrize("claimed", [(0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFFFF8, 0x7FFFFFD4), (0, 0)], ids=["ffmpeg", "sox", "zero"])
def test_a_sound_from_a_pipe(claimed, tmp_path):
    """ffmpeg and sox cannot go back to the header when the number of samples is known."""
    wavfile.write(path := tmp_path / "a.wav", 8000, np.arange(100, dtype=np.int16))
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + struct.pack("<I", claimed[0]) + whole[8:40] + struct.pack("<I", claimed[1]) + whole[44:])
    with pytest.raises(ValueError, match="does not say how many samples follow"):
        audio(str(path))


@pytest.mark.parametrize(("seconds", "said"), [(0.5, False), (1.0, False), (1.5, True), (1e308, True)])
def test_more_seconds_than_a_sound_has(seconds, said):
    notes = audio("chirp", seconds=seconds).notes
    assert notes == ((f"chirp has 1 s, not {seconds:g}; all of it is taken.",) if said else ())


def test_the_same_numbers_whatever_was_in_the_way(tmp_path):
    """All lossless files of one image have the same levels."""
    for name in ("i.png", "i.tif", "i.bmp", "i.tga", "i.webp"):
        pillow(np.dstack([BYTES] * 3), **({"lossless": True} if name.endswith("webp") else {}))(tmp_path / name)
        assert np.array_equal(read_levels(tmp_path / name).numbers, np.dstack([BYTES] * 3))
