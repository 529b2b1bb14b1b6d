"""Decodes a compressed frame to stored pixels, each codec with the fastest decoder measured.

This module must not interpret gray levels. ``docs/reading.md`` has the measurements.
"""

import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from pipeline.codes import ReasonCode
from pipeline.dicom.codestream import CodestreamHeader, read_codestream_header
from pipeline.dicom.pixel_data import ImagePixelModule
from pipeline.dicom.transfer_syntaxes import Codec, find_transfer_syntax
from pipeline.errors import RejectedInputError, foreign_errors_rejected
from pipeline.grayscale.stored_pixels import StoredPixels, extract_pixels, reduction_factor

_BYTE_BITS: Final = 8
_RLE_HEADER_BYTES: Final = 64
_LONGEST_RLE_RUN: Final = 128
# JPEG 2000 is by far the slowest to decode, so it is reduced further: to 448 px, not 640.
JPEG_2000_SHARE: Final = 0.7
_DECODERS: Final[dict[Codec, Callable[[bytes], NDArray[Any]]]] = {
    Codec.JPEG: imagecodecs.jpeg8_decode,
    Codec.JPEG_LOSSLESS: imagecodecs.jpeg8_decode,
    Codec.JPEG_LS: imagecodecs.jpegls_decode,
    Codec.JPEG_2000: imagecodecs.jpeg2k_decode,
}


def decode_frame(frame: bytes, transfer_syntax_uid: str, module: ImagePixelModule) -> StoredPixels:
    """Decode one monochrome frame.

    Parameters
    ----------
    frame
        The whole codestream of one frame.
    transfer_syntax_uid
        Used only where the frame has no header that names its codec (RLE, deflate).
    module
        Of the dataset; a frame of another size is refused before it is decoded.

    Raises
    ------
    RejectedInputError
        TRANSFER_SYNTAX_UNSUPPORTED, PIXEL_DATA_TRUNCATED, PIXEL_DATA_UNDECODABLE,
        NOT_MONOCHROME.

    References
    ----------
    PS3.5 section 8.2 and Annex A.4 (encapsulated transfer syntaxes), Annex G (RLE).
    """
    with foreign_errors_rejected(ReasonCode.PIXEL_DATA_UNDECODABLE, "the frame has no header"):
        header = read_codestream_header(frame)
    if header is not None:
        return _decode_codestream(frame, header, module)
    syntax = find_transfer_syntax(transfer_syntax_uid)
    if syntax is not None and syntax.codec is Codec.RLE:
        return _as_stored(_decode_rle(frame, module), module)
    if syntax is not None and syntax.codec is Codec.DEFLATE:
        return _as_stored(_inflate(frame, module), module)
    raise RejectedInputError(
        ReasonCode.TRANSFER_SYNTAX_UNSUPPORTED,
        f"transfer syntax {transfer_syntax_uid}, pixel data beginning {frame[:4].hex(' ')}",
    )


def _decode_codestream(
    frame: bytes, header: CodestreamHeader, module: ImagePixelModule
) -> StoredPixels:
    if (header.rows, header.columns) != (module.rows, module.columns):
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_UNDECODABLE,
            f"the frame has {header.columns} x {header.rows} px, "
            f"the header says {module.columns} x {module.rows}",
        )
    if header.components != 1:
        raise RejectedInputError(
            ReasonCode.NOT_MONOCHROME, f"the frame has {header.components} components"
        )
    # The JPEG 2000 decoder itself notices missing data, and some encoders write no end marker.
    # libjpeg would fill the rest with gray, without an error.
    if not header.is_complete and header.codec is not Codec.JPEG_2000:
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_TRUNCATED, f"the {header.codec} frame has no end marker"
        )
    failure = (
        ReasonCode.PIXEL_DATA_UNDECODABLE if header.is_complete else ReasonCode.PIXEL_DATA_TRUNCATED
    )
    with foreign_errors_rejected(failure, f"the {header.codec} frame cannot be decoded"):
        decoded = _decode_reduced(frame, header)
        if decoded is None:
            decoded = _DECODERS[header.codec](frame)
    is_signed = module.is_signed or decoded.dtype.kind == "i"
    # Dataset and codestream may disagree on the depth. Unsigned values may fill the greater; the
    # sign bit is at the lesser, since encoders either pack a signed value or extend its sign.
    bits = (min if is_signed else max)(header.precision, module.bits_stored)
    raw = decoded.view(f"u{decoded.dtype.itemsize}")
    bits = min(bits, raw.dtype.itemsize * 8)
    return extract_pixels(raw, bits, bits - 1, is_signed=is_signed)


