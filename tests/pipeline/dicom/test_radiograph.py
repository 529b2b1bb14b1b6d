"""One file for each hazard between a stored value and a gray level, made in code."""

import zlib

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

import pipeline.grayscale.stored_pixels
from pipeline.codes import Flag, ReasonCode
from pipeline.dicom.dataset import parse_dicom
from pipeline.dicom.decoding import decode_frame
from pipeline.dicom.pixel_data import ImagePixelModule
from pipeline.dicom.radiograph import decode_radiograph
from pipeline.dicom.transfer_syntaxes import (
    DEFLATED_IMAGE_FRAME,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    IMPLICIT_VR_LITTLE_ENDIAN,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE_LOSSLESS,
    TRANSFER_SYNTAXES,
    TransferSyntax,
)
from pipeline.errors import RejectedInputError
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input

PIXELS = 10_000_000
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


@pytest.fixture
def twelve_bits(levels):
    return np.rint(levels * 4095).astype(np.uint16)


@pytest.fixture
def eight_bits(levels):
    return np.rint(levels * 255).astype(np.uint8)


def decode(content):
    return decode_radiograph(parse_dicom(content, 1 << 25), PIXELS)


def reason_of(content):
    with pytest.raises(RejectedInputError) as refused:
        decode(content)
    return refused.value.reason_code


def rle(frame):
    """Encode PS3.5 Annex G without any run: literal packets of up to 128 bytes."""
    segments = []
    for byte in range(frame.dtype.itemsize - 1, -1, -1):
        plane = ((frame >> (8 * byte)) & 0xFF).astype(np.uint8).tobytes()
        packets = [plane[at : at + 128] for at in range(0, len(plane), 128)]
        segment = b"".join(bytes([len(packet) - 1]) + packet for packet in packets)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64]
    for segment in segments[:-1]:
        offsets.append(offsets[-1] + len(segment))
    header = np.array([len(segments), *offsets] + [0] * (15 - len(segments)), "<u4").tobytes()
    return header + b"".join(segments)


@pytest.mark.parametrize("syntax", [s for s in TRANSFER_SYNTAXES if s.codec is None])
def test_reads_native_pixels_in_every_encoding(make_dicom, levels, syntax):
    radiograph = decode(make_dicom(syntax=syntax, **WINDOW))
    np.testing.assert_allclose(radiograph.pixels, levels, atol=1 / 4000)
    assert radiograph.flags == set()


ENCODERS = {
    RLE_LOSSLESS: (rle, 0),
    JPEG_LOSSLESS: (imagecodecs.ljpeg_encode, 0),
    JPEG_LOSSLESS_SV1: (imagecodecs.ljpeg_encode, 0),
    JPEG_LS_LOSSLESS: (imagecodecs.jpegls_encode, 0),
    JPEG_LS_NEAR_LOSSLESS: (lambda f: imagecodecs.jpegls_encode(f, level=3), 4 / 4095),
    JPEG_2000_LOSSLESS: (lambda f: imagecodecs.jpeg2k_encode(f, reversible=True), 0),
    JPEG_2000: (lambda f: imagecodecs.jpeg2k_encode(f, codecformat="J2K", level=80), 0.02),
    HTJ2K_LOSSLESS: (imagecodecs.htj2k_encode, 0),
    HTJ2K_LOSSLESS_RPCL: (imagecodecs.htj2k_encode, 0),
    HTJ2K: (lambda f: imagecodecs.htj2k_encode(f, level=0.001, reversible=False), 0.02),
    JPEG_EXTENDED: (lambda f: imagecodecs.jpeg8_encode(f, level=98, bitspersample=12), 0.02),
}
"""How a frame of 12 bits is encoded, and how far its pixels may lie from the original."""
TESTED_BELOW = {JPEG_BASELINE, DEFLATED_IMAGE_FRAME}


