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
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

from pipeline.codes import ReasonCode
from pipeline.errors import RejectedInputError, foreign_errors_rejected

ByteOrder = Literal["<", ">"]

PREAMBLE_BYTES: Final = 128
MAGIC: Final = b"DICM"
_PIXEL_DATA_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_VALUE_REPRESENTATIONS: Final = frozenset(member.value.encode() for member in VR)
_FILE_META_GROUP: Final = 0x0002
_TRANSFER_SYNTAX_UID: Final = 0x00020010
# Groups that open a dataset: command set, file meta, directory, identifying.
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
        The bytes that ``pixel_data_at`` counts in: the file, or what its deflated part holds.
    dataset
        All that precedes the pixel data.
    file_meta
        Group 0002; empty where the file has none.
    transfer_syntax_uid
        As the file says, or as its first element shows where it does not.
    pixel_data_at
        Offset of the pixel data element, None where there is none.
    """

    content: bytes
    dataset: Dataset
    file_meta: Dataset
    transfer_syntax_uid: str
    pixel_data_at: int | None

    @property
    def byte_order(self) -> ByteOrder:
        """Byte order of binary values, as `struct` and numpy write it."""
        return ">" if self.transfer_syntax_uid == ExplicitVRBigEndian else "<"


def looks_like_dicom(content: bytes) -> bool:
    """Recognise DICOM by its magic word, or a dataset without one by its first element.

    Headerless datasets are what C-STORE carries, and some archives keep them so. A first element
    that is not from an opening group, or longer than the file, is something else.
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
        Upper bound for what a deflated dataset may unpack to (pydicom has none).

    Raises
    ------
    RejectedInputError
        HEADER_UNREADABLE, or TOO_LARGE for a deflated part beyond the bound.

    References
    ----------
    PS3.10 section 7 (file format); PS3.5 Annex A (transfer syntaxes), A.5 (deflate).
    """
    stream = BytesIO(content)
    if content[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC:
        stream.seek(PREAMBLE_BYTES + len(MAGIC))
    with pydicom_muted(), foreign_errors_rejected(ReasonCode.HEADER_UNREADABLE, _UNPARSABLE):
        file_meta = _read_file_meta(stream)
        transfer_syntax = _read_transfer_syntax(file_meta)
        transfer_syntax = transfer_syntax or _guess_transfer_syntax(content, stream.tell())
        if transfer_syntax == DeflatedExplicitVRLittleEndian:
            content = _inflate(content[stream.tell() :], inflated_bytes)
            stream = BytesIO(content)
        dataset = read_dataset(
            stream,
            is_implicit_VR=transfer_syntax == ImplicitVRLittleEndian,
            is_little_endian=transfer_syntax != ExplicitVRBigEndian,
            stop_when=_is_pixel_data,
        )
    if not dataset and not file_meta:
        raise RejectedInputError(ReasonCode.HEADER_UNREADABLE, "no data element can be read")
    at = stream.tell()
    return DicomFile(
        content, dataset, file_meta, transfer_syntax, at if at + 8 <= len(content) else None
    )


_UNPARSABLE: Final = "the header cannot be parsed"


@contextmanager
def pydicom_muted() -> Iterator[None]:
    """Silence pydicom's remarks on values that break the standard; here they are expected."""
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


def _read_transfer_syntax(file_meta: Dataset) -> str:
    element = file_meta.get_item(_TRANSFER_SYNTAX_UID)
    # As it was read: pydicom's conversion takes longer than all the rest of the group.
    value = element.value if isinstance(element, RawDataElement) else None
    return (value or b"").decode("ascii", "replace").strip("\0 ")


def _guess_transfer_syntax(content: bytes, at: int) -> str:
    """Tell the encoding from the first element: a VR in letters is explicit, a high group swapped.

    0x0008 read in the wrong byte order is 0x0800.
    """
    if content[at + 4 : at + 6] not in _VALUE_REPRESENTATIONS:
        return str(ImplicitVRLittleEndian)
    is_swapped = int.from_bytes(content[at : at + 2], "little") > 0x00FF  # noqa: PLR2004
    return str(ExplicitVRBigEndian if is_swapped else ExplicitVRLittleEndian)


def _inflate(deflated: bytes, longest: int) -> bytes:
    """Inflate with libdeflate, twice as fast as zlib; what it refuses zlib explains or salvages."""
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
