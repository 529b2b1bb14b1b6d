from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from db.tables.audit import JobRunRow
from db.work.jobs import begin_job, finish_job
from pipeline.codes import JobStatus
from tests.db.site import Site


def _begin(site: Site, due: str) -> int | None:
    with site.writing() as session:
        return begin_job(session, "reprocess", due, site.now)


def test_of_two_schedulers_one_begins_the_nights_run(site: Site) -> None:
    with ThreadPoolExecutor(2) as pool:
        begun = list(pool.map(lambda _: _begin(site, "2026-03-01"), range(2)))
    assert sum(run is not None for run in begun) == 1
    assert _begin(site, "2026-03-02") is not None


def test_a_run_says_how_it_ended(site: Site) -> None:
    run = _begin(site, "2026-03-01")
    site.wait(60)
    assert run is not None
    with site.writing() as session:
        finish_job(session, run, JobStatus.SUCCEEDED, site.now, "12 instances marked")
    with site.reading() as session:
        row = session.scalars(select(JobRunRow)).one()
        assert (row.status, row.finished_at, row.detail) == (
            JobStatus.SUCCEEDED,
            site.now,
            "12 instances marked",
        )
