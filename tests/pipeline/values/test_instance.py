import uuid

from hypothesis import given
from hypothesis import strategies as st

from pipeline.values.instance import derive_uid

DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(DIGESTS, st.sampled_from(["study", "series", "instance"]))
def test_derived_uids_are_uuids_under_2_25(sha256, role):
    uid = derive_uid(sha256, role)
    assert uid.startswith("2.25.")
    assert len(uid) <= 44
    number = uuid.UUID(int=int(uid.removeprefix("2.25.")))
    assert number.version == 8
    assert number.variant == uuid.RFC_4122


@given(DIGESTS)
def test_the_same_content_has_the_same_three_different_uids(sha256):
    uids = [derive_uid(sha256, role) for role in ("study", "series", "instance")]
    assert len(set(uids)) == 3
    assert uids == [derive_uid(sha256, role) for role in ("study", "series", "instance")]
