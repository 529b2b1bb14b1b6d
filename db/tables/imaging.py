"""The tables of the walk: source files, instances, studies, releases and what those found.

This module must not know any query. A column named after a DICOM attribute holds that attribute.
"""

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.columns import (
    Base,
    BigId,
    HeaderText,
    Unsigned64,
    UtcDateTime,
    word_check,
    word_type,
)
from pipeline.codes import Band, InstanceState, Lane, Priority, ReasonCode, StudyStatus

_CLAIMABLE = text("claimable_at IS NOT NULL")


class ReasonRow(Base):
    """The reason codes, so that new ones need no migration and SQL readers can join their state."""

    __tablename__ = "reason"
    __table_args__ = (word_check("instance_state", InstanceState),)

    reason_code: Mapped[str] = mapped_column(String(32), primary_key=True)
    instance_state: Mapped[InstanceState] = mapped_column(word_type(InstanceState))


class ModelReleaseRow(Base):
    """A model release that has screened here, or is about to.

    ``current_since`` is NULL for all but the current release, whose screenings count.
    """

    __tablename__ = "model_release"

    model_release_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    architecture: Mapped[str] = mapped_column(String(64))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    preprocessing_version: Mapped[int]
    description: Mapped[str] = mapped_column(Text)
    current_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StudyRow(Base):
    """A study, with its line of the worklist as columns.

    Everything but the two identifiers is derived from the study's instances, screenings, orders
    and acknowledgements by `db.studies.state`, in the transaction that changes any of them.
    """

    __tablename__ = "study"
    __table_args__ = (
        word_check("status", StudyStatus),
        word_check("band", Band),
        word_check("priority", Priority),
        word_check("ordered_priority", Priority),
        CheckConstraint("probability BETWEEN 0 AND 1", "probability"),
        Index(
            "ix_study_reading_order",
            "effective_priority_rank",
            "waiting_since",
            "study_instance_uid",
        ),
        Index("ix_study_accession_number", "accession_number"),
        Index("ix_study_patient_id", "patient_id"),
        Index("ix_study_received_at", "received_at"),
        Index(
            "ix_study_waiting",
            "waiting_since",
            postgresql_where=text("escalated_at IS NULL AND acknowledged_at IS NULL"),
            sqlite_where=text("escalated_at IS NULL AND acknowledged_at IS NULL"),
        ),
    )

    study_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64), unique=True)
    accession_number: Mapped[str | None] = mapped_column(HeaderText())
    patient_id: Mapped[str | None] = mapped_column(HeaderText())
    issuer_of_patient_id: Mapped[str | None] = mapped_column(HeaderText())
    patient_sex: Mapped[str | None] = mapped_column(HeaderText(16))
    patient_age_years: Mapped[float | None]
    study_date: Mapped[date | None]
    study_time: Mapped[time | None]
    modality: Mapped[str | None] = mapped_column(HeaderText(16))
    station_name: Mapped[str | None] = mapped_column(HeaderText())
    institution_name: Mapped[str | None] = mapped_column(HeaderText())
    status: Mapped[StudyStatus] = mapped_column(word_type(StudyStatus))
    reason_codes: Mapped[str] = mapped_column(Text)
    flags: Mapped[str] = mapped_column(Text)
    probability: Mapped[float | None]
    band: Mapped[Band | None] = mapped_column(word_type(Band))
    operating_point: Mapped[float | None]
    priority: Mapped[Priority | None] = mapped_column(word_type(Priority))
    priority_rank: Mapped[int]
    ordered_priority: Mapped[Priority | None] = mapped_column(word_type(Priority))
    effective_priority_rank: Mapped[int]
    model_release: Mapped[str | None] = mapped_column(String(64))
    instances: Mapped[int]
    instances_screened: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    screened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waiting_since: Mapped[datetime] = mapped_column(UtcDateTime)
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(HeaderText())
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class InstanceRow(Base):
    """One distinct file content, and what has become of it.

    ``claimable_at`` is when a worker may next take the instance: at registration the epoch (at
    once, whatever a clock says), after a transient error the next attempt, under a claim the end
    of the lease, and NULL once no worker is to touch it by itself. ``lane`` is where it waits,
    ``received_lane`` where it waited first: nobody waits for a study that came from an archive.
    """

    __tablename__ = "instance"
    __table_args__ = (
        word_check("state", InstanceState),
        word_check("received_lane", Lane),
        word_check("lane", Lane),
        word_check("requested_procedure_priority", Priority),
        CheckConstraint(
            "(claimable_at IS NOT NULL) = (state IN ('REGISTERED', 'CLAIMED'))",
            "claimable_while_pending",
        ),
        CheckConstraint("(lease_token IS NOT NULL) = (state = 'CLAIMED')", "leased_while_claimed"),
        Index("ix_instance_study_id", "study_id"),
        Index("ix_instance_sop_instance_uid", "sop_instance_uid"),
        Index(
            "ix_instance_claimable",
            "lane",
            "instance_id",
            "claimable_at",
            postgresql_where=_CLAIMABLE,
            sqlite_where=_CLAIMABLE,
        ),
    )

    instance_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.study_id"))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64))
    series_instance_uid: Mapped[str] = mapped_column(String(64))
    file_format: Mapped[str | None] = mapped_column(HeaderText(16))
    sop_class_uid: Mapped[str | None] = mapped_column(HeaderText(64))
    transfer_syntax_uid: Mapped[str | None] = mapped_column(HeaderText(64))
    modality: Mapped[str | None] = mapped_column(HeaderText(16))
    accession_number: Mapped[str | None] = mapped_column(HeaderText())
    patient_id: Mapped[str | None] = mapped_column(HeaderText())
    issuer_of_patient_id: Mapped[str | None] = mapped_column(HeaderText())
    patient_sex: Mapped[str | None] = mapped_column(HeaderText(16))
    patient_age_years: Mapped[float | None]
    study_date: Mapped[date | None]
    study_time: Mapped[time | None]
    study_description: Mapped[str | None] = mapped_column(HeaderText())
    series_description: Mapped[str | None] = mapped_column(HeaderText())
    body_part_examined: Mapped[str | None] = mapped_column(HeaderText())
    view_position: Mapped[str | None] = mapped_column(HeaderText(16))
    station_name: Mapped[str | None] = mapped_column(HeaderText())
    institution_name: Mapped[str | None] = mapped_column(HeaderText())
    requested_procedure_priority: Mapped[Priority | None] = mapped_column(word_type(Priority))
    rows: Mapped[int | None]
    columns: Mapped[int | None]
    flags: Mapped[str] = mapped_column(Text)
    received_lane: Mapped[Lane] = mapped_column(word_type(Lane))
    lane: Mapped[Lane] = mapped_column(word_type(Lane))
    state: Mapped[InstanceState] = mapped_column(word_type(InstanceState))
    reason_code: Mapped[ReasonCode | None] = mapped_column(
        word_type(ReasonCode), ForeignKey("reason.reason_code")
    )
    detail: Mapped[str | None] = mapped_column(HeaderText(1000))
    lease_token: Mapped[str | None] = mapped_column(String(32))
    claimable_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SourceFileRow(Base):
    """One path, as it was last seen, and the instance that its content is.

    ``instance_id`` is NULL where the file itself could not be read; then the reason stands here.
    """

    __tablename__ = "source_file"
    __table_args__ = (
        CheckConstraint("(instance_id IS NULL) = (reason_code IS NOT NULL)", "content_or_reason"),
        Index("ix_source_file_instance_id", "instance_id"),
    )

    source_file_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    path: Mapped[bytes] = mapped_column(LargeBinary)
    path_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    size: Mapped[int] = mapped_column(BigId)
    mtime_ns: Mapped[int] = mapped_column(Unsigned64)
    inode: Mapped[int] = mapped_column(Unsigned64)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.instance_id"))
    reason_code: Mapped[ReasonCode | None] = mapped_column(
        word_type(ReasonCode), ForeignKey("reason.reason_code")
    )
    detail: Mapped[str | None] = mapped_column(HeaderText(1000))


class ScreeningRow(Base):
    """What one release found in one instance; `db.studies.results` says which of them counts."""

    __tablename__ = "screening"
    __table_args__ = (
        word_check("priority", Priority),
        Unique("instance_id", "model_release_id", "preprocessing_version"),
        Index("ix_screening_screened_at", "screened_at"),
    )

    screening_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.instance_id"))
    model_release_id: Mapped[int] = mapped_column(ForeignKey("model_release.model_release_id"))
    preprocessing_version: Mapped[int]
    engine: Mapped[str] = mapped_column(String(64))
    priority: Mapped[Priority] = mapped_column(word_type(Priority))
    screened_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FindingRow(Base):
    """One thing that a screening looked for."""

    __tablename__ = "finding"
    __table_args__ = (
        word_check("band", Band),
        CheckConstraint("probability BETWEEN 0 AND 1", "probability"),
    )

    screening_id: Mapped[int] = mapped_column(
        ForeignKey("screening.screening_id"), primary_key=True
    )
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    probability: Mapped[float]
    band: Mapped[Band] = mapped_column(word_type(Band))
    operating_point: Mapped[float]
