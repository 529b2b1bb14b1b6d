import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.studies.state import (
    AcknowledgementFacts,
    Description,
    InstanceFacts,
    Result,
    StudyState,
    summarise_study,
)
from pipeline.codes import (
    ACKNOWLEDGED_RANK,
    ESCALATED_RANK,
    UNREAD_RANK,
    Band,
    Flag,
    InstanceState,
    Priority,
    ReasonCode,
    StudyStatus,
)
from pipeline.triage import priority_of
from tests.db.site import START

S = InstanceState


def make_result(band: Band = Band.NEGATIVE, probability: float = 0.1) -> Result:
    return Result(probability, band, 0.2, priority_of(band), "2026.1", START)


def make_facts(number: int, state: InstanceState, band: Band | None = None) -> InstanceFacts:
    reasons = {
        S.NOT_ELIGIBLE: ReasonCode.VIEW_NOT_FRONTAL,
        S.QUARANTINED: ReasonCode.PIXEL_DATA_TRUNCATED,
        S.FAILED: ReasonCode.SOURCE_MISSING,
    }
    return InstanceFacts(
        instance_id=number,
        sha256=f"{number:064x}",
        sop_instance_uid=f"1.2.{number}",
        state=state,
        reason_code=reasons.get(state),
        flags=frozenset(),
        registered_at=START + timedelta(seconds=number),
        description=Description(),
        requested_procedure_priority=None,
        result=make_result(band) if band else None,
    )


def summarise(*states: InstanceState) -> StudyState:
    return summarise_study(
        [
            make_facts(n, state, Band.NEGATIVE if state is S.SCREENED else None)
            for n, state in enumerate(states, 1)
        ]
    )


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([S.REGISTERED], StudyStatus.PENDING),
        ([S.CLAIMED, S.QUARANTINED], StudyStatus.PENDING),
        ([S.SCREENED], StudyStatus.SCREENED),
        ([S.SCREENED, S.REGISTERED], StudyStatus.PARTIAL),
        ([S.SCREENED, S.NOT_ELIGIBLE], StudyStatus.PARTIAL),
        ([S.SCREENED, S.FAILED], StudyStatus.PARTIAL),
        ([S.NOT_ELIGIBLE], StudyStatus.NOT_SCREENED),
        ([S.QUARANTINED, S.FAILED], StudyStatus.NOT_SCREENED),
    ],
)
def test_status(states: list[InstanceState], status: StudyStatus) -> None:
    assert summarise(*states).status is status


@pytest.mark.parametrize(
    ("states", "rank"),
    [
        ([S.REGISTERED], UNREAD_RANK),
        ([S.QUARANTINED], UNREAD_RANK),
        ([S.FAILED], UNREAD_RANK),
        ([S.NOT_ELIGIBLE], Priority.ROUTINE.rank),
        ([S.SCREENED], Priority.ROUTINE.rank),
        ([S.SCREENED, S.QUARANTINED], UNREAD_RANK),
        ([S.NOT_ELIGIBLE, S.REGISTERED], UNREAD_RANK),
    ],
)
def test_what_nobody_could_read_stands_before_what_is_negative(
    states: list[InstanceState], rank: int
) -> None:
    assert summarise(*states).effective_priority_rank == rank


def test_the_study_has_the_priority_of_its_most_urgent_instance() -> None:
    bands = [Band.NEGATIVE, Band.POSITIVE, Band.INDETERMINATE]
    state = summarise_study([make_facts(n, S.SCREENED, band) for n, band in enumerate(bands)])
    assert (state.band, state.priority) == (Band.POSITIVE, Priority.STAT)
    assert state.priority_rank == Priority.STAT.rank


def test_an_instance_that_is_screened_again_keeps_its_result() -> None:
    state = summarise_study([make_facts(1, S.REGISTERED, Band.POSITIVE)])
    assert (state.status, state.priority) == (StudyStatus.SCREENED, Priority.STAT)


def test_an_instance_found_not_eligible_after_all_loses_its_result() -> None:
    state = summarise_study([make_facts(1, S.NOT_ELIGIBLE, Band.POSITIVE)])
    assert (state.status, state.priority) == (StudyStatus.NOT_SCREENED, None)


