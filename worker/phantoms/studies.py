"""Writes synthetic studies for the demonstration and the tests: what must be screened, what not.

This module must not read anything. Every image says SYNTHETIC PHANTOM on its face.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.codes import ReasonCode
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
)
from worker.phantoms.dicom import (
    COMPUTED_RADIOGRAPHY,
    CT,
    DX_FOR_PRESENTATION,
    DX_FOR_PROCESSING,
    DicomPlan,
    encode_dicom,
)
from worker.phantoms.drawing import ChestPhantom, draw_axial_slice, draw_chest, draw_lateral

_SIZES_PX: Final = (512, 640, 768)


@dataclass(frozen=True, slots=True)
class Phantom:
    """One file that was written.

    Attributes
    ----------
    what
        What it is, in words.
    rejection
        Why it must not be screened; None if it must be.
    """

    path: Path
    what: str
    rejection: ReasonCode | None = None


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    what: str
    content: bytes
    rejection: ReasonCode | None = None
    sidecar: dict[str, str] = field(default_factory=dict)


def write_phantoms(folder: Path, seed: int) -> list[Phantom]:
    """Write eighteen small studies into a folder, which is made if need be.

    Parameters
    ----------
    folder
        Files of the same names in it are replaced.
    seed
        Equal seeds give equal files.

    Returns
    -------
    list[Phantom]
        The files (a sidecar counts with its image), with what must become of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    phantoms = []
    for file in _make_files(seed):
        path = folder / file.name
        path.write_bytes(file.content)
        if file.sidecar:
            text = json.dumps(file.sidecar, indent=2)
            path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        phantoms.append(Phantom(path, file.what, file.rejection))
    return phantoms


def _make_files(seed: int) -> Iterator[_File]:
    yield from _make_children(seed)
    yield from _make_plain_images(seed)
    yield from _make_ineligible(seed)


def _make_children(seed: int) -> Iterator[_File]:
    """Make one chest in each of the transfer syntaxes that a department sends."""
    plans = [
        DicomPlan("explicit", "a child of 3, 12 bits with a window", EXPLICIT_VR_LITTLE_ENDIAN),
        DicomPlan("implicit", "a child of 2, implicit VR", IMPLICIT_VR_LITTLE_ENDIAN),
        DicomPlan("big-endian", "a child of 4, big endian", EXPLICIT_VR_BIG_ENDIAN),
        DicomPlan("deflated", "a child of 18 months, deflated", DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN),
        DicomPlan("rle", "a child of 5, RLE", RLE_LOSSLESS),
        DicomPlan("jpeg", "a child of 1, JPEG baseline", JPEG_BASELINE, bits_stored=8),
        DicomPlan("jpeg-lossless", "a child of 3, JPEG lossless", JPEG_LOSSLESS_SV1),
        DicomPlan("jpeg-ls", "a child of 4, JPEG-LS", JPEG_LS_LOSSLESS),
        DicomPlan(
            "jpeg-2000",
            "a boy of 9 (outside the trained ages), JPEG 2000, MONOCHROME1",
            JPEG_2000_LOSSLESS,
            is_monochrome1=True,
        ),
    ]
    ages = ("003Y", "002Y", "004Y", "018M", "005Y", "001Y", "003Y", "004Y", "009Y")
    for index, (plan, age) in enumerate(zip(plans, ages, strict=True)):
        header = {"PatientAge": age, "ViewPosition": "AP" if index % 2 else "PA"}
        if plan.name == "explicit":
            header["RequestedProcedurePriority"] = "HIGH"
        levels = draw_chest(_anatomy(seed, index))
        yield _File(
            f"{plan.name}.dcm", plan.what, encode_dicom(plan, levels, header, _key(seed, index))
        )


def _make_plain_images(seed: int) -> Iterator[_File]:
    sidecar = {
        "PatientID": "PHANTOM-P01",
        "AccessionNumber": "PHANTOM-A-P01",
        "PatientAge": "004Y",
        "StudyDate": "20240311",
        "ViewPosition": "AP",
        "BodyPartExamined": "CHEST",
    }
    deep = (draw_chest(_anatomy(seed, 20)) * 65535).astype(np.uint16)
    yield _File(
        "with-sidecar.png", "a 16-bit PNG with a sidecar", _encode(deep, "PNG"), None, sidecar
    )
    flat = (draw_chest(_anatomy(seed, 21)) * 255).astype(np.uint8)
    yield _File("no-identity.png", "a PNG of nobody knows whom", _encode(flat, "PNG"))
    film = (draw_chest(_anatomy(seed, 22)) * 255).astype(np.uint8)
    yield _File("no-identity.jpg", "a JPEG of nobody knows whom", _encode(film, "JPEG"))


def _make_ineligible(seed: int) -> Iterator[_File]:
    chest = draw_chest(_anatomy(seed, 30))
    child = {"PatientAge": "003Y", "ViewPosition": "AP"}
    for index, (plan, levels, header, reason) in enumerate(
        (
            (
                DicomPlan("lateral", "a lateral view", sop_class_uid=DX_FOR_PRESENTATION),
                draw_lateral(512, seed),
                {"PatientAge": "003Y", "ViewPosition": "LL"},
                ReasonCode.VIEW_NOT_FRONTAL,
            ),
            (
                DicomPlan("ct", "a CT slice", sop_class_uid=CT, modality="CT"),
                draw_axial_slice(512),
                {"PatientAge": "003Y"},
                ReasonCode.SOP_CLASS_NOT_RADIOGRAPH,
            ),
            (
                DicomPlan("adult", "an adult of 45", sop_class_uid=COMPUTED_RADIOGRAPHY),
                chest,
                {"PatientAge": "045Y", "ViewPosition": "PA"},
                ReasonCode.AGE_OUT_OF_SCOPE,
            ),
            (
                DicomPlan(
                    "for-processing", "a raw detector image", sop_class_uid=DX_FOR_PROCESSING
                ),
                chest,
                {**child, "PresentationIntentType": "FOR PROCESSING"},
                ReasonCode.FOR_PROCESSING,
            ),
        )
    ):
        content = encode_dicom(plan, levels, header, _key(seed, 40 + index))
        yield _File(f"{plan.name}.dcm", plan.what, content, reason)
    broken = DicomPlan("truncated", "a file cut off in transit")
    content = encode_dicom(broken, chest, child, _key(seed, 50))
    yield _File(
        "truncated.dcm",
        broken.what,
        content[: len(content) // 2],
        ReasonCode.PIXEL_DATA_TRUNCATED,
    )
    yield _File(
        "not-dicom.dcm",
        "a text with the wrong name",
        b"This is no image: SYNTHETIC PHANTOM.\n",
        ReasonCode.NOT_AN_IMAGE,
    )


def _anatomy(seed: int, index: int) -> ChestPhantom:
    """Vary size, build and illness with the index; every second child has an infiltrate."""
    return ChestPhantom(
        size_px=_SIZES_PX[index % len(_SIZES_PX)],
        opacity=0.45 if index % 2 else 0.0,
        seed=seed * 1000 + index,
    )


def _key(seed: int, index: int) -> str:
    return f"{seed}-{index:02d}"


def _encode(pixels: NDArray[np.uint8] | NDArray[np.uint16], kind: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()
