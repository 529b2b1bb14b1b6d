"""The questions that are asked all day are served by an index, in its order, on both databases."""

import pytest
from sqlalchemy import text

from tests.db.site import Site


def _plan(site: Site, query: str) -> str:
    with site.writing() as session:
        if site.engine.dialect.name == "sqlite":
            rows = session.execute(text("EXPLAIN QUERY PLAN " + query))
            return "\n".join(row.detail for row in rows)
        # An empty table is quickest read whole; what matters is whether the index can serve.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        return "\n".join(session.scalars(text("EXPLAIN " + query)))


@pytest.mark.parametrize(
    ("index", "query"),
    [
        (
            "ix_study_reading_order",
            "SELECT * FROM worklist_v1 ORDER BY effective_priority_rank, waiting_since LIMIT 100",
        ),
        ("ix_study_accession_number", "SELECT * FROM worklist_v1 WHERE accession_number = 'A'"),
        ("ix_study_patient_id", "SELECT * FROM worklist_v1 WHERE patient_id = 'P'"),
        (
            "ix_study_waiting",
            (
                "SELECT study_id FROM study WHERE escalated_at IS NULL AND acknowledged_at IS NULL "
                "AND waiting_since <= '2026-03-01' ORDER BY waiting_since LIMIT 500"
            ),
        ),
        (
            "ix_instance_claimable",
            (
                "SELECT instance_id FROM instance "
                "WHERE claimable_at IS NOT NULL AND lane = 'URGENT' "
                "AND claimable_at <= '2026-03-01' ORDER BY instance_id LIMIT 64"
            ),
        ),
        (
            "ix_ordered_priority_unapplied",
            (
                "SELECT * FROM ordered_priority WHERE applied_at IS NULL "
                "ORDER BY ordered_priority_id LIMIT 500"
            ),
        ),
    ],
)
def test_an_index_serves(site: Site, index: str, query: str) -> None:
    plan = _plan(site, query)
    assert index in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