@given(
    band=st.sampled_from(Band),
    ordered=st.none() | st.sampled_from(Priority),
    in_header=st.none() | st.sampled_from(Priority),
)
def test_an_ordered_priority_is_never_lowered(
    band: Band, ordered: Priority | None, in_header: Priority | None
) -> None:
    facts = replace(make_facts(1, S.SCREENED, band), requested_procedure_priority=in_header)
    state = summarise_study([facts], ordered_priority=ordered)
    for priority in (ordered, in_header, priority_of(band)):
        if priority is not None:
            assert state.effective_priority_rank <= priority.rank
    assert state.priority is priority_of(band)


def test_waiting_moves_a_study_up_but_not_before_stat() -> None:
    negative = summarise_study([make_facts(1, S.SCREENED, Band.NEGATIVE)], escalated_at=START)
    positive = summarise_study([make_facts(1, S.SCREENED, Band.POSITIVE)], escalated_at=START)
    assert negative.effective_priority_rank == ESCALATED_RANK
    assert positive.effective_priority_rank == Priority.STAT.rank < ESCALATED_RANK


def test_an_acknowledged_study_comes_last_and_forgets_its_escalation() -> None:
    seen = AcknowledgementFacts("reader:a", START, 1)
    state = summarise_study(
        [make_facts(1, S.SCREENED, Band.POSITIVE)], acknowledgement=seen, escalated_at=START
    )
    assert state.effective_priority_rank == ACKNOWLEDGED_RANK
    assert (state.acknowledged_by, state.escalated_at) == ("reader:a", None)


def test_a_late_instance_brings_an_acknowledged_study_back_waiting_since_then() -> None:
    seen = AcknowledgementFacts("reader:a", START, 1)
    late = make_facts(2, S.REGISTERED)
    state = summarise_study([make_facts(1, S.SCREENED, Band.NEGATIVE), late], acknowledgement=seen)
    assert state.acknowledged_by is None
    assert state.effective_priority_rank == UNREAD_RANK
    assert state.waiting_since == late.registered_at > state.received_at


def test_a_withdrawn_instance_counts_for_nothing_beside_others() -> None:
    withdrawn = replace(
        make_facts(1, S.NOT_ELIGIBLE, Band.POSITIVE), reason_code=ReasonCode.WITHDRAWN
    )
    state = summarise_study([withdrawn, make_facts(2, S.SCREENED, Band.NEGATIVE)])
    assert (state.status, state.priority) == (StudyStatus.SCREENED, Priority.ROUTINE)
    assert (state.instances, state.reason_codes) == (1, frozenset())
    alone = summarise_study([withdrawn])
    assert (alone.status, alone.reason_codes) == (
        StudyStatus.NOT_SCREENED,
        {ReasonCode.WITHDRAWN},
    )


facts_of_any_kind = st.builds(
    InstanceFacts,
    instance_id=st.integers(1, 10**6),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    sop_instance_uid=st.integers(1, 5).map(lambda n: f"1.2.{n}"),
    state=st.sampled_from(InstanceState),
    reason_code=st.none() | st.sampled_from(ReasonCode),
    flags=st.frozensets(st.sampled_from(Flag), max_size=3),
    registered_at=st.integers(0, 1000).map(lambda s: START + timedelta(seconds=s)),
    description=st.builds(
        Description,
        patient_id=st.none() | st.text(max_size=3),
        accession_number=st.none() | st.text(max_size=3),
    ),
    requested_procedure_priority=st.none() | st.sampled_from(Priority),
    result=st.none() | st.builds(make_result, st.sampled_from(Band), st.floats(0, 1)),
)


@given(
    facts=st.lists(
        facts_of_any_kind,
        min_size=1,
        max_size=6,
        unique_by=(lambda f: f.instance_id, lambda f: f.sha256),
    ),
    seed=st.randoms(use_true_random=False),
)
def test_the_order_of_the_facts_does_not_matter(
    facts: list[InstanceFacts], seed: random.Random
) -> None:
    shuffled = facts.copy()
    seed.shuffle(shuffled)
    assert summarise_study(shuffled) == summarise_study(facts)


@given(facts=st.lists(facts_of_any_kind, min_size=1, max_size=6), another=facts_of_any_kind)
def test_a_further_instance_never_moves_a_study_down(
    facts: list[InstanceFacts], another: InstanceFacts
) -> None:
    standing = [each for each in [*facts, another] if not each.is_taken_back]
    if not standing or standing == [another]:
        return
    before = summarise_study([each for each in standing if each is not another] or standing)
    assert summarise_study(standing).effective_priority_rank <= before.effective_priority_rank