@pytest.mark.parametrize(
    "syntax",
    [s for s in TRANSFER_SYNTAXES if s.codec is not None and s not in TESTED_BELOW],
    ids=lambda syntax: syntax.name,
)
def test_decodes_every_syntax(make_dicom, levels, syntax):
    encode, tolerance = ENCODERS[syntax]
    frame = encapsulate([bytes(encode(np.rint(levels * 4095).astype(np.uint16)))])
    radiograph = decode(make_dicom(frame=frame, syntax=syntax, **WINDOW))
    np.testing.assert_allclose(radiograph.pixels, levels, atol=tolerance + 1 / 4000)


def test_decodes_jpeg_baseline(make_dicom, eight_bits, levels):
    frame = encapsulate([bytes(imagecodecs.jpeg8_encode(eight_bits, level=95))])
    radiograph = decode(make_dicom(eight_bits, frame=frame, syntax=JPEG_BASELINE))
    np.testing.assert_allclose(radiograph.pixels, levels, atol=0.05)


def test_decodes_a_deflated_frame(twelve_bits):
    # Not through a file: pydicom does not write this syntax yet.
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    frame = deflater.compress(twelve_bits.tobytes()) + deflater.flush()
    module = ImagePixelModule(*twelve_bits.shape, 16, 12, 11, is_signed=False)
    decoded = decode_frame(frame, DEFLATED_IMAGE_FRAME.uid, module)
    np.testing.assert_array_equal(decoded.codes, twelve_bits)


def test_believes_the_frame_rather_than_the_transfer_syntax(make_dicom, twelve_bits, levels):
    frame = encapsulate([bytes(imagecodecs.jpegls_encode(twelve_bits))])
    radiograph = decode(make_dicom(frame=frame, syntax=JPEG_LOSSLESS_SV1, **WINDOW))
    np.testing.assert_allclose(radiograph.pixels, levels, atol=1 / 4000)


def test_joins_fragments(make_dicom, twelve_bits, levels):
    frame = encapsulate([bytes(imagecodecs.jpegls_encode(twelve_bits))], fragments_per_frame=5)
    radiograph = decode(make_dicom(frame=frame, syntax=JPEG_LS_LOSSLESS, **WINDOW))
    np.testing.assert_allclose(radiograph.pixels, levels, atol=1 / 4000)


def test_eight_bit_words_in_big_endian_come_in_pairs(make_dicom, eight_bits):
    content = make_dicom(eight_bits, syntax=EXPLICIT_VR_BIG_ENDIAN)
    swapped = eight_bits.reshape(-1, 2)[:, ::-1].tobytes()
    as_words = content.replace(b"OB\0\0", b"OW\0\0").replace(eight_bits.tobytes(), swapped)
    np.testing.assert_array_equal(decode(as_words).pixels, decode(content).pixels)


def test_inverts_monochrome1_once_although_the_lut_shape_says_it_too(make_dicom, levels):
    content = make_dicom(
        PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE", **WINDOW
    )
    np.testing.assert_allclose(decode(content).pixels, 1 - levels, atol=1 / 4000)


def test_inverts_for_the_lut_shape_alone(make_dicom, levels):
    content = make_dicom(PresentationLUTShape="INVERSE", **WINDOW)
    np.testing.assert_allclose(decode(content).pixels, 1 - levels, atol=1 / 4000)


@pytest.mark.parametrize(
    "syntax", [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN]
)
@pytest.mark.parametrize("vr", ["US", "OW"])
def test_applies_a_modality_lut_however_it_is_stored(make_dicom, levels, syntax, vr):
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 16]
    item["LUTDescriptor"].VR = "US"
    entries = 65535 - 16 * np.arange(4096)
    order = ">" if syntax.is_big_endian else "<"
    item.LUTData = entries.tolist() if vr == "US" else entries.astype(f"{order}u2").tobytes()
    item["LUTData"].VR = vr
    content = make_dicom(
        syntax=syntax, ModalityLUTSequence=[item], WindowCenter=32768, WindowWidth=65536
    )
    np.testing.assert_allclose(decode(content).pixels, 1 - levels, atol=1 / 2000)


