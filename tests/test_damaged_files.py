"""Faults that the fuzz and fault harness found, each with the right outcome."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from raw_png import png

from bwtheory.files import write_bytes
from bwtheory.tasks.images import load_image
from bwtheory.tasks.measured import read_numbers


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "tga", "ppm"])
def test_every_format_without_loss_is_read_as_it_was_written(tmp_path, suffix):
    """Pillow has no opener named MPO; asked for it, it refused all formats that came after it."""
    levels = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 51, 0]]], dtype=np.uint8)
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(levels).save(path, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(load_image(str(path)).pixels, levels / 255)


def test_a_png_is_refused_by_its_header_before_it_is_decoded(tmp_path):
    """Pillow decodes a PNG when it is asked how the picture is turned."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png(2**31 - 1, 8, 2, zlib.compress(b"")))
    with pytest.raises(ValueError, match=r"bomb\.png has 2147483647×2147483647 pixels"):
        load_image(str(path))


@pytest.mark.parametrize("header", [b"{'descr': '<f8', 'shape': (2,", b"(" * 100, b"{'a'", b"\0\0"])
def test_a_damaged_header_of_an_array_is_refused_with_a_sentence(tmp_path, header):
    path = tmp_path / "array.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(16))
    with pytest.raises(ValueError, match=r"array\.npy cannot be read as a sinogram: \w"):
        read_numbers(str(path), "a sinogram")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_that_nobody_reads_is_no_hang(tmp_path):
    """A run folder may hold one in place of its weights; a pipe that somebody reads is written to."""
    pipe = tmp_path / "weights.safetensors"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"weights\.safetensors"):
        write_bytes(pipe, b"1234")
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_bytes(pipe, b"1234")
    found = os.read(descriptor, 10)
    os.close(descriptor)
    assert found == b"1234"
