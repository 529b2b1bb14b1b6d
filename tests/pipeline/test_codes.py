from pipeline.codes import PRIORITY_RANKS, UNREAD_RANK, InstanceState, Priority, ReasonCode


def test_every_reason_leads_to_a_terminal_state():
    assert {reason.state for reason in ReasonCode} == {
        InstanceState.NOT_ELIGIBLE,
        InstanceState.QUARANTINED,
        InstanceState.FAILED,
    }
    assert all(reason.state.is_terminal for reason in ReasonCode)


def test_what_nobody_looked_at_is_read_before_what_was_found_negative():
    assert Priority.HIGH.rank < UNREAD_RANK < Priority.ROUTINE.rank
    assert ReasonCode.PIXEL_DATA_TRUNCATED.state is InstanceState.QUARANTINED
    assert ReasonCode.NOT_A_CHEST_RADIOGRAPH.state is InstanceState.QUARANTINED


def test_priorities_have_one_order():
    assert len(set(PRIORITY_RANKS.values())) == len(Priority)
    assert min(Priority, key=lambda priority: priority.rank) is Priority.STAT


def test_only_registered_and_claimed_are_still_under_way():
    under_way = {state for state in InstanceState if not state.is_terminal}
    assert under_way == {InstanceState.REGISTERED, InstanceState.CLAIMED}
