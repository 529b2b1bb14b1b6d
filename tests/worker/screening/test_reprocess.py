from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import worker.screening.reprocess
from db.connection.engine import read_session, write_session
from db.instances.registration import register_arrivals
from db.tables.audit import JobRunRow
from db.tables.imaging import InstanceRow, ScreeningRow
from db.work.claims import claim_batch
from db.work.recording import Screened, record_outcomes
from db.work.releases import register_release
from db.work.reprocessing import Selection, count_to_reprocess
from db.worklist.view import read_worklist
from pipeline.codes import Band, InstanceState, JobStatus, Lane, Priority
from pipeline.release import load_release
from pipeline.values.instance import Instance
from pipeline.values.screening import Finding, Screening
from tests.db.site import make_arrival
from tests.releases import write_test_release
from tests.worker.fakes import FakeClock, RecordingHints
from worker.screening.reprocess import JOB, Nightly, latest_night, requeue

AT = time(1, 0)


@pytest.fixture
def archive(engine: Engine, clock: FakeClock, tmp_path: Path) -> Engine:
    """Twelve instances, screened by the release `old`."""
    with write_session(engine) as session:
        for name in ("old", "new"):
            register_release(session, load_release(write_test_release(tmp_path / name, name)))
        arrivals = [make_arrival(str(number), study=str(number)) for number in range(12)]
        register_arrivals(session, arrivals, clock.now(), Lane.URGENT)
    assert screen_all(engine, clock, "old") == 12
    return engine


def screen_all(engine: Engine, clock: FakeClock, release: str) -> int:
    """Work off what is registered, as a worker with a release would."""
    now = clock.now()
    finding = Finding("pneumonia", 0.9, Band.POSITIVE, 0.7)
    with write_session(engine) as session:
        claims = claim_batch(session, limit=100, lease=timedelta(60), now=now)
        rows = {row.instance_id: row for row in session.scalars(select(InstanceRow))}
        return record_outcomes(
            session,
            [
                Screened(
                    claim,
                    Instance(
                        sha256=claim.sha256,
                        sop_instance_uid=claim.sop_instance_uid,
                        series_instance_uid=rows[claim.instance_id].series_instance_uid,
                        study_instance_uid=claim.sop_instance_uid,
                    ),
                    Screening(claim.sha256, (finding,), release, "fake", now),
                    Priority.STAT,
                    frozenset(),
                )
                for claim in claims
            ],
            now,
        )


def nightly(
    engine: Engine, clock: FakeClock, release: str = "new", backlog: int = 5
) -> tuple[Nightly, RecordingHints]:
    hints = RecordingHints()
    return Nightly(engine, hints, clock, release=release, at=AT, backlog=backlog), hints


def waiting(engine: Engine) -> list[InstanceRow]:
    with read_session(engine) as session:
        return list(
            session.scalars(
                select(InstanceRow).where(InstanceRow.state == InstanceState.REGISTERED)
            )
        )


def runs(engine: Engine) -> list[JobRunRow]:
    with read_session(engine) as session:
        return list(session.scalars(select(JobRunRow).order_by(JobRunRow.due)))


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 3, 1, 0, 59, tzinfo=UTC), "2026-02-28"),
        (datetime(2026, 3, 1, 1, 0, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 1, 23, 59, tzinfo=UTC), "2026-03-01"),
    ],
)
def test_a_night_begins_at_its_hour(now: datetime, night: str) -> None:
    assert latest_night(now, AT) == night


def test_a_run_goes_as_fast_as_the_workers_and_tells_how_far_it_is(
    archive: Engine, clock: FakeClock
) -> None:
    run, hints = nightly(archive, clock)
    run.tick()
    assert len(waiting(archive)) == 5
    assert all(row.lane is Lane.BACKFILL for row in waiting(archive))
    run.tick()
    assert len(waiting(archive)) == 5
    assert [(row.rows_done, row.rows_total) for row in runs(archive)] == [(5, 12)]
    assert screen_all(archive, clock, "new") == 5
    run.tick()
    screen_all(archive, clock, "new")
    run.tick()
    assert [(row.job, row.status, row.rows_done, row.rows_total) for row in runs(archive)] == [
        (JOB, JobStatus.SUCCEEDED, 12, 12)
    ]
    assert hints.sent == [(Lane.BACKFILL, 5), (Lane.BACKFILL, 5), (Lane.BACKFILL, 2)]


