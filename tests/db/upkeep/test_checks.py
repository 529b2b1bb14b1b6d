from collections.abc import Callable

import pytest
from sqlalchemy import text

from db.studies.derivation import rederive_studies
from db.upkeep.checks import Problem, check_database
from db.upkeep.upgrade import upgrade_schema
from db.work.jobs import begin_job
from pipeline.codes import Priority, ReasonCode
from tests.db.site import LEASE, NEGATIVE, POSITIVE, Site, make_instance


def _check(site: Site) -> list[Problem]:
    with site.reading() as session:
        return check_database(session, site.now)


def _sql(site: Site, *statements: str) -> None:
    with site.writing() as session:
        for statement in statements:
            session.execute(text(statement))


def _lease_expires(site: Site) -> None:
    site.claim()
    site.wait(LEASE.total_seconds())


def _claim_often(site: Site) -> None:
    for _ in range(3):
        (claim,) = site.claim()
        site.defer(claim, 0)


def _file_missing(site: Site) -> None:
    (claim,) = site.claim()
    site.reject(claim, ReasonCode.SOURCE_MISSING)


def _conflict(site: Site) -> None:
    uid = make_instance("1").sop_instance_uid
    site.receive(make_instance("2", sop_instance_uid=uid))


def _job_dies(site: Site) -> None:
    site.screen_all(NEGATIVE)
    with site.writing() as session:
        begin_job(session, "reprocess", "2026-03-01", site.now)
    site.wait(90_000)


def _lose_screening(site: Site) -> None:
    site.screen_all(NEGATIVE)
    _sql(site, "DELETE FROM finding", "DELETE FROM screening")


def _lose_finding(site: Site) -> None:
    site.screen_all(NEGATIVE)
    _sql(site, "DELETE FROM finding")


def _lose_instance(site: Site) -> None:
    _sql(site, "DELETE FROM event", "DELETE FROM source_file", "DELETE FROM instance")


@pytest.mark.parametrize(
    ("trouble", "what"),
    [
        (_lease_expires, "claimed by a worker that did not finish"),
        (_claim_often, "claimed 3 times or more"),
        (lambda site: site.wait(90_000), "more than a day ago"),
        (_file_missing, "vanished or changed"),
        (_conflict, "already names other content"),
        (lambda site: _sql(site, "DELETE FROM source_file"), "no file leads to"),
        (_lose_screening, "without a screening"),
        (_lose_finding, "without a finding"),
        (_lose_instance, "without an instance"),
        (
            lambda site: _sql(
                site,
                "INSERT INTO ordered_priority (accession_number, priority) VALUES ('A-1', 'STAT')",
            ),
            "have not reached their study",
        ),
        (_job_dies, "jobs begun more than a day ago"),
        (lambda site: _sql(site, "UPDATE study SET priority_rank = 60"), "line of the worklist"),
        (
            lambda site: site.receive(None, b"/inbox/secret-name", ReasonCode.SOURCE_UNREADABLE),
            "files that cannot be read",
        ),
    ],
)
def test_each_kind_of_trouble_is_found(
    site: Site, trouble: Callable[[Site], None], what: str
) -> None:
    site.receive(make_instance("1", accession_number="A-1"))
    assert _check(site) == []
    trouble(site)
    problems = _check(site)
    (found,) = [problem for problem in problems if what in problem.what]
    assert found.how_many == 1
    assert "secret-name" not in found.example
    assert found.mend


def test_a_line_that_was_changed_by_hand_is_put_right(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    before = site.worklist()
    _sql(site, "UPDATE study SET priority = 'LOW', effective_priority_rank = 60")
    assert site.study().priority is Priority.LOW
    assert rederive_studies(site.engine) == 1
    assert site.worklist() == before
    assert _check(site) == []


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_role_that_was_not_granted_its_view_is_named_until_the_next_upgrade(site: Site) -> None:
    _sql(site, "REVOKE ALL ON worklist_v1 FROM worklist_reader")
    (problem,) = _check(site)
    assert problem.example == "worklist_reader"
    upgrade_schema(site.engine)
    assert _check(site) == []
