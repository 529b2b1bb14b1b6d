"""What the worklist says of a study, as one pure function of what is known about it.

This module must not know SQL. The result does not depend on the order in which facts arrived,
with two exceptions that are about order by nature: of two contents with one SOP Instance UID the
first stands, and an acknowledgement covers what had arrived by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The attributes of a study that the worklist shows, as one instance's header gives them."""

    accession_number: str | None = None
    patient_id: str | None = None
    issuer_of_patient_id: str | None = None
    patient_sex: str | None = None
    patient_age_years: float | None = None
    study_date: date | None = None
    study_time: time | None = None
    modality: str | None = None
    station_name: str | None = None
    institution_name: str | None = None


DESCRIPTION_NAMES: Final = tuple(field.name for field in fields(Description))


@dataclass(frozen=True, slots=True)
class Result:
    """The screening of an instance that counts, reduced to its most urgent finding."""

    probability: float
    band: Band
    operating_point: float
    priority: Priority
    model_release: str
    screened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """What a study needs to know of one of its instances."""

    instance_id: int
    sha256: str
    sop_instance_uid: str
    state: InstanceState
    reason_code: ReasonCode | None
    flags: frozenset[Flag]
    registered_at: datetime
    description: Description
    requested_procedure_priority: Priority | None
    result: Result | None

    @property
    def counted_result(self) -> Result | None:
        """The result, unless the instance was found not to be eligible after all.

        An instance that is being screened again keeps its result until there is a newer one.
        """
        return None if self.state is InstanceState.NOT_ELIGIBLE else self.result

    @property
    def is_taken_back(self) -> bool:
        """Whether the study is to be judged without this instance."""
        return self.reason_code is not None and self.reason_code.is_taken_back

    @property
    def is_pending(self) -> bool:
        """Whether a worker is still to come to a first result."""
        return not self.state.is_terminal and self.result is None

    @property
    def rank(self) -> int:
        """The instance's own place: unknown stands before negative, not eligible beside it."""
        if self.counted_result is not None:
            return self.counted_result.priority.rank
        if self.state is InstanceState.NOT_ELIGIBLE:
            return Priority.ROUTINE.rank
        return UNREAD_RANK


@dataclass(frozen=True, slots=True)
class AcknowledgementFacts:
    """The latest acknowledgement of a study."""

    acknowledged_by: str
    acknowledged_at: datetime
    instances_seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """A study's line of the worklist, but for its identifiers and what escalation adds."""

    description: Description
    status: StudyStatus
    reason_codes: frozenset[ReasonCode]
    flags: frozenset[Flag]
    probability: float | None
    band: Band | None
    operating_point: float | None
    priority: Priority | None
    priority_rank: int
    ordered_priority: Priority | None
    effective_priority_rank: int
    model_release: str | None
    instances: int
    instances_screened: int
    received_at: datetime
    screened_at: datetime | None
    waiting_since: datetime
    escalated_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None


def summarise_study(
    instances: Sequence[InstanceFacts],
    *,
    acknowledgement: AcknowledgementFacts | None = None,
    ordered_priority: Priority | None = None,
    escalated_at: datetime | None = None,
) -> StudyState:
    """Derive a study's state.

    SCREENED: every instance has a result. PARTIAL: some have, others were refused, failed, or
    are still to come. PENDING: none has yet, and some are to come. NOT_SCREENED: none has, and
    none is to come. The rank is the most urgent of the instances', so that a negative film does
    not hide one that nobody could read.

    Parameters
    ----------
    instances
        All of the study's, in any order; at least one.
    acknowledgement
        The latest. It stands while no further instance has come.
    ordered_priority
        The latest that came by order; (0040,1003) of the headers is considered too, and the more
        urgent of the two stands.
    escalated_at
        When waiting moved the study up; forgotten when it is acknowledged.
    """
    arrived = sorted(instances, key=lambda each: each.instance_id)
    standing = [each for each in arrived if not each.is_taken_back] or arrived
    results = [each.counted_result for each in standing if each.counted_result is not None]
    lead = min(results, key=_urgency, default=None)
    ordered = min(
        filter(None, (ordered_priority, *(i.requested_procedure_priority for i in standing))),
        key=lambda priority: priority.rank,
        default=None,
    )
    received_at = min(each.registered_at for each in arrived)
    unseen = arrived[acknowledgement.instances_seen :] if acknowledgement else arrived
    seen_by = acknowledgement if not unseen else None
    rank = min(each.rank for each in standing)
    if seen_by is not None:
        effective_rank, escalated_at = ACKNOWLEDGED_RANK, None
    else:
        effective_rank = min(
            rank,
            ordered.rank if ordered else rank,
            ESCALATED_RANK if escalated_at else rank,
        )
    return StudyState(
        description=_describe(standing),
        status=_status(standing, len(results)),
        reason_codes=frozenset(
            each.reason_code
            for each in standing
            if each.reason_code is not None and each.counted_result is None
        ),
        flags=frozenset().union(*(each.flags for each in standing)),
        probability=lead.probability if lead else None,
        band=lead.band if lead else None,
        operating_point=lead.operating_point if lead else None,
        priority=lead.priority if lead else None,
        priority_rank=rank,
        ordered_priority=ordered,
        effective_priority_rank=effective_rank,
        model_release=lead.model_release if lead else None,
        instances=len(standing),
        instances_screened=len(results),
        received_at=received_at,
        screened_at=max((result.screened_at for result in results), default=None),
        waiting_since=min((each.registered_at for each in unseen), default=received_at),
        escalated_at=escalated_at,
        acknowledged_by=seen_by.acknowledged_by if seen_by else None,
        acknowledged_at=seen_by.acknowledged_at if seen_by else None,
    )


def _urgency(result: Result) -> tuple[int, float, datetime, str]:
    return result.priority.rank, -result.probability, result.screened_at, result.model_release


def _status(standing: Sequence[InstanceFacts], screened: int) -> StudyStatus:
    if screened == len(standing):
        return StudyStatus.SCREENED
    if screened:
        return StudyStatus.PARTIAL
    if any(each.is_pending for each in standing):
        return StudyStatus.PENDING
    return StudyStatus.NOT_SCREENED


def _describe(standing: Sequence[InstanceFacts]) -> Description:
    """Take each attribute from the first instance that gives it, by UID; a conflict comes last."""
    trusted = sorted(
        standing,
        key=lambda each: (
            each.reason_code is ReasonCode.SOP_INSTANCE_UID_CONFLICT,
            each.sop_instance_uid,
            each.sha256,
        ),
    )
    return Description(
        **{
            name: next(
                (
                    value
                    for each in trusted
                    if (value := getattr(each.description, name)) is not None
                ),
                None,
            )
            for name in DESCRIPTION_NAMES
        }
    )
