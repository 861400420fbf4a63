"""What a name on the command line means: a file, or one of the built-in data.  Imports nothing that takes time."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from bwtheory.options import nearest

BUILT_IN = (
    *("astronaut", "camera", "chelsea", "coffee", "coins", "immunohistochemistry", "moon", "page", "retina", "rocket"),
    *("shepp_logan_phantom", "text", "octaves"),
)
BUILT_IN_SOUNDS = ("chirp",)
TARGETS = ("sines", "steps", "smooth", "kinks")  # functions of bwtheory.tasks.univariate
FILE_OPTIONS = ("angles", "mask", "truth")  # task options that may name files
ARRAYS = {"sinogram": "a sinogram (angles × bins)", "angles": "angles in degrees (a number of projections is the other choice)"}

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".webp": "WEBP",
    "": "PNG",
}

# The first bytes of files that are no images, sounds or arrays here, at an offset: what they are, and what to do.
_EXPORT = "export it as TIFF, PNG or .npy"
KNOWN_KINDS: tuple[tuple[int, bytes, str, str], ...] = (
    (128, b"DICM", "a DICOM file", "export it as TIFF or .npy, and say with --value-range which numbers are black and white"),
    (4, b"ftypheic", "a HEIC photo", "convert it to PNG or JPEG"),
    (4, b"ftypheix", "a HEIC photo", "convert it to PNG or JPEG"),
    (4, b"ftyphevc", "a HEIC photo", "convert it to PNG or JPEG"),
    (4, b"ftypmif1", "a HEIF photo", "convert it to PNG or JPEG"),
    (4, b"ftypavif", "an AVIF image", "convert it to PNG"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image", _EXPORT),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image", _EXPORT),
    (0, b"\xff\x0a", "a JPEG XL image", _EXPORT),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL image", _EXPORT),
    (0, b"8BPS", "a Photoshop document", _EXPORT),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR image", _EXPORT),
    (0, b"#?RADIANCE", "a Radiance HDR image", _EXPORT),
    (0, b"\x89HDF", "an HDF5 file", "save the array that is meant as .npy"),
    (0, b"MATLAB 5.0", "a MATLAB file", "save the array that is meant as .npy"),
    (0, b"SIMPLE  =", "a FITS file", "save the array that is meant as .npy"),
    (0, b"\x1f\x8b", "a gzip file", "unpack it"),
    (0, b"PK\x03\x04", "a ZIP archive, as .npz, .pt and .xlsx are", "save the array that is meant as .npy"),
    (344, b"n+1\x00", "a NIfTI file", "save the slice that is meant as .npy"),
    (0, b"NRRD00", "an NRRD file", "save the slice that is meant as .npy"),
    (0, b"ObjectType =", "a MetaImage header", "save the slice that is meant as .npy"),
    (0, b"MATLAB 7.3", "a MATLAB file", "save the array that is meant as .npy"),
    (0, b"\x80\x04\x95", "a Python pickle", "save the array that is meant as .npy"),
    (0, b"\x80\x05\x95", "a Python pickle", "save the array that is meant as .npy"),
    (0, b"PAR1", "a Parquet file", "save the numbers that are meant as .npy"),
    (0, b"P7\n", "a PAM image", _EXPORT),
    (0, b"qoif", "a QOI image", _EXPORT),
    (0, b"DDS ", "a DDS texture", _EXPORT),
    (0, b"\x00\x00\x01\x00", "an icon", _EXPORT),
    (0, b"%!PS", "a PostScript document", _EXPORT),
    (0, b"version https://git-lfs", "a Git LFS pointer", "fetch the file itself with `git lfs pull`"),
    (0, b"<!DOCTYPE html", "a page of HTML", "it is not the file that you meant to download"),
    (0, b"<html", "a page of HTML", "it is not the file that you meant to download"),
    (0, b"%PDF", "a PDF document", _EXPORT),
    (0, b"<svg", "an SVG drawing", "it has no pixels: export it as PNG"),
    (0, b"<?xml", "an XML document, such as SVG", "it has no pixels: export it as PNG"),
    (0, b"\x89PNG", "a PNG image", "its pixels cannot be decoded"),
    (0, b"\x93NUMPY", "a NumPy array", "its name has to end with .npy, and it is no sound"),
    (0, b"ID3", "an MP3 file", "convert it to WAV"),
    (0, b"\xff\xfb", "an MP3 file", "convert it to WAV"),
    (0, b"\xff\xf3", "an MP3 file", "convert it to WAV"),
    (0, b"fLaC", "a FLAC file", "convert it to WAV"),
    (0, b"OggS", "an Ogg file", "convert it to WAV"),
    (0, b"FORM", "an AIFF file", "convert it to WAV"),
    (4, b"ftyp", "an MP4 or M4A file", "convert it to WAV, PNG or TIFF"),
    (0, b"RIFF", "a RIFF file (WAV, AVI or WebP)", "check that it is the file that you mean"),
    (0, b"\xff\xd8\xff", "a JPEG image", "check that it is the file that you mean"),
)


def shown(path: str | Path) -> str:
    """A path as a message shows it: on one line, whatever is in its name."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def find_file(source: str, built_in: Collection[str] = ()) -> Path | None:
    """The file that ``source`` names; None if there is none, or if it is a built-in name.

    A built-in name means the built-in data in every folder, also where a file has this name; ./name is that file.
    "~" is the home folder where no file is called so.

    Raises
    ------
    ValueError
        For a folder, and for a name that is not UTF-8, which no run could note down.
    """
    if source in built_in or "\0" in source:
        return None
    path = Path(source)
    if not path.exists() and source.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:  # there is no such user
            return None
    try:
        str(path.absolute()).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(_why_no_name(path)) from None
    if path.is_dir():
        raise ValueError(f"{shown(source) or 'An empty name'} is a folder; a file is needed.")
    return path if path.is_file() else None


