"""Files of images, masks, arrays and sounds: written by other libraries and read back, then damaged, then bombs.

What a library has written must come back with the right values, worked out from the numbers that were written, or be refused
where its format does not say what the numbers mean.  What is damaged must come back as finite numbers in range, or be refused.
"""

from __future__ import annotations

import io
import json
import random
import resource
import signal
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.raw_png import png
from tests.torture.processes import more_memory, run_child, warm_up
from tests.torture.report import CRASH, HANG, SENTENCE, TRACEBACK, WRONG, Budget, Fault, Report

BATCH = 25  # files that one child reads
PICTURE = "picture.png"  # what masks are for
MEMORY = 2.5  # GB that it may take besides what it begins with


@dataclass(frozen=True)
class Case:
    """A file, who reads it, and what must come back.

    right : the values; None where only their range is known, for a damaged file
    refused : whether a sentence is right: it must be one ("always"), may be one ("perhaps"), or must not ("never")
    """

    sort: str
    words: str
    path: Path
    reader: str
    right: np.ndarray | None = None
    refused: str = "perhaps"


def run(seed: int, count: int, seconds: float) -> Report:
    """So many files, or as many as the time allows."""
    warm_up()
    report, budget, chance = Report("images"), Budget(count, seconds), random.Random(f"images {seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        waiting = _bombs(folder)
        while budget.more(report.tried):
            while len(waiting) < BATCH:
                written = _written(folder / f"f{report.tried}-{len(waiting)}", chance)
                waiting.append(written)
                waiting += [_damaged(written, n, chance) for n in range(2)]
            batch, waiting = waiting[:BATCH], waiting[BATCH:]
            _read_all(batch, folder, report)
            for case in batch:
                case.path.unlink()
        report.seconds = budget.used
    return report


def _read_all(cases: list[Case], folder: Path, report: Report) -> None:
    """Read files in one child; one that dies is followed by another, for the files after the one that killed it."""
    results = folder / "results"
    while cases:
        results.write_text("")
        ended = run_child(_reading(cases, results), folder, {resource.RLIMIT_AS: more_memory(MEMORY)})
        lines = results.read_text(encoding="utf-8").splitlines()
        for case, line in zip(cases, lines):
            what, said = json.loads(line)
            report.add(case.sort, [Fault(what, case.words, said)] if what else [])
        if len(lines) < len(cases):
            what = HANG if ended.status in (None, -signal.SIGXCPU) else CRASH
            report.add(cases[len(lines)].sort, [Fault(what, cases[len(lines)].words, f"status {ended.status}: {ended.err}")])
        cases = cases[len(lines) + 1 :]


def _reading(cases: list[Case], results: Path) -> Callable[[], int | None]:
    def work() -> None:
        warnings.simplefilter("ignore")
        with results.open("a", encoding="utf-8") as file:
            for case in cases:
                file.write(json.dumps(_read(case)) + "\n")
                file.flush()

    return work


def _read(case: Case) -> tuple[str, str]:
    """The fault of reading a file, and what was said; empty if there is none."""
    try:
        values = READERS[case.reader](case.path)
    except ValueError as error:
        said = str(error)
        if case.refused == "never":
            return SENTENCE, f"refused: {said}"
        good = (case.path.name in said or PICTURE in said) and "\n" not in said and len(said.split()) > 3
        return ("", "") if good else (SENTENCE, said)
    except BaseException as error:
        return TRACEBACK, f"{type(error).__name__}: {error}"
    if case.refused == "always":
        return WRONG, f"read, {values.shape} from {values.min()} to {values.max()}"
    if not np.isfinite(values).all():
        return WRONG, "values that are not finite"
    if case.reader == "image" and not (values.min() >= 0 and values.max() <= 1):
        return WRONG, f"values from {values.min()} to {values.max()}"
    if case.right is not None:
        if values.shape != case.right.shape:
            return WRONG, f"shape {values.shape}, written were {case.right.shape}"
        worst = np.abs(values.astype(float) - case.right).max()
        if not worst <= 1e-12 * max(1.0, np.abs(case.right).max()):  # one rounding of a quotient
            return WRONG, f"values are wrong by up to {worst:g}"
    return "", ""


def _image(path: Path) -> np.ndarray:
    from bwtheory.tasks.images import load_image

    return load_image(str(path)).pixels


def _mask(path: Path) -> np.ndarray:
    from bwtheory.tasks import build_task

    task = build_task("inpaint", str(path.with_name(PICTURE)), "stretch", {"mask": str(path)})
    found = np.zeros(len(task.grid))
    found[task.seen.numpy()] = 1  # type: ignore[attr-defined]
    return found


def _numbers(path: Path) -> np.ndarray:
    from bwtheory.tasks.measured import read_numbers

    return read_numbers(str(path), "numbers")


def _sound(path: Path) -> np.ndarray:
    from bwtheory.tasks import build_task

    return build_task("audio", str(path), "stretch", {"seconds": 100.0}).truth.numpy()


READERS = {"image": _image, "mask": _mask, "numbers": _numbers, "sound": _sound}


def _written(stem: Path, chance: random.Random) -> Case:
    """A file with known numbers, of a random sort."""
    generator = np.random.default_rng(chance.getrandbits(32))
    sort = chance.choices(["image", "TIFF", "numbers", "sound", "mask"], [4, 3, 3, 2, 1])[0]
    return {"image": _write_image, "TIFF": _write_tiff, "numbers": _write_numbers, "sound": _write_sound, "mask": _write_mask}[
        sort
    ](stem, generator, chance)


def _levels(generator: np.random.Generator, chance: random.Random, dtype: str, channels: int = 1) -> np.ndarray:
    """(H, W) or (H, W, C) numbers over all of a type's range, black and white included."""
    shape = (chance.randint(1, 20), chance.randint(1, 20), channels)
    if dtype == "bool":
        levels = generator.integers(0, 2, shape).astype(bool)
    elif dtype.startswith("float"):
        levels = generator.random(shape).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        levels = generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        levels.flat[0] = limits.max
    return levels[..., 0] if channels == 1 else levels


def _unit(levels: np.ndarray) -> np.ndarray:
    """What 8 and 16 bits, truth values and floats in [0, 1] mean, (H, W, C)."""
    largest = {"bool": 1, "uint8": 255, "uint16": 65535}.get(levels.dtype.name, 1)
    values = levels.astype(np.float64) / largest
    return values if values.ndim == 3 else values[..., None]


def _write_image(stem: Path, generator: np.random.Generator, chance: random.Random) -> Case:
    from PIL import Image

    suffix = chance.choice(["png", "png", "bmp", "gif", "ppm", "webp", "tga", "pcx", "jpg", "jp2"])
    modes = {
        "png": ["L", "RGB", "RGBA", "LA", "P", "1", "I;16"],
        "bmp": ["L", "RGB", "1", "P"],
        "gif": ["L", "P"],
        "ppm": ["L", "RGB", "I;16"],
        "webp": ["RGB", "RGBA"],
        "tga": ["L", "RGB", "RGBA"],
        "pcx": ["L", "RGB", "P"],
        "jpg": ["L", "RGB", "CMYK"],
        "jp2": ["L", "RGB"],
    }[suffix]
    mode = chance.choice(modes)
    path = stem.with_suffix(f".{suffix}")
    channels = {"RGB": 3, "RGBA": 4, "LA": 2, "P": 3, "CMYK": 4}.get(mode, 1)
    dtype = {"1": "bool", "I;16": "uint16"}.get(mode, "uint8")
    levels = _levels(generator, chance, dtype, channels)
    right: np.ndarray | None = _unit(levels)
    if mode == "P":
        image = Image.fromarray(levels).quantize(chance.choice([2, 16, 256]))
        right = _unit(np.asarray(image.convert("RGB")))
    elif mode == "CMYK":
        image, right = Image.frombytes("CMYK", levels.shape[1::-1], levels.tobytes()), None
    else:
        image = Image.fromarray(levels)
    if mode in ("RGBA", "LA"):
        right = _unit(levels[..., :-1])
    if suffix == "jpg":
        image.save(path, quality=chance.choice([30, 95]))
        right = None if right is None else _unit(np.asarray(Image.open(path)))
    else:
        image.save(path, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    if suffix == "gif" and right is not None:  # a GIF is a palette of colours
        right = np.broadcast_to(right, (*right.shape[:2], 3))
    must = mode in ("L", "RGB", "I;16", "1", "P") and suffix not in ("jp2", "pcx")
    return Case(
        f"{suffix} written", f"{suffix}, mode {mode}, {levels.shape}", path, "image", right, "never" if must else "perhaps"
    )


def _write_tiff(stem: Path, generator: np.random.Generator, chance: random.Random) -> Case:
    import tifffile

    path = stem.with_suffix(".tif")
    dtype = chance.choice(["uint8", "uint16", "float32", "float64", "int8", "int16", "int32", "uint32", "bool"])
    channels = 1 if dtype == "bool" else chance.choice([1, 1, 3])
    levels = _levels(generator, chance, dtype, channels)
    what = chance.choice(["plain", "plain", "white is zero", "pages", "big", "compressed", "outside", "nan"])
    named: dict[str, object] = {"photometric": "rgb" if channels == 3 else "minisblack"}
    right = _unit(levels) if dtype in ("bool", "uint8", "uint16", "float32", "float64") else None
    must = what in ("plain", "big") and dtype in ("uint8", "uint16") and channels == 1
    data = levels
    if what == "white is zero" and channels == 1:
        named["photometric"] = "miniswhite"
        right = None if right is None else 1 - right
    elif what == "pages" and min(levels.shape[:2]) > 4:
        data = np.stack([levels, levels])
    elif what == "big":
        named["bigtiff"], named["byteorder"] = True, ">"
    elif what == "compressed":
        named["compression"] = "zlib"
    elif what in ("outside", "nan") and dtype.startswith("float"):
        data = levels.copy()
        data.flat[0] = 3.7 if what == "outside" else np.nan
    says_nothing = dtype.startswith("float") and what in ("outside", "nan")  # about what is black and white
    says_nothing |= data.ndim > levels.ndim or dtype in ("int8", "int16", "int32", "uint32")
    tifffile.imwrite(path, data, **named)
    refused = "always" if says_nothing else "never" if must else "perhaps"
    return Case("TIFF written", f"TIFF of {dtype}, {what}, {data.shape}", path, "image", right, refused)


def _write_numbers(stem: Path, generator: np.random.Generator, chance: random.Random) -> Case:
    suffix = chance.choice(["npy", "npy", "npz", "csv", "tsv", "txt"])
    dtype = chance.choice(
        ["float32", "float64", "float16", "int16", "uint8", "int64", "bool", "complex64", "object", "<U3", ">f8"]
    )
    path = stem.with_suffix(f".{suffix}")
    values = generator.normal(size=(chance.randint(1, 12), chance.randint(1, 12))) * 10.0 ** chance.randint(-6, 6)
    kind = np.dtype(dtype).kind
    array = np.clip(values, 0, 200).astype(dtype) if kind in "iub" else np.clip(values, -6e4, 6e4).astype(dtype)
    what = chance.choice(["plain", "plain", "plain", "nan", "Fortran order", "three axes", "empty"])
    if what == "nan" and kind == "f":
        array[0, 0] = np.nan
    elif what == "Fortran order":
        array = np.asfortranarray(array)
    elif what == "three axes":
        array = array[None]
    elif what == "empty":
        array = array[:0]
    refused = "always" if kind not in "iufb" or (what == "nan" and kind == "f") or what == "empty" else "perhaps"
    right = array.astype(np.float64) if kind in "iufb" else None
    if suffix == "npy":
        np.save(path, array, allow_pickle=dtype == "object")
        refused = "never" if refused == "perhaps" and what != "three axes" else refused
    elif suffix == "npz":
        np.savez(path, array, **({"other": array} if chance.random() < 0.3 else {}))
    else:
        numbers = array.reshape(-1, array.shape[-1]) if array.size else np.zeros((0, 2))
        if kind in "iufb":
            right = numbers.astype(np.float64)
            np.savetxt(path, numbers.astype(float), delimiter={"csv": ",", "tsv": "\t", "txt": " "}[suffix], fmt="%.17g")
        else:
            path.write_text("\n".join(",".join(f"a{n}" for n in row) for row in numbers))
    return Case(f"{suffix} written", f"{suffix} of {dtype}, {what}, {array.shape}", path, "numbers", right, refused)


def _write_sound(stem: Path, generator: np.random.Generator, chance: random.Random) -> Case:
    from scipy.io import wavfile

    path = stem.with_suffix(".wav")
    dtype = chance.choice(["uint8", "int16", "int32", "float32", "float64"])
    channels = chance.choice([1, 1, 2])
    count = chance.randint(1, 200)
    if dtype.startswith("float"):
        data = generator.uniform(-1, 1, (count, channels)).astype(dtype)
        right = data.astype(np.float64)
    else:
        limits = np.iinfo(dtype)
        data = generator.integers(limits.min, limits.max, (count, channels), dtype=dtype, endpoint=True)
        half = 2.0 ** (limits.bits - 1)
        right = (data.astype(np.float64) - (128 if dtype == "uint8" else 0)) / half
    wavfile.write(path, chance.choice([8000, 44100]), data[:, 0] if channels == 1 else data)
    return Case("wav written", f"WAV of {dtype}, {data.shape}", path, "sound", right, "never")


def _write_mask(stem: Path, generator: np.random.Generator, chance: random.Random) -> Case:
    from PIL import Image

    picture = stem.with_name(PICTURE)
    if not picture.exists():
        Image.fromarray(np.arange(120, dtype=np.uint8).reshape(10, 12)).save(picture)
    path = stem.with_suffix(".png")
    seen = generator.random((10, 12)) < 0.6
    seen.flat[:2] = True, False
    what = chance.choice(
        ["0 and 255", "0 and 1", "10 and 240", "1 bit", "another size", "all seen", "nothing seen", "a picture"]
    )
    low, high = {"0 and 1": (0, 1), "10 and 240": (10, 240)}.get(what, (0, 255))
    levels = np.where(seen, high, low).astype(np.uint8)
    right = seen.reshape(-1).astype(float)
    if what == "another size":
        levels = levels[:-1]
    elif what in ("all seen", "nothing seen"):
        levels = np.full_like(levels, 255 if what == "all seen" else 0)
    elif what == "a picture":
        levels = generator.integers(80, 176, levels.shape, dtype=np.uint8)
        levels.flat[:2] = 0, 255
    image = Image.fromarray(seen) if what == "1 bit" else Image.fromarray(levels)
    image.save(path)
    useless = what in ("another size", "all seen", "nothing seen", "a picture")
    refused = "always" if useless else "never" if what == "0 and 255" else "perhaps"
    return Case("mask written", f"mask of {what}", path, "mask", right, refused)


def _damaged(written: Case, number: int, chance: random.Random) -> Case:
    """A copy of a file with bytes changed, cut, doubled or exchanged."""
    content = bytearray(written.path.read_bytes() or b" ")
    what = chance.choice(["bits", "bits", "header", "cut", "longer", "noise", "another suffix", "a number in the header"])
    suffix = written.path.suffix
    if what == "bits":
        for _ in range(chance.choice([1, 3, 30])):
            place = chance.randrange(8 * len(content))
            content[place // 8] ^= 1 << place % 8
    elif what == "header":
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(min(len(content), 64))] = chance.randrange(256)
    elif what == "cut":
        del content[chance.randrange(len(content)) :]
    elif what == "longer":
        content += chance.randbytes(chance.choice([1, 100, 5000]))
    elif what == "noise":
        start = chance.randrange(len(content))
        content[start : start + 40] = chance.randbytes(40)
    elif what == "another suffix":
        suffix = chance.choice([".png", ".tif", ".npy", ".csv", ".wav", ".jpg", ".gif", ".npz", ".pgm"])
    else:
        place = chance.randrange(max(1, min(len(content), 200) - 4))
        content[place : place + 4] = chance.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])
    path = written.path.with_name(f"{written.path.stem}-damaged{number}{suffix}")
    path.write_bytes(bytes(content))
    return Case(f"{written.reader} damaged", f"{written.words}, damaged: {what}", path, written.reader)


