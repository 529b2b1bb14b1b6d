"""Mutated files give pixels or a reason: never an exception, a warning or a dead reader.

For a longer search, run it with ``PNEUMOSCREEN_FUZZ_EXAMPLES=20000`` (a minute) and another
``PNEUMOSCREEN_FUZZ_SEED`` each time. The files run through native decoders, so they are read in a
process of their own, as in the product.
"""

import hashlib
import multiprocessing
import os
import random
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import ExifTags, Image
from pydicom.encaps import encapsulate

from pipeline.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
    TransferSyntax,
)
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import inspect_file, read_model_input
from pipeline.values.reading import ReadingLimits

EXAMPLES = int(os.environ.get("PNEUMOSCREEN_FUZZ_EXAMPLES", "400"))
SEED = int(os.environ.get("PNEUMOSCREEN_FUZZ_SEED", "20261123"))
EXTREME_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)
EXTREME_WORDS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80")


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Change a few bytes, half of them in the header, and sometimes cut the end off."""
    mutant = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8, 32))):
        size = len(mutant)
        at = chance.randrange(min(size, 1200) if chance.random() < 0.5 else size)
        match chance.randrange(6):
            case 0:
                mutant[at] ^= 1 << chance.randrange(8)
            case 1:
                mutant[at] = chance.choice(EXTREME_BYTES)
            case 2:
                mutant[at : at + 4] = chance.choice(EXTREME_WORDS)
            case 3:
                del mutant[at : at + chance.choice((1, 2, 4, 8, 100))]
            case 4:
                mutant[at:at] = chance.randbytes(chance.choice((1, 2, 4, 16)))
            case 5:
                other = chance.randrange(size)
                mutant[at : at + 8] = mutant[other : other + 8]
        if not mutant:
            return b""
    if chance.random() < 0.1:
        del mutant[chance.randrange(len(mutant)) :]
    return bytes(mutant)


@pytest.fixture
def seeds(make_dicom: Callable[..., bytes], levels: np.ndarray) -> list[bytes]:
    """Return one good file of each kind."""
    twelve_bits = np.rint(levels * 4095).astype(np.uint16)
    eight_bits = np.rint(levels * 255).astype(np.uint8)

    def compressed(syntax: TransferSyntax, frame: bytes | bytearray, pixels: np.ndarray) -> bytes:
        return make_dicom(pixels, frame=encapsulate([bytes(frame)]), syntax=syntax)

    def plain(kind: str) -> bytes:
        on_its_side = Image.Exif()
        on_its_side[ExifTags.Base.Orientation] = 6
        buffer = BytesIO()
        Image.fromarray(eight_bits).save(buffer, kind, exif=on_its_side)
        return buffer.getvalue()

    dataset = pydicom.dcmread(BytesIO(make_dicom(twelve_bits)))
    dataset.compress(RLE_LOSSLESS.uid)
    dataset.save_as(run_length := BytesIO())

    return [
        make_dicom(syntax=EXPLICIT_VR_LITTLE_ENDIAN, WindowCenter=2048, WindowWidth=4096),
        make_dicom(syntax=IMPLICIT_VR_LITTLE_ENDIAN),
        make_dicom(syntax=EXPLICIT_VR_BIG_ENDIAN),
        make_dicom(syntax=DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN),
        compressed(JPEG_BASELINE, imagecodecs.jpeg8_encode(eight_bits), eight_bits),
        compressed(JPEG_LOSSLESS_SV1, imagecodecs.ljpeg_encode(twelve_bits), twelve_bits),
        compressed(JPEG_LS_LOSSLESS, imagecodecs.jpegls_encode(twelve_bits), twelve_bits),
        compressed(JPEG_2000_LOSSLESS, imagecodecs.jpeg2k_encode(twelve_bits), twelve_bits),
        run_length.getvalue(),
        plain("PNG"),
        plain("JPEG"),
    ]


def read_all(path: str, contents: Iterator[bytes]) -> None:
    """Read each as one file. Runs in a process of its own; its exit status is the verdict."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders written in C talk
    warnings.simplefilter("error")
    limits = ReadingLimits(pixels=4_000_000)
    for content in contents:
        with open(path, "wb") as file:
            file.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        raw = os.fsencode(path)
        inspection = inspect_file(raw, limits)
        reading = read_model_input(raw, sha256, limits, EligibilityPolicy(), Preprocessing())
        assert inspection.instance.sha256 == sha256
        assert (reading.model_input is None) != (reading.rejection is None)


def test_mutated_files_end_with_pixels_or_a_reason(seeds, tmp_path):
    chance = random.Random(SEED)  # noqa: S311 - to repeat itself is its purpose
    mutants = [mutate(chance.choice(seeds), chance) for _ in range(EXAMPLES)]
    path = str(tmp_path / "mutant")
    reader = multiprocessing.get_context("fork").Process(target=read_all, args=(path, mutants))
    reader.start()
    reader.join()
    if reader.exitcode:
        find = hashlib.sha256((tmp_path / "mutant").read_bytes()).hexdigest()[:12]
        pytest.fail(f"the reader ended with {reader.exitcode} over {path} (sha256 {find}...)")
