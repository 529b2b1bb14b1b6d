"""Parses a DICOM file's bytes up to, not including, its pixel data.

This module must not interpret attributes, nor decode pixels.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

import imagecodecs
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from pipeline.codes import ReasonCode
from pipeline.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    find_transfer_syntax,
)
from pipeline.errors import RejectedInputError, foreign_errors_rejected

ByteOrder = Literal["<", ">"]

PREAMBLE_BYTES: Final = 128
MAGIC: Final = b"DICM"
_PIXEL_DATA_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_VALUE_REPRESENTATIONS: Final = frozenset(member.value.encode() for member in VR)
_FILE_META_GROUP: Final = 0x0002
_TRANSFER_SYNTAX_UID: Final = 0x00020010
# Groups that begin a dataset: command set, file meta, directory, identifying.
_FIRST_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0004, 0x0008})
_HIGHEST_FIRST_ELEMENT: Final = 0x0020
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF
_HIGHEST_DEFLATE_RATIO: Final = 1032  # two bits for a run of 258 bytes


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A parsed file.

    Attributes
    ----------
    content
        The file, or the inflated dataset of a deflated one.
    dataset
        All elements before the pixel data.
    file_meta
        Group 0002; empty where the file has none.
    transfer_syntax_uid
        Of the file meta group, else as recognised by the first element.
    pixel_data_at
        Offset of the pixel data element in ``content``, None where there is none.
    """

    content: bytes
    dataset: Dataset
    file_meta: Dataset
    transfer_syntax_uid: str
    pixel_data_at: int | None

    @property
    def byte_order(self) -> ByteOrder:
        """Byte order of binary values, as `struct` and numpy write it."""
        return ">" if self.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN.uid else "<"


def looks_like_dicom(content: bytes) -> bool:
    """Recognise DICOM by its prefix "DICM", or a dataset without one by its first element.

    C-STORE sends datasets without a file header, and some archives store them so. The first element
    must belong to a group that begins a dataset, and must not be longer than the file.
    """
    if content[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC:
        return True
    if len(content) < 8:  # noqa: PLR2004 - one element header
        return False
    group, element, length = struct.unpack_from("<HHI", content)
    if content[4:6] in _VALUE_REPRESENTATIONS:
        groups = _FIRST_GROUPS | {group << 8 for group in _FIRST_GROUPS}  # big endian
        return group in groups
    is_plausible_length = length <= len(content) or length == _UNDEFINED_LENGTH
    return group in _FIRST_GROUPS and element <= _HIGHEST_FIRST_ELEMENT and is_plausible_length


def parse_dicom(content: bytes, inflated_bytes: int) -> DicomFile:
    """Parse the file's header.

    Parameters
    ----------
    content
        The whole file, with or without the preamble and the file meta group.
    inflated_bytes
        Limit of an inflated dataset (pydicom has none).

    Raises
    ------
    RejectedInputError
        HEADER_UNREADABLE, or TOO_LARGE for a deflated dataset beyond the limit.

    References
    ----------
    PS3.10 section 7 (file format); PS3.5 Annex A (transfer syntaxes), A.5 (deflate).
    """
    stream = BytesIO(content)
    if content[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC:
        stream.seek(PREAMBLE_BYTES + len(MAGIC))
    with pydicom_muted(), foreign_errors_rejected(ReasonCode.HEADER_UNREADABLE, _UNPARSABLE):
        file_meta = _read_file_meta(stream)
        uid = _read_transfer_syntax_uid(file_meta) or _guess_transfer_syntax_uid(
            content, stream.tell()
        )
        # Unknown syntaxes are encapsulated ones, in explicit VR little endian (PS3.5 A.4).
        syntax = find_transfer_syntax(uid) or EXPLICIT_VR_LITTLE_ENDIAN
        if syntax.is_deflated:
            content = _inflate(content[stream.tell() :], inflated_bytes)
            stream = BytesIO(content)
        dataset = read_dataset(
            stream,
            is_implicit_VR=syntax.is_implicit_vr,
            is_little_endian=not syntax.is_big_endian,
            stop_when=_is_pixel_data,
        )
    if not dataset and not file_meta:
        raise RejectedInputError(ReasonCode.HEADER_UNREADABLE, "no data element can be read")
    at = stream.tell()
    return DicomFile(content, dataset, file_meta, uid, at if at + 8 <= len(content) else None)


_UNPARSABLE: Final = "the header cannot be parsed"


@contextmanager
def pydicom_muted() -> Iterator[None]:
    """Silence pydicom's warnings of values that break the standard; they are expected here."""
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def _read_file_meta(stream: BytesIO) -> Dataset:
    """Read group 0002, always explicit little endian (PS3.10 7.1), and stop at the next group."""

    def is_past(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return tag.group != _FILE_META_GROUP

    start = stream.tell()
    head = stream.read(2)
    stream.seek(start)
    if head != struct.pack("<H", _FILE_META_GROUP):
        return Dataset()
    return read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=is_past)


def _read_transfer_syntax_uid(file_meta: Dataset) -> str:
    element = file_meta.get_item(_TRANSFER_SYNTAX_UID)
    # The raw value: pydicom's conversion takes longer than reading the rest of the group.
    value = element.value if isinstance(element, RawDataElement) else None
    return (value or b"").decode("ascii", "replace").strip("\0 ")


def _guess_transfer_syntax_uid(content: bytes, at: int) -> str:
    """Recognise the encoding by the first element: explicit VR by its two letters.

    Big endian by its group, which is low: 0x0008 read in the wrong byte order is 0x0800.
    """
    if content[at + 4 : at + 6] not in _VALUE_REPRESENTATIONS:
        return IMPLICIT_VR_LITTLE_ENDIAN.uid
    is_swapped = int.from_bytes(content[at : at + 2], "little") > 0x00FF  # noqa: PLR2004
    return (EXPLICIT_VR_BIG_ENDIAN if is_swapped else EXPLICIT_VR_LITTLE_ENDIAN).uid


def _inflate(deflated: bytes, longest: int) -> bytes:
    """Inflate with libdeflate, twice as fast as zlib; zlib then reads what libdeflate refuses.

    zlib tells a dataset that is too large from one that was cut short, and keeps what is left.
    """
    bound = min(longest, len(deflated) * _HIGHEST_DEFLATE_RATIO)
    try:
        return bytes(imagecodecs.deflate_decode(deflated, raw=True, out=bound))
    except imagecodecs.DeflateError:
        pass
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(deflated, longest)
    if inflater.unconsumed_tail:
        raise RejectedInputError(
            ReasonCode.TOO_LARGE, f"the deflated dataset unpacks to more than {longest} bytes"
        )
    return inflated


def _is_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in _PIXEL_DATA_TAGS
