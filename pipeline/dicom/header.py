"""Reads an instance's attributes from a parsed DICOM file.

This module must not judge or convert them.
"""

from functools import cache
from typing import Final

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from pipeline.codes import FileFormat
from pipeline.dicom.dataset import DicomFile, pydicom_muted
from pipeline.header.attributes import KEYWORDS, SEQUENCE_KEYWORDS, describe_instance
from pipeline.header.value_representations import parse_count
from pipeline.values.instance import Instance, Rejection

# A dataset may lack them (that of a DICOMDIR does), while the file meta group has them.
_FILE_META_FALLBACKS: Final = {
    "SOPClassUID": "MediaStorageSOPClassUID",
    "SOPInstanceUID": "MediaStorageSOPInstanceUID",
}

# In English, since Code Meaning may be in any language: PS3.16 CID 4009, 4010 and 4030, as SNOMED
# CT and as the older SNOMED RT.
_MEANING_OF_CODE: Final = {
    **dict.fromkeys(("816094009", "51185008", "T-D3000"), "Chest"),
    **dict.fromkeys(("39607008", "T-28000"), "Lung"),
    **dict.fromkeys(("399348003", "R-10206"), "antero-posterior"),
    **dict.fromkeys(("272479007", "R-40888", "R-10214"), "postero-anterior"),
    **dict.fromkeys(("399033003", "R-10202"), "frontal"),
    **dict.fromkeys(("399067008", "R-102CD"), "lateral"),
    **dict.fromkeys(("399173006", "R-10236"), "left lateral"),
    **dict.fromkeys(("399198007", "R-10232"), "right lateral"),
}


# Without IS, which may be spelled in several ways that pydicom knows.
_PLAIN_VRS: Final = frozenset({"AS", "CS", "DA", "DS", "LO", "SH", "TM", "UC", "UI"})
_ESCAPE: Final = b"\x1b"  # ISO 2022: another character set begins


def read_instance(file: DicomFile, sha256: str) -> tuple[Instance, Rejection | None]:
    """Describe the instance; a value that cannot be read counts as absent.

    Returns
    -------
    tuple[Instance, Rejection | None]
        A rejection if a UID is malformed.
    """
    with pydicom_muted():
        header = {keyword: read_text(file.dataset, keyword) for keyword in KEYWORDS}
        header |= {
            keyword: _read_code_meaning(file.dataset, keyword) for keyword in SEQUENCE_KEYWORDS
        }
        for keyword, fallback in _FILE_META_FALLBACKS.items():
            header[keyword] = header[keyword] or read_text(file.file_meta, fallback)
    return describe_instance(
        header,
        sha256=sha256,
        file_format=FileFormat.DICOM,
        transfer_syntax_uid=file.transfer_syntax_uid,
    )


def read_text(dataset: Dataset, keyword: str) -> str:
    """Return an attribute's value as one text, in which a backslash separates values."""
    plain = _read_plain_text(dataset, keyword)
    if plain is not None:
        return plain
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - pydicom converts on access, and hostile bytes raise anything
        return ""
    if value is None:
        return ""
    if isinstance(value, MultiValue):
        return "\\".join(str(item) for item in value)
    return str(value)


def _read_plain_text(dataset: Dataset, keyword: str) -> str | None:
    """Read a value that needs no conversion, at a tenth of the cost; None where pydicom must.

    Those are ASCII texts without another character set, and single unsigned numbers.
    """
    tag, usual_vr = _find_in_dictionary(keyword)
    element = dataset.get_item(tag, keep_deferred=True)
    if element is None:
        return ""
    if not isinstance(element, RawDataElement) or element.value is None:
        return None
    vr, value = element.VR or usual_vr, element.value
    if vr == "US" and len(value) == 2:  # noqa: PLR2004 - bytes of one
        return str(int.from_bytes(value, "little" if element.is_little_endian else "big"))
    if vr in _PLAIN_VRS and value.isascii() and _ESCAPE not in value:
        return value.decode("ascii").rstrip("\0 ")
    return None


@cache
def _find_in_dictionary(keyword: str) -> tuple[BaseTag, str]:
    """Return an attribute's tag, and its VR in PS3.6."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    return tag, dictionary_VR(tag)


def _read_code_meaning(dataset: Dataset, keyword: str) -> str:
    """Return what the first item's code means, else its Code Meaning (0008,0104) as written."""
    try:
        sequence = dataset.get(keyword)
        items = list(sequence)[:1] if sequence else []
    except Exception:  # noqa: BLE001 - as above; a sequence is parsed on access too
        return ""
    if not items:
        return ""
    code = read_text(items[0], "CodeValue").strip()
    return _MEANING_OF_CODE.get(code) or read_text(items[0], "CodeMeaning")


def read_count(dataset: Dataset, keyword: str) -> int | None:
    """Return a whole number that is not negative; None where there is none."""
    return parse_count(read_text(dataset, keyword))
