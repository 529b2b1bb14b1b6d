from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from pipeline.codes import FileFormat, Flag, ReasonCode
from pipeline.errors import RejectedInputError
from pipeline.raster.image import decode_raster, read_raster_instance, recognise_raster

PIXELS = 1_000_000


def encode(pixels, kind="PNG", mode=None, **options):
    buffer = BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, format=kind, **options)
    return buffer.getvalue()


@pytest.fixture
def gray(levels):
    return np.rint(levels * 255).astype(np.uint8)


def reason_of(content, file_format, pixels=PIXELS):
    with pytest.raises(RejectedInputError) as refused:
        decode_raster(content, file_format, pixels)
    return refused.value.reason_code


def test_recognises_by_content(gray):
    assert recognise_raster(encode(gray)) is FileFormat.PNG
    assert recognise_raster(encode(gray, "JPEG")) is FileFormat.JPEG
    assert recognise_raster(encode(gray, "GIF")) is None
    assert recognise_raster(b"") is None


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_reads_gray_however_it_is_stored(gray, mode):
    radiograph = decode_raster(encode(gray, mode=mode), FileFormat.PNG, PIXELS)
    np.testing.assert_allclose(radiograph.pixels * 255, gray, atol=1)
    assert radiograph.flags == set()


def test_reads_a_gray_jpeg_stored_in_colour(gray):
    content = encode(np.stack([gray] * 3, axis=2), "JPEG", quality=95)
    radiograph = decode_raster(content, FileFormat.JPEG, PIXELS)
    assert np.abs(radiograph.pixels * 255 - gray).mean() < 3


def test_stretches_sixteen_bits_and_says_so(levels):
    twelve_bits_in_sixteen = np.rint(levels * 4095).astype(np.uint16)
    radiograph = decode_raster(encode(twelve_bits_in_sixteen), FileFormat.PNG, PIXELS)
    assert radiograph.pixels.max() == 1
    assert radiograph.flags == {Flag.WINDOW_FALLBACK}


def test_inverts_where_a_sidecar_says_so(gray):
    content = encode(gray)
    plain = decode_raster(content, FileFormat.PNG, PIXELS)
    inverted = decode_raster(content, FileFormat.PNG, PIXELS, is_inverted=True)
    np.testing.assert_allclose(plain.pixels + inverted.pixels, 1, atol=1e-6)


def test_refuses_colour(gray):
    content = encode(np.stack([gray, gray[::-1], gray], axis=2))
    assert reason_of(content, FileFormat.PNG) is ReasonCode.NOT_MONOCHROME


def test_refuses_what_ends_early(gray):
    for kind, file_format in (("PNG", FileFormat.PNG), ("JPEG", FileFormat.JPEG)):
        content = encode(gray, kind)
        assert reason_of(content[: len(content) * 2 // 3], file_format) in {
            ReasonCode.PIXEL_DATA_TRUNCATED,
            ReasonCode.PIXEL_DATA_UNDECODABLE,
        }


def test_refuses_a_header_alone(gray):
    with pytest.raises(RejectedInputError) as refused:
        read_raster_instance(encode(gray)[:12], FileFormat.PNG, {}, "0" * 64)
    assert refused.value.reason_code is ReasonCode.HEADER_UNREADABLE


def test_refuses_more_pixels_than_the_limit_before_decoding(gray):
    assert reason_of(encode(gray), FileFormat.PNG, pixels=100) is ReasonCode.TOO_LARGE


def test_refuses_a_bomb():
    bomb = encode(np.zeros((1, 1), np.uint8))
    huge = bomb[:16] + (60_000).to_bytes(4) * 2 + bomb[24:]
    assert reason_of(huge, FileFormat.PNG) in {ReasonCode.TOO_LARGE, ReasonCode.HEADER_UNREADABLE}


def test_describes_with_its_own_size_and_the_sidecar(gray):
    instance, rejection = read_raster_instance(
        encode(gray), FileFormat.PNG, {"PatientID": "42", "Rows": "1"}, "0" * 64
    )
    assert rejection is None
    assert (instance.rows, instance.columns, instance.patient_id) == (144, 160, "42")


def exif(orientation):
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(10))
def test_turns_an_image_as_viewers_do(gray, kind, orientation):
    content = encode(gray, kind, exif=exif(orientation))
    with Image.open(BytesIO(content)) as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    radiograph = decode_raster(content, FileFormat(kind), PIXELS)
    np.testing.assert_allclose(radiograph.pixels * 255, shown, atol=0.01)
    instance, _ = read_raster_instance(content, FileFormat(kind), {}, "0" * 64)
    assert (instance.rows, instance.columns) == shown.shape


def test_turns_what_was_decoded_at_a_half(gray):
    large = np.asarray(Image.fromarray(gray).resize((2000, 1700)))
    radiograph = decode_raster(encode(large, "JPEG", exif=exif(6)), FileFormat.JPEG, large.size)
    assert radiograph.pixels.shape == (1000, 850)
