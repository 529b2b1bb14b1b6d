"""Reads one file: to the model input, or to the rejection that says why there is none.

Only reader processes import it, since its decoders take a quarter of a second to import; what the
other processes need of it is in `pipeline.values.reading`. It must not know a queue, a database or
a network.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pipeline.codes import FileFormat, Flag, ReasonCode
from pipeline.dicom.dataset import looks_like_dicom, parse_dicom
from pipeline.dicom.header import read_instance
from pipeline.dicom.radiograph import decode_radiograph
from pipeline.eligibility.judgement import judge_eligibility
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import RejectedInputError
from pipeline.files import read_file, read_small_file
from pipeline.framing.preprocessing import Preprocessing, crop_to_lungs, prepare_exposed_field
from pipeline.grayscale.quantiles import take_quantiles
from pipeline.quality.appearance import judge_appearance
from pipeline.quality.exposure import judge_exposure
from pipeline.quality.lung_coverage import judge_lung_coverage
from pipeline.raster.image import decode_raster, read_raster_instance, recognise_raster
from pipeline.raster.sidecar import LARGEST_SIDECAR_BYTES, parse_sidecar
from pipeline.values.instance import Instance, Rejection
from pipeline.values.radiograph import ModelInput, Radiograph
from pipeline.values.reading import Inspection, Reading, ReadingLimits, unidentified_instance

# Between the 2nd and the 98th percentile: less than two of 255 gray levels is one gray level.
_LEAST_CONTRAST: Final = 2 / 255
_SAMPLE_SIDE_PX: Final = 128


@dataclass(frozen=True, slots=True)
class _Opened:
    """A recognised file whose header was read; ``decode`` returns its radiograph."""

    inspection: Inspection
    decode: Callable[[], Radiograph]


def inspect_file(path: bytes | Path, limits: ReadingLimits) -> Inspection:
    """Read a file's digest and header, no pixels.

    Raises
    ------
    OSError
        If the file cannot be read. No content makes it raise anything else.
    """
    sha256, content = read_file(path, limits.file_bytes)
    try:
        return _open(path, sha256, content, limits).inspection
    except RejectedInputError as error:
        return Inspection(unidentified_instance(sha256), _rejection(error))
    except MemoryError:
        return Inspection(unidentified_instance(sha256), _OUT_OF_MEMORY)


def read_model_input(
    path: bytes | Path,
    expected_sha256: str,
    limits: ReadingLimits,
    policy: EligibilityPolicy,
    preprocessing: Preprocessing,
) -> Reading:
    """Read a file, judge it, decode it and prepare it for the network.

    Parameters
    ----------
    path
        A regular file.
    expected_sha256
        The digest under which the file was registered.

    Raises
    ------
    OSError
        If the file cannot be read. No content makes it raise anything else.
    """
    sha256, content = read_file(path, limits.file_bytes)
    if sha256 != expected_sha256:
        return _rejected(
            unidentified_instance(expected_sha256),
            Rejection(ReasonCode.SOURCE_CHANGED, "the file's content changed after it arrived"),
        )
    instance = unidentified_instance(sha256)
    try:
        opened = _open(path, sha256, content, limits)
        instance, rejection = opened.inspection.instance, opened.inspection.rejection
        eligibility = judge_eligibility(instance, policy)
        rejection = rejection or eligibility.rejection
        if rejection is not None:
            return _rejected(instance, rejection)
        radiograph = opened.decode()
        _refuse_uniform(radiograph)
        exposed = prepare_exposed_field(radiograph, preprocessing)
        quality_flags = _judge_quality(radiograph, exposed, policy)
        model_input = crop_to_lungs(radiograph, exposed, preprocessing)
    except RejectedInputError as error:
        return _rejected(instance, _rejection(error))
    except MemoryError:
        return _rejected(instance, _OUT_OF_MEMORY)
    flags = instance.flags | eligibility.flags | model_input.flags | quality_flags
    return Reading(instance, replace(model_input, flags=flags), None)


def _judge_quality(
    radiograph: Radiograph, exposed: ModelInput, policy: EligibilityPolicy
) -> frozenset[Flag]:
    """Judge the whole exposed field: the models of quality were fitted to images not cropped."""
    flags = judge_appearance(exposed.pixels, policy)
    flags |= judge_exposure(radiograph, exposed.field_of_view)
    if flags & {Flag.ROTATION_SUSPECT, Flag.POLARITY_SUSPECT}:
        return flags  # lung coverage was fitted to upright chests of the right polarity
    return flags | judge_lung_coverage(exposed.pixels)


_OUT_OF_MEMORY: Final = Rejection(
    ReasonCode.READER_MEMORY, "reading it takes more memory than a reader may have"
)


def _rejection(error: RejectedInputError) -> Rejection:
    return Rejection(error.reason_code, error.detail)


def _rejected(instance: Instance, rejection: Rejection) -> Reading:
    return Reading(instance, None, rejection)


def _open(path: bytes | Path, sha256: str, content: bytes | None, limits: ReadingLimits) -> _Opened:
    """Recognise content by its first bytes, never by the file's name, and read its header."""
    if content is None:
        raise RejectedInputError(
            ReasonCode.TOO_LARGE, f"the file is larger than {limits.file_bytes} bytes"
        )
    if not content:
        raise RejectedInputError(ReasonCode.EMPTY_FILE, "the file has no content")
    raster_format = recognise_raster(content)
    if raster_format is not None:
        return _open_raster(path, sha256, content, raster_format, limits)
    if looks_like_dicom(content):
        file = parse_dicom(content, limits.inflated_bytes)
        inspection = Inspection(*read_instance(file, sha256))
        return _Opened(inspection, lambda: decode_radiograph(file, limits.pixels))
    raise RejectedInputError(
        ReasonCode.NOT_AN_IMAGE, f"neither DICOM, PNG nor JPEG; it begins {content[:4].hex(' ')}"
    )


