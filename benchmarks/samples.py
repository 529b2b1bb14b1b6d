"""Makes the files that benchmarks read: radiographs in many transfer syntaxes, and small files.

Benchmarks write them into temporary folders. Without the development data, drawn chests with a
detector's noise replace the radiographs.
"""

import struct
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
)
from pipeline.values.instance import derive_uid
from worker.phantoms.dicom import DicomPlan, encode_dicom
from worker.phantoms.drawing import ChestPhantom, draw_chest

_SYNTAXES: Final = (
    EXPLICIT_VR_LITTLE_ENDIAN,
    JPEG_LOSSLESS_SV1,
    JPEG_2000_LOSSLESS,
    IMPLICIT_VR_LITTLE_ENDIAN,
    JPEG_BASELINE,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
    JPEG_2000,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
)
_CHILD: Final = {"PatientAge": "003Y", "ViewPosition": "PA"}
_SMALL_PX: Final = 144
_MARK: Final = "0123456789"


def write_mixed(folder: Path, count: int, radiographs: Path) -> None:
    """Write DICOM files at native sizes, one transfer syntax after the other.

    Parameters
    ----------
    radiographs
        A folder of JPEG files; they are repeated, in other syntaxes, up to the count.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images = cycle(_read_radiographs(radiographs))
    for number, (levels, syntax) in enumerate(zip(islice(images, count), cycle(_SYNTAXES))):
        bits = 8 if syntax == JPEG_BASELINE else 12
        plan = DicomPlan("radiograph", "", syntax, bits_stored=bits)
        content = encode_dicom(plan, levels, _CHILD, f"mixed {number}")
        (folder / f"{number:05d}.dcm").write_bytes(content)


def write_small(folder: Path, count: int, first: int = 0) -> None:
    """Write uncompressed files of 144 x 144 pixels, each an instance and a study of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    template, places = _make_template()
    for number in range(first, first + count):
        mark = f"{number:010d}".encode()
        for place in places:
            template[place : place + len(mark)] = mark
        # The pixels differ too: otherwise all files would be one image to the network.
        struct.pack_into("<Q", template, len(template) - 8, number)
        (folder / f"{number:08d}.dcm").write_bytes(template)


def _make_template() -> tuple[bytearray, list[int]]:
    levels = draw_chest(ChestPhantom(_SMALL_PX, opacity=0.3, seed=0)).astype(np.float32)
    uid = derive_uid("0" * 64, "benchmark")[: -len(_MARK)] + _MARK
    header = _CHILD | {f"{level}InstanceUID": uid for level in ("SOP", "Series", "Study")}
    content = encode_dicom(DicomPlan("small", ""), levels, header, "small")
    places = []
    place = content.find(_MARK.encode())
    while place >= 0:
        places.append(place)
        place = content.find(_MARK.encode(), place + 1)
    return bytearray(content), places


def _read_radiographs(folder: Path) -> list[NDArray[np.float32]]:
    return list(_load(folder)) or list(_draw())


def _load(folder: Path) -> Iterator[NDArray[np.float32]]:
    for path in sorted(folder.rglob("*.jpeg")):
        with Image.open(path) as image:
            yield np.asarray(image.convert("L"), np.float32) / 255


def _draw() -> Iterator[NDArray[np.float32]]:
    for seed in range(8):
        levels = draw_chest(ChestPhantom(1400, opacity=0.3, seed=seed))
        noise = np.random.default_rng(seed).normal(0, 0.004, levels.shape)
        yield np.clip(levels + noise, 0, 1).astype(np.float32)
