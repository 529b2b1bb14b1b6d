"""Files that no writer would write, made byte by byte since libraries refuse to."""

import struct
import zlib
from pathlib import Path

from pipeline.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
)


def write_png_bomb(path: Path, side: int) -> None:
    """Write a PNG of a few hundred kilobytes that unpacks to side x side bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    packer = zlib.compressobj(9)
    row = b"\0" + b"\x10\xf0" * (side // 2)
    pixels = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", group, number, kind)
    if kind in {b"OB", b"OW", b"SQ", b"UN"}:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def write_dicom(path: Path, uid: bytes, *, deflated_mib: int = 0, side: int = 64) -> None:
    """Write a DICOM file byte by byte: any UID, unpacking to so many MiB, or claiming a size.

    Its pixels are always fewer than it says.
    """
    syntax = DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN if deflated_mib else EXPLICIT_VR_LITTLE_ENDIAN
    syntax_uid = syntax.uid.encode()
    meta = (
        element(2, 0x02, b"UI", b"1.2.840.10008.5.1.4.1.1.1\0")
        + element(2, 0x03, b"UI", uid)
        + element(2, 0x10, b"UI", syntax_uid + b"\0" * (len(syntax_uid) % 2))
    )
    size = struct.pack("<H", side)
    dataset = (
        element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.1\0")
        + element(8, 0x18, b"UI", uid)
        + element(8, 0x60, b"CS", b"CR")
        + element(0x18, 0x15, b"CS", b"CHEST ")
        + element(0x20, 0x0D, b"UI", uid)
        + element(0x20, 0x0E, b"UI", uid)
        + element(0x28, 0x02, b"US", struct.pack("<H", 1))
        + element(0x28, 0x04, b"CS", b"MONOCHROME2 ")
        + element(0x28, 0x10, b"US", size)
        + element(0x28, 0x11, b"US", size)
        + element(0x28, 0x100, b"US", struct.pack("<H", 16))
        + element(0x28, 0x101, b"US", struct.pack("<H", 16))
        + element(0x28, 0x102, b"US", struct.pack("<H", 15))
        + element(0x28, 0x103, b"US", struct.pack("<H", 0))
    )
    if deflated_mib:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        zeros = bytes(1 << 20)
        pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, deflated_mib << 20)
        parts = [packer.compress(dataset + pixels)]
        parts += [packer.compress(zeros) for _ in range(deflated_mib)]
        dataset = b"".join([*parts, packer.flush()])
    else:
        dataset += element(0x7FE0, 0x10, b"OW", b"\1\2" * 5000)
    length = element(2, 0, b"UL", struct.pack("<I", len(meta)))
    path.write_bytes(bytes(128) + b"DICM" + length + meta + dataset)