def find_image(source: str) -> Path | None:
    """The file of an image; None for a built-in one, ValueError if there is neither."""
    path = find_file(source, BUILT_IN)
    if path is None and source not in BUILT_IN:
        near, known = nearest(source, BUILT_IN), ", ".join(BUILT_IN)
        raise ValueError(f"There is no image file {source!a}, and no built-in image of that name{near}; there are {known}.")
    return path


def find_sound(source: str) -> Path | None:
    """The file of a sound; None for the built-in one, ValueError if there is neither."""
    path = find_file(source, BUILT_IN_SOUNDS)
    if path is None and source not in BUILT_IN_SOUNDS:
        near = nearest(source, BUILT_IN_SOUNDS)
        raise ValueError(f"There is no audio file {source!a}, and the only built-in sound is 'chirp'{near}.")
    return path


def find_numbers(source: str, what: str) -> Path:
    """A file that should hold ``what``; ValueError if there is none."""
    path = find_file(source)
    if path is None:
        raise ValueError(f"There is no file {source!a} of {what}.")
    return path


def find_mask(source: str) -> Path:
    """The file of a mask; ValueError if there is none."""
    path = find_file(source)
    if path is None:
        raise ValueError(f"There is no mask file {source!a}.")
    return path


def require_target(name: str) -> None:
    """ValueError for a univariate function that there is not."""
    if name not in TARGETS:
        raise ValueError(f"There is no univariate target {name!r}{nearest(name, TARGETS)}; there are {', '.join(TARGETS)}.")


def require_data(flag: str, value: object) -> None:
    """ValueError, as the task itself would say it, if a flag names data that are not there; other flags name none."""
    if not isinstance(value, str):  # a number of angles
        return
    if flag == "image":
        find_image(value)
    elif flag == "audio":
        find_sound(value)
    elif flag == "target":
        require_target(value)
    elif flag == "mask":
        find_mask(value)
    elif flag in ARRAYS:
        find_numbers(value, ARRAYS[flag])


def format_of(path: Path) -> str:
    """The format that a file's name asks for, PNG for a name without an ending; ValueError for one that is not written."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise ValueError(f"An image is written as {', '.join(FORMATS).removesuffix(', ')}; got {path.name!r}.")
    return found


def _why_no_name(path: Path) -> str:
    name, encoding = os.fsencode(path.absolute()), sys.getfilesystemencoding()
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return f"The path {os.fsencode(path)!r} is not valid UTF-8; rename the file or its folder."
    return f"Names of files are {encoding} in this environment, and {os.fsencode(path)!r} is UTF-8; set PYTHONUTF8=1."


def absolute(source: str, built_in: Collection[str] = ()) -> str:
    """The absolute path of a file, which is found from every folder; built-in names and what is no file stay as they are."""
    if source in built_in or "\0" in source or os.path.isdir(os.path.expanduser(source)):
        return source
    path = find_file(source, built_in)
    return str(path.resolve()) if path else source


def shadowed(source: str, built_in: Collection[str]) -> tuple[str, ...]:
    """A note if a built-in name is also the name of a file in this folder."""
    if source in built_in and Path(source).is_file():
        return (f"{source} is the built-in one; the file of that name in this folder is ./{source}.",)
    return ()


def kind_of(path: Path) -> str | None:
    """What a file is and what to do with it, by its first bytes; None if they are not known."""
    with open(path, "rb") as file:
        start = file.read(352)
    if not start:
        return "it is empty"
    for offset, mark, kind, advice in KNOWN_KINDS:
        if start[offset:].startswith(mark) or (offset == 0 and start.lstrip(b"\xef\xbb\xbf \r\n").startswith(mark)):
            return f"it is {kind}; {advice}"
    return None