def _bombs(folder: Path) -> list[Case]:
    """Small files that claim to be, or become, very large."""
    cases = []

    def bomb(name: str, content: bytes, reader: str = "image") -> None:
        path = folder / name
        path.write_bytes(content)
        cases.append(Case("bomb", f"bomb {name}, {len(content):,} bytes", path, reader))

    for side, bits, colour, bytes_per_row in (
        (9400, 1, 0, 1176),
        (12_000, 8, 2, 36_001),
        (40_000, 1, 0, 5001),
        (9400, 16, 2, 56_401),
    ):
        rows = _zlib_of_zeros(bytes_per_row * side)
        bomb(f"{side}x{side}-{bits}-bits-{colour}.png", png(side, bits, colour, rows))
    bomb("claims-2e9.png", png(2**31 - 1, 8, 2, zlib.compress(b"")))
    bomb("claims.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0))
    bomb("claims.ppm", b"P6 999999999 999999999 255\n")
    bomb("claims.pgm", b"P5 100000 100000 65535\n" + bytes(100))
    bomb("claims.gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b"," + bytes(9) + b"\2\0;")
    bomb("claims.tif", _claiming_tiff())
    for reader in ("numbers", "image"):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
        bomb(f"claims-for-{reader}.npy", header.getvalue() + bytes(800), reader)
        size = 3 * 2**29
        npy = io.BytesIO()
        np.lib.format.write_array_header_1_0(npy, {"descr": "|u1", "fortran_order": False, "shape": (size,)})
        bomb(f"zeros-for-{reader}.npz", _zip_of(npy.getvalue(), size), reader)
    bomb("nested.txt", b"1 " * 3_000_000 + b"\n" + b"1\n" * 10, "numbers")
    bomb(
        "claims.wav",
        b"RIFF\xff\xff\xff\xffWAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data\xf0\xff\xff\xff"
        + bytes(50),
        "sound",
    )
    bomb(
        "channels.wav",
        b"RIFF\x40\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 65535, 8000, 16000, 0, 16) + b"data\x10\0\0\0" + bytes(16),
        "sound",
    )
    return cases


def _claiming_tiff() -> bytes:
    """One page of 10⁶×10⁶ pixels, in strips that are not there."""
    tags = [
        (256, 4, 1, 10**6),
        (257, 4, 1, 10**6),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
    ]
    tags += [(278, 4, 1, 10**6), (279, 4, 1, 2**32 - 1)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def _zlib_of_zeros(count: int) -> bytes:
    """A zlib stream of so many zeros: the same compressed block again and again."""
    checksum = struct.pack(">I", (count % 65521) << 16 | 1)
    return b"\x78\x9c" + _deflated_zeros(count) + checksum


def _deflated_zeros(count: int) -> bytes:
    def deflated(size: int, last: bool) -> bytes:
        pack = zlib.compressobj(9, zlib.DEFLATED, -15)
        return pack.compress(bytes(size)) + pack.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)

    blocks, rest = divmod(count, 2**20)
    return deflated(2**20, False) * blocks + deflated(rest, True)


def _zip_of(start: bytes, zeros: int) -> bytes:
    """A ZIP archive of one file: a beginning, and so many zeros."""
    stored = b"\0" + struct.pack("<HH", len(start), len(start) ^ 0xFFFF) + start  # an uncompressed block
    data = stored + _deflated_zeros(zeros)
    check = zlib.crc32(start)
    for _ in range(zeros // 2**26):
        check = zlib.crc32(bytes(2**26), check)
    check = zlib.crc32(bytes(zeros % 2**26), check)
    name = b"arr_0.npy"
    facts = struct.pack("<HHHHIIIHH", 0, 8, 0, 33, check, len(data), len(start) + zeros, len(name), 0)
    local = b"PK\3\4" + struct.pack("<H", 20) + facts + name
    central = b"PK\1\2" + struct.pack("<HH", 20, 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(data), 0)
    return local + data + central + end
