"""Reads the sidecar of a PNG or JPEG: ``name.json`` beside ``name.png``, with DICOM keywords.

This module must not know images. An example::

    {"PatientID": "0042", "AccessionNumber": "A17", "PatientAge": "003Y", "ViewPosition": "AP"}
"""

import json
from typing import Final

from pipeline.codes import ReasonCode
from pipeline.errors import RejectedInputError
from pipeline.header.attributes import KEYWORDS, SEQUENCE_KEYWORDS

LARGEST_SIDECAR_BYTES: Final = 64 * 1024

_KEYWORD_OF_LOWER: Final = {keyword.lower(): keyword for keyword in KEYWORDS + SEQUENCE_KEYWORDS}


def parse_sidecar(content: bytes) -> dict[str, str]:
    """Return the sidecar's texts by DICOM keyword.

    Unknown keywords are ignored: a sidecar may hold a whole exported header. A known keyword in the
    wrong case is refused, since to ignore it could lose the patient's identity.

    Raises
    ------
    RejectedInputError
        SIDECAR_INVALID, with the first fault.
    """
    try:
        header = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid("is not JSON in UTF-8") from error
    if not isinstance(header, dict):
        raise _invalid("must be a JSON object of DICOM keywords")
    texts = {}
    for keyword, value in header.items():
        known = _KEYWORD_OF_LOWER.get(keyword.lower())
        if known is None:
            continue
        if keyword != known:
            raise _invalid(f"has a keyword in the wrong case; it must be {known}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _invalid(f"must give {known} as a text or a number")
        texts[known] = str(value)
    return texts


def _invalid(what: str) -> RejectedInputError:
    return RejectedInputError(ReasonCode.SIDECAR_INVALID, f"the sidecar {what}")