def test_the_worklist_shows_the_old_result_until_there_is_a_new_one(
    archive: Engine, clock: FakeClock
) -> None:
    nightly(archive, clock, backlog=100)[0].tick()
    with read_session(archive) as session:
        assert {entry.model_release for entry in read_worklist(session)} == {"old"}
    clock.elapsed_s += 1
    screen_all(archive, clock, "new")
    with read_session(archive) as session:
        assert {entry.model_release for entry in read_worklist(session)} == {"new"}
        assert len(session.scalars(select(ScreeningRow)).all()) == 24


def test_a_run_that_stopped_half_way_is_taken_up_by_another_scheduler(
    archive: Engine, clock: FakeClock
) -> None:
    nightly(archive, clock)[0].tick()
    screen_all(archive, clock, "new")
    nightly(archive, clock)[0].tick()
    assert [(row.rows_done, row.rows_total) for row in runs(archive)] == [(10, 12)]


def test_a_run_walks_through_the_archive_once_and_a_restarted_one_from_the_start(
    archive: Engine, clock: FakeClock
) -> None:
    run = nightly(archive, clock)[0]
    run.tick()
    screen_all(archive, clock, "old")  # by a worker that has not been upgraded yet
    run.tick()
    assert sorted(row.instance_id for row in waiting(archive)) == [6, 7, 8, 9, 10]
    screen_all(archive, clock, "new")
    nightly(archive, clock)[0].tick()
    assert sorted(row.instance_id for row in waiting(archive)) == [1, 2, 3, 4, 5]


def test_by_hand_a_second_walk_finds_what_came_back_meanwhile(
    archive: Engine, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.screening.reprocess, "_ROWS_A_TRANSACTION", 5)
    released: list[int] = []

    def release(_count: int) -> None:
        if not released:
            screen_all(archive, clock, "old")
        released.append(_count)

    assert requeue(archive, Selection("new"), clock, RecordingHints(), release) == 17
    assert released == [5, 5, 2, 5]


def test_two_schedulers_and_a_clock_set_a_day_either_way_make_one_run_a_night(
    archive: Engine, clock: FakeClock
) -> None:
    first, second = nightly(archive, clock, "old")[0], nightly(archive, clock, "old")[0]
    first.tick()
    second.tick()
    assert len(runs(archive)) == 1
    clock.wall_jump = timedelta(days=-1)
    second.tick()
    assert len(runs(archive)) == 1
    clock.wall_jump = timedelta(days=1)
    first.tick()
    clock.wall_jump = timedelta(0)
    second.tick()
    assert len(runs(archive)) == 2


def test_by_hand_everything_selected_is_sent_at_once(archive: Engine, clock: FakeClock) -> None:
    counts: list[int] = []
    assert requeue(archive, Selection("new"), clock, RecordingHints(), counts.append) == 12
    assert counts == [12]
    assert requeue(archive, Selection("new"), clock, RecordingHints()) == 0


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection("old"), 0),
        (Selection("new", since=datetime(2100, 1, 1, tzinfo=UTC)), 0),
        (Selection("new", states=frozenset({InstanceState.QUARANTINED})), 0),
        (Selection("new", institution_or_station="elsewhere"), 0),
        (Selection("new", since=datetime(2020, 1, 1, tzinfo=UTC)), 12),
    ],
)
def test_a_selection_takes_only_what_it_says(
    archive: Engine, selection: Selection, count: int
) -> None:
    with read_session(archive) as session:
        assert count_to_reprocess(session, selection) == count
