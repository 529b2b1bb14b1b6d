import pytest
from pydicom.uid import UID

from pipeline.dicom.transfer_syntaxes import (
    DEFLATED_IMAGE_FRAME,
    TRANSFER_SYNTAXES,
    find_transfer_syntax,
)

KNOWN_TO_PYDICOM = [syntax for syntax in TRANSFER_SYNTAXES if syntax != DEFLATED_IMAGE_FRAME]


@pytest.mark.parametrize("syntax", KNOWN_TO_PYDICOM, ids=lambda syntax: syntax.name)
def test_the_list_says_what_the_standard_says(syntax):
    uid = UID(syntax.uid)
    assert syntax.name == uid.name.removesuffix(" (Retired)")
    assert syntax.is_implicit_vr == uid.is_implicit_VR
    assert syntax.is_big_endian != uid.is_little_endian
    assert syntax.is_deflated == uid.is_deflated
    assert (syntax.codec is not None) == uid.is_encapsulated


def test_finds_a_syntax_by_its_uid_alone():
    assert len({syntax.uid for syntax in TRANSFER_SYNTAXES}) == len(TRANSFER_SYNTAXES)
    assert all(find_transfer_syntax(syntax.uid) is syntax for syntax in TRANSFER_SYNTAXES)
    assert find_transfer_syntax("1.2.840.10008.1.2.4.100") is None
