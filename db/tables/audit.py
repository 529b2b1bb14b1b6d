"""The tables about people and runs: events, acknowledgements, feedback, orders, jobs.

This module must not know any query.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.columns import Base, BigId, HeaderText, UtcDateTime, word_check, word_type
from pipeline.codes import (
    EventKind,
    FeedbackComment,
    FeedbackVerdict,
    InstanceState,
    JobStatus,
    Priority,
    ReasonCode,
)


class EventRow(Base):
    """Who or what did what, when; a trigger refuses every change to a row."""

    __tablename__ = "event"
    __table_args__ = (
        word_check("kind", EventKind),
        word_check("from_state", InstanceState),
        word_check("to_state", InstanceState),
        Index("ix_event_study_id", "study_id", "event_id"),
        Index("ix_event_occurred_at", "occurred_at"),
    )

    event_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(HeaderText())
    kind: Mapped[EventKind] = mapped_column(word_type(EventKind))
    study_id: Mapped[int] = mapped_column(ForeignKey("study.study_id"))
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.instance_id"))
    from_state: Mapped[InstanceState | None] = mapped_column(word_type(InstanceState))
    to_state: Mapped[InstanceState | None] = mapped_column(word_type(InstanceState))
    reason_code: Mapped[ReasonCode | None] = mapped_column(
        word_type(ReasonCode), ForeignKey("reason.reason_code")
    )
    detail: Mapped[str | None] = mapped_column(HeaderText(1000))


class AcknowledgementRow(Base):
    """A reader has seen a study, as it was then.

    ``instances_seen`` counts the study's instances at that moment: one that comes later brings
    the study back. A count, not a time: clocks are set back, instances are never deleted.
    """

    __tablename__ = "acknowledgement"
    __table_args__ = (Index("ix_acknowledgement_study_id", "study_id"),)

    acknowledgement_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.study_id"))
    acknowledged_by: Mapped[str] = mapped_column(HeaderText())
    acknowledged_at: Mapped[datetime] = mapped_column(UtcDateTime)
    instances_seen: Mapped[int]


class FeedbackRow(Base):
    """What a reader thinks of a study's result, with the result as it was shown then."""

    __tablename__ = "feedback"
    __table_args__ = (
        word_check("verdict", FeedbackVerdict),
        word_check("comment_code", FeedbackComment),
        Index("ix_feedback_study_id", "study_id"),
    )

    feedback_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.study_id"))
    given_by: Mapped[str] = mapped_column(HeaderText())
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    verdict: Mapped[FeedbackVerdict] = mapped_column(word_type(FeedbackVerdict))
    comment_code: Mapped[FeedbackComment | None] = mapped_column(word_type(FeedbackComment))
    model_release: Mapped[str | None] = mapped_column(String(64))
    probability: Mapped[float | None]


class OrderedPriorityRow(Base):
    """The priority that a referrer ordered; filled by an integration engine, latest row wins.

    The engine writes ``accession_number`` and ``priority``; the service sets ``applied_at``.
    """

    __tablename__ = "ordered_priority"
    __table_args__ = (
        word_check("priority", Priority),
        Index("ix_ordered_priority_accession_number", "accession_number"),
        Index(
            "ix_ordered_priority_unapplied",
            "ordered_priority_id",
            postgresql_where=text("applied_at IS NULL"),
            sqlite_where=text("applied_at IS NULL"),
        ),
    )

    ordered_priority_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    accession_number: Mapped[str] = mapped_column(HeaderText())
    priority: Mapped[Priority] = mapped_column(word_type(Priority))
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobRunRow(Base):
    """One run of a scheduled job; two schedulers cannot both begin the same one.

    ``position`` is the id of the last row that was dealt with, for a run that walks by id. In
    ``detail`` earlier versions kept their progress, as text.
    """

    __tablename__ = "job_run"
    __table_args__ = (word_check("status", JobStatus), UniqueConstraint("job", "due"))

    job_run_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    job: Mapped[str] = mapped_column(String(64))
    due: Mapped[str] = mapped_column(String(64))
    status: Mapped[JobStatus] = mapped_column(word_type(JobStatus))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    detail: Mapped[str | None] = mapped_column(Text)
    rows_done: Mapped[int | None] = mapped_column(BigId)
    rows_total: Mapped[int | None] = mapped_column(BigId)
    position: Mapped[int | None] = mapped_column(BigId)