def test_applies_a_voi_lut_of_packed_bytes(make_dicom, levels):
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 8]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = (np.arange(4096) // 16).astype(np.uint8).tobytes()
    item["LUTData"].VR = "OW"
    np.testing.assert_allclose(
        decode(make_dicom(VOILUTSequence=[item])).pixels, levels, atol=1 / 200
    )


def test_takes_the_first_of_several_windows(make_dicom, levels):
    content = make_dicom(WindowCenter=[2048, 100], WindowWidth=[4096, 50])
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 4000)


def test_reads_signed_pixels_with_a_rescale(make_dicom, levels):
    signed = np.rint(levels * 4095 - 2048).astype(np.int16)
    content = make_dicom(
        signed,
        BitsStored=16,
        HighBit=15,
        RescaleSlope=2,
        RescaleIntercept=0,
        WindowCenter=0,
        WindowWidth=8192,
    )
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 2000)


def test_reads_values_that_lie_high_in_the_word(make_dicom, twelve_bits, levels):
    content = make_dicom(twelve_bits << 4, HighBit=15, **WINDOW)
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 4000)


def test_ignores_overlay_bits_above_the_high_bit(make_dicom, twelve_bits, levels):
    content = make_dicom(twelve_bits | 0x8000, **WINDOW)
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 4000)


def test_flags_a_window_that_had_to_be_guessed(make_dicom):
    assert decode(make_dicom()).flags == {Flag.WINDOW_FALLBACK}
    assert decode(make_dicom(WindowCenter=1e6, WindowWidth=2)).flags == {Flag.WINDOW_FALLBACK}


def test_blackens_padding(make_dicom, twelve_bits):
    padded = twelve_bits.copy()
    padded[:10] = 4095
    content = make_dicom(padded, PixelPaddingValue=4095, **WINDOW)
    assert (decode(content).pixels[:10] == 0).all()


def test_refuses_truncated_native_pixels(make_dicom):
    assert reason_of(make_dicom()[:-1000]) is ReasonCode.PIXEL_DATA_TRUNCATED
    assert reason_of(make_dicom(Rows=145)) is ReasonCode.PIXEL_DATA_TRUNCATED


@pytest.mark.parametrize("encode", [imagecodecs.jpegls_encode, imagecodecs.ljpeg_encode, rle])
def test_refuses_truncated_frames(make_dicom, twelve_bits, encode):
    whole = bytes(encode(twelve_bits))
    syntax = RLE_LOSSLESS if encode is rle else JPEG_LS_LOSSLESS
    cut_frame = make_dicom(frame=encapsulate([whole[: len(whole) // 2]]), syntax=syntax)
    cut_file = make_dicom(frame=encapsulate([whole]), syntax=syntax)[:-2000]
    cut = ReasonCode.PIXEL_DATA_UNDECODABLE if encode is rle else ReasonCode.PIXEL_DATA_TRUNCATED
    assert reason_of(cut_frame) is cut
    assert reason_of(cut_file) is ReasonCode.PIXEL_DATA_TRUNCATED


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ((64, 438_511_140), ReasonCode.PIXEL_DATA_UNDECODABLE),  # found by mutation: a segfault
        ((64, 3_218_928_906), ReasonCode.PIXEL_DATA_UNDECODABLE),
        ((0, 64), ReasonCode.PIXEL_DATA_UNDECODABLE),
        ((2000, 64), ReasonCode.PIXEL_DATA_UNDECODABLE),
        ((64, 64), ReasonCode.PIXEL_DATA_TRUNCATED),  # the first segment is empty
    ],
)
def test_refuses_run_length_segments_outside_the_frame(make_dicom, twelve_bits, offsets, expected):
    whole = bytearray(rle(twelve_bits))
    whole[4:12] = np.array(offsets, "<u4").tobytes()
    content = make_dicom(frame=encapsulate([bytes(whole)]), syntax=RLE_LOSSLESS)
    assert reason_of(content) is expected


def test_a_last_run_that_is_too_long_is_cut(make_dicom, levels):
    frame = bytearray(rle(np.rint(levels * 4095).astype(np.uint16)))
    frame += bytes([256 - 99, 7])  # a hundred times 7 more
    content = make_dicom(frame=encapsulate([bytes(frame)]), syntax=RLE_LOSSLESS, **WINDOW)
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 4000)


def test_refuses_half_a_jpeg_which_libjpeg_would_fill_with_gray(make_dicom, eight_bits):
    whole = bytes(imagecodecs.jpeg8_encode(eight_bits))
    content = make_dicom(eight_bits, frame=encapsulate([whole[:-200]]), syntax=JPEG_BASELINE)
    assert reason_of(content) is ReasonCode.PIXEL_DATA_TRUNCATED


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"PixelData": None}, ReasonCode.NO_PIXEL_DATA),
        ({"Rows": 0}, ReasonCode.PIXEL_DATA_UNDECODABLE),
        ({"Rows": 65535, "Columns": 65535}, ReasonCode.TOO_LARGE),
        ({"BitsAllocated": 12}, ReasonCode.PIXEL_DATA_UNDECODABLE),
        ({"BitsStored": 17}, ReasonCode.PIXEL_DATA_UNDECODABLE),
    ],
)
def test_refuses_contradictory_attributes_before_decoding(make_dicom, attributes, expected):
    assert reason_of(make_dicom(**attributes)) is expected


