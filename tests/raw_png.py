"""PNG files whose headers say what a test wants, whatever their data is."""

import struct
import zlib


def png(side: int, bits: int, colour: int, data: bytes) -> bytes:
    """A file of side × side pixels with this bit depth and colour type, by its header; ``data`` is compressed already."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
