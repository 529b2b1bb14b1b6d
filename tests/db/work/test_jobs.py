from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from db.tables.audit import JobRunRow
from db.work.jobs import advance_job, begin_job, lock_running_job
from pipeline.codes import JobStatus
from tests.db.site import Site


def _begin(site: Site, due: str) -> bool:
    with site.writing() as session:
        return begin_job(session, "reprocess", due, site.now, rows_total=12)


def _advance(site: Site, rows: int, *, is_finished: bool) -> None:
    with site.writing() as session:
        run = lock_running_job(session, "reprocess")
        assert run is not None
        advance_job(run, rows, site.now, is_finished=is_finished)


def test_of_two_schedulers_one_begins_the_nights_run(site: Site) -> None:
    with ThreadPoolExecutor(2) as pool:
        begun = list(pool.map(lambda _: _begin(site, "2026-03-01"), range(2)))
    assert sorted(begun) == [False, True]
    assert _begin(site, "2026-03-02")


def test_a_run_says_how_far_it_is_and_when_it_ended(site: Site) -> None:
    assert _begin(site, "2026-03-01")
    site.wait(60)
    _advance(site, 5, is_finished=False)
    _advance(site, 8, is_finished=True)
    with site.reading() as session:
        row = session.scalars(select(JobRunRow)).one()
        assert (row.status, row.finished_at) == (JobStatus.SUCCEEDED, site.now)
        # One more came since it was begun.
        assert (row.rows_done, row.rows_total) == (13, 13)
    with site.writing() as session:
        assert lock_running_job(session, "reprocess") is None