def _open_raster(
    path: bytes | Path,
    sha256: str,
    content: bytes,
    file_format: FileFormat,
    limits: ReadingLimits,
) -> _Opened:
    sidecar: dict[str, str] = {}
    invalid_sidecar = None
    try:
        sidecar = _read_sidecar(path)
    except RejectedInputError as error:
        invalid_sidecar = _rejection(error)
    instance, rejection = read_raster_instance(content, file_format, sidecar, sha256)
    is_inverted = instance.photometric_interpretation == "MONOCHROME1"
    return _Opened(
        Inspection(instance, invalid_sidecar or rejection),
        lambda: decode_raster(content, file_format, limits.pixels, is_inverted=is_inverted),
    )


def _read_sidecar(path: bytes | Path) -> dict[str, str]:
    """Read ``name.json`` beside ``name.png``, where there is one."""
    path = Path(os.fsdecode(path)).with_suffix(".json")
    content = read_small_file(path, LARGEST_SIDECAR_BYTES)
    if content is None:
        return {}
    if len(content) > LARGEST_SIDECAR_BYTES:
        raise RejectedInputError(
            ReasonCode.SIDECAR_INVALID, f"the sidecar is larger than {LARGEST_SIDECAR_BYTES} bytes"
        )
    return parse_sidecar(content)


def _refuse_uniform(radiograph: Radiograph) -> None:
    """Refuse an image of one gray level: stretched, its noise would be scored."""
    step = max(1, min(radiograph.pixels.shape) // _SAMPLE_SIDE_PX)
    low, high = take_quantiles(radiograph.pixels[::step, ::step].ravel(), (0.02, 0.98))
    if high - low < _LEAST_CONTRAST:
        raise RejectedInputError(
            ReasonCode.NO_CONTRAST, "nearly all pixels have the same gray level"
        )
