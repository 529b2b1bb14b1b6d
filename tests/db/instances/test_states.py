import pytest

from db.instances.states import (
    TRANSITIONS,
    StateChange,
    StateColumns,
    rejected,
    reserves_uid,
    screened,
    waiting,
)
from pipeline.codes import EventKind, InstanceState, ReasonCode
from pipeline.values.instance import Rejection


def change(from_state: InstanceState, to: StateColumns) -> StateChange:
    return StateChange(
        kind=EventKind.REQUEUED, instance_id=1, study_id=1, from_state=from_state, to=to
    )


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(InstanceState)


def test_only_what_waits_or_is_held_is_claimed() -> None:
    into_claimed = {state for state, to in TRANSITIONS.items() if InstanceState.CLAIMED in to}
    assert into_claimed == {InstanceState.REGISTERED, InstanceState.CLAIMED}


@pytest.mark.parametrize("state", [InstanceState.QUARANTINED, InstanceState.FAILED])
def test_a_screened_instance_does_not_become_unread(state: InstanceState) -> None:
    with pytest.raises(ValueError, match=f"SCREENED may not become {state}"):
        change(InstanceState.SCREENED, StateColumns(state=state))


def test_a_refusal_is_noted_beside_a_screening() -> None:
    missing = Rejection(ReasonCode.SOURCE_MISSING, "gone")
    noted = rejected(missing, has_screening=True)
    assert (noted.state, noted.reason_code) == (InstanceState.SCREENED, ReasonCode.SOURCE_MISSING)
    assert rejected(missing, has_screening=False).state is InstanceState.FAILED
    lateral = Rejection(ReasonCode.VIEW_NOT_FRONTAL, "LL")
    assert rejected(lateral, has_screening=True).state is InstanceState.NOT_ELIGIBLE


def test_a_state_sets_all_of_its_columns() -> None:
    assert waiting().values().keys() == screened().values().keys()
    assert screened().values()["claimable_at"] is None


@pytest.mark.parametrize(
    ("state", "reason_code", "expected"),
    [
        (InstanceState.REGISTERED, None, True),
        (InstanceState.SCREENED, ReasonCode.SOURCE_MISSING, True),
        (InstanceState.NOT_ELIGIBLE, ReasonCode.VIEW_NOT_FRONTAL, True),
        (InstanceState.NOT_ELIGIBLE, ReasonCode.WITHDRAWN, False),
        (InstanceState.NOT_ELIGIBLE, ReasonCode.SUPERSEDED, False),
        (InstanceState.QUARANTINED, ReasonCode.PIXEL_DATA_TRUNCATED, False),
        (InstanceState.FAILED, ReasonCode.SOURCE_MISSING, False),
    ],
)
def test_what_is_damaged_lost_or_withdrawn_does_not_reserve_its_uid(
    state: InstanceState, reason_code: ReasonCode | None, *, expected: bool
) -> None:
    assert reserves_uid(state, reason_code) is expected
