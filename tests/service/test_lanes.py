from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from db.engine import read_session
from db.tables import InstanceRow
from pipeline.codes import InstanceState, Lane
from tests.service.fakes import RecordingHints
from tests.service.walk import Walk
from tests.worker.fakes import FakeClock
from tests.worker.images import write_png
from worker.readers import ReaderPool
from worker.reprocess import Selection, requeue


@pytest.fixture
def walk(engine: Engine, readers: ReaderPool, clock: FakeClock, tmp_path: Path) -> Walk:
    return Walk(engine, readers, clock, tmp_path)


def test_a_live_study_waits_for_no_more_than_the_batches_that_are_under_way(walk: Walk) -> None:
    for number in range(16):
        write_png(walk.inbox / f"old-{number}.png", 0.2, seed=number)
    walk.register()
    walk.work_off()
    requeue(walk.engine, Selection("another release"), walk.clock, RecordingHints())
    screener = walk.screener()
    assert screener.step() == 4  # and four more are being read
    write_png(walk.inbox / "live.png", 0.9, seed=99)
    walk.register()
    screener.step()  # those four
    screener.step()
    with read_session(walk.engine) as session:
        rows = session.scalars(select(InstanceRow)).all()
    live = [row for row in rows if row.lane is Lane.URGENT]
    assert [row.state for row in live] == [InstanceState.SCREENED]
    assert sum(row.state is not InstanceState.SCREENED for row in rows) >= 4
    screener.hand_back()
