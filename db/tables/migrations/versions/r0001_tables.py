"""The tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _among(column: str, *words: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_(words), name=name)


def upgrade() -> None:
    """Make every table, from nothing."""
    op.create_table(
        "job_run",
        sa.Column("job_run_id", _BIG_ID, nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("due", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        _among("status", "RUNNING", "SUCCEEDED", "FAILED", name=op.f("ck_job_run_status")),
        sa.PrimaryKeyConstraint("job_run_id", name=op.f("pk_job_run")),
        sa.UniqueConstraint("job", "due", name=op.f("uq_job_run_job_due")),
    )
    op.create_table(
        "model_release",
        sa.Column("model_release_id", _BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("architecture", sa.String(length=64), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("preprocessing_version", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_release_id", name=op.f("pk_model_release")),
        sa.UniqueConstraint("name", name=op.f("uq_model_release_name")),
    )
    op.create_table(
        "ordered_priority",
        sa.Column("ordered_priority_id", _BIG_ID, nullable=False),
        sa.Column("accession_number", sa.String(256), nullable=False),
        sa.Column("priority", sa.String(32), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        _among(
            "priority",
            "STAT",
            "HIGH",
            "ROUTINE",
            "MEDIUM",
            "LOW",
            name=op.f("ck_ordered_priority_priority"),
        ),
        sa.PrimaryKeyConstraint("ordered_priority_id", name=op.f("pk_ordered_priority")),
    )
    op.create_index(
        "ix_ordered_priority_accession_number",
        "ordered_priority",
        ["accession_number"],
        unique=False,
    )
    op.create_index(
        "ix_ordered_priority_unapplied",
        "ordered_priority",
        ["ordered_priority_id"],
        unique=False,
        postgresql_where=sa.text("applied_at IS NULL"),
        sqlite_where=sa.text("applied_at IS NULL"),
    )
    op.create_table(
        "reason",
        sa.Column("reason_code", sa.String(length=32), nullable=False),
        sa.Column("instance_state", sa.String(32), nullable=False),
        _among(
            "instance_state",
            "REGISTERED",
            "CLAIMED",
            "SCREENED",
            "NOT_ELIGIBLE",
            "QUARANTINED",
            "FAILED",
            name=op.f("ck_reason_instance_state"),
        ),
        sa.PrimaryKeyConstraint("reason_code", name=op.f("pk_reason")),
    )
    op.create_table(
        "study",
        sa.Column("study_id", _BIG_ID, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("accession_number", sa.String(256), nullable=True),
        sa.Column("patient_id", sa.String(256), nullable=True),
        sa.Column("issuer_of_patient_id", sa.String(256), nullable=True),
        sa.Column("patient_sex", sa.String(16), nullable=True),
        sa.Column("patient_age_years", sa.Double(), nullable=True),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("study_time", sa.Time(), nullable=True),
        sa.Column("modality", sa.String(16), nullable=True),
        sa.Column("station_name", sa.String(256), nullable=True),
        sa.Column("institution_name", sa.String(256), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason_codes", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("band", sa.String(32), nullable=True),
        sa.Column("operating_point", sa.Double(), nullable=True),
        sa.Column("priority", sa.String(32), nullable=True),
        sa.Column("priority_rank", sa.Integer(), nullable=False),
        sa.Column("ordered_priority", sa.String(32), nullable=True),
        sa.Column("effective_priority_rank", sa.Integer(), nullable=False),
        sa.Column("model_release", sa.String(length=64), nullable=True),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("instances_screened", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(256), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        _among("band", "POSITIVE", "INDETERMINATE", "NEGATIVE", name=op.f("ck_study_band")),
        _among(
            "ordered_priority",
            "STAT",
            "HIGH",
            "ROUTINE",
            "MEDIUM",
            "LOW",
            name=op.f("ck_study_ordered_priority"),
        ),
        _among(
            "priority", "STAT", "HIGH", "ROUTINE", "MEDIUM", "LOW", name=op.f("ck_study_priority")
        ),
        _among(
            "status", "PENDING", "SCREENED", "PARTIAL", "NOT_SCREENED", name=op.f("ck_study_status")
        ),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name=op.f("ck_study_probability")),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_study")),
        sa.UniqueConstraint("study_instance_uid", name=op.f("uq_study_study_instance_uid")),
    )
    op.create_index("ix_study_accession_number", "study", ["accession_number"], unique=False)
    op.create_index("ix_study_patient_id", "study", ["patient_id"], unique=False)
    op.create_index(
        "ix_study_reading_order",
        "study",
        ["effective_priority_rank", "waiting_since", "study_instance_uid"],
        unique=False,
    )
    op.create_index("ix_study_received_at", "study", ["received_at"], unique=False)
    op.create_index(
        "ix_study_waiting",
        "study",
        ["waiting_since"],
        unique=False,
        postgresql_where=sa.text("escalated_at IS NULL AND acknowledged_at IS NULL"),
        sqlite_where=sa.text("escalated_at IS NULL AND acknowledged_at IS NULL"),
    )
    op.create_table(
        "acknowledgement",
        sa.Column("acknowledgement_id", _BIG_ID, nullable=False),
        sa.Column("study_id", _BIG_ID, nullable=False),
        sa.Column("acknowledged_by", sa.String(256), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instances_seen", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.study_id"], name=op.f("fk_acknowledgement_study_id")
        ),
        sa.PrimaryKeyConstraint("acknowledgement_id", name=op.f("pk_acknowledgement")),
    )
    op.create_index("ix_acknowledgement_study_id", "acknowledgement", ["study_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("feedback_id", _BIG_ID, nullable=False),
        sa.Column("study_id", _BIG_ID, nullable=False),
        sa.Column("given_by", sa.String(256), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("comment_code", sa.String(32), nullable=True),
        sa.Column("model_release", sa.String(length=64), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        _among(
            "comment_code",
            "FALSE_POSITIVE",
            "FALSE_NEGATIVE",
            "POOR_IMAGE",
            "NOT_A_FRONTAL_CHEST",
            "NOT_A_CHILD",
            "OTHER_DISEASE",
            name=op.f("ck_feedback_comment_code"),
        ),
        _among("verdict", "AGREE", "DISAGREE", name=op.f("ck_feedback_verdict")),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.study_id"], name=op.f("fk_feedback_study_id")
        ),
        sa.PrimaryKeyConstraint("feedback_id", name=op.f("pk_feedback")),
    )
    op.create_index("ix_feedback_study_id", "feedback", ["study_id"], unique=False)
    op.create_table(
        "instance",
        sa.Column("instance_id", _BIG_ID, nullable=False),
        sa.Column("study_id", _BIG_ID, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("file_format", sa.String(16), nullable=True),
        sa.Column("sop_class_uid", sa.String(64), nullable=True),
        sa.Column("transfer_syntax_uid", sa.String(64), nullable=True),
        sa.Column("modality", sa.String(16), nullable=True),
        sa.Column("accession_number", sa.String(256), nullable=True),
        sa.Column("patient_id", sa.String(256), nullable=True),
        sa.Column("issuer_of_patient_id", sa.String(256), nullable=True),
        sa.Column("patient_sex", sa.String(16), nullable=True),
        sa.Column("patient_age_years", sa.Double(), nullable=True),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("study_time", sa.Time(), nullable=True),
        sa.Column("study_description", sa.String(256), nullable=True),
        sa.Column("series_description", sa.String(256), nullable=True),
        sa.Column("body_part_examined", sa.String(256), nullable=True),
        sa.Column("view_position", sa.String(16), nullable=True),
        sa.Column("station_name", sa.String(256), nullable=True),
        sa.Column("institution_name", sa.String(256), nullable=True),
        sa.Column("requested_procedure_priority", sa.String(32), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("received_lane", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason_code", sa.String(32), nullable=True),
        sa.Column("detail", sa.String(1000), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("claimable_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(claimable_at IS NOT NULL) = (state IN ('REGISTERED', 'CLAIMED'))",
            name=op.f("ck_instance_claimable_while_pending"),
        ),
        sa.CheckConstraint(
            "(lease_token IS NOT NULL) = (state = 'CLAIMED')",
            name=op.f("ck_instance_leased_while_claimed"),
        ),
        _among("lane", "URGENT", "BACKFILL", name=op.f("ck_instance_lane")),
        _among("received_lane", "URGENT", "BACKFILL", name=op.f("ck_instance_received_lane")),
        _among(
            "requested_procedure_priority",
            "STAT",
            "HIGH",
            "ROUTINE",
            "MEDIUM",
            "LOW",
            name=op.f("ck_instance_requested_procedure_priority"),
        ),
        _among(
            "state",
            "REGISTERED",
            "CLAIMED",
            "SCREENED",
            "NOT_ELIGIBLE",
            "QUARANTINED",
            "FAILED",
            name=op.f("ck_instance_state"),
        ),
        sa.ForeignKeyConstraint(
            ["reason_code"], ["reason.reason_code"], name=op.f("fk_instance_reason_code")
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.study_id"], name=op.f("fk_instance_study_id")
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_instance")),
        sa.UniqueConstraint("sha256", name=op.f("uq_instance_sha256")),
    )
    op.create_index(
        "ix_instance_claimable",
        "instance",
        ["lane", "instance_id", "claimable_at"],
        unique=False,
        postgresql_where=sa.text("claimable_at IS NOT NULL"),
        sqlite_where=sa.text("claimable_at IS NOT NULL"),
    )
    op.create_index("ix_instance_sop_instance_uid", "instance", ["sop_instance_uid"], unique=False)
    op.create_index("ix_instance_study_id", "instance", ["study_id"], unique=False)
    op.create_table(
        "event",
        sa.Column("event_id", _BIG_ID, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("study_id", _BIG_ID, nullable=False),
        sa.Column("instance_id", _BIG_ID, nullable=True),
        sa.Column("from_state", sa.String(32), nullable=True),
        sa.Column("to_state", sa.String(32), nullable=True),
        sa.Column("reason_code", sa.String(32), nullable=True),
        sa.Column("detail", sa.String(1000), nullable=True),
        _among(
            "from_state",
            "REGISTERED",
            "CLAIMED",
            "SCREENED",
            "NOT_ELIGIBLE",
            "QUARANTINED",
            "FAILED",
            name=op.f("ck_event_from_state"),
        ),
        _among(
            "kind",
            "REGISTERED",
            "CLAIMED",
            "SCREENED",
            "REJECTED",
            "DEFERRED",
            "LEASE_EXPIRED",
            "HANDED_BACK",
            "REQUEUED",
            "ACKNOWLEDGED",
            "FEEDBACK",
            "ESCALATED",
            "PRIORITY_ORDERED",
            name=op.f("ck_event_kind"),
        ),
        _among(
            "to_state",
            "REGISTERED",
            "CLAIMED",
            "SCREENED",
            "NOT_ELIGIBLE",
            "QUARANTINED",
            "FAILED",
            name=op.f("ck_event_to_state"),
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instance.instance_id"], name=op.f("fk_event_instance_id")
        ),
        sa.ForeignKeyConstraint(
            ["reason_code"], ["reason.reason_code"], name=op.f("fk_event_reason_code")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.study_id"], name=op.f("fk_event_study_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_occurred_at", "event", ["occurred_at"], unique=False)
    op.create_index("ix_event_study_id", "event", ["study_id", "event_id"], unique=False)
    op.create_table(
        "screening",
        sa.Column("screening_id", _BIG_ID, nullable=False),
        sa.Column("instance_id", _BIG_ID, nullable=False),
        sa.Column("model_release_id", _BIG_ID, nullable=False),
        sa.Column("preprocessing_version", sa.Integer(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.String(32), nullable=False),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=False),
        _among(
            "priority",
            "STAT",
            "HIGH",
            "ROUTINE",
            "MEDIUM",
            "LOW",
            name=op.f("ck_screening_priority"),
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instance.instance_id"], name=op.f("fk_screening_instance_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_release_id"],
            ["model_release.model_release_id"],
            name=op.f("fk_screening_model_release_id"),
        ),
        sa.PrimaryKeyConstraint("screening_id", name=op.f("pk_screening")),
        sa.UniqueConstraint(
            "instance_id",
            "model_release_id",
            "preprocessing_version",
            name=op.f("uq_screening_instance_id_model_release_id_preprocessing_version"),
        ),
    )
    op.create_index("ix_screening_screened_at", "screening", ["screened_at"], unique=False)
    op.create_table(
        "source_file",
        sa.Column("source_file_id", _BIG_ID, nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("path_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", _BIG_ID, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instance_id", _BIG_ID, nullable=True),
        sa.Column("reason_code", sa.String(32), nullable=True),
        sa.Column("detail", sa.String(1000), nullable=True),
        sa.CheckConstraint(
            "(instance_id IS NULL) = (reason_code IS NOT NULL)",
            name=op.f("ck_source_file_content_or_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instance.instance_id"], name=op.f("fk_source_file_instance_id")
        ),
        sa.ForeignKeyConstraint(
            ["reason_code"], ["reason.reason_code"], name=op.f("fk_source_file_reason_code")
        ),
        sa.PrimaryKeyConstraint("source_file_id", name=op.f("pk_source_file")),
        sa.UniqueConstraint("path_sha256", name=op.f("uq_source_file_path_sha256")),
    )
    op.create_index("ix_source_file_instance_id", "source_file", ["instance_id"], unique=False)
    op.create_table(
        "finding",
        sa.Column("screening_id", _BIG_ID, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("band", sa.String(32), nullable=False),
        sa.Column("operating_point", sa.Double(), nullable=False),
        _among("band", "POSITIVE", "INDETERMINATE", "NEGATIVE", name=op.f("ck_finding_band")),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name=op.f("ck_finding_probability")),
        sa.ForeignKeyConstraint(
            ["screening_id"], ["screening.screening_id"], name=op.f("fk_finding_screening_id")
        ),
        sa.PrimaryKeyConstraint("screening_id", "code", name=op.f("pk_finding")),
    )
