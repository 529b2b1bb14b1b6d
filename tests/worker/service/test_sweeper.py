from datetime import timedelta

from sqlalchemy import Engine

from db.connection.engine import write_session
from db.instances.registration import register_arrivals
from db.work.claims import claim_batch
from pipeline.codes import Lane
from tests.db.site import make_arrival
from tests.worker.fakes import FakeClock, RecordingHints
from worker.service.sweeper import Sweep, Sweeper

LEASE = timedelta(seconds=60)


def register(engine: Engine, clock: FakeClock, count: int, lane: Lane = Lane.URGENT) -> None:
    arrivals = [make_arrival(f"{lane}-{number}") for number in range(count)]
    with write_session(engine) as session:
        register_arrivals(session, arrivals, clock.now(), lane)


def test_nothing_waits_so_nothing_is_sent(engine: Engine, clock: FakeClock) -> None:
    hints = RecordingHints()
    assert Sweeper(engine, hints, clock).sweep() == Sweep(0, 0, 0)
    assert hints.sent == []


def test_rows_that_nobody_was_told_of_are_hinted_at_by_lane(
    engine: Engine, clock: FakeClock
) -> None:
    register(engine, clock, 3)
    register(engine, clock, 2, Lane.BACKFILL)
    hints = RecordingHints()
    assert Sweeper(engine, hints, clock).sweep() == Sweep(0, 5, 2)
    assert hints.sent == [(Lane.URGENT, 3), (Lane.BACKFILL, 2)]


def test_what_a_dead_worker_held_comes_back_when_its_lease_is_over(
    engine: Engine, clock: FakeClock
) -> None:
    register(engine, clock, 3)
    with write_session(engine) as session:
        assert len(claim_batch(session, limit=2, lease=LEASE, now=clock.now())) == 2
    hints = RecordingHints()
    sweeper = Sweeper(engine, hints, clock)
    clock.elapsed_s += 59
    assert sweeper.sweep() == Sweep(0, 1, 1)
    clock.elapsed_s += 2
    assert sweeper.sweep() == Sweep(2, 3, 1)