def _decode_reduced(frame: bytes, header: CodestreamHeader) -> NDArray[Any] | None:
    """Decode at a half, a quarter or an eighth of the size, where that suffices.

    JPEG 2000 leaves out its finest wavelet levels, JPEG baseline scales in the DCT domain. Returns
    None where the whole frame is needed, or where Pillow cannot read it: the slower decoder then
    decides whether it is damaged.
    """
    is_jpeg_2000 = header.codec is Codec.JPEG_2000
    share = JPEG_2000_SHARE if is_jpeg_2000 else 1.0
    halvings = min(3, reduction_factor(header.rows, header.columns, share).bit_length() - 1)
    is_scalable = is_jpeg_2000 or (header.codec is Codec.JPEG and header.precision == _BYTE_BITS)
    while is_jpeg_2000 and not _has_size_that_pillow_expects(header, halvings):
        halvings -= 1
    if not halvings or not is_scalable or header.is_signed:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(frame), formats=[header.codec.replace("_", "")])
            if isinstance(image, Jpeg2KImageFile):
                image.reduce = halvings
            else:
                image.draft("L", (header.columns >> halvings, header.rows >> halvings))
            image.load()
    except (OSError, SyntaxError, ValueError):
        return None
    if image.mode == "L":
        return np.asarray(image)
    if image.mode != "I;16":
        return None
    # Pillow shifts the value to the top of the 16 bits: 12 bits, 0x0FFF, become 0xFFF0.
    return np.asarray(image, dtype=np.uint16) >> (16 - header.precision)


def _has_size_that_pillow_expects(header: CodestreamHeader, halvings: int) -> bool:
    """Return whether Pillow, which rounds reduced sides to the nearest, expects the right size.

    References
    ----------
    ISO/IEC 15444-1 B.5: the sides of a resolution level, rounded up.
    """
    part = 1 << halvings
    return all(
        (side + part // 2) // part == -(-side // part) for side in (header.rows, header.columns)
    )


def _decode_rle(frame: bytes, module: ImagePixelModule) -> bytes:
    """Decode RLE Lossless: one segment for each byte of a sample, most significant first.

    Each segment is checked to lie in the frame and decoded by itself: imagecodecs' decoder of whole
    frames does not check the header's offsets, and reads wherever they point.
    """
    pixels = module.rows * module.columns
    with foreign_errors_rejected(ReasonCode.PIXEL_DATA_UNDECODABLE, "the RLE frame is damaged"):
        count, *offsets = struct.unpack_from("<16I", frame)
        if count * _BYTE_BITS != module.bits_allocated:
            raise RejectedInputError(
                ReasonCode.PIXEL_DATA_UNDECODABLE,
                f"the RLE frame has {count} segments, "
                f"{module.bits_allocated} bits allocated need {module.bits_allocated // 8}",
            )
        samples = np.zeros(pixels, _dtype(module))
        for begin, end in pairwise([*offsets[:count], len(frame)]):
            if not _RLE_HEADER_BYTES <= begin <= end <= len(frame):
                raise RejectedInputError(
                    ReasonCode.PIXEL_DATA_UNDECODABLE,
                    f"an RLE segment from byte {begin} to {end} of a frame of {len(frame)}",
                )
            # Some encoders end with a run that is longer than the rest of the image.
            plane = imagecodecs.packbits_decode(frame[begin:end], out=pixels + _LONGEST_RLE_RUN)
            if len(plane) < pixels:
                raise RejectedInputError(
                    ReasonCode.PIXEL_DATA_TRUNCATED,
                    f"an RLE segment holds {len(plane)} bytes of {pixels}",
                )
            if count > 1:
                samples <<= _BYTE_BITS
            samples |= np.frombuffer(plane, np.uint8, pixels)
    return samples.tobytes()


def _inflate(frame: bytes, module: ImagePixelModule) -> bytes:
    """Inflate a Deflated Image Frame, to at most the length that it must have."""
    expected = module.rows * module.columns * module.bits_allocated // 8
    with foreign_errors_rejected(
        ReasonCode.PIXEL_DATA_UNDECODABLE, "the deflated frame is damaged"
    ):
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, expected)


def _as_stored(content: bytes, module: ImagePixelModule) -> StoredPixels:
    dtype = _dtype(module)
    expected = module.rows * module.columns
    if len(content) < expected * dtype.itemsize:
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_TRUNCATED,
            f"the frame holds {len(content)} bytes of {expected * dtype.itemsize}",
        )
    raw = np.frombuffer(content, dtype, expected).reshape(module.rows, module.columns)
    return extract_pixels(raw, module.bits_stored, module.high_bit, is_signed=module.is_signed)


def _dtype(module: ImagePixelModule) -> "np.dtype[np.unsignedinteger]":
    return np.dtype(f"<u{module.bits_allocated // 8}")
