"""Reads the header of a compressed frame: its codec, size and depth.

The header is believed rather than the transfer syntax, which is often wrong. This module must not
decode.
"""

import struct
from dataclasses import dataclass
from typing import Final

from pipeline.dicom.transfer_syntaxes import Codec


@dataclass(frozen=True, slots=True)
class CodestreamHeader:
    """Size and depth of a compressed frame.

    Attributes
    ----------
    precision
        Bits of a sample.
    is_complete
        Whether the end marker is there: libjpeg fills what is missing with gray, without an error.
    """

    codec: Codec
    rows: int
    columns: int
    components: int
    precision: int
    is_signed: bool
    is_complete: bool


_SOI: Final = b"\xff\xd8"
_EOI: Final = b"\xff\xd9"
_J2K: Final = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE: Final = b"\x00\x00\x00\x0cjP  "
_SOF_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SOF_LOSSLESS: Final = 0xC3
_SOF_JPEG_LS: Final = 0xF7
_SOS: Final = 0xDA
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
# A codestream sits behind the boxes of a JP2 file; DICOM wants none, yet they occur.
_JP2_BOXES_BYTES: Final = 4096


def read_codestream_header(frame: bytes) -> CodestreamHeader | None:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 frame; None for anything else.

    Raises
    ------
    struct.error
        If the header ends early.

    References
    ----------
    ITU-T T.81 B.2.2 and T.87 C.2.2 (frame header); T.800 A.5.1 (SIZ).
    """
    if frame.startswith(_SOI):
        return _read_jpeg_header(frame)
    if frame.startswith((_J2K, _JP2_SIGNATURE)):
        at = frame.find(_J2K, 0, _JP2_BOXES_BYTES)
        return _read_jpeg_2000_header(frame, at) if at >= 0 else None
    return None


def _read_jpeg_header(frame: bytes) -> CodestreamHeader | None:
    at = len(_SOI)
    while True:
        prefix, marker = struct.unpack_from(">BB", frame, at)
        if prefix != 0xFF or marker == _SOS:  # noqa: PLR2004 - every marker begins so
            return None
        if marker == 0xFF:  # noqa: PLR2004 - fill bytes before a marker
            at += 1
            continue
        at += 2
        if marker in _STANDALONE:
            continue
        if marker in _SOF_MARKERS or marker == _SOF_JPEG_LS:
            precision, rows, columns, components = struct.unpack_from(">2xBHHB", frame, at)
            codec = {_SOF_LOSSLESS: Codec.JPEG_LOSSLESS, _SOF_JPEG_LS: Codec.JPEG_LS}
            return CodestreamHeader(
                codec.get(marker, Codec.JPEG),
                rows,
                columns,
                components,
                precision,
                is_signed=False,
                # Behind the frame header: a thumbnail in an APP segment has an end marker too.
                is_complete=frame.rfind(_EOI) > at,
            )
        (length,) = struct.unpack_from(">H", frame, at)
        at += length


def _read_jpeg_2000_header(frame: bytes, at: int) -> CodestreamHeader:
    right, bottom, left, top = struct.unpack_from(">IIII", frame, at + 8)
    components, depth = struct.unpack_from(">HB", frame, at + 40)
    return CodestreamHeader(
        Codec.JPEG_2000,
        bottom - top,
        right - left,
        components,
        (depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
        is_complete=frame.rfind(_EOI) > at,
    )
