import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codes import ReasonCode
from pipeline.errors import RejectedInputError
from pipeline.raster.sidecar import parse_sidecar


def test_reads_dicom_keywords_and_ignores_others():
    content = json.dumps({"PatientID": "42", "Rows": 7, "Comment": ["anything"]}).encode()
    assert parse_sidecar(content) == {"PatientID": "42", "Rows": "7"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        b'{"PatientID": null}',
        b'{"PatientID": ["1"]}',
        b'{"PatientID": true}',
        b'{"patientid": "1"}',
        b"[" * 100_000,
    ],
)
def test_refuses_anything_else(content):
    with pytest.raises(RejectedInputError) as refused:
        parse_sidecar(content)
    assert refused.value.reason_code is ReasonCode.SIDECAR_INVALID


@given(st.binary(max_size=200))
def test_never_raises_anything_else(content):
    with contextlib.suppress(RejectedInputError):
        assert isinstance(parse_sidecar(content), dict)
