import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from pipeline.raster.exif import UPRIGHT, is_on_its_side, read_orientation, turn_upright

BEGINNING = b"II*\0" + struct.pack("<I", 8)
SHORT, LONG, ASCII = 3, 4, 2


def entry(tag, kind, value, count=1):
    return struct.pack("<HHII", tag, kind, count, value)


def directory(*entries, claimed=None):
    count = len(entries) if claimed is None else claimed
    return BEGINNING + struct.pack("<H", count) + b"".join(entries) + bytes(4)


def orientation_of(block):
    image = Image.new("L", (2, 2))
    image.info["exif"] = block
    return read_orientation(image)


ORIENTATION = entry(ExifTags.Base.Orientation, SHORT, 6)


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_reads_the_orientation_that_pillow_writes(prefix, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a maker of cameras"
    exif[ExifTags.Base.Orientation] = orientation
    block = prefix + exif.tobytes().removeprefix(b"Exif\0\0")
    assert orientation_of(block) == orientation


def test_a_value_outside_the_block_does_not_hide_the_orientation():
    elsewhere = entry(ExifTags.Base.Make, ASCII, 1_000_000, count=40)
    assert orientation_of(directory(elsewhere, ORIENTATION)) == 6


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        BEGINNING,
        b"MM\0*" + BEGINNING[4:] + directory(ORIENTATION)[8:],  # in the other byte order
        b"II+\0" + directory(ORIENTATION)[4:],  # BigTIFF
        BEGINNING[:4] + struct.pack("<I", 0xFFFFFFFF),  # a directory beyond the end
        directory(claimed=0xFFFF),
        directory(ORIENTATION)[:18],  # ends within the entry
        directory(entry(ExifTags.Base.Orientation, SHORT, 0)),
        directory(entry(ExifTags.Base.Orientation, SHORT, 9)),
        directory(entry(ExifTags.Base.Orientation, LONG, 0x10006)),
        directory(entry(ExifTags.Base.Orientation, ASCII, 6)),
    ],
)
def test_a_block_without_a_valid_orientation_leaves_the_image_as_it_is(block):
    assert orientation_of(block) == UPRIGHT


def test_entries_that_all_claim_the_whole_block_cost_nothing():
    size = 1 << 20
    claims = b"".join(entry(tag, 7, 8, count=size) for tag in range(0x200, 0xFFFF))
    block = BEGINNING + struct.pack("<H", 0xFFFF - 0x200) + claims
    assert orientation_of(block.ljust(size, b"\0")) == UPRIGHT


@given(st.binary(max_size=60), st.sampled_from([b"", b"Exif\0\0", b"II*\0", b"MM\0*"]))
def test_any_bytes_give_one_of_the_eight_orientations(noise, beginning):
    orientation = orientation_of(beginning + noise)
    assert orientation in range(1, 9)
    turned = turn_upright(Image.new("L", (2, 3)), orientation)
    assert turned.size == ((3, 2) if is_on_its_side(orientation) else (2, 3))