def test_refuses_a_frame_of_another_size_before_decoding(make_dicom, twelve_bits):
    frame = encapsulate([bytes(imagecodecs.jpegls_encode(twelve_bits[:100]))])
    content = make_dicom(frame=frame, syntax=JPEG_LS_LOSSLESS)
    assert reason_of(content) is ReasonCode.PIXEL_DATA_UNDECODABLE


def test_refuses_a_colour_frame_behind_a_monochrome_header(make_dicom, eight_bits):
    colour = np.stack([eight_bits] * 3, axis=2)
    frame = encapsulate([bytes(imagecodecs.jpeg8_encode(colour))])
    content = make_dicom(eight_bits, frame=frame, syntax=JPEG_BASELINE)
    assert reason_of(content) is ReasonCode.NOT_MONOCHROME


def test_refuses_a_syntax_that_no_decoder_knows(make_dicom):
    mpeg2 = TransferSyntax("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level")
    content = make_dicom(frame=encapsulate([b"\0\0\1\xba" * 50]), syntax=mpeg2)
    assert reason_of(content) is ReasonCode.TRANSFER_SYNTAX_UNSUPPORTED


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (JPEG_2000_LOSSLESS, lambda f: imagecodecs.jpeg2k_encode(f, reversible=True)),
        (JPEG_2000, lambda f: imagecodecs.jpeg2k_encode(f, codecformat="J2K", level=90)),
        (JPEG_BASELINE, lambda f: imagecodecs.jpeg8_encode(f, level=95)),
        (EXPLICIT_VR_LITTLE_ENDIAN, None),
    ],
)
def test_a_reduced_decode_gives_the_same_model_input(
    make_dicom, levels, monkeypatch, syntax, encode
):
    depth = 8 if syntax == JPEG_BASELINE else 12
    white = (1 << depth) - 1
    large = np.rint(np.kron(levels, np.ones((12, 11))) * white)
    pixels = large.astype(np.uint8 if depth == 8 else np.uint16)
    frame = encapsulate([bytes(encode(pixels))]) if encode else None
    window = {"WindowCenter": (white + 1) / 2, "WindowWidth": white + 1}
    content = make_dicom(pixels, frame=frame, syntax=syntax, **window)
    reduced = decode(content)
    monkeypatch.setattr(pipeline.grayscale.stored_pixels, "SUFFICIENT_SIDE_PX", 1 << 30)
    whole = decode(content)
    assert whole.pixels.shape == pixels.shape
    assert reduced.pixels.shape == (pixels.shape[0] // 2, pixels.shape[1] // 2)
    difference = (
        prepare_model_input(reduced, Preprocessing()).pixels
        - prepare_model_input(whole, Preprocessing()).pixels
    )
    assert np.abs(difference).mean() < 1 / 255


@pytest.mark.parametrize(("rows", "columns"), [(1557, 1680), (1553, 1681), (1556, 1680)])
def test_every_size_of_a_jpeg_2000_frame_is_reduced(make_dicom, levels, rows, columns):
    # Pillow rounds a reduced side to the nearest and the standard rounds up (ISO/IEC 15444-1 B.5).
    large = np.kron(levels, np.ones((-(-rows // 128), -(-columns // 160))))[:rows, :columns]
    pixels = np.rint(large * 4095).astype(np.uint16)
    frame = encapsulate([bytes(imagecodecs.jpeg2k_encode(pixels, reversible=True))])
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    reduced = decode(make_dicom(pixels, frame=frame, syntax=JPEG_2000_LOSSLESS, **window)).pixels
    factor = round(rows / reduced.shape[0])
    assert factor == 2
    assert reduced.shape == (-(-rows // factor), -(-columns // factor))
    blocks = pixels[: rows // factor * factor, : columns // factor * factor]
    blocks = blocks.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(1, 3))
    error = reduced[: blocks.shape[0], : blocks.shape[1]] - blocks / 4095
    assert np.abs(error).mean() < 0.02


def test_reads_a_signed_jpeg_2000_frame(make_dicom, levels):
    signed = np.rint(levels * 4095 - 2048).astype(np.int16)
    frame = encapsulate([bytes(imagecodecs.jpeg2k_encode(signed, reversible=True))])
    content = make_dicom(
        signed,
        frame=frame,
        syntax=JPEG_2000_LOSSLESS,
        BitsStored=16,
        HighBit=15,
        WindowCenter=0,
        WindowWidth=4096,
    )
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 2000)


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [([4096, 0], b"\0\1" * 4096), ([4096, 0, 0], b"\0\1" * 4096), ([4096, 0, 16], b"")],
)
def test_ignores_an_invalid_lut(make_dicom, levels, descriptor, data):
    item = Dataset()
    item.LUTDescriptor = descriptor
    item["LUTDescriptor"].VR = "US"
    item.LUTData = data
    item["LUTData"].VR = "OW"
    content = make_dicom(VOILUTSequence=[item], **WINDOW)
    np.testing.assert_allclose(decode(content).pixels, levels, atol=1 / 4000)


@pytest.mark.parametrize(
    ("center", "width", "function", "middle"),
    [(2048, 4096, "SIGMOID", 0.5), (1024, 2048, "LINEAR_EXACT", 1.0)],
)
def test_obeys_the_voi_lut_function(make_dicom, center, width, function, middle):
    pixels = np.tile(np.arange(0, 4096, 16, dtype=np.uint16), (200, 1))
    content = make_dicom(pixels, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    assert decode(content).pixels[0, 128] == pytest.approx(middle, abs=1e-3)


def test_refuses_float_pixels(make_dicom):
    content = make_dicom(PixelData=None, FloatPixelData=bytes(144 * 160 * 4))
    assert reason_of(content) is ReasonCode.NO_PIXEL_DATA


def test_refuses_a_file_that_ends_at_its_pixels(make_dicom):
    content = make_dicom()
    at = content.index(b"\xe0\x7f\x10\x00")
    assert reason_of(content[: at + 12]) is ReasonCode.PIXEL_DATA_TRUNCATED
    assert reason_of(content[: at + 8]) is ReasonCode.HEADER_UNREADABLE
    assert reason_of(content[:at]) is ReasonCode.NO_PIXEL_DATA


def test_refuses_rle_of_another_depth(make_dicom, eight_bits):
    content = make_dicom(frame=encapsulate([rle(eight_bits)]), syntax=RLE_LOSSLESS)
    assert reason_of(content) is ReasonCode.PIXEL_DATA_UNDECODABLE


def test_refuses_encapsulated_pixels_without_a_frame(make_dicom):
    content = make_dicom(frame=b"\xfe\xff\x00\xe0\0\0\0\0", syntax=JPEG_LS_LOSSLESS)
    assert reason_of(content) is ReasonCode.PIXEL_DATA_TRUNCATED
