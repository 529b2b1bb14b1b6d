import inspect
import pickle

import pytest

from pipeline import codes
from pipeline.codes import PRIORITY_RANKS, UNREAD_RANK, Flag, InstanceState, Priority, ReasonCode


def test_every_reason_leads_to_a_terminal_state():
    assert {reason.state for reason in ReasonCode} == {
        InstanceState.NOT_ELIGIBLE,
        InstanceState.QUARANTINED,
        InstanceState.FAILED,
    }
    assert all(reason.state.is_terminal for reason in ReasonCode)


def test_a_reason_without_a_state_is_an_error_at_import():
    known = '    EMPTY_FILE = "EMPTY_FILE", InstanceState.QUARANTINED\n'
    source = inspect.getsource(codes)
    assert known in source
    with pytest.raises(ValueError, match="unpack"):
        exec(source.replace(known, known + '    NEW = "NEW"\n'), {"__name__": "codes"})  # noqa: S102


def test_a_reason_is_found_by_its_word_and_survives_pickling():
    for reason in ReasonCode:
        assert str(reason) == reason.value == reason.name
        assert ReasonCode(reason.value) is reason
        assert pickle.loads(pickle.dumps(reason)) is reason  # noqa: S301


def test_only_what_was_superseded_or_withdrawn_is_taken_back():
    taken_back = {reason for reason in ReasonCode if reason.is_taken_back}
    assert taken_back == {ReasonCode.SUPERSEDED, ReasonCode.WITHDRAWN}


def test_damaged_or_unread_content_reserves_no_uid():
    free = {state for state in InstanceState if not state.reserves_sop_instance_uid}
    assert free == {InstanceState.QUARANTINED, InstanceState.FAILED}


def test_an_unpacked_archive_is_nothing_for_a_person_to_look_at():
    assert ReasonCode.ARCHIVE_UNPACKED.state is InstanceState.NOT_ELIGIBLE


def test_unread_studies_rank_before_negative_ones():
    assert Priority.HIGH.rank < UNREAD_RANK < Priority.ROUTINE.rank
    assert ReasonCode.PIXEL_DATA_TRUNCATED.state is InstanceState.QUARANTINED
    assert ReasonCode.NOT_A_CHEST_RADIOGRAPH.state is InstanceState.QUARANTINED


def test_priorities_have_one_order():
    assert len(set(PRIORITY_RANKS.values())) == len(Priority)
    assert min(Priority, key=lambda priority: priority.rank) is Priority.STAT


def test_only_registered_and_claimed_are_not_terminal():
    not_terminal = {state for state in InstanceState if not state.is_terminal}
    assert not_terminal == {InstanceState.REGISTERED, InstanceState.CLAIMED}


def test_a_flag_is_found_by_its_word_and_survives_pickling():
    for flag in Flag:
        assert str(flag) == flag.value == flag.name
        assert Flag(flag.value) is flag
        assert pickle.loads(pickle.dumps(flag)) is flag  # noqa: S301


def test_what_an_image_shows_casts_doubt_and_what_a_header_leaves_out_does_not():
    assert Flag.LUNGS_CUT_OFF.is_doubt
    assert Flag.AGE_EXTRAPOLATED.is_doubt
    assert Flag.WINDOW_FALLBACK.is_doubt
    assert not any(flag.is_doubt for flag in Flag if flag.name.endswith("_UNKNOWN"))
    assert not Flag.NO_IDENTITY.is_doubt
