"""The worklist view, the append-only event log, and how PostgreSQL keeps busy tables clean."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Additive changes only: sites select from this view. See docs/worklist_v1.md.
_VIEW = """
CREATE VIEW worklist_v1 AS
SELECT study_instance_uid, accession_number, patient_id, issuer_of_patient_id, patient_sex,
       patient_age_years, study_date, study_time, modality, station_name, institution_name,
       status, reason_codes, flags, probability, band, operating_point, priority, priority_rank,
       ordered_priority, effective_priority_rank, model_release, instances, instances_screened,
       received_at, screened_at, waiting_since, acknowledged_by, acknowledged_at
FROM study
"""
_SQLITE_TRIGGER = """
CREATE TRIGGER event_is_append_only BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END
"""
_POSTGRES_FUNCTION = """
CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the event log is append-only'; END $$
"""
_POSTGRES_TRIGGER = """
CREATE TRIGGER event_is_append_only BEFORE UPDATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change()
"""
# By default PostgreSQL cleans a table when a fifth of it has changed. These two change all day, and
# every claim steps over what the last ones left behind in the index: clean at a hundredth.
_POSTGRES_VACUUM = """
ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000)
"""


def upgrade() -> None:
    """Make the view and the trigger, and set the tables' upkeep."""
    op.execute(_VIEW)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("instance", "study"):
            op.execute(_POSTGRES_VACUUM.format(table=table))
        op.execute(_POSTGRES_FUNCTION)
        op.execute(_POSTGRES_TRIGGER)
    else:
        op.execute(_SQLITE_TRIGGER)
