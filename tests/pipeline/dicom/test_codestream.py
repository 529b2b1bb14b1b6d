import imagecodecs
import numpy as np
import pytest

from pipeline.dicom.codestream import read_codestream_header
from pipeline.dicom.transfer_syntaxes import Codec

FRAME = np.arange(24 * 20, dtype=np.uint16).reshape(24, 20) * 8
ENCODERS = {
    Codec.JPEG: lambda: imagecodecs.jpeg8_encode((FRAME // 16).astype(np.uint8)),
    Codec.JPEG_LOSSLESS: lambda: imagecodecs.ljpeg_encode(FRAME),
    Codec.JPEG_LS: lambda: imagecodecs.jpegls_encode(FRAME),
    Codec.JPEG_2000: lambda: imagecodecs.jpeg2k_encode(FRAME, codecformat="J2K"),
}


@pytest.mark.parametrize("codec", ENCODERS)
def test_reads_what_a_frame_says_of_itself(codec):
    frame = bytes(ENCODERS[codec]())
    header = read_codestream_header(frame)
    assert header is not None
    assert (header.codec, header.rows, header.columns, header.components) == (codec, 24, 20, 1)
    assert header.precision == (8 if codec is Codec.JPEG else pytest.approx(14, abs=2))
    assert header.is_complete
    assert not read_codestream_header(frame[:-20]).is_complete


def test_looks_into_a_jp2_file():
    header = read_codestream_header(bytes(imagecodecs.jpeg2k_encode(FRAME, codecformat="JP2")))
    assert header is not None
    assert header.codec is Codec.JPEG_2000


@pytest.mark.parametrize("frame", [b"", b"\0" * 64, b"RIFF", b"\xff\xd8\xff\xda\0\0"])
def test_knows_nothing_of_other_bytes(frame):
    assert read_codestream_header(frame) is None


def test_passes_fill_bytes_and_markers_without_a_segment():
    frame = bytes(ENCODERS[Codec.JPEG_LS]())
    padded = frame[:2] + b"\xff\xff\xff\x01" + frame[2:]
    assert read_codestream_header(padded) == read_codestream_header(frame)
